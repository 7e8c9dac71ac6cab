"""Which files a conversion reads and writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from animecam.cli.inputs import Input, find_inputs, kinds_told, real_path
from animecam.cli.naming import NAMEABLE_SUFFIXES, name_targets, possible_names
from animecam.errors import SinkError, SourceError, UsageError
from animecam.file_address import path_text
from animecam.shell import as_word
from animecam.sinks.paths import (
    ANIMATION_EXTENSIONS,
    IMAGE_EXTENSIONS,
    VIDEO_EXTENSIONS,
    Target,
    check_folder,
    earlier,
    ends_in_slash,
)
from animecam.sources.opening import is_camera
from animecam.sources.picture_header import PICTURE_SUFFIXES


@dataclass(frozen=True, slots=True)
class Job:
    """One file to convert.

    Attributes:
        source: The video or picture.
        target: The file to write.
        is_done: The target exists and is to be left alone.
        folder: The output folder, which is made, with those in it that lead to the target, once they are needed;
            None: the target's folder is there.
        seconds: How much of a video is converted, from its beginning; None: all of it.
    """

    source: Path
    target: Path
    is_done: bool = False
    folder: Path | None = None
    seconds: float | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is a source; one that may not be looked at says so itself."""
        try:
            return self.source.exists()
        except OSError:
            return True


@dataclass(frozen=True, slots=True)
class Plan:
    """What a conversion is to do.

    Attributes:
        jobs: The files, in order.
        passed_over: What lies in the folders and is not converted, such as `12 .heic, 3 .txt`; empty for nothing.
    """

    jobs: tuple[Job, ...]
    passed_over: str = ""


def plan_conversion(
    inputs: Sequence[str], output: Path | str | None, *, overwrite: bool, is_transparent: bool = False
) -> Plan:
    """Pairs inputs with outputs; nothing is written.

    Args:
        inputs: Files, folders with all in them, glob patterns.
        output: A file for a single input file, else a folder whose parent exists, as is what is written with a slash
            at its end; None: beside the inputs.
        overwrite: Existing targets are replaced instead of skipped.
        is_transparent: Results that are not named become files that hold transparency.

    Raises:
        SourceError: An input does not exist or holds nothing to convert.
        SinkError: A single target exists already, or the output folder cannot be made or written to.
        UsageError: An input is no file, several have one output file, two have one target, or one's is an input.
    """
    try:
        return _planned(inputs, output, overwrite=overwrite, is_transparent=is_transparent)
    except OSError as error:  # a folder without the right to look into it, a name that is too long
        place = error.filename or "the current folder"
        raise SourceError(f"{place}: {error.strerror}", hint="check its name and rights") from error


def _planned(texts: Sequence[str], place: Path | str | None, *, overwrite: bool, is_transparent: bool) -> Plan:
    output = None if place is None else Path(place)
    is_folder = output is not None and (output.is_dir() or ends_in_slash(str(place)))
    found = find_inputs(texts, output)
    inputs = found.inputs if output is not None else _without_earlier_outputs(found.inputs)
    is_single = [str(one.path) for one in inputs] == [str(Path(path_text(text))) for text in texts[:1]]
    names_file = output is not None and output.suffix.lower() in NAMEABLE_SUFFIXES and not is_folder
    if output is not None and names_file and not is_single:
        raise UsageError(f"{output} is one file for {len(inputs)} inputs", hint=_hint(texts, inputs, output))
    folder = None if names_file else output
    if folder is not None:
        _refuse_no_folder(folder, may_mean_file=is_single and not is_folder)
    if names_file and output is not None:
        targets = [output]
    else:
        targets = name_targets(inputs, output, is_transparent=is_transparent)
    _refuse_inputs(inputs, targets)
    if is_single and targets[0].exists() and not overwrite:
        raise SinkError(f"{targets[0]} exists", hint="--overwrite replaces it")
    jobs = tuple(
        Job(_as_file(one.path), _as_file(target), not is_single and not overwrite and target.exists(), folder)
        for one, target in zip(inputs, targets, strict=True)
    )
    if folder is not None and not all(job.is_done for job in jobs):
        check_folder(folder if folder.exists() else folder.parent)
    return Plan(jobs, kinds_told(found.passed_over))


def _hint(texts: Sequence[str], inputs: Sequence[Input], output: Path) -> str:
    """What to do instead of writing several files into one."""
    are_pictures = all(one.path.suffix.lower() in PICTURE_SUFFIXES for one in inputs)
    films = (*VIDEO_EXTENSIONS, *ANIMATION_EXTENSIONS, ".webp")  # which is a film where it gets several pictures
    if len(texts) > 1 or not are_pictures or output.suffix.lower() not in films:
        return "give a folder: -o FOLDER"
    film = f"animecam --input {as_word(texts[0])} --output {as_word(str(output))}"
    return f"give a folder: -o FOLDER; one film of them is made by: {film}"


def _as_file(path: Path) -> Path:
    """A path that nobody takes for an address or a camera, as which names like `Null: a film.mp4` and `2024` begin."""
    return path.absolute() if ":" in path.parts[0] or is_camera(str(path)) else path


def _without_earlier_outputs(inputs: Sequence[Input]) -> tuple[Input, ...]:
    """Leaves out what an earlier run made of another input, or began to: a shell expands *.mp4 to all of them."""
    targets = [target for one in inputs for target in possible_names(one.path)]
    made = set(targets)
    for target in targets:
        partial = Target.of(target).partial
        made |= {target.with_name(partial.name), target.with_name(earlier(partial).name)}
    return tuple(one for one in inputs if one.path not in made)


def _refuse_no_folder(folder: Path, *, may_mean_file: bool) -> None:
    if folder.exists():
        if not folder.is_dir():
            raise SinkError(f"{folder} is a file", hint="give a folder, or a name that ends in .mp4")
    elif may_mean_file and folder.suffix:
        known = " ".join(VIDEO_EXTENSIONS + ANIMATION_EXTENSIONS + IMAGE_EXTENSIONS)
        raise UsageError(
            f"output {folder} has the unknown ending {folder.suffix}",
            hint=f"known are {known}; for a folder: -o {as_word(f'{folder}/')}",
        )


def _refuse_inputs(inputs: Sequence[Input], targets: Sequence[Path]) -> None:
    """Refuses targets that are inputs: their own one, or one that would be gone before its turn comes."""
    read = {real_path(one.path) for one in inputs}
    for one, target in zip(inputs, targets, strict=True):
        is_own = target.exists() and one.path.exists() and target.samefile(one.path)
        if is_own or real_path(target) in read:
            hint = "choose another name or folder, or leave out -o"
            raise UsageError(f"output {target} would overwrite the input", hint=hint)
