"""Where an output goes, and what can be found wrong with the place before any work is done."""

import errno
import glob
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path

from animecam.errors import SinkError, UsageError
from animecam.shell import mkdir_command
from animecam.sinks.claim import Claim
from animecam.sinks.sequence import pictures_of
from animecam.sources.addresses import FRAME_NUMBER, scheme_of

VIDEO_EXTENSIONS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
IMAGE_EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp")
ANIMATION_EXTENSIONS = (".gif",)  # and .webp, where it gets more than one picture
STREAM_SCHEMES = ("rtmp", "rtmps", "udp", "srt", "rtsp", "tcp")
DEVICE_SCHEMES = ("window", "null", "virtualcam", "v4l2")

LONGEST_NAME_BYTES = 255  # of a file on nearly every system
_DIGEST_DIGITS = 8  # of a whole name, where the name is cut off: a folder has few that begin alike and are that long
_EARLIER = ".earlier"

_FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class OutputKind(Enum):
    """What an output's URI names."""

    WINDOW = "window"
    NULL = "null"
    VIRTUALCAM = "virtualcam"
    V4L2 = "v4l2"
    STREAM = "stream"
    VIDEO = "video"
    ANIMATION = "animation"
    IMAGE = "image"
    IMAGE_SEQUENCE = "image sequence"


FILM_KINDS = (OutputKind.VIDEO, OutputKind.ANIMATION, OutputKind.IMAGE)
"""What a stop may leave a part of: an `IMAGE` too, as a WebP may be a film; of a single picture nothing is left."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file that is written under another name first.

    Attributes:
        final: Where it belongs; no symbolic link, so that a link keeps pointing at the new file.
        partial: Where it is written, in the same folder, so that renaming is one step. It ends as the name that was
            given, which says what is in it; a link may lead to a name with another ending.
    """

    final: Path
    partial: Path

    @classmethod
    def of(cls, path: Path) -> "Target":
        """The target behind a path that the user gave.

        Raises:
            SinkError: It is a link that comes back to itself, or begins in a folder that is gone.
        """
        try:
            final = path.resolve()
        except RuntimeError as error:  # of Python before 3.13; later ones take the link for the file
            raise SinkError(f"{path} is a link that comes back to itself", hint="choose another name") from error
        except FileNotFoundError as error:  # what is missing of the path itself is none
            message = "the folder that this program was started in is gone"
            raise SinkError(message, hint="start it again in another one") from error
        return cls(final, with_ending(final, f".partial{path.suffix}", spare=len(_EARLIER)))

    def commit(self, *, overwrite: bool) -> None:
        """Gives the complete file its name.

        Raises:
            SinkError: Somebody made a file of this name or deleted it meanwhile, or it cannot be renamed.
        """
        if not self.partial.exists():
            raise SinkError(
                f"{self.partial} is gone: it or its folder was deleted while it was written",
                hint="nothing is left of it: start again",
            )
        if not overwrite and self.final.exists():
            raise SinkError(
                f"{self.final} appeared while it was being written", hint=f"the new video is complete in {self.partial}"
            )
        try:
            self.partial.replace(self.final)
        except OSError as error:
            raise SinkError(
                f"cannot rename {self.partial} to {self.final.name}: {error.strerror}",
                hint="it is complete: rename it yourself, or close the program that uses the old file",
            ) from error


def with_ending(path: Path, ending: str, *, spare: int = 0) -> Path:
    """A file beside another one, called as it is but for the ending; see `fitting`.

    Args:
        path: The other file.
        ending: Instead of its own.
        spare: Bytes that must fit into the name besides: it is to have another one beside it.
    """
    return path.with_name(fitting(path.stem, ending, spare=spare))


def fitting(stem: str, ending: str, *, spare: int = 0) -> str:
    """A name. One that is longer than names may be is cut off, and tells by a digest of its stem whose it is."""
    kept, mark = stem, ""
    while len(os.fsencode(kept + mark + ending)) > LONGEST_NAME_BYTES - spare:
        mark = "~" + sha256(os.fsencode(stem)).hexdigest()[:_DIGEST_DIGITS]
        kept = kept[:-1]
    return kept + mark + ending


def key_file(partial: Path) -> Path:
    """Where it stands what an unfinished film is made of."""
    return with_ending(partial, f"{partial.suffix}.json")


def earlier(partial: Path) -> Path:
    """Where an unfinished film lies while its pictures are copied into the next one."""
    return with_ending(partial, f"{_EARLIER}{partial.suffix}")


def output_kind(uri: str) -> OutputKind:
    """What a URI names.

    Raises:
        UsageError: It names nothing that can be written to.
    """
    if not uri:
        raise UsageError("no output is named", hint="for example --output out.mp4, or --output window:")
    scheme = scheme_of(uri)
    if scheme in STREAM_SCHEMES:
        return OutputKind.STREAM
    if scheme in DEVICE_SCHEMES:
        return OutputKind(scheme)
    if scheme and "://" in uri:
        raise UsageError(
            f"cannot write to {scheme}:// addresses",
            hint="known are " + ", ".join(f"{known}:" for known in DEVICE_SCHEMES + STREAM_SCHEMES) + " and file names",
        )
    is_folder = ends_in_slash(uri)
    extension = "" if is_folder else Path(uri).suffix.lower()
    if extension in VIDEO_EXTENSIONS:
        return OutputKind.VIDEO
    if extension in ANIMATION_EXTENSIONS:
        return OutputKind.ANIMATION
    if extension in IMAGE_EXTENSIONS:
        return OutputKind.IMAGE_SEQUENCE if FRAME_NUMBER.search(Path(uri).name) else OutputKind.IMAGE
    known = " ".join(VIDEO_EXTENSIONS + ANIMATION_EXTENSIONS + IMAGE_EXTENSIONS)
    if is_folder or Path(uri).is_dir():
        raise UsageError(f"output {uri} is a folder", hint=f"name a file in it; known endings are {known}")
    if uri.lower() in DEVICE_SCHEMES:
        raise UsageError(f"output {uri} has no ending", hint=f"with a colon: {uri.lower()}:")
    what = f"has the unknown ending {extension}" if extension else "has no ending"
    raise UsageError(f"output {uri} {what}", hint=f"known are {known}, and for a window: window:")


def ends_in_slash(text: str) -> bool:
    """Whether a path is written as that of a folder, which a `Path` of it does not tell."""
    return text.endswith(tuple(mark for mark in (os.sep, os.altsep) if mark))


def check_output(uri: str, source: Path | None = None, *, overwrite: bool = False) -> None:
    """Finds what would make an output fail, before anything is opened or written.

    The folder of a sequence is made if only its last part is missing: its pictures are to be in one of their own.

    Args:
        uri: As for `open_sink`.
        source: The input file, or the folder of its pictures or a pattern for such folders, which must not be
            overwritten; None for anything but files. What a broken off conversion of a file left is replaced, as it
            can be made again; what is left of a recording is not.
        overwrite: An existing file may be replaced.

    Raises:
        UsageError: The URI is no output, or names the input.
        SinkError: The folder is missing or cannot be written to, or the file or the rest of a recording exists.
    """
    kind = output_kind(uri)
    if kind in (OutputKind.VIDEO, OutputKind.ANIMATION, OutputKind.IMAGE):
        target = Target.of(Path(uri))
        check_folder(target.final.parent)
        _check_file(target, source, overwrite)
    elif kind is OutputKind.IMAGE_SEQUENCE:
        pattern = Path(uri).absolute()
        if len(FRAME_NUMBER.findall(pattern.name)) != 1:
            raise UsageError(
                f"output {uri} has more than one place for the number", hint="for example: frames/%05d.png"
            )
        _make_folder(pattern.parent)
        check_folder(pattern.parent)
        _check_sequence(pattern, source, overwrite)


def is_full_disk(error: OSError) -> bool:
    """Whether a write failed for want of room."""
    return error.errno in _FULL_DISK


def _make_folder(folder: Path) -> None:
    """Makes the last part of a path, if that alone is missing."""
    if folder.exists() or not folder.parent.is_dir():
        return
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise SinkError(f"cannot make folder {folder}: {error.strerror}", hint="choose another folder") from error


def make_folder(folder: Path, root: Path) -> None:
    """Makes a folder, and those on the way to it from `root` on; what is above `root` must be there.

    Raises:
        SinkError: One cannot be made.
    """
    folder, root = folder.absolute(), root.absolute()
    inner = folder.relative_to(root)
    for place in (root, *(root / part for part in reversed(inner.parents) if part.parts), folder):
        try:
            place.mkdir(exist_ok=True)
        except OSError as error:
            raise SinkError(f"cannot make folder {place}: {error.strerror}", hint="choose another folder") from error


def check_folder(folder: Path) -> None:
    """Finds what would make writing into a folder fail.

    Raises:
        SinkError: It is missing, no folder, or cannot be written to.
    """
    if not folder.exists():
        raise SinkError(f"the folder {folder} does not exist", hint=mkdir_command(folder))
    if not folder.is_dir():
        raise SinkError(f"{folder} is not a folder", hint="choose another output")
    try:
        # Only an attempt tells: permissions, read-only disks and quotas are all found this way.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        hint = "free some space there" if is_full_disk(error) else "choose another folder"
        raise SinkError(f"cannot write to the folder {folder}: {error.strerror}", hint=hint) from error


def _check_file(target: Target, source: Path | None, overwrite: bool) -> None:
    read = _read_places(source)
    if _is_read(target.final, read) or _is_read(target.partial, read):
        raise UsageError(f"output {target.final} would overwrite the input", hint="choose another name")
    if target.final.exists() and not target.final.is_file():
        raise UsageError(f"output {target.final} exists and is no ordinary file", hint="choose another name")
    if overwrite:
        return
    if target.final.exists():
        raise SinkError(f"{target.final} exists", hint="choose another name, or replace it with `overwrite=True`")
    if source is None and target.partial.exists():  # perhaps all that a power cut left of a recording
        Claim(target.partial, target.final).close()  # or one that is being made
        raise SinkError(
            f"{target.partial} is left of a run that broke off",
            hint="rename it to keep it, or replace it with `overwrite=True`",
        )


def _check_sequence(pattern: Path, source: Path | None, overwrite: bool) -> None:
    read = _read_places(source)
    for _, path in pictures_of(pattern):
        if _is_read(path, read):
            raise UsageError(f"output {pattern} would overwrite the input {path.name}", hint="choose another folder")
        if not overwrite:
            raise SinkError(
                f"{pattern.parent} holds {path.name} already",
                hint="choose another folder, or replace with `overwrite=True`",
            )


def _read_places(source: Path | None) -> Sequence[Path]:
    """The input, if it is there; of a pattern for folders all that match it."""
    if source is None:
        return ()
    if source.exists():
        return (source,)
    return [Path(match) for match in glob.glob(str(source), recursive=True)]  # noqa: PTH207 - absolute ones, too


def _is_read(path: Path, read: Sequence[Path]) -> bool:
    """Whether a file that is there is the input, or one of the pictures of its folders."""
    if not path.exists():
        return False
    is_picture = path.suffix.lower() in IMAGE_EXTENSIONS
    return any(path.samefile(place) or (is_picture and path.absolute().parent.samefile(place)) for place in read)
