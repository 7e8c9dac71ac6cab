"""Which files a conversion reads and writes."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from animecam.errors import SinkError, SourceError, UsageError
from animecam.sinks.paths import IMAGE_EXTENSIONS, VIDEO_EXTENSIONS, Target, without_number
from animecam.sources.addresses import public_uri
from animecam.sources.opening import is_camera, path_text
from animecam.sources.picture_header import PICTURE_SUFFIXES, is_still, is_still_avif

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".3gp", ".gif"}
    | {".mts", ".m2ts", ".vob", ".dv", ".ogv", ".asf", ".mxf", ".3g2", ".apng", ".avif"}
)
_PHONE_SUFFIXES = (".3gp", ".3g2")  # of old phones, whose sound, AMR, an MP4 cannot hold and a MOV can
_AVIF = ".avif"  # a photo or a film
_HEAD_BYTES = 4096  # of a file, in which its kind is named
READABLE_SUFFIXES = VIDEO_SUFFIXES | PICTURE_SUFFIXES
WRITABLE_SUFFIXES = frozenset(VIDEO_EXTENSIONS + IMAGE_EXTENSIONS)
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
        UsageError: An input is no file, several have one output file, or two have one target.
    """
    try:
        return _planned(inputs, output, overwrite=overwrite)
    except OSError as error:  # a folder without the right to look into it, a name that is too long
        raise SourceError(f"{error.filename}: {error.strerror}", hint="check its name and rights") from error


def _planned(inputs: Sequence[str], output: Path | None, *, overwrite: bool) -> tuple[Job, ...]:
    inputs = [path_text(text) for text in inputs]
    sources = list(dict.fromkeys(path for text in inputs for path in _expand(text)))  # each once
    is_single = [str(source) for source in sources] == [str(Path(text)) for text in inputs[:1]]
    names_file = output is not None and output.suffix.lower() in WRITABLE_SUFFIXES and not output.is_dir()
    if names_file and not is_single:
        raise UsageError(f"{output} is one file for {len(sources)} inputs", hint="give a folder: -o FOLDER")
    if output is not None and not names_file:
        _make_folder(output, may_mean_file=is_single)
    if output is None:
        sources = _without_earlier_outputs(sources)
    targets = [output if names_file and output is not None else _target(source, output) for source in sources]
    _refuse_clashes(sources, targets)
    for source, target in zip(sources, targets, strict=True):
        if target.exists() and _is_same(source, target):
            raise UsageError(
                f"output {target} would overwrite the input", hint="choose another folder, or leave out -o"
            )
    if is_single and targets[0].exists() and not overwrite:
        raise SinkError(f"{targets[0]} exists", hint="--overwrite replaces it")
    return tuple(
        Job(_as_file(source), _as_file(target), is_done=not is_single and not overwrite and target.exists())
        for source, target in zip(sources, targets, strict=True)
    )


def _expand(text: str) -> list[Path]:
    if not text:  # Path would take it for the current folder
        raise UsageError("an input has no name", hint="name files or folders; . is the current folder")
    path = Path(text)
    is_like_live = is_camera(text) or text.startswith("pattern:")
    if "://" in text or (is_like_live and not (path.is_file() or path.is_dir())):
        shown = public_uri(text)
        hint = f"what is live is recorded by: animecam --input '{shown}' --output out.mp4"
        raise UsageError(f"{shown} is no file", hint=hint)
    if path.is_dir():
        found = sorted(child for child in path.iterdir() if _can_convert(child) and not _is_hidden(child))
        if not found:
            raise SourceError(f"folder {text} holds no video or picture", hint="name files, or another folder")
        return found
    if path.exists() or not glob.has_magic(text):
        return [path]  # one that does not exist is reported by the source, which knows what to say
    matches = [Path(match) for match in glob.glob(text, recursive=True)]  # noqa: PTH207 - absolute patterns, too
    found = sorted(match for match in matches if _can_convert(match))
    if not found:
        what = "none of what matches it is a video or picture" if matches else "nothing matches"
        raise SourceError(f"{text}: {what}", hint="check the pattern and the folder")
    return found


def _can_convert(path: Path) -> bool:
    is_ours = path.stem.endswith(ADDITION) or ".partial" in path.suffixes
    return path.is_file() and not is_ours and path.suffix.lower() in READABLE_SUFFIXES


def _is_hidden(path: Path) -> bool:
    """Whether a folder does not show a file: macOS leaves ._a.png, which is no picture, beside a.png on other disks."""
    return path.name.startswith(".")


def _as_file(path: Path) -> Path:
    """A path that nobody takes for an address or a camera, as which names like `Null: a film.mp4` and `2024` begin."""
    return path.absolute() if ":" in path.parts[0] or is_camera(str(path)) else path


def _target(source: Path, folder: Path | None) -> Path:
    suffix = source.suffix
    if suffix.lower() not in WRITABLE_SUFFIXES:
        suffix = _like(source)
    stem = without_number(source.stem) if suffix.lower() in IMAGE_EXTENSIONS else source.stem
    if folder is None:
        return source.with_name(stem + ADDITION + suffix)
    return folder / (stem + suffix)


def _like(source: Path) -> str:
    """The ending of what is made of a file of a kind that cannot be written."""
    suffix = source.suffix.lower()
    may_be_either = suffix == _AVIF or suffix not in VIDEO_SUFFIXES
    if suffix in PICTURE_SUFFIXES or (may_be_either and _is_photo(source)):
        return ".png"
    return ".mov" if suffix in _PHONE_SUFFIXES else ".mp4"


def _is_photo(path: Path) -> bool:
    try:
        if not path.is_file():  # the source, which knows what to say, reports it
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:  # the source reports that as well, when its turn comes
        return False
    return is_still(head) or is_still_avif(head)


def _is_same(source: Path, target: Path) -> bool:
    """Whether a target that exists is its own source."""
    return source.exists() and target.samefile(source)


def _without_earlier_outputs(sources: Sequence[Path]) -> list[Path]:
    """Leaves out what an earlier run made of another input, or began to: a shell expands *.mp4 to all of them."""
    targets = [_target(source, None) for source in sources]
    made = {*targets, *(target.with_name(Target.of(target).partial.name) for target in targets)}
    return [source for source in sources if source not in made]


def _make_folder(folder: Path, *, may_mean_file: bool) -> None:
    if may_mean_file and folder.suffix and not folder.exists():
        known = " ".join(VIDEO_EXTENSIONS + IMAGE_EXTENSIONS)
        raise UsageError(
            f"output {folder} has the unknown ending {folder.suffix}",
            hint=f"known are {known}; if it is to be a folder, make it first",
        )
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
