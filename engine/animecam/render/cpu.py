"""Crop and paste on the planes themselves with OpenCV: the frame is never converted to RGB, only the crops are."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.color import rgb_to_yuv_matrix, yuv_to_rgb_matrix
from animecam.render.base import Patch
from animecam.render.resample import bounding_rectangle, invert, resample
from animecam.types import Affine, Frame, Image, Plane, PlaneLayout, Region, allocate_planes

PASTE_MARGIN_PX = 1
"""Pixels around a pasted region that interpolation of its mask may still reach."""


class CpuImageOps:
    """`ImageOps` on the CPU. Holds no state: one instance serves any number of threads."""

    def crop(self, frame: Frame, region: Region) -> Image:
        """As `ImageOps.crop`."""
        size = (region.width_px, region.height_px)
        channels: list[NDArray[np.uint8]] = []
        for plane, layout in zip(frame.planes, frame.pixel_format.planes, strict=True):
            to_plane = _frame_to_plane(region.to_frame, layout)
            if not frame.pixel_format.is_yuv:
                return resample(plane, to_plane, *size)
            channels += [resample(channel, to_plane, *size) for channel in _channels(plane)]
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
    box = _frame_box(frame, patch.region)
    if box is None:
        return
    left, top, right, bottom = box
    to_crop = invert(patch.region.to_frame)
    pictures = _as_stored(frame, patch.picture)
    for plane, layout, picture in zip(frame.planes, frame.pixel_format.planes, pictures, strict=True):
        width, height = (right - left) // layout.step_x, (bottom - top) // layout.step_y
        column, row = left // layout.step_x, top // layout.step_y
        from_box = _plane_box_to_crop(to_crop, layout, column, row)
        target = plane[row : row + height, column : column + width]
        mask = resample(patch.mask, from_box, width, height, outside=0)
        styled = resample(picture, from_box, width, height, cubic=True)
        target[...] = cv2.blendLinear(styled, target, mask, 1.0 - mask)


def _frame_box(frame: Frame, region: Region) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of the pixels that a region can touch, on the chroma grid; None if it is outside."""
    step_x = max(layout.step_x for layout in frame.pixel_format.planes)
    step_y = max(layout.step_y for layout in frame.pixel_format.planes)
    left, top, right, bottom = bounding_rectangle(region.to_frame, region.width_px, region.height_px)
    first_x = max(floor((left - PASTE_MARGIN_PX) / step_x) * step_x, 0)
    first_y = max(floor((top - PASTE_MARGIN_PX) / step_y) * step_y, 0)
    end_x = min(ceil((right + PASTE_MARGIN_PX) / step_x) * step_x, frame.width_px)
    end_y = min(ceil((bottom + PASTE_MARGIN_PX) / step_y) * step_y, frame.height_px)
    return (first_x, first_y, end_x, end_y) if first_x < end_x and first_y < end_y else None


def _as_stored(frame: Frame, picture: Image) -> tuple[Plane, ...]:
    """A crop's RGB as planes of the frame's kind, all at the crop's resolution."""
    if not frame.pixel_format.is_yuv:
        return (picture,)
    yuv = cast(Plane, cv2.transform(picture, rgb_to_yuv_matrix(frame.color, frame.height_px)))
    planes: list[Plane] = []
    first = 0
    for layout in frame.pixel_format.planes:
        planes.append(_pick(yuv, first, layout.channels))
        first += layout.channels
    return tuple(planes)


def _pick(picture: Plane, first: int, count: int) -> Plane:
    """Channels first … first + count - 1 of a picture, contiguous."""
    if count == 1:
        return cast(Plane, cv2.extractChannel(picture, first))
    return np.ascontiguousarray(picture[:, :, first : first + count])


def _channels(plane: Plane) -> Sequence[NDArray[Any]]:
    return [plane] if plane.ndim == 2 else cv2.split(plane)


def _frame_to_plane(to_frame: Affine, layout: PlaneLayout) -> Affine:
    """The map into a plane's samples, given the map into the frame's pixels."""
    return to_frame / [[layout.step_x], [layout.step_y]]


def _plane_box_to_crop(to_crop: Affine, layout: PlaneLayout, column: int, row: int) -> Affine:
    """The map from samples of a plane, counted from (column, row), to crop pixels."""
    linear = to_crop[:, :2] * (layout.step_x, layout.step_y)
    return np.column_stack((linear, linear @ (column, row) + to_crop[:, 2]))
