"""Crop and paste on the planes themselves with OpenCV: the frame is never converted to RGB, only the crops are."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.color import rgb_to_yuv_matrix, yuv_to_rgb_matrix
from animecam.render.base import Patch
from animecam.render.resample import bounding_box, invert, resample
from animecam.types import Affine, Box, Frame, Image, Plane, PlaneLayout, Region, allocate_planes

MASK_REACH_PX = 1
"""Crop pixels around those where the mask is not 0 that interpolation still gives some of it."""

Mask = NDArray[np.float32]


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
    box = _touched_box(frame, patch)
    if box is None:
        return
    to_crop = invert(patch.region.to_frame)
    weights: dict[PlaneLayout, tuple[Mask, Mask]] = {}
    layouts = frame.pixel_format.planes
    for plane, layout, picture in zip(frame.planes, layouts, _split(frame, patch.picture), strict=True):
        target = plane[box.rows(layout), box.columns(layout)]
        height, width = target.shape[:2]
        from_target = _samples_to_crop(to_crop, layout, box)
        steps = layout._replace(channels=1)
        if steps not in weights:
            mask = resample(patch.mask, from_target, width, height, outside=0)
            weights[steps] = (mask, 1.0 - mask)
        # Chroma is stored coarser than the crop as a rule, and the eye is not keen on it: sharp luma is enough.
        is_sharp = layout.step_x == layout.step_y == 1
        styled = resample(picture, from_target, width, height, sharp=is_sharp)
        target[...] = cv2.blendLinear(styled, target, *weights[steps])
