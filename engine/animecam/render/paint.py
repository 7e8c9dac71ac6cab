"""Marks that are painted into frames in their own pixel format."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from animecam.color import rgb_to_yuv_matrix
from animecam.named_colors import Rgb
from animecam.types import Box, Frame, allocate_planes

WHITE: Rgb = (255, 255, 255)
BLACK: Rgb = (0, 0, 0)
GREEN: Rgb = (0, 220, 80)
AMBER: Rgb = (255, 160, 0)
LINES_PER_SIDE = 320  # a line is this part of the longer side: two pixels at 640, six at 1920


def own_copy(frame: Frame) -> Frame:
    """The same frame with planes of its own, which may be painted on."""
    planes, packed = allocate_planes(frame.pixel_format, frame.width_px, frame.height_px)
    for source, target in zip(frame.planes, planes, strict=True):
        target[...] = source
    return replace(frame, planes=planes, packed=packed)


def line_px(frame: Frame) -> int:
    """Width of a thin line that is seen at any size of the picture, even so that chroma samples are filled whole."""
    return max(2, round(max(frame.width_px, frame.height_px) / LINES_PER_SIDE / 2) * 2)


def paint(frame: Frame, box_px: Box, color: Rgb) -> None:
    """Fills a rectangle of a frame that the caller owns.

    Args:
        frame: With planes of its own.
        box_px: In pixels of the stored frame; cut off at its border, widened to whole chroma samples.
        color: What to fill it with.
    """
    coarsest_x = max(layout.step_x for layout in frame.pixel_format.planes)
    coarsest_y = max(layout.step_y for layout in frame.pixel_format.planes)
    columns = _whole_samples(box_px.left, box_px.right, coarsest_x)
    rows = _whole_samples(box_px.top, box_px.bottom, coarsest_y)
    for plane, layout, code in zip(frame.planes, frame.pixel_format.planes, codes_of(frame, color), strict=True):
        across = slice(columns[0] // layout.step_x, columns[1] // layout.step_x)
        plane[rows[0] // layout.step_y : rows[1] // layout.step_y, across] = code if layout.channels > 1 else code[0]


def codes_of(frame: Frame, color: Rgb) -> tuple[NDArray[np.uint8], ...]:
    """The numbers that stand for a colour in a frame: of each plane uint8 [channels]."""
    levels: list[float] = list(color)
    if frame.pixel_format.is_yuv:
        levels = list(rgb_to_yuv_matrix(frame.color, frame.height_px) @ (*color, 1))
    codes = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    ends = np.cumsum([layout.channels for layout in frame.pixel_format.planes])
    return tuple(np.split(codes, ends[:-1]))


def _whole_samples(start_px: float, stop_px: float, step: int) -> tuple[int, int]:
    """The pixels from the sample that holds the start to the one that holds the stop, none before the border."""
    return max(0, int(start_px // step) * step), max(0, -int(-stop_px // step) * step)
