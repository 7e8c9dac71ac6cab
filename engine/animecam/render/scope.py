"""The region of a whole picture: that of the scopes `person` and `frame`, and of frames in which a face was lost."""

from animecam.faces.geometry import upright_picture, upright_size
from animecam.settings import SIZE_STEP_PX
from animecam.types import Frame, Region

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
    width, height = (max(round(side * scale / SIZE_STEP_PX), 1) * SIZE_STEP_PX for side in (width_px, height_px))
    return width, height


def whole_frame_region(frame: Frame, size_px: int) -> Region:
    """The whole frame, but for its black bars, as one upright picture.

    Args:
        frame: The frame; its `rotation_deg` is undone.
        size_px: Wanted shorter side of the picture.

    Returns:
        A region that covers it exactly; its aspect differs from the frame's by the rounding to multiples of 8.
    """
    return upright_picture(frame, *whole_frame_size(*upright_size(frame), size_px))
