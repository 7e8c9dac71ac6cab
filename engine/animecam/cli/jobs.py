"""Which files a conversion reads and writes."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from animecam.errors import SinkError, SourceError, UsageError

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".3gp"}
)
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
WRITABLE_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"}) | PICTURE_SUFFIXES
ADDITION = "-anime"
"""What the name of an output has more than that of its input when they share a folder."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file to convert.

    Attributes:
        source: The video or picture.
        target: The file to write.
        is_done: The target exists and is to be left alone.
    """

    source: Path
    target: Path
    is_done: bool = False


def plan_jobs(inputs: Sequence[str], output: Path | None, *, overwrite: bool) -> tuple[Job, ...]:
    """Pairs inputs with outputs.

    Args:
        inputs: Files, folders, glob patterns.
        output: A file for a single input file, else a folder (made if its parent exists); None: beside the inputs.
        overwrite: Existing targets are replaced instead of skipped.

    Raises:
        SourceError: An input does not exist or holds nothing to convert.
        SinkError: A single target exists already, or the output folder cannot be made.
        UsageError: Several inputs and one output file, or two inputs with one target.
    """
    sources = [path for text in inputs for path in _expand(text)]
    is_single = [str(source) for source in sources] == [str(Path(text)) for text in inputs[:1]]
    names_file = output is not None and output.suffix.lower() in WRITABLE_SUFFIXES and not output.is_dir()
    if names_file and not is_single:
        raise UsageError(f"{output} is one file for {len(sources)} inputs", hint="give a folder: -o FOLDER")
    if output is not None and not names_file:
        _make_folder(output)
    targets = [output if names_file and output is not None else _target(source, output) for source in sources]
    _refuse_clashes(sources, targets)
    if is_single and targets[0].exists() and not overwrite and not _is_same(sources[0], targets[0]):
        raise SinkError(f"{targets[0]} exists", hint="--overwrite replaces it")
    return tuple(
        Job(source, target, is_done=not is_single and not overwrite and target.exists())
        for source, target in zip(sources, targets, strict=True)
    )


def is_picture(path: Path) -> bool:
    """Whether the name is that of a still picture."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def _expand(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        found = sorted(child for child in path.iterdir() if _can_convert(child))
        if not found:
            raise SourceError(f"folder {text} holds no video or picture", hint="name files, or another folder")
        return found
    if path.exists() or not glob.has_magic(text):
        return [path]  # one that does not exist is reported by the source, which knows what to say
    found = sorted(Path(match) for match in glob.glob(text, recursive=True))  # noqa: PTH207 - absolute patterns, too
    if not found:
        raise SourceError(f"nothing matches {text}", hint="check the pattern and the folder")
    return found


def _can_convert(path: Path) -> bool:
    is_ours = path.stem.endswith(ADDITION) or ".partial" in path.suffixes
    return path.is_file() and not is_ours and path.suffix.lower() in VIDEO_SUFFIXES | PICTURE_SUFFIXES


def _target(source: Path, folder: Path | None) -> Path:
    suffix = source.suffix if source.suffix.lower() in WRITABLE_SUFFIXES else ".mp4"
    if folder is None:
        return source.with_name(source.stem + ADDITION + suffix)
    return folder / (source.stem + suffix)


def _is_same(source: Path, target: Path) -> bool:
    """Whether a target is its own source, which the sink refuses with a better word than 'exists'."""
    return source.exists() and target.samefile(source)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError as error:
        raise SinkError(f"output folder {folder.parent} does not exist", hint=f"mkdir -p {folder}") from error
    except FileExistsError as error:
        raise SinkError(f"{folder} is a file", hint="give a folder, or a name that ends in .mp4") from error
    except OSError as error:
        raise SinkError(f"cannot make folder {folder}: {error.strerror}", hint="choose another folder") from error


def _refuse_clashes(sources: Sequence[Path], targets: Sequence[Path]) -> None:
    first: dict[Path, Path] = {}
    for source, target in zip(sources, targets, strict=True):
        earlier = first.setdefault(target, source)
        if earlier is not source:
            raise UsageError(f"{earlier} and {source} would both become {target}", hint="convert them into two folders")
