"""The region of the scopes that draw the whole picture."""

import numpy as np

from animecam.types import WHOLE_FRAME, Frame, Region

SIDE_STEP_PX = 8
"""Sides of a region are multiples of this: the generators halve three times."""

MOST_ELONGATED = 4.0
"""Sides of the picture differ at most so much, or a strip of a frame would become a picture of a thousand pixels."""


def whole_frame_size(width_px: int, height_px: int, size_px: int) -> tuple[int, int]:
    """Width and height at which a whole picture is drawn.

    Args:
        width_px: Width of the upright picture.
        height_px: Height of the upright picture.
        size_px: Wanted shorter side.

    Returns:
        Sides of nearly the picture's aspect, the shorter one close to `size_px`, both multiples of 8.
    """
    scale = size_px / min(width_px, height_px)
    scale = min(scale, size_px * MOST_ELONGATED / max(width_px, height_px))
    width, height = (max(round(side * scale / SIDE_STEP_PX), 1) * SIDE_STEP_PX for side in (width_px, height_px))
    return width, height


def whole_frame_region(frame: Frame, size_px: int) -> Region:
    """The whole frame as one upright picture.

    Args:
        frame: The frame; its `rotation_deg` is undone.
        size_px: Wanted shorter side of the picture.

    Returns:
        A region that covers the frame exactly; its aspect differs from the frame's by the rounding to multiples of 8.
    """
    width, height = float(frame.width_px), float(frame.height_px)
    is_turned = frame.rotation_deg in (90, 270)
    upright = (frame.height_px, frame.width_px) if is_turned else (frame.width_px, frame.height_px)
    across, down = whole_frame_size(*upright, size_px)
    # Unit square of the upright picture to frame pixels: a turn by 90 degrees makes the right border of the stored
    # picture the upper one of the upright picture.
    turned = {
        0: [[width, 0.0, 0.0], [0.0, height, 0.0]],
        90: [[0.0, -width, width], [height, 0.0, 0.0]],
        180: [[-width, 0.0, width], [0.0, -height, height]],
        270: [[0.0, width, 0.0], [-height, 0.0, height]],
    }
    to_frame = np.array(turned[frame.rotation_deg], dtype=np.float64) / (across, down, 1.0)
    return Region(WHOLE_FRAME, across, down, to_frame)
