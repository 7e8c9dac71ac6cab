"""Blurs whole frames so that nobody in them can be recognised."""

from dataclasses import replace
from typing import cast

import cv2
import numpy as np

from animecam.render.touched import filmed_box
from animecam.types import Frame, Plane, allocate_planes

LEFT_PX = 4
"""What is left of a frame's shorter side. People recognise well-known faces in pictures 7 pixels wide, and a face may
fill the frame."""


def blurred(frame: Frame) -> Frame:
    """A new frame of the same format that shows the colours of large areas, its black bars, and nothing else.

    Args:
        frame: In the host's memory; not touched.
    """
    planes, packed = allocate_planes(frame.pixel_format, frame.width_px, frame.height_px)
    filmed = filmed_box(frame)
    width_px, height_px = filmed.right - filmed.left, filmed.bottom - filmed.top
    scale = LEFT_PX / min(width_px, height_px)
    few = max(round(width_px * scale), 1), max(round(height_px * scale), 1)
    for mine, theirs, layout in zip(planes, frame.planes, frame.pixel_format.planes, strict=True):
        if frame.inset is not None:
            np.copyto(mine, theirs)
        filmed.of(mine, layout)[...] = _smooth(filmed.of(theirs, layout), few)
    return replace(frame, planes=planes, packed=packed)


def _smooth(plane: Plane, few: tuple[int, int]) -> Plane:
    size = plane.shape[1::-1]
    coarse = cv2.resize(plane, (min(few[0], size[0]), min(few[1], size[1])), interpolation=cv2.INTER_AREA)
    return cast(Plane, cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC))
