"""The transparency of an AVIF: a track of grey pictures beside that of the colours."""

from __future__ import annotations  # a function's return type is named before it is defined

import logging
from collections.abc import Iterator
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from animecam.errors import SourceError
from animecam.sources.options import SourceOptions
from animecam.sources.pixel_limit import decoder_options

log = logging.getLogger(__name__)

_BESIDE = ("vp8", "libvpx", "vp9", "libvpx-vp9")  # codecs whose transparency lies beside the packets: no decoder looks
_BRANDS = ("avif", "avis")
_MARK = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"  # ISO/IEC 23008-12
_HEAD_BYTES = 1 << 16  # what describes the tracks stands before the pictures


def open_alpha(
    path: Path, container: InputContainer, pictures: VideoStream, options: SourceOptions
) -> AlphaTrack | None:
    """The transparency of a file's pictures, or None if it has none.

    Args:
        path: The file.
        container: The same file, open.
        pictures: The track with the colours.
        options: The most pixels.

    Raises:
        SourceError: The file can no longer be read.
    """
    is_beside = pictures.codec_context.name in _BESIDE
    if is_beside and pictures.metadata.get("alpha_mode") == "1":
        log.warning("%s: its transparency is of a kind that is not read; what it hides will show", path)
    if container.metadata.get("major_brand") not in _BRANDS:
        return None
    kind = (pictures.width, pictures.height, pictures.frames, pictures.time_base)
    others = [stream for stream in container.streams.video if stream is not pictures]
    alike = [s for s in others if (s.width, s.height, s.frames, s.time_base) == kind]
    grey = [s for s in alike if (s.codec_context.pix_fmt or "").startswith("gray")]
    try:
        with path.open("rb") as file:
            if not grey or _MARK not in file.read(_HEAD_BYTES):
                return None
        return AlphaTrack(path, grey[0].index, options.max_pixels)
    except (OSError, av.error.FFmpegError) as error:
        raise SourceError(f"the transparency of {path} cannot be read: {error.strerror}") from error


class AlphaTrack:
    """Reads the track beside that of the colours, which somebody else reads.

    Args:
        path: The file.
        index: Which of its tracks it is.
        max_pixels: Most pixels of a picture; None for no limit.

    Raises:
        av.error.FFmpegError: The file cannot be read.
    """

    def __init__(self, path: Path, index: int, max_pixels: int | None) -> None:
        self._path = path
        limit = {} if max_pixels is None else decoder_options(max_pixels)
        # As pictures are opened.
        self._container = av.open(f"file:{path}", mode="r", metadata_errors="replace", options=limit)
        track = self._container.streams[index]
        assert isinstance(track, VideoStream), "the caller looked"
        track.codec_context.options = limit
        self._frames: Iterator[av.VideoFrame] = self._container.decode(track)
        self._newest = self._read()

    def at(self, pts: int | None) -> av.VideoFrame | None:
        """The transparency of the picture with a presentation time, None if it has none; asked for in order."""
        while self._newest is not None and pts is not None and (self._newest.pts or 0) < pts:
            self._newest = self._read()
        is_there = self._newest is not None and (pts is None or (self._newest.pts or 0) == pts)
        return self._newest if is_there else None

    def close(self) -> None:
        """Closes the file; may be called twice."""
        self._frames = iter(())
        self._container.close()

    def _read(self) -> av.VideoFrame | None:
        try:
            return next(self._frames, None)
        except av.error.FFmpegError as error:
            log.warning("%s: its transparency ends early: %s", self._path, error.strerror)
            return None
