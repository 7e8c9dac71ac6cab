"""Video files: every frame, in order, at its own time."""

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path

import av
import av.error
from av.codec.context import Flags
from av.container import InputContainer

from animecam.cuda.ffmpeg import decoding
from animecam.errors import SourceError
from animecam.sources.options import SourceOptions
from animecam.sources.pixel_limit import decoder_options
from animecam.sources.reader import DecodedSource, open_decoded

log = logging.getLogger(__name__)

_HEAD_BYTES = 512
_ARCHIVE, _PAGE, _DOCUMENT = "an archive", "a web page", "a document"
_KINDS: tuple[tuple[bytes, int | None, str], ...] = (
    (b"PK\x03\x04", 0, _ARCHIVE),  # ZIP, comic books among them
    (b"Rar!\x1a\x07", 0, _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", 0, _ARCHIVE),
    (b"\x1f\x8b\x08", 0, _ARCHIVE),  # gzip
    (b"\xfd7zXZ\0", 0, _ARCHIVE),
    (b"ustar", 257, _ARCHIVE),  # tar
    (b"%PDF-", 0, _DOCUMENT),
    (b"<!doctype html", None, _PAGE),
    (b"<html", None, _PAGE),
)
"""How files begin that are no video, at which byte (None: after blanks, in any case of letters), and what they are."""

_HINTS = {
    _ARCHIVE: "unpack it into a folder, and name that",
    _PAGE: "it is what the site showed instead of the video: download the video itself",
    _DOCUMENT: "save its pictures as files first",
}


def open_file(path: Path, options: SourceOptions) -> DecodedSource:
    """Opens a video file.

    Args:
        path: The file.
        options: Time-outs (a file may lie on a network drive), threads and the most pixels.

    Raises:
        SourceError: It is missing, empty, cut off, not readable, or holds no video.
    """
    name = str(path)
    try:
        if path.is_dir():
            raise SourceError(f"{name} is a folder", hint="name a file in it")
        if path.exists() and not path.is_file():
            raise SourceError(f"{name} is a pipe or a device", hint="save it to a file first")
        if path.stat().st_size == 0:
            raise SourceError(f"{name} is empty", hint="copy or record it again")
    except FileNotFoundError as error:
        raise SourceError(f"{name} does not exist", hint="check the name and the folder") from error
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror}", hint="check its folder and rights") from error

    if kind := _known_as(path):
        raise SourceError(f"{name} is {kind}", hint=_HINTS[kind])

    def describe(error: av.error.FFmpegError) -> SourceError:
        return _describe(name, error)

    try:
        container = open_container(path, options)
    except av.error.FFmpegError as error:
        raise describe(error) from error
    for track in container.streams.video:
        if getattr(track, "codec_context", None) is not None:  # None if there is no decoder
            # Else FFmpeg cuts off at the left only as many pixels as keep its rows at round addresses.
            track.codec_context.flags |= Flags.unaligned
    source = open_decoded(name, container, describe, options, is_live=False, path=path)
    if not source.is_uncropped:
        return source
    source.close()
    log.info("%s is cropped at its left or top, which no GPU does: it is decoded on the processor", name)
    return open_file(path, replace(options, gpu=None))


def _known_as(path: Path) -> str:
    """What a file is that is no video, though FFmpeg may find pictures in it; empty for all else."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:  # whoever opens it tells
        return ""
    starts = head.lstrip().lower()
    return next((kind for mark, at, kind in _KINDS if (starts if at is None else head[at:]).startswith(mark)), "")


def open_container(path: Path, options: SourceOptions) -> InputContainer:
    """Opens a file as FFmpeg sees it, whatever its name and its titles are.

    Args:
        path: The file.
        options: Time-outs, the most pixels, and the GPU that decodes.

    Raises:
        av.error.FFmpegError: It cannot be read.
    """
    # The prefix keeps FFmpeg from taking a name such as "a:b.mp4" for a protocol.
    open_it = partial(
        av.open,
        f"file:{path}",
        timeout=(options.open_s, options.read_s),
        metadata_errors="replace",
        mode="r",
        options={} if options.max_pixels is None else decoder_options(options.max_pixels),  # opening decodes, too
    )
    if options.gpu is not None:
        try:
            return open_it(hwaccel=decoding(options.gpu))
        except av.error.FFmpegError as error:  # it worked once, but others use the GPU, too
            log.warning("%s is decoded on the processor: %s", path, error.strerror)
    return open_it()


def _describe(name: str, error: av.error.FFmpegError) -> SourceError:
    match error:
        case av.error.InvalidDataError() | av.error.EOFError() | av.error.MemoryError() | av.error.PatchWelcomeError():
            what, hint = "is no video, or was cut off or damaged", "check that it plays elsewhere, copy it again"
        case av.error.PermissionError():
            what, hint = "may not be read", "give yourself the right to read it"
        case av.error.DecoderNotFoundError():
            what, hint = "uses a codec that cannot be decoded here", "convert it to H.264 first"
        case av.error.ExitError() | av.error.TimeoutError():
            what, hint = "did not answer in time", "check the drive it lies on"
        case _:
            what, hint = f"cannot be read: {error.strerror}", "check the drive it lies on, copy it again"
    return SourceError(f"{name} {what}", hint=hint)
