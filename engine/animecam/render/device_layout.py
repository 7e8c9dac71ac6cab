"""One frame's work as the kernels read it: the structures of kernels/job.cuh, field by field."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from animecam.cuda.dlpack import Rows
from animecam.render.light import (
    DARKEST_LEVEL,
    DARKEST_OF_MIDDLE,
    LIT_LEVEL,
    LIT_MIDDLE_LEVEL,
    LOOKED_AT_PX,
)
from animecam.types import PixelFormat, Plane, planes_of

Record: TypeAlias = NDArray[Any]
"""Structured records of one of the dtypes below."""

CHANNEL = np.dtype([("first", "u8"), ("row", "i4"), ("step", "i4"), ("width", "i4"), ("height", "i4")], align=True)

SAMPLER = np.dtype(
    [("to_blocks", "f4", (2, 3)), ("block", "i4", 2), ("start", "i4", 2), ("blocks", "i4", 2)], align=True
)

LIGHT = np.dtype(
    [
        ("cells", "i4", LIT_LEVEL - DARKEST_LEVEL + 1),
        ("middle_cells", "i4", LIT_MIDDLE_LEVEL - DARKEST_OF_MIDDLE + 1),
        ("has_color", "i4"),
        ("level", "i4"),
        ("middle", "i4"),
        ("luma", "u1", LOOKED_AT_PX * LOOKED_AT_PX),
    ],
    align=True,
)

FACE = np.dtype(
    [
        ("crop", SAMPLER, 2),
        ("picture", SAMPLER, 2),
        ("cover", SAMPLER, 2),
        ("filmed", "u8"),
        ("filmed_before", "u8"),
        ("drawn", "u8"),
        ("drawn_before", "u8"),
        ("styled", "u8"),
        ("doubled", "u8"),
        ("change", "u8"),
        ("mask", "u8"),
        ("share", "u8"),
        ("sums", "u8"),
        ("light", "u8"),
        ("offset", "u8"),
        ("offset_before", "u8"),
        ("follow", "f4"),
        ("gain", "f4"),
        ("has_before", "i4"),
        ("has_rivals", "i4"),
        ("is_sharp", "i4", 2),
        ("every", "i4", 2),
        ("box", "i4", 4),
        ("tiles_across", "i4", 2),
        ("first_tile", "i4", 2),
    ],
    align=True,
)

JOB = np.dtype(
    [
        ("channels", CHANNEL, 3),
        ("claims", "u8"),
        ("ring", "u8"),
        ("reach", "u8"),
        ("to_rgb", "f4", (3, 4)),
        ("from_rgb", "f4", (3, 4)),
        ("levels_to_offset", "f4", (3, 3)),
        ("offset_to_levels", "f4", (3, 3)),
        ("limits", "f4", 3),
        ("keep", "f4"),
        ("moved", "f4"),
        ("slope", "f4"),
        ("strength", "f4"),
        ("spread", "i4"),
        ("is_yuv", "i4"),
        ("faces", "i4"),
        ("size", "i4", 2),
        ("step", "i4", 2),
        ("tiles", "i4"),
    ],
    align=True,
)

ALIGNMENT = 256
"""Parts of a block begin at multiples of this, as memory on a GPU does."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """What the frames of a stream have in common, and with it the size of everything that holds one."""

    pixel_format: PixelFormat
    width_px: int
    height_px: int

    @property
    def nbytes(self) -> int:
        """Bytes of a frame whose planes follow one another without gaps, as `planes_of` finds them."""
        return sum(height * row for _, height, row in self._rows())

    def planes(self, block: NDArray[np.uint8]) -> tuple[Plane, ...]:
        """The planes of a frame as views of a block of `nbytes`."""
        return planes_of(block, self.pixel_format, self.width_px, self.height_px)

    def rows(self, address: int) -> tuple[Rows, ...]:
        """Where the planes of a frame lie whose block begins at an address."""
        return tuple(Rows(address + first, row, row, height) for first, height, row in self._rows())

    @property
    def chroma_step(self) -> tuple[int, int]:
        """Frame pixels per chroma sample, across and down; (1, 1) for RGB."""
        layout = self.pixel_format.planes[-1]
        return layout.step_x, layout.step_y

    def _rows(self) -> list[tuple[int, int, int]]:
        """First byte, rows and bytes per row of each plane."""
        rows: list[tuple[int, int, int]] = []
        first = 0
        for layout in self.pixel_format.planes:
            height, row = self.height_px // layout.step_y, self.width_px // layout.step_x * layout.channels
            rows.append((first, height, row))
            first += height * row
        return rows


def channels_of(pixel_format: PixelFormat, planes: Sequence[Rows]) -> Record:
    """Where the three channels of a frame lie, [3] of CHANNEL.

    Args:
        pixel_format: Of the frame.
        planes: Where its planes lie.
    """
    channels = [
        (plane.address + channel, plane.pitch, layout.channels, plane.width // layout.channels, plane.height)
        for plane, layout in zip(planes, pixel_format.planes, strict=True)
        for channel in range(layout.channels)
    ]
    return np.array(channels, dtype=CHANNEL)


@dataclass(frozen=True, slots=True)
class BlockLayout:
    """Where everything of one frame lies in one block of memory: one copy brings all of it to the GPU.

    Attributes:
        geometry: Of the frame, which comes first: what is copied back is the beginning of the block.
        most_faces: So many faces fit.
    """

    geometry: Geometry
    most_faces: int

    @property
    def job(self) -> int:
        """Where the one `JOB` begins."""
        return aligned(self.geometry.nbytes)

    @property
    def faces(self) -> int:
        """Where the `FACE`s begin."""
        return aligned(self.job + JOB.itemsize)

    @property
    def claims(self) -> int:
        """Where the `SAMPLER`s of overlaps begin."""
        return aligned(self.faces + self.most_faces * FACE.itemsize)

    @property
    def nbytes(self) -> int:
        """Size of the block."""
        return self.claims + self.most_faces**2 * SAMPLER.itemsize


def aligned(nbytes: int) -> int:
    """The next multiple of `ALIGNMENT`."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT
