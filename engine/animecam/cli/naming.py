"""What the results of a conversion are called."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from animecam.cli.inputs import ADDITION, VIDEO_SUFFIXES, Input, can_convert, is_hidden
from animecam.errors import UsageError
from animecam.sinks.paths import ANIMATION_EXTENSIONS, IMAGE_EXTENSIONS, VIDEO_EXTENSIONS, fitting
from animecam.sinks.sequence import without_number
from animecam.sinks.transparency import TRANSPARENT_EXTENSIONS
from animecam.sources.gif_header import is_still_gif
from animecam.sources.picture_header import PICTURE_SUFFIXES, is_still, is_still_avif

WRITABLE_SUFFIXES = frozenset(VIDEO_EXTENSIONS + IMAGE_EXTENSIONS)
NAMEABLE_SUFFIXES = WRITABLE_SUFFIXES | frozenset(ANIMATION_EXTENSIONS)
"""What an output may be called. By itself a GIF becomes a film, which is smaller, has all colours and a player."""

_PHONE_SUFFIXES = (".3gp", ".3g2")  # of old phones, whose sound, AMR, an MP4 cannot hold and a MOV can
_EITHER = (".avif", ".gif", ".apng")  # a picture or a film
_HEAD_BYTES = 4096  # of a file, in which its kind is named


def name_targets(inputs: Sequence[Input], output: Path | None, *, is_transparent: bool = False) -> list[Path]:
    """The file that each input becomes.

    Where two of a folder would get one name, the one whose ending changes keeps its old ending in it: e.mp4 beside
    e.mts becomes e.mp4, and e.mts becomes e.mts.mp4. All files of the folder count, whether they are among the inputs
    or not: a batch that is started again, or in parts, gives the same names.

    Args:
        inputs: The files to convert.
        output: Folder of the results; None: beside the inputs.
        is_transparent: They must be of kinds that hold transparency.

    Raises:
        UsageError: Two have one target all the same.
    """
    plain = {one: _target(one, output, is_transparent=is_transparent) for one in _with_neighbours(inputs)}
    wanted = Counter(_as_any_system(target) for target in plain.values())
    targets = [
        plain[one]
        if wanted[_as_any_system(plain[one])] == 1 or _keeps_name(one, plain[one])
        else _target(one, output, keeps_ending=True, is_transparent=is_transparent)
        for one in inputs
    ]
    _refuse_clashes(inputs, targets)
    return targets


def possible_names(source: Path) -> tuple[Path, ...]:
    """What may stand beside a file once it has been converted: the usual name, or the one with its old ending."""
    one, either = Input(source), (False, True)
    return tuple(_target(one, None, keeps_ending=old, is_transparent=cut_out) for old in either for cut_out in either)


def _with_neighbours(inputs: Sequence[Input]) -> dict[Input, None]:
    """The inputs and all other files of their folders that could be converted, in a stable order."""
    everyone = dict.fromkeys(inputs)
    for folder, below in dict.fromkeys((one.path.parent, one.below) for one in inputs):
        with suppress(OSError):  # of a folder that may not be listed a file may be read all the same
            for child in sorted(folder.iterdir()):
                if can_convert(child) and not is_hidden(child):
                    everyone[Input(child, below)] = None
    return everyone


def _target(one: Input, output: Path | None, *, keeps_ending: bool = False, is_transparent: bool = False) -> Path:
    suffix = one.path.suffix
    if suffix.lower() not in WRITABLE_SUFFIXES:
        suffix = _like(one.path)
    if is_transparent and suffix.lower() not in TRANSPARENT_EXTENSIONS:
        suffix = ".png" if suffix.lower() in IMAGE_EXTENSIONS else ".webp"
    stem = one.path.name if keeps_ending else one.path.stem
    if suffix.lower() in IMAGE_EXTENSIONS:
        stem = without_number(stem)
    if output is None:
        return one.path.with_name(fitting(stem, ADDITION + suffix))
    return output / one.below / fitting(stem, suffix)


def _keeps_name(one: Input, target: Path) -> bool:
    return target.name in (one.path.name, one.path.stem + ADDITION + one.path.suffix)


def _as_any_system(path: Path) -> str:
    """A name as systems compare it for which E.MP4 is e.mp4: names are to be the same on all."""
    return str(path).casefold()


def _like(source: Path) -> str:
    """The ending of what is made of a file of a kind that cannot be written."""
    suffix = source.suffix.lower()
    may_be_either = suffix in _EITHER or suffix not in VIDEO_SUFFIXES
    if suffix in PICTURE_SUFFIXES or (may_be_either and _is_photo(source)):
        return ".png"
    return ".mov" if suffix in _PHONE_SUFFIXES else ".mp4"


def _is_photo(path: Path) -> bool:
    try:
        if not path.is_file():  # the source, which knows what to say, reports it
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            file.seek(0)
            return is_still(head) or is_still_avif(head) or is_still_gif(file)
    except OSError:  # the source reports that as well, when its turn comes
        return False


def _refuse_clashes(inputs: Sequence[Input], targets: Sequence[Path]) -> None:
    first: dict[Path, Path] = {}
    for one, target in zip(inputs, targets, strict=True):
        earlier = first.setdefault(target, one.path)
        if earlier is not one.path:
            is_apart = earlier.parent != one.path.parent
            apart = "name a folder that holds both: its folders are kept apart; or convert them into two folders"
            hint = apart if is_apart else "rename one of them"
            raise UsageError(f"{earlier} and {one.path} would both become {target}", hint=hint)
