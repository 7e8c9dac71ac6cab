"""Crop and paste on the planes themselves with OpenCV: the frame is never converted to RGB, only the crops are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import cast

import cv2
import numpy as np

from animecam.color import rgb_to_yuv_matrix, yuv_to_rgb_matrix
from animecam.render.base import Patch
from animecam.render.resample import bounding_box, chain, invert, resample
from animecam.types import Affine, Box, Frame, Image, Plane, PlaneLayout, Region, allocate_planes

GRID_TOLERANCE = 1 / 64
"""Samples by which rounding errors of a transform may cross a border unnoticed."""

OPAQUE = 255
"""What stands for 1 in a mask of bytes."""

MASK_REACH_PX = 1
"""Crop pixels around those where the mask is not 0 that interpolation still gives some of it."""


class CpuImageOps:
    """`ImageOps` on the CPU. Holds no state: one instance serves any number of threads."""

    def crop(self, frame: Frame, region: Region) -> Image:
        """As `ImageOps.crop`."""
        size = (region.width_px, region.height_px)
        channels: list[Plane] = []
        for plane, layout in zip(frame.planes, frame.pixel_format.planes, strict=True):
            to_plane = region.to_frame / [[layout.step_x], [layout.step_y]]
            channels.append(resample(plane, to_plane, *size))
        if not frame.pixel_format.is_yuv:
            return channels[0]
        yuv = cv2.merge(channels)
        return cast(Image, cv2.transform(yuv, yuv_to_rgb_matrix(frame.color, frame.height_px)))

    def paste(self, frame: Frame, patches: Sequence[Patch]) -> Frame:
        """As `ImageOps.paste`."""
        planes, packed = allocate_planes(frame.pixel_format, frame.width_px, frame.height_px)
        for mine, theirs in zip(planes, frame.planes, strict=True):
            np.copyto(mine, theirs)
        pasted = replace(frame, planes=planes, packed=packed)
        for patch in patches:
            _paste_one(pasted, patch)
        return pasted


@dataclass(frozen=True, slots=True)
class _PixelBox:
    """Whole frame pixels on the chroma grid: the only ones that a patch can touch."""

    left: int
    top: int
    right: int
    bottom: int

    def of(self, plane: Plane, layout: PlaneLayout) -> Plane:
        """The box's samples of a plane, as a view."""
        rows = slice(self.top // layout.step_y, self.bottom // layout.step_y)
        return plane[rows, self.left // layout.step_x : self.right // layout.step_x]

    def samples_to_frame(self, layout: PlaneLayout) -> Affine:
        """Maps continuous samples of `of` to continuous frame pixels."""
        return np.array([[layout.step_x, 0, self.left], [0, layout.step_y, self.top]], dtype=np.float64)


def _paste_one(frame: Frame, patch: Patch) -> None:
    """Blends one patch into the planes of a frame that the caller owns."""
    box = _touched_box(frame, patch)
    if box is None:
        return
    to_crop = invert(patch.region.to_frame)
    is_opaque = _covers(patch, bounding_box(to_crop, Box(box.left, box.top, box.right, box.bottom)))
    mask = cast(Plane, cv2.convertScaleAbs(patch.mask, alpha=OPAQUE))
    masks: dict[tuple[int, int], Plane] = {}
    layouts = frame.pixel_format.planes
    for plane, layout, picture in zip(frame.planes, layouts, _split(frame, patch.picture), strict=True):
        target = box.of(plane, layout)
        size = (target.shape[1], target.shape[0])
        from_target = chain(to_crop, box.samples_to_frame(layout))
        steps = (layout.step_x, layout.step_y)
        # Lines live in luma; chroma is stored coarser as a rule, and the eye is not keen on its detail.
        styled = resample(picture, from_target, *size, sharp=steps == (1, 1))
        if is_opaque:
            target[...] = styled
            continue
        if steps not in masks:
            masks[steps] = resample(mask, from_target, *size, outside=0)
        _blend(target, styled, masks[steps])


def _blend(target: Plane, styled: Plane, mask: Plane) -> None:
    """Mixes what was drawn into a plane; bytes throughout, in half the time of float weights.

    Args:
        target: Overwritten, uint8 [H, W] or [H, W, C].
        styled: Of the same shape.
        mask: How much of it shows, uint8 [H, W]: none at 0, where the target stays as it is, nothing else at OPAQUE.
    """
    if target.ndim > mask.ndim:
        mask = cast(Plane, cv2.merge([mask] * target.shape[2]))
    shown = cv2.multiply(styled, mask, scale=1 / OPAQUE)
    left = cv2.multiply(target, cv2.bitwise_not(mask), scale=1 / OPAQUE)
    cv2.add(shown, left, dst=target)


def _covers(patch: Patch, box: Box) -> bool:
    """Whether a box in crop pixels lies in the patch and the patch hides all that was there."""
    is_inside = min(box.left, box.top) > -GRID_TOLERANCE
    is_inside &= box.right < patch.region.width_px + GRID_TOLERANCE
    is_inside &= box.bottom < patch.region.height_px + GRID_TOLERANCE
    return is_inside and float(patch.mask.min()) >= 1.0


def _touched_box(frame: Frame, patch: Patch) -> _PixelBox | None:
    """The pixels of the frame that the patch's mask reaches; None if there are none."""
    columns = np.flatnonzero(patch.mask.any(axis=0))
    if columns.size == 0:
        return None
    rows = np.flatnonzero(patch.mask.any(axis=1))
    shown = Box(
        max(int(columns[0]) - MASK_REACH_PX, 0),
        max(int(rows[0]) - MASK_REACH_PX, 0),
        min(int(columns[-1]) + 1 + MASK_REACH_PX, patch.region.width_px),
        min(int(rows[-1]) + 1 + MASK_REACH_PX, patch.region.height_px),
    )
    step_x = max(layout.step_x for layout in frame.pixel_format.planes)
    step_y = max(layout.step_y for layout in frame.pixel_format.planes)
    exact = bounding_box(patch.region.to_frame, shown)
    left, right = max(_floor_to(exact.left, step_x), 0), min(_ceil_to(exact.right, step_x), frame.width_px)
    top, bottom = max(_floor_to(exact.top, step_y), 0), min(_ceil_to(exact.bottom, step_y), frame.height_px)
    return _PixelBox(left, top, right, bottom) if left < right and top < bottom else None


def _floor_to(value: float, step: int) -> int:
    return floor(value / step + GRID_TOLERANCE) * step


def _ceil_to(value: float, step: int) -> int:
    return ceil(value / step - GRID_TOLERANCE) * step


def _split(frame: Frame, picture: Image) -> tuple[Plane, ...]:
    """A crop's RGB as planes of the frame's kind, all at the crop's resolution."""
    if not frame.pixel_format.is_yuv:
        return (picture,)
    yuv = cv2.transform(picture, rgb_to_yuv_matrix(frame.color, frame.height_px))
    channels = iter(cast(tuple[Plane, ...], cv2.split(yuv)))
    return tuple(
        next(channels)
        if layout.channels == 1
        else cast(Plane, cv2.merge([next(channels) for _ in range(layout.channels)]))
        for layout in frame.pixel_format.planes
    )
