"""Resampling of upright (or quarter-turned) rectangles of whole pixels, which are resized instead of warped."""

from dataclasses import dataclass
from math import floor
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.affine import bounding_box
from animecam.types import Affine, Box

HALF = 2  # so many samples are averaged across and down

BLURRED = (3, 5)
"""Sides of blocks of bytes whose means OpenCV finds sooner for every sample than for one in each block: in half of the
time, and the same to the last bit, as means of odd numbers of bytes are never halves."""

PIXEL_TOLERANCE = 1 / 64
"""Samples that a rectangle may be off the grid and still be resized; finer than the steps of `warpAffine` itself."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Whole source samples that the output shows, and how they are turned: transposed first, then flipped."""

    columns: slice
    rows: slice
    is_transposed: bool
    flip_x: bool
    flip_y: bool


def find_rectangle(source: NDArray[Any], to_source: Affine, width_px: int, height_px: int) -> Rectangle | None:
    """The rectangle that the output shows, or None if it is tilted, off the grid or beyond the source."""
    (xx, xy, _), (yx, yy, _) = to_source.tolist()
    # Source samples along (x, y) per output side (across, down).
    travel = ((abs(xx) * width_px, abs(xy) * height_px), (abs(yx) * width_px, abs(yy) * height_px))
    is_transposed = travel[0][1] > travel[0][0]
    tilt = max(travel[0][0], travel[1][1]) if is_transposed else max(travel[0][1], travel[1][0])
    if tilt > PIXEL_TOLERANCE:
        return None
    exact = bounding_box(to_source, Box(0, 0, width_px, height_px))
    whole = tuple(round(edge) for edge in exact)
    if max(abs(edge - near) for edge, near in zip(exact, whole, strict=True)) > PIXEL_TOLERANCE:
        return None
    left, top, right, bottom = whole
    if not (0 <= left < right <= source.shape[1] and 0 <= top < bottom <= source.shape[0]):
        return None
    along_x, along_y = (yx, xy) if is_transposed else (xx, yy)
    return Rectangle(slice(left, right), slice(top, bottom), is_transposed, along_x < 0, along_y < 0)


def resize_turned(source: NDArray[Any], part: Rectangle, width_px: int, height_px: int, *, sharp: bool) -> NDArray[Any]:
    """Resizes and turns a rectangle of the source, turning whichever of the two has fewer samples."""
    picture = source[part.rows, part.columns]
    if picture.shape[0] * picture.shape[1] < width_px * height_px:
        return _resize(_turn(picture, part), width_px, height_px, sharp=sharp)
    size = (height_px, width_px) if part.is_transposed else (width_px, height_px)
    turned = _turn(_resize(picture, *size, sharp=sharp), part)
    return turned.copy() if np.may_share_memory(turned, source) else turned


def _turn(picture: NDArray[Any], part: Rectangle) -> NDArray[Any]:
    if part.is_transposed:
        picture = cv2.transpose(picture)
    if part.flip_x and part.flip_y:
        return cv2.flip(picture, -1)
    if part.flip_x or part.flip_y:
        return cv2.flip(picture, 1 if part.flip_x else 0)
    return picture


def _resize(picture: NDArray[Any], width_px: int, height_px: int, *, sharp: bool) -> NDArray[Any]:
    """Averages along the sides that shrink, then interpolates along those that grow."""
    height, width = picture.shape[:2]
    smaller = (min(width, width_px), min(height, height_px))
    if smaller != (width, height):
        picture = _halved(picture, *smaller)
        height, width = picture.shape[:2]
        # Whole samples first where they divide the side: averages of fractions cost ten times as much a sample.
        whole = (_divisor(width, width / smaller[0]), _divisor(height, height / smaller[1]))
        picture = average_whole(picture, width // whole[0], height // whole[1])
        picture = cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA)
    if smaller != (width_px, height_px):
        method = cv2.INTER_CUBIC if sharp else cv2.INTER_LINEAR
        picture = cv2.resize(picture, (width_px, height_px), interpolation=method)
    return picture


def _halved(picture: NDArray[Any], width_px: int, height_px: int) -> NDArray[Any]:
    """Means of 2 x 2 samples, again and again, while there are twice as many as wanted and they come in pairs.

    OpenCV takes a tenth of the time of other means for them, and rounds halves up: each pass adds 1/8 of a level.
    """
    while True:
        height, width = picture.shape[:2]
        if width % HALF or height % HALF or width < HALF * width_px or height < HALF * height_px:
            return picture
        picture = cv2.resize(picture, (width // HALF, height // HALF), interpolation=cv2.INTER_AREA)


def _halves(length: int, smallest: int) -> bool:
    """Whether halving leaves whole samples for the rest."""
    return length > smallest and length % (HALF * smallest) == 0


def _divisor(length: int, limit: float) -> int:
    """A whole number up to the limit that divides the length: an even one above half the limit, else the largest."""
    divisors = [divisor for divisor in range(floor(limit), 0, -1) if length % divisor == 0]
    return next((divisor for divisor in divisors if divisor % HALF == 0 and divisor > limit / 2), divisors[0])


def average_whole(picture: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Averages whole samples, pairs of them first: once, as the kernels for GPUs do (OpenCV rounds halves up)."""
    if _halves(picture.shape[1], width) and _halves(picture.shape[0], height):
        size = (picture.shape[1] // HALF, picture.shape[0] // HALF)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if picture.shape[1::-1] == (width, height):
        return picture
    side = next((side for side in BLURRED if picture.shape[:2] == (height * side, width * side)), None)
    if side is not None and picture.dtype == np.uint8:
        means = cv2.blur(picture, (side, side))
        return np.ascontiguousarray(means[side // 2 :: side, side // 2 :: side])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
