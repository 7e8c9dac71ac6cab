"""Text over a picture, legible on any."""

from math import ceil
from typing import cast

import cv2

from animecam.types import Plane

LEGIBLE_PX = 480  # height of a picture from which on text fits on it
FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_SCALE = 0.5  # at `LEGIBLE_PX`; letters are then ten pixels high
LINE_PX = 19  # from one line to the next, at `LEGIBLE_PX`
MARGIN_PX = 8  # around the text, and from the picture's border
SHADE = 0.35  # what is left of the picture's light behind the text
INK = (255, 255, 255)


def captioned(picture: Plane, text: str) -> Plane:
    """A picture with lines of text on a dark ground in its upper left corner.

    Args:
        picture: BGR, uint8 [H, W, 3]; not touched.
        text: Lines, in ASCII; empty for none.

    Returns:
        A new picture, enlarged by a whole number where the text would not be legible; the picture itself without text.
    """
    if not text:
        return picture
    height_px, width_px = picture.shape[:2]
    enlarged = ceil(LEGIBLE_PX / height_px)
    size = (width_px * enlarged, height_px * enlarged)
    result = cast(Plane, cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)) if enlarged > 1 else picture.copy()
    scale = size[1] / LEGIBLE_PX
    thickness = max(1, round(scale))
    lines = text.split("\n")
    widest_px = max(cv2.getTextSize(line, FONT, FONT_SCALE * scale, thickness)[0][0] for line in lines)
    margin_px, line_px = round(MARGIN_PX * scale), round(LINE_PX * scale)
    ground = result[margin_px : 3 * margin_px + line_px * len(lines), margin_px : 3 * margin_px + widest_px]
    cv2.convertScaleAbs(ground.copy(), dst=ground, alpha=SHADE)
    for number, line in enumerate(lines):
        place = (2 * margin_px, 2 * margin_px + line_px * number + round(0.75 * line_px))
        cv2.putText(result, line, place, FONT, FONT_SCALE * scale, INK, thickness, cv2.LINE_AA)
    return result
