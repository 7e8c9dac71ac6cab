"""The picture before and after, side by side on either side of a line."""

from dataclasses import replace

from animecam.render.paint import BLACK, WHITE, line_px, own_copy, paint
from animecam.types import Box, Frame

HALF_TURN_DEG = 180


def split(before: Frame, after: Frame, at: float, *, is_mirrored: bool = False) -> Frame:
    """A new frame that shows what was filmed on the left and what was drawn on the right of an upright line.

    Args:
        before: What was filmed.
        after: What was drawn of it, of the same size and format.
        at: Where the line stands in the picture as it is seen, from 0 (left) to 1 (right).
        is_mirrored: The picture will be flipped left to right afterwards.
    """
    # Left and right are those of the upright picture, which may lie on its side in memory, or the other way round.
    is_lying = after.rotation_deg % HALF_TURN_DEG != 0
    is_reversed = (after.rotation_deg >= HALF_TURN_DEG) is not is_mirrored
    side_px = after.height_px if is_lying else after.width_px
    step = max(layout.step_y if is_lying else layout.step_x for layout in after.pixel_format.planes)
    cut_px = round((1.0 - at if is_reversed else at) * side_px / step) * step
    frame = replace(own_copy(after), opacity=None)  # all of what was filmed is there
    for source, target, layout in zip(before.planes, frame.planes, frame.pixel_format.planes, strict=True):
        cut = cut_px // (layout.step_y if is_lying else layout.step_x)
        shown = slice(cut, None) if is_reversed else slice(0, cut)
        place = (shown, slice(None)) if is_lying else (slice(None), shown)
        target[place] = source[place]
    thin_px = line_px(frame)
    for half_px, color in ((2 * thin_px, BLACK), (thin_px, WHITE)):  # light on dark is seen before anything
        from_px, to_px = cut_px - half_px, cut_px + half_px
        line = Box(0, from_px, frame.width_px, to_px) if is_lying else Box(from_px, 0, to_px, frame.height_px)
        paint(frame, line, color)
    return frame
