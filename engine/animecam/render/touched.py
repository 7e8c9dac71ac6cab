"""Which pixels of a frame a pasted region can touch: what is outside stays as it was, bit for bit."""

from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from animecam.affine import bounding_box
from animecam.render.masks import Mask
from animecam.types import Affine, Box, Frame, Plane, PlaneLayout, Region

GRID_TOLERANCE = 1 / 64
"""Samples by which rounding errors of a transform may cross a border unnoticed."""

MASK_REACH_PX = 1
"""Crop pixels around those where the mask is not 0 that interpolation still gives some of it."""


@dataclass(frozen=True, slots=True)
class PixelBox:
    """Whole frame pixels on the chroma grid: the only ones that a region can touch."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area_px(self) -> int:
        """Pixels in the box."""
        return (self.right - self.left) * (self.bottom - self.top)

    def of(self, plane: Plane, layout: PlaneLayout) -> Plane:
        """The box's samples of a plane, as a view."""
        rows = slice(self.top // layout.step_y, self.bottom // layout.step_y)
        return plane[rows, self.left // layout.step_x : self.right // layout.step_x]

    def size(self, layout: PlaneLayout) -> tuple[int, int]:
        """Samples of a plane in the box, across and down."""
        return (self.right - self.left) // layout.step_x, (self.bottom - self.top) // layout.step_y

    def cover(self, layout: PlaneLayout) -> tuple[int, int]:
        """Samples of a plane that cover the box, across and down; the last ones may reach beyond it."""
        return ceil((self.right - self.left) / layout.step_x), ceil((self.bottom - self.top) / layout.step_y)

    def start_in(self, other: "PixelBox", layout: PlaneLayout) -> tuple[int, int]:
        """Where the box begins in another one that it lies in, in samples of a plane, across and down."""
        return (self.left - other.left) // layout.step_x, (self.top - other.top) // layout.step_y

    def grown(self, by_px: int) -> "PixelBox":
        """The box with so many pixels more on every side, which may lie outside of the frame."""
        return PixelBox(self.left - by_px, self.top - by_px, self.right + by_px, self.bottom + by_px)

    def samples_to_frame(self, layout: PlaneLayout) -> Affine:
        """Maps continuous samples of `of` to continuous frame pixels."""
        return np.array([[layout.step_x, 0, self.left], [0, layout.step_y, self.top]], dtype=np.float64)


def filmed_box(frame: Frame) -> PixelBox:
    """The pixels of a frame that show what was filmed: all but its black bars."""
    left, top, width_px, height_px = frame.inset or (0, 0, frame.width_px, frame.height_px)
    return PixelBox(left, top, left + width_px, top + height_px)


def shown_box(mask: Mask) -> Box | None:
    """The crop pixels that a mask lets through, with those beside them; None if it lets nothing through."""
    columns = np.flatnonzero(mask.any(axis=0))
    if columns.size == 0:
        return None
    rows = np.flatnonzero(mask.any(axis=1))
    height, width = mask.shape
    return Box(
        max(int(columns[0]) - MASK_REACH_PX, 0),
        max(int(rows[0]) - MASK_REACH_PX, 0),
        min(int(columns[-1]) + 1 + MASK_REACH_PX, width),
        min(int(rows[-1]) + 1 + MASK_REACH_PX, height),
    )


def touched_box(frame: Frame, region: Region, shown: Box) -> PixelBox | None:
    """The pixels of a frame that crop pixels of a region reach; None if they lie outside of it.

    Args:
        frame: Where it is pasted.
        region: Where its crop lies.
        shown: The crop pixels, as `shown_box` finds them.
    """
    step_x = max(layout.step_x for layout in frame.pixel_format.planes)
    step_y = max(layout.step_y for layout in frame.pixel_format.planes)
    exact = bounding_box(region.to_frame, shown)
    left, right = max(_floor_to(exact.left, step_x), 0), min(_ceil_to(exact.right, step_x), frame.width_px)
    top, bottom = max(_floor_to(exact.top, step_y), 0), min(_ceil_to(exact.bottom, step_y), frame.height_px)
    return PixelBox(left, top, right, bottom) if left < right and top < bottom else None


def _floor_to(value: float, step: int) -> int:
    return floor(value / step + GRID_TOLERANCE) * step


def _ceil_to(value: float, step: int) -> int:
    return ceil(value / step - GRID_TOLERANCE) * step
