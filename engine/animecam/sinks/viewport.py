"""Pictures in memory that two processes share: one puts them in, the other looks at the newest.

The newest picture wins and neither side waits. The writer goes round three places, so the reader has the time of two
more pictures to copy the one it looks at, and checks afterwards that it had. What it then does with the copy may take
longer.
"""

import os
from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from animecam.errors import SinkError
from animecam.types import Color, ColorMatrix, Frame, PixelFormat, planes_of

PLACES = 3
_FIELDS = 8  # numbers that describe one picture
_HEAD_FIELDS = 8  # numbers that describe all of them
_COUNT, _STATE = 0, 1  # places of the latter
_FORMATS = tuple(PixelFormat)
_MAX_CHANNELS = 3


class WindowState(IntEnum):
    """What the reader tells the writer."""

    OPENING = 0
    SHOWN = 1
    CLOSED = 2


@dataclass(frozen=True, slots=True)
class Viewport:
    """A file mapped into the memory of both processes.

    Attributes:
        head: int64 [8]: how many pictures were put in, and the reader's `WindowState`.
        about: int64 [3, 8]: what each place holds.
        pixels: uint8 [3, bytes]: the planes of each place, one after the other.
    """

    head: NDArray[np.int64]
    about: NDArray[np.int64]
    pixels: NDArray[np.uint8]

    @classmethod
    def create(cls, path: Path, width_px: int, height_px: int) -> "Viewport":
        """A new one for pictures up to a size.

        Raises:
            OSError: The file cannot be made, or there is no room for it.
        """
        size = (_HEAD_FIELDS + PLACES * _FIELDS) * 8 + PLACES * width_px * height_px * _MAX_CHANNELS
        with path.open("wb") as file:
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):  # else the system ends the process when a picture finds no room
                os.posix_fallocate(file.fileno(), 0, size)
        return cls.attach(path)

    @classmethod
    def attach(cls, path: Path) -> "Viewport":
        """The one that another process made.

        Raises:
            OSError: The file is not there.
        """
        memory: NDArray[np.uint8] = np.memmap(path, np.uint8, "r+")
        numbers = memory[: (_HEAD_FIELDS + PLACES * _FIELDS) * 8].view(np.int64)
        about = numbers[_HEAD_FIELDS:].reshape(PLACES, _FIELDS)
        return cls(numbers[:_HEAD_FIELDS], about, memory[numbers.nbytes :].reshape(PLACES, -1))

    @property
    def state(self) -> WindowState:
        """What the reader does."""
        return WindowState(int(self.head[_STATE]))

    def tell(self, state: WindowState) -> None:
        """Lets the writer know what the reader does."""
        self.head[_STATE] = state

    @property
    def count(self) -> int:
        """Pictures put in so far."""
        return int(self.head[_COUNT])

    def put(self, frame: Frame) -> None:
        """Puts a picture in, over the oldest.

        Raises:
            SinkError: It is larger than this viewport was made for.
        """
        count = self.count + 1
        pixels = self.pixels[count % PLACES]
        if sum(plane.size for plane in frame.planes) > pixels.size:
            raise SinkError(f"the picture grew to {frame.width_px}x{frame.height_px} pixels", hint="start again")
        start = 0
        for plane in frame.planes:
            pixels[start : start + plane.size].reshape(plane.shape)[...] = plane
            start += plane.size
        self.about[count % PLACES] = (
            _FORMATS.index(frame.pixel_format),
            frame.width_px,
            frame.height_px,
            frame.rotation_deg,
            frame.color.matrix,
            frame.color.full_range,
            *frame.pixel_aspect.as_integer_ratio(),
        )
        self.head[_COUNT] = count

    def newest(self) -> Frame:
        """The picture that was put in last; its planes change under the reader's eyes two pictures later."""
        count = self.count
        about = map(int, self.about[count % PLACES])
        format_index, width_px, height_px, rotation_deg, matrix, full_range, *aspect = about
        pixel_format = _FORMATS[format_index]
        return Frame(
            planes=planes_of(self.pixels[count % PLACES], pixel_format, width_px, height_px),
            pixel_format=pixel_format,
            color=Color(ColorMatrix(matrix), bool(full_range)),
            rotation_deg=rotation_deg,
            index=count,
            pts=count,
            time_base=Fraction(1),
            captured_ns=0,
            pixel_aspect=Fraction(*aspect),
        )

    def copy_newest(self) -> Frame | None:
        """The picture that was put in last, in memory of its own; None if the writer came round meanwhile."""
        frame = self.newest()
        copy = replace(frame, planes=tuple(np.array(plane) for plane in frame.planes))
        return None if self.was_overtaken(frame) else copy

    def was_overtaken(self, frame: Frame) -> bool:
        """Whether the writer may have begun to overwrite a frame from `newest`."""
        return self.count - frame.index >= PLACES - 1
