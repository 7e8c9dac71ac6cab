"""The files that the inputs of a conversion name: files, folders with all that is in them, glob patterns."""

import glob
import logging
import os
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from animecam.errors import SourceError, UsageError
from animecam.file_address import path_text
from animecam.shell import as_word
from animecam.sinks.mark import is_marked
from animecam.sources.addresses import public_uri, scheme_of
from animecam.sources.opening import is_camera
from animecam.sources.picture_header import PICTURE_SUFFIXES

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".3gp", ".gif"}
    | {".mts", ".m2ts", ".vob", ".dv", ".ogv", ".asf", ".mxf", ".3g2", ".apng", ".avif"}
)
READABLE_SUFFIXES = VIDEO_SUFFIXES | PICTURE_SUFFIXES
ADDITION = "-anime"
"""What the name of an output has more than that of its input when they share a folder."""
DRAWN = "drawn already"
"""What is told of files that animecam has made: of a folder or a pattern they are not drawn once more."""

_ONCE_MORE = "name a file to draw it once more"
_ANY_FOLDERS = "**"  # the part of a pattern that stands for folders in folders
_MOST_KINDS = 5  # of files passed over that are told one by one: a line holds no more

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Input:
    """A file to convert.

    Attributes:
        path: The video or picture.
        below: Where its result belongs, relative to the output folder.
    """

    path: Path
    below: Path = Path()


@dataclass(frozen=True, slots=True)
class Found:
    """What inputs name.

    Attributes:
        inputs: The files to convert, each once.
        passed_over: How many files of the folders are of a kind that is not converted, by their ending, or
            drawn already.
    """

    inputs: tuple[Input, ...]
    passed_over: Counter[str] = field(default_factory=Counter[str])


def find_inputs(texts: Sequence[str], output: Path | None) -> Found:
    """Finds the files.

    One folder's tree goes right into the output folder; of several inputs a folder keeps its name there, as with `cp`.

    Args:
        texts: Files, folders, glob patterns.
        output: Folder of the results, which is passed over where it lies in a folder that is searched; None: none.

    Raises:
        SourceError: An input holds nothing to convert.
        UsageError: An input is no file.
        OSError: A folder cannot be looked into.
    """
    found = [_expand(path_text(text), output, is_alone=len(texts) == 1) for text in texts]
    inputs: dict[Path, Input] = {}
    for one in (one for part in found for one in part.inputs):
        inputs.setdefault(one.path, one)
    return Found(tuple(inputs.values()), sum((part.passed_over for part in found), Counter[str]()))


def can_convert(path: Path) -> bool:
    """Whether a file looks like a video or picture, and like none that we made ourselves or began to."""
    return path.suffix.lower() in READABLE_SUFFIXES and not _is_ours(path) and path.is_file()


def is_hidden(path: Path) -> bool:
    """Whether a folder does not show a file: macOS leaves ._a.png, which is no picture, beside a.png on other disks."""
    return path.name.startswith(".")


def real_path(path: Path) -> Path:
    """A path without links; of one that comes back to itself, as far as it goes."""
    return Path(os.path.realpath(path))


def kinds_told(kinds: Counter[str]) -> str:
    """Such as `12 .heic, 3 .txt`, the most frequent first; empty for none."""
    told = [f"{number} {kind}" for kind, number in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))]
    rest = sum(sorted(kinds.values(), reverse=True)[_MOST_KINDS:])
    return ", ".join(told[:_MOST_KINDS]) + (f" and {rest} others" if rest else "")


def _expand(text: str, output: Path | None, *, is_alone: bool) -> Found:
    if not text:  # Path would take it for the current folder
        raise UsageError("an input has no name", hint="name files or folders; . is the current folder")
    path = Path(text)
    is_like_live = is_camera(text) or scheme_of(text) == "pattern"
    if "://" in text or (is_like_live and not (path.is_file() or path.is_dir())):
        shown = public_uri(text)
        hint = f"what is live is recorded by: animecam --input {as_word(shown)} --output out.mp4"
        raise UsageError(f"{shown} is no file", hint=hint)
    if path.is_dir():
        return _of_folder(path, output, is_alone=is_alone)
    if path.exists() or not glob.has_magic(text):
        return Found((Input(path),))  # one that does not exist is reported by the source, which knows what to say
    return _of_pattern(text, output)


def _of_folder(folder: Path, output: Path | None, *, is_alone: bool) -> Found:
    above = Path() if is_alone else Path(real_path(folder).name)
    inputs: list[Input] = []
    others: Counter[str] = Counter()
    for inner in _folders(folder, _inside(folder, output)):
        for child in sorted(inner.iterdir()):
            is_broken = child.is_symlink() and not child.exists()
            if is_hidden(child) or not (child.is_file() or is_broken) or _is_ours(child):
                continue
            if is_broken:  # perhaps to a disk that is not plugged in
                others["broken link"] += 1
            elif can_convert(child) and is_marked(child):
                others[DRAWN] += 1
            elif can_convert(child):
                inputs.append(Input(child, above / inner.relative_to(folder)))
            else:
                others[child.suffix.lower() or "without an ending"] += 1
    if not inputs and others[DRAWN]:
        what = f"folder {folder}: all videos and pictures in it are {DRAWN}: {others[DRAWN]}"
        raise SourceError(what, hint=_ONCE_MORE)
    if not inputs:
        hint = f"it holds {kinds_told(others)}; " if others else ""
        raise SourceError(f"folder {folder} holds no video or picture", hint=f"{hint}name files, or another folder")
    return Found(tuple(inputs), others)


def _of_pattern(text: str, output: Path | None) -> Found:
    parts = Path(text).parts
    root = Path(*parts[: next(place for place, part in enumerate(parts) if glob.has_magic(part))])
    without = _inside(root, output)
    matches = _matches(text, without)
    found = {match for match in matches if can_convert(match) and not _is_in(match.parent, without)}
    drawn = {match for match in found if is_marked(match)}
    if found and found == drawn:
        raise SourceError(f"{text}: all that matches it is {DRAWN}: {len(drawn)}", hint=_ONCE_MORE)
    if not found:
        what = "none of what matches it is a video or picture" if matches else "nothing matches"
        raise SourceError(f"{text}: {what}", hint="check the pattern and the folder")
    inputs = tuple(Input(file, _below(file, root)) for file in sorted(found - drawn))
    return Found(inputs, Counter({DRAWN: len(drawn)} if drawn else {}))


def _below(file: Path, root: Path) -> Path:
    below = file.relative_to(root).parent
    return Path() if ".." in below.parts else below  # a pattern may go up again, its results not


def _matches(text: str, without: Path | None) -> list[Path]:
    """What a pattern names. Python's own `**` walks through links that go in circles again and again."""
    parts = Path(text).parts
    if _ANY_FOLDERS not in parts:
        return [Path(match) for match in glob.glob(text)]  # noqa: PTH207 - absolute patterns, too
    place = parts.index(_ANY_FOLDERS)
    heads = glob.glob(str(Path(*parts[:place])))  # noqa: PTH207 - as above
    inner = [folder for head in map(Path, sorted(heads)) if head.is_dir() for folder in _folders(head, without)]
    tail = parts[place + 1 :] or ("*",)
    return [match for folder in inner for match in _matches(str(Path(glob.escape(str(folder)), *tail)), without)]


def _folders(root: Path, without: Path | None) -> list[Path]:
    """A folder and all in it that are not hidden, each once however many links lead to it.

    Args:
        root: The folder.
        without: One that is passed over with all in it, resolved.

    Raises:
        OSError: It cannot be looked into; of one in it that is told, and it is passed over.
    """
    seen: set[tuple[int, int]] = set()
    found: list[Path] = []
    real, links = deque([root]), deque[Path]()  # links wait: a folder is taken where it really lies, if it is in here
    while real or links:
        folder = real.popleft() if real else links.popleft()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen or _is_in(folder, without):
                continue
            inner = sorted(child for child in folder.iterdir() if child.is_dir() and not is_hidden(child))
        except OSError as error:
            if folder == root:
                raise
            log.warning("folder %s is passed over: %s", folder, error.strerror)
            continue
        seen.add((status.st_dev, status.st_ino))
        found.append(folder)
        for child in inner:
            (links if child.is_symlink() else real).append(child)
    return sorted(found)


def _inside(root: Path, output: Path | None) -> Path | None:
    """The output folder, resolved, if it lies in a folder and is not that folder itself."""
    place = None if output is None else real_path(output)
    return place if place is not None and real_path(root) in place.parents else None


def _is_in(folder: Path, outer: Path | None) -> bool:
    place = real_path(folder)
    return outer is not None and (place == outer or outer in place.parents)


def _is_ours(path: Path) -> bool:
    return path.stem.endswith(ADDITION) or ".partial" in path.suffixes
