"""Where the pixels of a picture lie on a face, told from its eyes and mouth.

What lies aside is counted in distances of the eyes, what lies up or down in distances from the eyes to the mouth.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

CHEEKS = (0.75, -0.05, 0.45)
"""Where skin is looked at: how far to either side of the face's axis, from and to which depth below the eyes."""

FACE_MIDDLE = 0.35
"""Depth of the face's middle below the eyes."""

FACE_ACROSS, FACE_UP = 0.98, 1.1
"""Radii of the face's upper half about that middle."""

JAW_ACROSS, JAW = 1.3, (0.3, 0.9)
"""The face's radius grows to this between these depths and keeps it down to the neck: in the shade of a jaw skin looks
like hair."""

SMALLEST_PX = 2.0
"""Distances in a picture, below which nothing can be told."""


@dataclass(frozen=True, slots=True)
class FaceGrid:
    """Where pixels lie on a face.

    Attributes:
        aside: How far beside its axis, [H, W].
        along: How far down, 0 at the eyes and 1 at the mouth, [H, W].
        area_px: Area of the rectangle of both distances, in pixels.
    """

    aside: Floats
    along: Floats
    area_px: float

    @property
    def are_cheeks(self) -> NDArray[np.bool_]:
        """Which pixels are of the cheeks, [H, W]."""
        return (self.aside < CHEEKS[0]) & (self.along > CHEEKS[1]) & (self.along < CHEEKS[2])

    @property
    def from_middle(self) -> Floats:
        """How far from the face's middle pixels lie, in its radii, [H, W]."""
        across = FACE_ACROSS + (JAW_ACROSS - FACE_ACROSS) * rise(self.along, *JAW)
        return np.hypot(self.aside / across, np.minimum(self.along - np.float32(FACE_MIDDLE), 0.0) / FACE_UP)

    @classmethod
    def of(cls, points: NDArray[np.float64], width_px: int, height_px: int) -> "FaceGrid | None":
        """The grid of a face in a picture.

        Args:
            points: Eyes, nose and mouth in pixels, [4, 2].
            width_px: Width of the picture.
            height_px: Its height.

        Returns:
            None for a face of a few pixels, seen from the side, or without a cheek in the picture.
        """
        eyes, mouth = (points[0] + points[1]) / 2, points[3]
        apart_px, length_px = float(np.linalg.norm(points[1] - points[0])), float(np.linalg.norm(mouth - eyes))
        if min(apart_px, length_px) < SMALLEST_PX:
            return None
        down_x, down_y = (mouth - eyes) / length_px
        x = np.arange(width_px, dtype=np.float32)[None, :] + np.float32(0.5 - eyes[0])
        y = np.arange(height_px, dtype=np.float32)[:, None] + np.float32(0.5 - eyes[1])
        along = x * np.float32(down_x / length_px) + y * np.float32(down_y / length_px)
        aside = np.abs(x * np.float32(down_y / apart_px) - y * np.float32(down_x / apart_px))
        grid = cls(aside.astype(np.float32, copy=False), along.astype(np.float32, copy=False), apart_px * length_px)
        return grid if grid.are_cheeks.any() else None


def rise(value: Floats, start: float, stop: float) -> Floats:
    """0 up to `start`, 1 from `stop` on, straight between."""
    return np.clip((value - start) / (stop - start), 0.0, 1.0)
