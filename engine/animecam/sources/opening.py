"""From what the user wrote to an open source. Nothing heavy is imported before a source is opened."""

import glob
from pathlib import Path

from animecam.errors import SourceError, UsageError
from animecam.file_address import path_text
from animecam.shell import as_word
from animecam.sources.addresses import FRAME_NUMBER, public_uri, scheme_of
from animecam.sources.base import Source
from animecam.sources.interruptible import open_interruptibly
from animecam.sources.options import SourceOptions
from animecam.sources.picture_header import PICTURE_SUFFIXES

__all__ = ["SourceOptions", "open_source"]

STREAM_SCHEMES = frozenset({"rtsp", "rtsps", "http", "https", "udp", "rtp", "rtmp", "rtmps", "srt", "tcp"})
CAMERA_PREFIX = "camera:"
DEVICE_PATHS = ("/dev/video", "/dev/v4l/")  # the second: by-id, names that outlive a replug
STANDARD_INPUT = ("-", "pipe:", "pipe:0")  # as other programs name it
EXAMPLES = "a camera (0), a video, a picture, a folder of pictures, rtsp://…, http://… or pattern:640x480@30"


def open_source(uri: str, options: SourceOptions) -> Source:
    """Opens whatever the user named.

    Args:
        uri: `0`, `camera:0` or `/dev/video0` (a camera); `pattern:640x480@30?frames=90` (a synthetic one);
            `rtsp://…` and its like; the path of a video or a picture; a folder or a pattern such as `shots/*.png`.
        options: What to ask of it, and time-outs.

    Raises:
        SourceError: It cannot be opened or read.
        UsageError: It names nothing that can be a source.
    """
    kind = scheme_of(uri)
    if is_camera(uri):
        from animecam.sources.camera import open_camera

        return open_camera(uri[len(CAMERA_PREFIX) :] if kind == "camera" else uri, options)
    if kind == "pattern":
        from animecam.sources.pattern import open_pattern

        return open_pattern(uri, options)
    if options.width_px is not None:
        raise UsageError(f"{public_uri(uri)} has its own size", hint="a size can be asked of cameras only")
    if kind in STREAM_SCHEMES:
        from animecam.sources.network import open_stream

        _refuse_rate(uri, options)
        return open_interruptibly(lambda: open_stream(uri, options))
    if kind and "://" in uri and kind != "file":
        raise UsageError(f"{public_uri(uri)} is no source that is known", hint=f"give {EXAMPLES}")
    return _open_path(path_text(uri), options)


def is_camera(uri: str) -> bool:
    """Whether a URI names a camera of this machine, which takes a moment to open and delivers what was asked of it."""
    return uri.isdigit() or uri.lower().startswith(CAMERA_PREFIX) or uri.startswith(DEVICE_PATHS)


def names_no_camera(text: str) -> bool:
    """Whether what was given for a camera's number, path or name is a source of another kind."""
    if is_camera(text):
        return False
    path = Path(text)
    return scheme_of(text) in {"pattern", "file", *STREAM_SCHEMES} or path.is_file() or path.is_dir()


def local_path(uri: str) -> Path | None:
    """The file that a URI reads, or the folder whose pictures it reads; None for all else."""
    kind = scheme_of(uri)
    if not uri or is_camera(uri) or kind == "pattern" or kind in STREAM_SCHEMES:
        return None
    path = Path(path_text(uri))
    return path.parent if glob.has_magic(str(path)) and not path.exists() else path


def _open_path(text: str, options: SourceOptions) -> Source:
    if not text:
        raise UsageError("no source was named", hint=f"give {EXAMPLES}")
    path = Path(text)
    if text in STANDARD_INPUT and not path.exists():
        raise UsageError("standard input is not read", hint="save it to a file, or send it as a stream: udp://…")
    if path.is_dir() or (glob.has_magic(text) and not path.exists()):
        from animecam.sources.image import open_pictures

        return open_pictures(text, options)
    if not path.exists() and FRAME_NUMBER.search(path.name):
        folder = as_word(str(path.parent))
        hint = f"give the folder, {path.parent}, whose pictures are taken in order: animecam --input {folder}"
        raise SourceError(f"{text} does not exist, and numbers are for outputs", hint=hint)
    _refuse_rate(text, options)
    if path.suffix.lower() == ".webp":
        from animecam.sources.animated_webp import is_animated_webp, open_animated_webp

        if is_animated_webp(path):
            return open_animated_webp(path)
    if path.suffix.lower() in PICTURE_SUFFIXES:
        from animecam.sources.image import open_picture

        return open_picture(path)
    from animecam.sources.file import open_file

    return open_file(path, options)


def _refuse_rate(uri: str, options: SourceOptions) -> None:
    if options.fps is not None:
        raise UsageError(
            f"{public_uri(uri)} has its own rate", hint="a rate can be asked of cameras and folders of pictures only"
        )
