"""Video files: every frame, in order, at its own time."""

import logging
from functools import partial
from pathlib import Path

import av
import av.error
from av.container import InputContainer

from animecam.cuda.ffmpeg import decoding
from animecam.errors import SourceError
from animecam.sources.options import SourceOptions
from animecam.sources.pixel_limit import decoder_options
from animecam.sources.reader import DecodedSource, open_decoded

log = logging.getLogger(__name__)


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

    def describe(error: av.error.FFmpegError) -> SourceError:
        return _describe(name, error)

    try:
        container = open_container(path, options)
    except av.error.FFmpegError as error:
        raise describe(error) from error
    return open_decoded(name, container, describe, options, is_live=False, path=path)


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
