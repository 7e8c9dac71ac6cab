"""Where a picture of another shape lies in a frame: as large as it goes in, in the middle, between black bars."""

from typing import NamedTuple


class Inset(NamedTuple):
    """A rectangle of whole pixels inside a frame."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int


def inset(width: float, height: float, into_px: tuple[int, int], *, step_px: int = 1) -> Inset:
    """The largest rectangle of a shape in the middle of a frame.

    Args:
        width: Of the shape, in any unit.
        height: Of the shape, in the same unit.
        into_px: Width and height of the frame, multiples of the step.
        step_px: All sides and corners are multiples of it, so that each chroma sample lies inside or outside.

    Returns:
        The rectangle; the frame itself where the shape is the same.
    """
    scale = min(into_px[0] / width, into_px[1] / height)
    across, down = (
        min(side_px, max(step_px, round(side * scale / step_px) * step_px))
        for side, side_px in zip((width, height), into_px, strict=True)
    )
    left, top = (
        (side_px - inner_px) // 2 // step_px * step_px
        for side_px, inner_px in zip(into_px, (across, down), strict=True)
    )
    return Inset(left, top, across, down)
