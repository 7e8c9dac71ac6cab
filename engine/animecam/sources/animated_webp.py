"""Animated WebP, which FFmpeg does not decode, as a film."""

import struct
import time
from fractions import Fraction
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.errors import SourceError
from animecam.sources.image import on_paper
from animecam.sources.picture_header import is_animated, picture_size
from animecam.types import Color, Frame, PixelFormat, StreamFormat

MOST_PIXELS = (
    400_000_000  # of all frames together, which are decoded at once: 1.6 GB; three minutes of a chat's sticker
)
UNIT_S = Fraction(1, 1000)  # of its times
USUAL_MS = 100  # how long browsers show a frame that asks for no time at all
_HEAD_BYTES = 64
_RIFF_BYTES, _CHUNK_BYTES = 12, 8
_FLAGS_AT, _HAS_ALPHA = 20, 0x10  # of the whole file, in its first chunk


def is_animated_webp(path: Path) -> bool:
    """Whether a file called .webp is a film; one that cannot be read is none."""
    try:
        with path.open("rb") as file:
            return is_animated(file.read(_HEAD_BYTES))
    except OSError:
        return False


def open_animated_webp(path: Path) -> "AnimatedWebp":
    """Opens an animated WebP.

    Raises:
        SourceError: It cannot be read, is damaged, or too long or large.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}", hint="check its folder and rights") from error
    width_px, height_px = picture_size(data) or (0, 0)
    frames = _count_frames(data)
    if frames * width_px * height_px > MOST_PIXELS:
        what = f"{path} has {frames} frames of {width_px}x{height_px} pixels, more than can be read at once"
        raise SourceError(what, hint="save it as a video first")
    encoded = np.frombuffer(data, np.uint8).copy()
    encoded[_FLAGS_AT] |= _HAS_ALPHA  # what no frame covers is transparent in any case; OpenCV takes it for black else
    is_decoded, animation = cv2.imdecodeanimation(encoded)
    if not is_decoded or len(animation.frames) == 0:
        raise SourceError(f"{path} is damaged or cut off", hint="copy it again, check that it shows elsewhere")
    pictures = [on_paper(cast("NDArray[np.uint8]", picture)) for picture in animation.frames]
    return AnimatedWebp(str(path), pictures, [int(ms) if ms > 0 else USUAL_MS for ms in animation.durations])


class AnimatedWebp:
    """The frames of an animated WebP, each for its time; as a `Source`. Transparent parts show white paper.

    Args:
        uri: Name for messages.
        pictures: RGB uint8 [H, W, 3], one size.
        durations_ms: How long each is shown, in milliseconds.
    """

    def __init__(self, uri: str, pictures: list[NDArray[np.uint8]], durations_ms: list[int]) -> None:
        self.uri = uri
        self.skipped = 0
        self._pictures, self._durations_ms = pictures, durations_ms
        self._next = self._time_ms = 0
        self._is_closed = False
        height_px, width_px = pictures[0].shape[:2]
        total_s = sum(durations_ms) * UNIT_S
        self.format = StreamFormat(
            width_px=width_px,
            height_px=height_px,
            pixel_format=PixelFormat.RGB24,
            color=Color(full_range=True),
            rotation_deg=0,
            time_base=UNIT_S,
            rate=(len(pictures) / total_s).limit_denominator(1001),
            is_live=False,
            frames=len(pictures),
            duration_s=float(total_s),
        )

    def read(self) -> Frame | None:
        """The next frame, or None at the end; as `Source.read`."""
        if self._is_closed or self._next == len(self._pictures):
            return None
        index, pts = self._next, self._time_ms
        self._next, self._time_ms = index + 1, pts + self._durations_ms[index]
        rgb = self._pictures[index]
        return Frame(
            planes=(rgb,),
            pixel_format=PixelFormat.RGB24,
            color=self.format.color,
            rotation_deg=0,
            index=index,
            pts=pts,
            time_base=UNIT_S,
            captured_ns=time.perf_counter_ns(),
            duration=self._durations_ms[index],
            packed=rgb,
        )

    def close(self) -> None:
        """Nothing is held open; reading ends."""
        self._is_closed = True


def _count_frames(data: bytes) -> int:
    """How many frames its chunks announce (WebP Container Specification)."""
    frames, at = 0, _RIFF_BYTES
    while at + _CHUNK_BYTES <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        frames += name == b"ANMF"
        at += _CHUNK_BYTES + size + size % 2
    return frames
