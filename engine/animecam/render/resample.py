"""Resampling of single planes by affine maps in continuous pixel coordinates (see types.py), area-correct.

OpenCV's `warpAffine` neither averages where the source is finer than the output nor counts from pixel edges; both are
mended here. Where the map is an upright (or quarter-turned) rectangle of whole pixels, it is resized instead of warped.
"""

from dataclasses import dataclass
from math import ceil, floor
from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.types import Affine

Samples = TypeVar("Samples", bound=NDArray[Any])

SHRINK_STEP = 1.25
"""Source pixels per output pixel from which the source is averaged first; below it bilinear aliasing is not seen."""

WHOLE_STEP = 3.0
"""From this step on the first average is over whole pixels, several times as fast; at most a third is left to do."""

PIXEL_TOLERANCE = 1 / 64
"""Pixels that a rectangle may be off the grid and still be resized; finer than the steps of `warpAffine` itself."""

CUBIC_STEP = 0.8
"""Source pixels per output pixel below which the source is magnified enough for bicubic interpolation to show."""

MARGIN_SAMPLES = 2
"""Samples kept around the needed ones, so that interpolation at the edge sees what lies beyond it (cubic: 2)."""


def resample(
    source: Samples,
    to_source: Affine,
    width_px: int,
    height_px: int,
    *,
    outside: int | None = None,
    cubic: bool = False,
) -> Samples:
    """Draws a picture from another through an affine map.

    Args:
        source: uint8 or float32, [H, W] or [H, W, C].
        to_source: Maps continuous output pixels to continuous source pixels.
        width_px: Width of the output.
        height_px: Height of the output.
        outside: Value beyond the source; None replicates its border.
        cubic: Magnify by bicubic interpolation instead of bilinear.

    Returns:
        [height_px, width_px] or [height_px, width_px, C] of the source's dtype, memory of its own.
    """
    rectangle = _find_rectangle(source, to_source, width_px, height_px)
    if rectangle is not None:
        return _resize_turned(source, rectangle, width_px, height_px, cubic=cubic)
    step_x, step_y = (float(np.hypot(*row)) for row in to_source[:, :2])
    if max(step_x, step_y) > SHRINK_STEP:
        source, to_source = _shrink(source, to_source, width_px, height_px, _block_px(step_x), _block_px(step_y))
    # OpenCV counts from pixel centres: the centre of output pixel 0 lies at continuous 0.5, and back.
    matrix = to_source.copy()
    matrix[:, 2] += to_source[:, :2] @ (0.5, 0.5) - 0.5
    is_magnified = max(step_x, step_y) < CUBIC_STEP
    warped = cv2.warpAffine(
        source,
        matrix,
        (width_px, height_px),
        flags=cv2.WARP_INVERSE_MAP | (cv2.INTER_CUBIC if cubic and is_magnified else cv2.INTER_LINEAR),
        borderMode=cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT,
        borderValue=(float(outside or 0),) * 4,
    )
    return cast(Samples, warped)


def bounding_rectangle(to_frame: Affine, width_px: int, height_px: int) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of where the map takes the rectangle from (0, 0) to (width_px, height_px)."""
    corners = np.array([[0, width_px, 0, width_px], [0, 0, height_px, height_px], [1, 1, 1, 1]], dtype=np.float64)
    x, y = to_frame @ corners
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def invert(affine: Affine) -> Affine:
    """The map that takes back what `affine` does."""
    return cast(Affine, cv2.invertAffineTransform(affine))


@dataclass(frozen=True, slots=True)
class _Rectangle:
    """Whole source pixels that the output shows, and how they are turned: transposed first, then flipped."""

    columns: slice
    rows: slice
    is_transposed: bool
    flip_x: bool
    flip_y: bool


def _find_rectangle(source: NDArray[Any], to_source: Affine, width_px: int, height_px: int) -> _Rectangle | None:
    """The rectangle that the output shows, or None if it is tilted, off the grid or beyond the source."""
    travel = np.abs(to_source[:, :2] * (width_px, height_px))  # source pixels along (rows) per output side (columns)
    if max(travel[0, 1], travel[1, 0]) <= PIXEL_TOLERANCE:
        is_transposed = False
    elif max(travel[0, 0], travel[1, 1]) <= PIXEL_TOLERANCE:
        is_transposed = True
    else:
        return None
    exact = np.array(bounding_rectangle(to_source, width_px, height_px))
    whole = np.rint(exact)
    left, top, right, bottom = (int(v) for v in whole)
    is_inside = 0 <= left < right <= source.shape[1] and 0 <= top < bottom <= source.shape[0]
    if not is_inside or np.abs(exact - whole).max() > PIXEL_TOLERANCE:
        return None
    along_x, along_y = (to_source[1, 0], to_source[0, 1]) if is_transposed else (to_source[0, 0], to_source[1, 1])
    return _Rectangle(slice(left, right), slice(top, bottom), is_transposed, bool(along_x < 0), bool(along_y < 0))


def _resize_turned(source: Samples, part: _Rectangle, width_px: int, height_px: int, *, cubic: bool) -> Samples:
    """Resizes and turns a rectangle of the source, turning whichever of the two has fewer pixels."""
    picture = source[part.rows, part.columns]
    if picture.shape[0] * picture.shape[1] < width_px * height_px:
        turned = _turn(picture, part)
        return cast(Samples, _resize(turned, width_px, height_px, cubic=cubic))
    size = (height_px, width_px) if part.is_transposed else (width_px, height_px)
    resized = _turn(_resize(picture, *size, cubic=cubic), part)
    return cast(Samples, resized.copy() if np.may_share_memory(resized, source) else resized)


def _turn(picture: NDArray[Any], part: _Rectangle) -> NDArray[Any]:
    if part.is_transposed:
        picture = cv2.transpose(picture)
    if part.flip_x and part.flip_y:
        return cv2.flip(picture, -1)
    if part.flip_x or part.flip_y:
        return cv2.flip(picture, 1 if part.flip_x else 0)
    return picture


def _resize(picture: NDArray[Any], width_px: int, height_px: int, *, cubic: bool) -> NDArray[Any]:
    """Averages along the sides that shrink, then interpolates along those that grow."""
    height, width = picture.shape[:2]
    smaller = (min(width, width_px), min(height, height_px))
    if smaller != (width, height):
        picture = cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA)
    if smaller != (width_px, height_px):
        method = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
        picture = cv2.resize(picture, (width_px, height_px), interpolation=method)
    return picture


def _block_px(step: float) -> float:
    """Source pixels to average into one before warping."""
    if step <= SHRINK_STEP:
        return 1.0
    return step if step < WHOLE_STEP else float(floor(step))


def _shrink(
    source: Samples, to_source: Affine, width_px: int, height_px: int, block_x: float, block_y: float
) -> tuple[Samples, Affine]:
    """Averages blocks of the part of the source that the output needs; returns it and the map into it."""
    left, top, right, bottom = bounding_rectangle(to_source, width_px, height_px)
    columns = _needed_samples(left, right, block_x, source.shape[1])
    rows = _needed_samples(top, bottom, block_y, source.shape[0])
    part = source[rows, columns]
    height, width = part.shape[:2]
    size = (max(1, round(width / block_x)), max(1, round(height / block_y)))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    scale = np.array([[size[0] / width], [size[1] / height]])
    moved = to_source - [[0, 0, columns.start], [0, 0, rows.start]]
    return cast(Samples, small), moved * scale


def _needed_samples(low: float, high: float, block: float, count: int) -> slice:
    """Samples from low to high with a margin, whole blocks where they fit, at least one, none beyond the source."""
    margin = MARGIN_SAMPLES * block
    start = min(max(floor(low - margin), 0), count - 1)
    blocks = ceil((high + margin - start) / block)
    stop = min(max(start + ceil(blocks * block), start + 1), count)
    return slice(start, stop)
