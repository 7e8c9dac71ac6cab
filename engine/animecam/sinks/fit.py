"""Frames of another size than their output: an output keeps its size, as whoever watches it cannot follow."""

import logging
from dataclasses import replace
from typing import cast

import cv2
import numpy as np

from animecam.bars import inset
from animecam.sinks.convert import FULL_RANGE_RGB, even, to_rgb, turned, upright_size
from animecam.types import Frame, PixelFormat, Plane

log = logging.getLogger(__name__)


class Fitter:
    """Gives all frames the size and the turn of an encoded stream, and tells once that it had to.

    Args:
        width_px: Width of the stored picture, even.
        height_px: Height of the stored picture, even.
        rotation_deg: As in `Frame`.
    """

    def __init__(self, width_px: int, height_px: int, rotation_deg: int) -> None:
        self._size_px, self._rotation_deg = (width_px, height_px), rotation_deg
        self._has_told = False

    def __call__(self, frame: Frame) -> Frame:
        """The frame itself if it fits, wherever its pixels are; else as `fitted`."""
        size_px = (even(frame.width_px), even(frame.height_px))
        if size_px == self._size_px and frame.rotation_deg == self._rotation_deg:
            return frame
        self._tell(upright_size(*size_px, frame.rotation_deg))
        return fitted(frame, *self._size_px, self._rotation_deg)

    def _tell(self, size_px: tuple[int, int]) -> None:
        first_px = upright_size(*self._size_px, self._rotation_deg)
        if size_px != first_px and not self._has_told:  # a picture that is only turned loses nothing
            self._has_told = True
            text = "the picture changed from %dx%d to %dx%d pixels: it is fitted into the first size"
            log.warning(text, *first_px, *size_px)


def fitted(frame: Frame, width_px: int, height_px: int, rotation_deg: int = 0) -> Frame:
    """A frame as one of another size, between black bars where its shape is another.

    Args:
        frame: Any frame; its pixels are taken to be as wide as those of the other size.
        width_px: Width of the stored picture.
        height_px: Height of the stored picture.
        rotation_deg: What the result is to say of its turn, as in `Frame`; 0: it is stored upright.

    Returns:
        RGB in the host's memory, with the time of the frame.
    """
    upright_px = upright_size(width_px, height_px, rotation_deg)
    picture = letterboxed(to_rgb(frame.on_host()), *upright_px)
    return replace(
        frame,
        planes=(turned(picture, -rotation_deg),),
        packed=None,
        on_gpu=None,
        pixel_format=PixelFormat.RGB24,
        color=FULL_RANGE_RGB,
        rotation_deg=rotation_deg,
        inset=None,
        opacity=None if frame.opacity is None else _fitted_opacity(frame.opacity, frame, upright_px, rotation_deg),
    )


def _fitted_opacity(opacity: Plane, frame: Frame, upright_px: tuple[int, int], rotation_deg: int) -> Plane:
    upright = turned(opacity, frame.rotation_deg)
    return turned(letterboxed(upright, *upright_px), -rotation_deg)


def letterboxed(picture: Plane, width_px: int, height_px: int) -> Plane:
    """A picture as large as fits into another size, in the middle of black bars.

    Args:
        picture: Uint8 [H, W] or [H, W, C].
        width_px: Width of the result.
        height_px: Height of the result.

    Returns:
        Uint8 [height_px, width_px] or [height_px, width_px, C].
    """
    before_height_px, before_width_px = picture.shape[:2]
    left, top, across, down = inset(before_width_px, before_height_px, (width_px, height_px))
    method = cv2.INTER_AREA if across < before_width_px else cv2.INTER_LINEAR
    box = np.zeros((height_px, width_px, *picture.shape[2:]), np.uint8)
    box[top : top + down, left : left + across] = cast(Plane, cv2.resize(picture, (across, down), interpolation=method))
    return box
