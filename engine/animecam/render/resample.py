"""Resampling of single planes by affine maps in continuous pixel coordinates (see types.py), area-correct.

OpenCV's `warpAffine` neither averages where the source is finer than the output nor counts from pixel edges; both are
mended here. Where the map is an upright (or quarter-turned) rectangle of whole pixels, it is resized instead of warped.
"""

from dataclasses import dataclass
from math import ceil, floor, hypot
from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.types import Affine, Box

Samples = TypeVar("Samples", bound=NDArray[Any])

SHRINK_FRACTION = 0.5
"""Source samples per output sample, above a whole number, from which blocks of one more are averaged before the warp:
1.5 is averaged by two. Fractions of samples cost ten times as much, and the aliasing left is not seen in pictures."""

HALVED_STEP = 3.5
"""Source samples per output sample, from which blocks are even: OpenCV averages 2 x 2 samples in a tenth of the time of
other blocks, so they come first. A crop of 256 pixels is cut from a 2160p frame in a third of the time."""

SHARP_ENLARGEMENT = 2
"""Bicubic enlargement before a bilinear warp. Against a spline it gives 42 dB where bilinear alone gives 36 and a
bicubic warp 45, for 0.2 ms at 256 x 256; a bicubic warp takes three times as long as a bilinear one."""

HALF = 2  # so many samples are averaged across and down

PIXEL_TOLERANCE = 1 / 64
"""Samples that a rectangle may be off the grid and still be resized; finer than the steps of `warpAffine` itself."""

MARGIN_BLOCKS = 2
"""Averaged samples kept around the needed ones, so that interpolation at the edge sees what lies beyond it."""


def resample(
    source: Samples,
    to_source: Affine,
    width_px: int,
    height_px: int,
    *,
    outside: int | None = None,
    sharp: bool = False,
    is_inner: bool = False,
) -> Samples:
    """Draws a picture from another through an affine map.

    Args:
        source: uint8 or float32, [H, W] or [H, W, C].
        to_source: Maps continuous output pixels to continuous source pixels.
        width_px: Width of the output.
        height_px: Height of the output.
        outside: Value beyond the source; None replicates its border.
        sharp: Interpolate by bicubics instead of bilinearly; meant for whole pictures (the whole source is enlarged).
        is_inner: No sample that will show lies within a sample of the source's border: what is beyond may be anything
            where no blocks are averaged, which saves a fifth of a warp's time.

    Returns:
        [height_px, width_px] or [height_px, width_px, C] of the source's dtype, memory of its own.
    """
    rectangle = _find_rectangle(source, to_source, width_px, height_px)
    if rectangle is not None:
        return _resize_turned(source, rectangle, width_px, height_px, sharp=sharp)
    blocks = plan_blocks(source.shape[1], source.shape[0], to_source, width_px, height_px)
    if blocks.is_averaging:
        source, to_source = _average(source, blocks, outside), blocks.to_blocks
        return _warp(source, to_source, width_px, height_px, outside)
    if sharp:
        size = (source.shape[1] * SHARP_ENLARGEMENT, source.shape[0] * SHARP_ENLARGEMENT)
        source = cast(Samples, cv2.resize(source, size, interpolation=cv2.INTER_CUBIC))
        to_source = to_source * SHARP_ENLARGEMENT
    return _warp(source, to_source, width_px, height_px, 0 if is_inner else outside)


@dataclass(frozen=True, slots=True)
class Blocks:
    """How a source is averaged before it is warped: into blocks of whole samples, where it is finer than the output.

    Attributes:
        columns: Source samples that are averaged across, beyond the source where that is needed.
        rows: The same down.
        across: Samples of a block across.
        down: Samples of a block down.
        to_blocks: Maps continuous output pixels to continuous blocks.
    """

    columns: range
    rows: range
    across: int
    down: int
    to_blocks: Affine

    @property
    def is_averaging(self) -> bool:
        """Whether blocks are more than single samples."""
        return max(self.across, self.down) > 1


def plan_blocks(source_width: int, source_height: int, to_source: Affine, width_px: int, height_px: int) -> Blocks:
    """Decides which samples of a source are averaged into one for an output.

    Args:
        source_width: Samples of the source across.
        source_height: Samples of the source down.
        to_source: Maps continuous output pixels to continuous source pixels.
        width_px: Width of the output.
        height_px: Height of the output.
    """
    across, down = (_block_samples(hypot(along, aside)) for along, aside, _ in to_source.tolist())
    if max(across, down) == 1:
        return Blocks(range(source_width), range(source_height), 1, 1, to_source)
    needed = bounding_box(to_source, Box(0, 0, width_px, height_px))
    columns = _needed_samples(needed.left, needed.right, across, source_width)
    rows = _needed_samples(needed.top, needed.bottom, down, source_height)
    moved = to_source - [[0, 0, columns.start], [0, 0, rows.start]]
    return Blocks(columns, rows, across, down, moved / [[across], [down]])


def from_centres(affine: Affine) -> Affine:
    """The same map between positions counted from the middle of the first pixel, as OpenCV and indices count."""
    moved = affine.copy()
    moved[:, 2] += affine[:, :2] @ (0.5, 0.5) - 0.5
    return moved


def enlarged(samples: Samples, across: int, down: int) -> Samples:
    """A picture of whole times the samples, interpolated bilinearly.

    Args:
        samples: uint8 or float32, [H, W] or [H, W, C].
        across: How many are made of each, across.
        down: The same down.
    """
    size = (samples.shape[1] * across, samples.shape[0] * down)
    return cast(Samples, cv2.resize(samples, size, interpolation=cv2.INTER_LINEAR))


def _warp(source: Samples, to_source: Affine, width_px: int, height_px: int, outside: int | None) -> Samples:
    """Bilinear samples of the source."""
    warped = cv2.warpAffine(
        source,
        from_centres(to_source),
        (width_px, height_px),
        flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT,
        borderValue=(float(outside or 0),) * 4,
    )
    return cast(Samples, warped)


def bounding_box(affine: Affine, box: Box) -> Box:
    """The smallest upright box around the image of `box` under an affine map."""
    edges: list[tuple[float, float]] = []  # in plain numbers: arrays of four take ten times as long
    for across, down, shift in affine.tolist():
        by_x = sorted((across * box.left, across * box.right))
        by_y = sorted((down * box.top, down * box.bottom))
        edges.append((by_x[0] + by_y[0] + shift, by_x[1] + by_y[1] + shift))
    (left, right), (top, bottom) = edges
    return Box(left, top, right, bottom)


def invert(affine: Affine) -> Affine:
    """The map that takes back what `affine` does."""
    return cast(Affine, cv2.invertAffineTransform(affine))


def chain(outer: Affine, inner: Affine) -> Affine:
    """The map that applies `inner` first, then `outer`."""
    joined = outer[:, :2] @ inner
    joined[:, 2] += outer[:, 2]
    return joined


@dataclass(frozen=True, slots=True)
class _Rectangle:
    """Whole source samples that the output shows, and how they are turned: transposed first, then flipped."""

    columns: slice
    rows: slice
    is_transposed: bool
    flip_x: bool
    flip_y: bool


def _find_rectangle(source: NDArray[Any], to_source: Affine, width_px: int, height_px: int) -> _Rectangle | None:
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
    return _Rectangle(slice(left, right), slice(top, bottom), is_transposed, along_x < 0, along_y < 0)


def _resize_turned(source: Samples, part: _Rectangle, width_px: int, height_px: int, *, sharp: bool) -> Samples:
    """Resizes and turns a rectangle of the source, turning whichever of the two has fewer samples."""
    picture = source[part.rows, part.columns]
    if picture.shape[0] * picture.shape[1] < width_px * height_px:
        return cast(Samples, _resize(_turn(picture, part), width_px, height_px, sharp=sharp))
    size = (height_px, width_px) if part.is_transposed else (width_px, height_px)
    turned = _turn(_resize(picture, *size, sharp=sharp), part)
    return cast(Samples, turned.copy() if np.may_share_memory(turned, source) else turned)


def _turn(picture: NDArray[Any], part: _Rectangle) -> NDArray[Any]:
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
        # Whole samples first where they divide the side: the rest then costs little, see SHRINK_FRACTION.
        even = (_largest_divisor(width, width / smaller[0]), _largest_divisor(height, height / smaller[1]))
        picture = _average_whole(picture, width // even[0], height // even[1])
        picture = cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA)
    if smaller != (width_px, height_px):
        method = cv2.INTER_CUBIC if sharp else cv2.INTER_LINEAR
        picture = cv2.resize(picture, (width_px, height_px), interpolation=method)
    return picture


def _halves(length: int, smallest: int) -> bool:
    """Whether halving leaves whole samples for the rest."""
    return length > smallest and length % (HALF * smallest) == 0


def _largest_divisor(length: int, limit: float) -> int:
    """The largest whole number up to the limit that divides the length."""
    return next(divisor for divisor in range(floor(limit), 0, -1) if length % divisor == 0)


def _average_whole(picture: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Averages whole samples, pairs of them first: only once, as OpenCV rounds their halves up."""
    if _halves(picture.shape[1], width) and _halves(picture.shape[0], height):
        size = (picture.shape[1] // HALF, picture.shape[0] // HALF)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if picture.shape[1::-1] != (width, height):
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return picture


def _block_samples(step: float) -> int:
    """How many source samples to average into one before warping, given those per output sample."""
    if step >= HALVED_STEP:
        return HALF * floor(step / HALF + 1.0 - SHRINK_FRACTION)
    return max(floor(step + 1.0 - SHRINK_FRACTION), 1)


def _average(source: Samples, blocks: Blocks, outside: int | None) -> Samples:
    """Averages the blocks of a source."""
    part = _cut(source, blocks.columns, blocks.rows, outside)
    size = (len(blocks.columns) // blocks.across, len(blocks.rows) // blocks.down)
    return cast(Samples, _average_whole(part, *size))


def _needed_samples(low: float, high: float, block: int, count: int) -> range:
    """Samples from low to high with a margin, in whole blocks: at least one sample of the source, and where samples
    beyond it are needed, at least one whole block of those, so that what is replicated later is what lies outside.
    """
    margin = MARGIN_BLOCKS * block
    start = min(max(floor(low - margin), -block), count - 1)
    stop = max(min(ceil(high + margin), count + block), 1)
    return range(start, start + max(ceil((stop - start) / block), 1) * block)


def _cut(source: NDArray[Any], columns: range, rows: range, outside: int | None) -> NDArray[Any]:
    """Samples of the source; those beyond it are made."""
    height, width = source.shape[:2]
    part = source[max(rows.start, 0) : rows.stop, max(columns.start, 0) : columns.stop]
    above, below = max(-rows.start, 0), max(rows.stop - height, 0)
    before, after = max(-columns.start, 0), max(columns.stop - width, 0)
    if not (above or below or before or after):
        return part
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    return cv2.copyMakeBorder(part, above, below, before, after, border, value=(float(outside or 0),) * 4)
