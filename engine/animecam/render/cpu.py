"""Crop and paste on the planes themselves with OpenCV: the frame is never converted to RGB, only the crops are."""

from collections.abc import Sequence
from dataclasses import replace
from math import hypot
from typing import cast

import cv2
import numpy as np

from animecam.color import rgb_to_yuv_matrix, yuv_to_rgb_matrix
from animecam.render.affine import bounding_box, chain, invert
from animecam.render.base import Patch
from animecam.render.masks import Mask
from animecam.render.resample import enlarged, resample
from animecam.render.touched import GRID_TOLERANCE, PixelBox, shown_box, touched_box
from animecam.types import Affine, Box, Frame, Image, Plane, PlaneLayout, Region, allocate_planes

MASK_SAMPLES = 192
"""Samples of a soft mask along a side of its crop: to interpolate those between takes a tenth of a warp."""


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


def _paste_one(frame: Frame, patch: Patch) -> None:
    """Blends one patch into the planes of a frame that the caller owns."""
    shown = shown_box(patch.mask)
    if shown is None:
        return
    box = touched_box(frame, patch.region, shown)
    if box is None:
        return
    to_crop = invert(patch.region.to_frame)
    is_opaque = _covers(patch, bounding_box(to_crop, Box(box.left, box.top, box.right, box.bottom)))
    is_faded = not is_opaque and _fades_inside(patch.mask, shown)
    layouts = frame.pixel_format.planes
    weights = {} if is_opaque else _weights(patch, to_crop, box, layouts)
    for plane, layout, picture in zip(frame.planes, layouts, _split(frame, patch.picture), strict=True):
        target = box.of(plane, layout)
        size = (target.shape[1], target.shape[0])
        from_target = chain(to_crop, box.samples_to_frame(layout))
        # Lines live in luma; chroma is stored coarser as a rule, and the eye is not keen on its detail.
        is_luma = (layout.step_x, layout.step_y) == (1, 1)
        styled = resample(picture, from_target, *size, sharp=is_luma, is_inner=is_faded)
        if is_opaque:
            target[...] = styled
            continue
        cv2.blendLinear(styled, target, *weights[size], dst=target)


def _weights(
    patch: Patch, to_crop: Affine, box: PixelBox, layouts: Sequence[PlaneLayout]
) -> dict[tuple[int, int], tuple[Mask, Mask]]:
    """How much of a patch and of what was there shows, by the size that a box has in a plane."""
    sparse = _sparse_layout(min(patch.mask.shape) / MASK_SAMPLES, to_crop, layouts) if patch.is_soft else None
    if sparse is not None:
        return _interpolated_weights(patch.mask, to_crop, box, layouts, sparse)
    weights: dict[tuple[int, int], tuple[Mask, Mask]] = {}
    for layout in layouts:
        size = box.size(layout)
        if size not in weights:
            shown = resample(patch.mask, chain(to_crop, box.samples_to_frame(layout)), *size, outside=0)
            weights[size] = (shown, 1.0 - shown)
    return weights


def _interpolated_weights(
    mask: Mask, to_crop: Affine, box: PixelBox, layouts: Sequence[PlaneLayout], sparse: PlaneLayout
) -> dict[tuple[int, int], tuple[Mask, Mask]]:
    """The same from samples of a soft mask that are as far apart as `sparse` says, one more of them on every side."""
    around = box.grown(sparse.step_x)
    shown = resample(mask, chain(to_crop, around.samples_to_frame(sparse)), *around.cover(sparse), outside=0)
    rest = 1.0 - shown
    weights: dict[tuple[int, int], tuple[Mask, Mask]] = {}
    for layout in layouts:
        size = box.size(layout)
        if size not in weights:
            x, y = sparse.step_x // layout.step_x, sparse.step_y // layout.step_y
            inner = (slice(y, y + size[1]), slice(x, x + size[0]))
            weights[size] = (enlarged(shown, x, y)[inner], enlarged(rest, x, y)[inner])
    return weights


def _sparse_layout(most_px: float, to_crop: Affine, layouts: Sequence[PlaneLayout]) -> PlaneLayout | None:
    """The sparsest grid with so many crop pixels between samples, if those of all planes can be made from it."""
    step_px, every = max(hypot(across, down) for across, down in zip(*to_crop[:, :2].tolist(), strict=True)), 1
    while step_px * every * 2 <= most_px:
        every *= 2
    coarsest = max(max(layout.step_x, layout.step_y) for layout in layouts)
    return PlaneLayout(1, every, every) if every >= coarsest else None


def _fades_inside(mask: Mask, shown: Box) -> bool:
    """Whether a mask lets nothing through along its border, which `shown_box` keeps a pixel away from what shows."""
    height, width = mask.shape
    return shown.left > 0 and shown.top > 0 and shown.right < width and shown.bottom < height


def _covers(patch: Patch, box: Box) -> bool:
    """Whether a box in crop pixels lies in the patch and the patch hides all that was there."""
    is_inside = min(box.left, box.top) > -GRID_TOLERANCE
    is_inside &= box.right < patch.region.width_px + GRID_TOLERANCE
    is_inside &= box.bottom < patch.region.height_px + GRID_TOLERANCE
    return is_inside and float(patch.mask.min()) >= 1.0


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
