"""Pictures of a film that are of another size than its first one, or turned otherwise: made to be like that."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar, cast

import cv2
import numpy as np
from av.video.reformatter import Interpolation

from animecam.bars import Inset, inset
from animecam.color import CHROMA_ZERO, NARROW_BLACK
from animecam.types import PixelFormat, Plane, allocate_planes

CHROMA_STEP = 2  # coarsest of the pixel formats that travel through the pipeline
QUARTER_TURN_DEG, HALF_TURN_DEG, FULL_TURN_DEG = 90, 180, 360
SCALING = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""How pictures of another size are scaled; the flags keep colours within 3 levels, where they would be off by 5."""

_Side = TypeVar("_Side", int, float)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a picture is stored.

    Attributes:
        width_px: Width of the stored picture.
        height_px: Height of the stored picture.
        rotation_deg: As in `Frame`.
        pixel_aspect: As in `StreamFormat`.
    """

    width_px: int
    height_px: int
    rotation_deg: int = 0
    pixel_aspect: Fraction = Fraction(1)

    def in_planes(self, pixel_format: PixelFormat) -> "Shape":
        """As planes of a format hold it: those with chroma have even sides."""
        if not pixel_format.is_yuv:
            return self
        width_px, height_px = (side + side % CHROMA_STEP for side in (self.width_px, self.height_px))
        return Shape(width_px, height_px, self.rotation_deg, self.pixel_aspect)

    @property
    def upright_px(self) -> tuple[int, int]:
        """Width and height once it is turned."""
        return _turned(self.width_px, self.height_px, self.rotation_deg)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a picture becomes one of another shape: scaled, turned, and put between black bars.

    Attributes:
        into: What it is to be like.
        place: Where it lies in there.
        turn_deg: Counter-clockwise turn before that, so that what is left to turn is as much as of the other.
    """

    into: Shape
    place: Inset
    turn_deg: int

    @property
    def inset(self) -> Inset | None:
        """As in `Frame`."""
        is_all = self.place[2:] == (self.into.width_px, self.into.height_px)
        return None if is_all else self.place

    @property
    def scaled_px(self) -> tuple[int, int]:
        """Width and height to which it is scaled before it is turned."""
        return _turned(self.place.width_px, self.place.height_px, self.turn_deg)

    def scaled_format(self, pixel_format: PixelFormat) -> PixelFormat:
        """Of what format it is to be before it is turned, when it is to be of another in the end."""
        if pixel_format is PixelFormat.YUV422P and self.turn_deg % HALF_TURN_DEG:
            return PixelFormat.YUV444P  # a quarter turn would have its chroma halved in height
        return pixel_format

    def placed(self, planes: tuple[Plane, ...], pixel_format: PixelFormat, *, is_full: bool) -> tuple[Plane, ...]:
        """The planes of the whole picture, read-only.

        Args:
            planes: Of the scaled picture.
            pixel_format: Of the result.
            is_full: Codes of luma count in full range.
        """
        framed, _ = allocate_planes(pixel_format, self.into.width_px, self.into.height_px)
        left, top, across, down = self.place
        for number, (layout, plane, into) in enumerate(zip(pixel_format.planes, planes, framed, strict=True)):
            into[...] = _black(pixel_format, number, is_full=is_full)
            part = np.rot90(plane, self.turn_deg // QUARTER_TURN_DEG)
            size = (across // layout.step_x, down // layout.step_y)
            if part.shape[1::-1] != size:
                part = cast(Plane, cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_AREA))
            x, y = left // layout.step_x, top // layout.step_y
            into[y : y + size[1], x : x + size[0]] = part
            into.flags.writeable = False
        return framed


def find_fit(shape: Shape, into: Shape, pixel_format: PixelFormat) -> Fit | None:
    """How a picture becomes one of another shape; None where it is of that shape.

    Pixels of another aspect count only where the size changes: films say wrong things about it on the way.

    Args:
        shape: How it is stored.
        into: What it is to be like.
        pixel_format: Of both.
    """
    shape, into = shape.in_planes(pixel_format), into.in_planes(pixel_format)
    size_px, into_px = (shape.width_px, shape.height_px), (into.width_px, into.height_px)
    turn_deg = (shape.rotation_deg - into.rotation_deg) % FULL_TURN_DEG
    if size_px == into_px and not turn_deg:
        return None
    across, down = _turned(float(shape.width_px * shape.pixel_aspect), float(shape.height_px), turn_deg)
    step_px = CHROMA_STEP if pixel_format.is_yuv else 1
    return Fit(into, inset(across / float(into.pixel_aspect), down, into_px, step_px=step_px), turn_deg)


def _turned(width: _Side, height: _Side, turn_deg: int) -> tuple[_Side, _Side]:
    """Width and height after a turn by quarters."""
    return (height, width) if turn_deg % HALF_TURN_DEG else (width, height)


def _black(pixel_format: PixelFormat, plane: int, *, is_full: bool) -> int:
    """The code of black in a plane."""
    if not pixel_format.is_yuv:
        return 0
    if plane:
        return round(CHROMA_ZERO)
    return 0 if is_full else round(NARROW_BLACK)
