"""The parts in which a patch is blended: none of them where it shows nothing, and small enough to stay in the caches.

What a part needs is dropped before the next one, so that memory is used again: fresh memory from the system took half
of a paste's time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil, hypot
from typing import Protocol, TypeAlias

import numpy as np

from animecam.affine import chain
from animecam.render.masks import Mask
from animecam.render.resample import Ready, enlarged, make_ready, resample
from animecam.render.touched import PixelBox
from animecam.types import Affine, PlaneLayout

MASK_SAMPLES = 128
"""Samples of a soft mask along a side of its crop: to interpolate those between takes a tenth of a warp."""

FRAME_PARTS = 6
"""A part has at most the pixels of the frame divided by this: its weights and pictures are then less than what a frame
leaves behind when it is let go, and come from there. Eighths and sixteenths cost a processor alike, halves twice as
much. OpenCV shares larger parts between its threads: with both cores free, sixths take 0.83 of the time of twelfths."""

Weights: TypeAlias = tuple[Mask, Mask]
"""How much of a patch and of what was there shows, of each sample of a plane."""


class Shares(Protocol):
    """How much of a patch shows where."""

    def parts(self, most_px: int) -> Iterator[PixelBox]:
        """Parts of about so many pixels at most that make up all of its box that shows anything."""
        ...

    def weights(self, part: PixelBox, layout: PlaneLayout) -> Weights:
        """The weights of the pixels of a part in a plane."""
        ...


def shares_of(mask: Mask, to_crop: Affine, box: PixelBox, layouts: Sequence[PlaneLayout], *, is_soft: bool) -> Shares:
    """How much of a patch shows in its box.

    Args:
        mask: The same in its crop.
        to_crop: Maps frame pixels to crop pixels.
        box: What the mask can touch.
        layouts: Planes of the frame.
        is_soft: As of the patch.
    """
    sparse = _sparse_layout(min(mask.shape) / MASK_SAMPLES, to_crop, layouts) if is_soft else None
    return SharpShares(mask, to_crop, box, layouts) if sparse is None else SoftShares(mask, to_crop, box, sparse)


class SharpShares:
    """Of a mask that may have edges: it is sampled for every sample of a plane. Arguments are those of `shares_of`."""

    def __init__(self, mask: Mask, to_crop: Affine, box: PixelBox, layouts: Sequence[PlaneLayout]) -> None:
        self._box = box
        self._step_px = max(max(layout.step_x, layout.step_y) for layout in layouts)
        self._ready: dict[PlaneLayout, Ready] = {}
        for layout in dict.fromkeys(layouts):
            to_mask = chain(to_crop, box.samples_to_frame(layout))
            self._ready[layout] = make_ready(mask, to_mask, *box.size(layout), outside=0)

    def parts(self, most_px: int) -> Iterator[PixelBox]:
        """As `Shares.parts`."""
        return iter(_bands(self._box, most_px, self._step_px))

    def weights(self, part: PixelBox, layout: PlaneLayout) -> Weights:
        """As `Shares.weights`."""
        shown: Mask = self._ready[layout].part(*part.start_in(self._box, layout), *part.size(layout))
        return shown, 1.0 - shown


class SoftShares:
    """Of a mask without edges: it is sampled sparsely, and interpolated between.

    Args:
        mask: As for `shares_of`.
        to_crop: As for `shares_of`.
        box: As for `shares_of`.
        sparse: How far apart samples are; one more of them is taken on every side.
    """

    def __init__(self, mask: Mask, to_crop: Affine, box: PixelBox, sparse: PlaneLayout) -> None:
        self._box, self._sparse = box, sparse
        around = box.grown(sparse.step_x)
        to_mask = chain(to_crop, around.samples_to_frame(sparse))
        self._shown = resample(mask, to_mask, *around.cover(sparse), outside=0)
        self._rest: Mask = 1.0 - self._shown

    def parts(self, most_px: int) -> Iterator[PixelBox]:
        """As `Shares.parts`; a band begins and ends where it shows anything."""
        step_px, width_px = self._sparse.step_x, self._box.right - self._box.left
        for band in _bands(self._box, most_px, self._sparse.step_y):
            columns = np.flatnonzero(self._shown[self._samples(band)].any(axis=0))
            if columns.size:
                # Pixels take from the samples beside them, too, and the first one lies beside the box.
                start = min(max(int(columns[0]) - 2, 0) * step_px, width_px)
                stop = min((int(columns[-1]) + 1) * step_px, width_px)
                yield replace(band, left=self._box.left + start, right=self._box.left + stop)

    def weights(self, part: PixelBox, layout: PlaneLayout) -> Weights:
        """As `Shares.weights`."""
        across, down = self._sparse.step_x // layout.step_x, self._sparse.step_y // layout.step_y
        samples, (width, height) = self._samples(part), part.size(layout)
        inner = (slice(down, down + height), slice(across, across + width))
        return (
            enlarged(self._shown[samples], across, down)[inner],
            enlarged(self._rest[samples], across, down)[inner],
        )

    def _samples(self, part: PixelBox) -> tuple[slice, slice]:
        """The samples of a part, and one more on every side."""
        left, top = part.start_in(self._box, self._sparse)
        across, down = part.cover(self._sparse)
        return slice(top, top + down + 2), slice(left, left + across + 2)


def _bands(box: PixelBox, most_px: int, step_px: int) -> list[PixelBox]:
    """A box in bands of about the same height, a multiple of a step, from top to bottom."""
    width_px, height_px = box.right - box.left, box.bottom - box.top
    count = ceil(width_px * height_px / most_px)
    rows_px = ceil(height_px / count / step_px) * step_px
    return [replace(box, top=top, bottom=min(top + rows_px, box.bottom)) for top in range(box.top, box.bottom, rows_px)]


def _sparse_layout(most_px: float, to_crop: Affine, layouts: Sequence[PlaneLayout]) -> PlaneLayout | None:
    """The sparsest grid with so many crop pixels between samples, if those of all planes can be made from it."""
    step_px, every = max(hypot(across, down) for across, down in zip(*to_crop[:, :2].tolist(), strict=True)), 1
    while step_px * every * 2 <= most_px:
        every *= 2
    coarsest = max(max(layout.step_x, layout.step_y) for layout in layouts)
    return PlaneLayout(1, every, every) if every >= coarsest else None
