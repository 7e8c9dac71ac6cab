"""The picture as in a mirror."""

from dataclasses import replace
from typing import cast

import cv2

from animecam.types import Frame, Plane, allocate_planes

ACROSS, DOWN = 1, 0  # OpenCV's codes: exchange left and right, exchange top and bottom


def mirrored(frame: Frame) -> Frame:
    """A new frame whose upright picture is flipped left to right; the rotation mark stays as it is."""
    axis = ACROSS if frame.rotation_deg % 180 == 0 else DOWN
    planes, packed = allocate_planes(frame.pixel_format, frame.width_px, frame.height_px)
    for source, target in zip(frame.planes, planes, strict=True):
        cv2.flip(source, axis, dst=target)
    opacity = None if frame.opacity is None else cast(Plane, cv2.flip(frame.opacity, axis))
    return replace(frame, planes=planes, packed=packed, opacity=opacity)
