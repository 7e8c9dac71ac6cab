"""Resampling of single planes by affine maps in continuous pixel coordinates (see types.py), area-correct.

OpenCV's `warpAffine` neither averages where the source is finer than the output nor counts from pixel edges; both are
mended here. Where the map is an upright rectangle of whole pixels, it is resized instead of warped (`upright.py`).
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, floor, hypot
from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.affine import bounding_box, from_centres
from animecam.render.upright import HALF, average_whole, find_rectangle, resize_turned
from animecam.types import Affine, Box

Samples = TypeVar("Samples", bound=NDArray[Any])

BLOCKS_STEP = 3.2
"""Source samples per output sample for each pair in the side of the blocks that are averaged before the warp, which
takes about two of them itself. Against exact means of what an output sample covers, pictures get 35 to 41 dB so; where
blocks are as large as that they lose 3 to 8 dB, as they are averaged once more. Blocks are even: OpenCV averages 2 x 2
samples in a tenth of the time of other blocks."""

COARSE_STEP = 1.3
"""Samples of a picture drawn coarser for each of its source, at least, where it is enlarged by bicubics afterwards. To
warp a pixel takes four times as long as to enlarge one. Against a spline a drawn head gets 44 to 46 dB so and 45 when
all of it is warped, hard lines up to 1.4 dB less; both keep a little more of their sharpness."""

SHARP_ENLARGEMENT = 2
"""Bicubic enlargement before a bilinear warp. Against a spline it gives 42 dB where bilinear alone gives 36 and a
bicubic warp 45, for 0.2 ms at 256 x 256; a bicubic warp takes three times as long as a bilinear one."""

BICUBIC_REACH = 2
"""Samples on either side of a pixel that bicubics take."""

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
            where no more than pairs are averaged, which saves a fifth of a warp's time.

    Returns:
        [height_px, width_px] or [height_px, width_px, C] of the source's dtype, memory of its own.
    """
    ready = make_ready(source, to_source, width_px, height_px, outside=outside, sharp=sharp, is_inner=is_inner)
    return cast(Samples, ready.part(0, 0, width_px, height_px))


@dataclass(frozen=True, slots=True)
class Ready:
    """A source that is as fine as its output: all that is left is to warp it, in one go or part by part.

    Attributes:
        source: Its samples.
        to_source: Maps output pixels to those, both counted from the middle of the first one; None: they are the same.
        outside: Value beyond the source; None replicates its border.
        every: The output is warped with every so manyth pixel, across and down, and enlarged; `to_source` is of those.
    """

    source: NDArray[Any]
    to_source: Affine | None
    outside: int | None = None
    every: int = 1

    def part(self, left: int, top: int, width_px: int, height_px: int) -> NDArray[Any]:
        """Samples of a part of the output."""
        if self.to_source is None:
            return self.source[top : top + height_px, left : left + width_px]
        if self.every == 1:
            return self._warped(self.to_source, left, top, width_px, height_px)
        columns, rows = (_reaching(start, side, self.every) for start, side in ((left, width_px), (top, height_px)))
        coarse = self._warped(self.to_source, columns.start, rows.start, len(columns), len(rows))
        size = (len(columns) * self.every, len(rows) * self.every)
        fine = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
        left, top = left - columns.start * self.every, top - rows.start * self.every
        return fine[top : top + height_px, left : left + width_px]

    def _warped(self, to_source: Affine, left: int, top: int, width_px: int, height_px: int) -> NDArray[Any]:
        to_source = to_source.copy()
        to_source[:, 2] += to_source[:, 0] * left + to_source[:, 1] * top
        return cv2.warpAffine(
            self.source,
            to_source,
            (width_px, height_px),
            flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE if self.outside is None else cv2.BORDER_CONSTANT,
            borderValue=(float(self.outside or 0),) * 4,
        )


def make_ready(
    source: NDArray[Any],
    to_source: Affine,
    width_px: int,
    height_px: int,
    *,
    outside: int | None = None,
    sharp: bool = False,
    is_inner: bool = False,
    is_picture: bool = False,
) -> Ready:
    """Resizes, averages or enlarges a source as an output needs it.

    Args:
        source: As for `resample`, and so are those that are not named here.
        to_source: Maps continuous output pixels to continuous source pixels.
        width_px: Width of the output.
        height_px: Height of the output.
        outside: Value beyond the source.
        sharp: Interpolate by bicubics.
        is_inner: What lies beyond the source may be anything.
        is_picture: Where it is enlarged a lot, all but the beginning of that may be done by bicubics.
    """
    rectangle = find_rectangle(source, to_source, width_px, height_px)
    if rectangle is not None:
        return Ready(resize_turned(source, rectangle, width_px, height_px, sharp=sharp), None)
    blocks = plan_blocks(source.shape[1], source.shape[0], to_source, width_px, height_px)
    if blocks.is_averaging:
        beyond = outside
        if is_inner and blocks.are_halves_of(source):
            blocks, beyond = blocks.within(source, to_source), 0
        return Ready(_average(source, blocks, outside), from_centres(blocks.to_blocks), beyond)
    every = coarseness(to_source) if is_picture else 1
    if sharp:
        size = (source.shape[1] * SHARP_ENLARGEMENT, source.shape[0] * SHARP_ENLARGEMENT)
        source = cv2.resize(source, size, interpolation=cv2.INTER_CUBIC)
        to_source = to_source * SHARP_ENLARGEMENT
    coarser = to_source * [[every, every, 1]]
    return Ready(source, from_centres(coarser), 0 if is_inner else outside, every)


def coarseness(to_source: Affine) -> int:
    """With every how manyth pixel, across and down, a picture may be warped that is enlarged: 1, 2, 4 ..."""
    most, every = 1.0 / max(hypot(*column) for column in to_source[:, :2].T.tolist()), 1
    while most >= COARSE_STEP * every * HALF:
        every *= HALF
    return every


def _reaching(start: int, count: int, every: int) -> range:
    """The coarse samples from which pixels are enlarged, with as many beside them as bicubics reach."""
    return range(start // every - BICUBIC_REACH, -(-(start + count) // every) + BICUBIC_REACH)


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

    def are_halves_of(self, source: NDArray[Any]) -> bool:
        """Whether pairs are averaged, and make up all of a source: a sample from its border none beyond it counts."""
        height, width = source.shape[:2]
        return max(self.across, self.down) == HALF and width % self.across == height % self.down == 0

    def within(self, source: NDArray[Any], to_source: Affine) -> "Blocks":
        """The same blocks of all of a source that they make up, and none beyond it."""
        height, width = source.shape[:2]
        return replace(
            self, columns=range(width), rows=range(height), to_blocks=to_source / [[self.across], [self.down]]
        )


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


def enlarged(samples: Samples, across: int, down: int) -> Samples:
    """A picture of whole times the samples, interpolated bilinearly.

    Args:
        samples: uint8 or float32, [H, W] or [H, W, C].
        across: How many are made of each, across.
        down: The same down.
    """
    size = (samples.shape[1] * across, samples.shape[0] * down)
    return cast(Samples, cv2.resize(samples, size, interpolation=cv2.INTER_LINEAR))


def _block_samples(step: float) -> int:
    """How many source samples to average into one before warping, given those per output sample."""
    return max(HALF * round(step / BLOCKS_STEP), 1)


def _average(source: Samples, blocks: Blocks, outside: int | None) -> Samples:
    """Averages the blocks of a source, those that reach beyond it by themselves: to pad all would copy all."""
    size = (len(blocks.rows) // blocks.down, len(blocks.columns) // blocks.across)
    averaged = np.empty((*size, *source.shape[2:]), source.dtype)
    for rows, down in _parts(blocks.rows, blocks.down, source.shape[0]):
        for columns, across in _parts(blocks.columns, blocks.across, source.shape[1]):
            samples = _cut(source, columns, rows, outside)
            averaged[down, across] = average_whole(samples, across.stop - across.start, down.stop - down.start)
    return cast(Samples, averaged)


def _parts(samples: range, block: int, count: int) -> list[tuple[range, slice]]:
    """Samples in whole blocks, parted where those begin and end that lie inside of a source, with their blocks."""
    start = samples.start
    first = start + max(ceil(-start / block), 0) * block
    last = start + (min(samples.stop, count) - start) // block * block
    edges = sorted({start, *(edge for edge in (first, last) if start < edge < samples.stop), samples.stop})
    return [(range(low, high), slice((low - start) // block, (high - start) // block)) for low, high in pairwise(edges)]


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
    if min(rows.start, columns.start) >= 0 and rows.stop <= height and columns.stop <= width:
        return source[rows.start : rows.stop, columns.start : columns.stop]
    y, x = np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop)
    part = source[np.clip(y, 0, height - 1)[:, None], np.clip(x, 0, width - 1)]
    if outside is not None:
        part[(y < 0) | (y >= height)] = outside
        part[:, (x < 0) | (x >= width)] = outside
    return part
