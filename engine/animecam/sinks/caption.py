"""Text over a picture, legible on any."""

from bisect import bisect_right
from math import ceil
from typing import cast

import cv2

from animecam.types import Plane

LEGIBLE_PX = 480  # height of a picture from which on text fits on it
SHOWN_PX = 720  # height at which a tall picture is shown at first; letters are no smaller there than at `LEGIBLE_PX`
FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_SCALE = 0.5  # at `LEGIBLE_PX`; letters are then ten pixels high
LINE_PX = 19  # from one line to the next, at `LEGIBLE_PX`
MARGIN_PX = 8  # around the text, and from the picture's border
SMALLER = 0.95  # steps in which letters shrink where there are too many for the picture
SHADE = 0.35  # what is left of the picture's light behind the text
INK = (255, 255, 255)


def captioned(picture: Plane, text: str) -> Plane:
    """A picture with lines of text on a dark ground in its upper left corner.

    Args:
        picture: BGR, uint8 [H, W, 3]; not touched.
        text: Lines, in ASCII; empty for none. Those that are too wide are broken, very many are written smaller.

    Returns:
        A new picture, enlarged by a whole number where the text would not be legible; the picture itself without text.
    """
    if not text:
        return picture
    height_px, width_px = picture.shape[:2]
    enlarged = enlargement(height_px)
    size = (width_px * enlarged, height_px * enlarged)
    result = cast(Plane, cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)) if enlarged > 1 else picture.copy()
    lines, scale = _fitted(text.split("\n"), size)
    widest_px = max(_width_px(line, scale) for line in lines)
    margin_px, line_px = _steps_px(scale)
    ground = result[margin_px : 3 * margin_px + line_px * len(lines), margin_px : 3 * margin_px + widest_px]
    cv2.convertScaleAbs(ground.copy(), dst=ground, alpha=SHADE)
    for number, line in enumerate(lines):
        place = (2 * margin_px, 2 * margin_px + line_px * number + round(0.75 * line_px))
        cv2.putText(result, line, place, FONT, FONT_SCALE * scale, INK, _thickness(scale), cv2.LINE_AA)
    return result


def enlargement(height_px: int) -> int:
    """How many times larger a picture of this height is shown, so that text on it is legible."""
    return ceil(LEGIBLE_PX / height_px)


def _fitted(lines: list[str], size_px: tuple[int, int]) -> tuple[list[str], float]:
    """Lines as they fit on a picture of this width and height, and the scale of their letters."""
    scale = max(min(size_px) / LEGIBLE_PX, size_px[1] / SHOWN_PX)
    while True:
        margin_px, line_px = _steps_px(scale)
        fitted = [part for line in lines for part in _broken(line, scale, size_px[0] - 4 * margin_px)]
        if line_px * len(fitted) + 4 * margin_px <= size_px[1]:
            return fitted, scale
        scale *= SMALLER


def _broken(line: str, scale: float, room_px: int) -> list[str]:
    """A line in parts that are no wider than the room, broken between words or, in a long one, between letters."""
    parts: list[str] = []
    while _width_px(line, scale) > room_px and len(line) > 1:
        fit = bisect_right(range(1, len(line)), room_px, key=lambda length: _width_px(line[:length], scale)) or 1
        space = line.rfind(" ", 1, fit + 1)
        stop = space if space > 0 else fit
        parts.append(line[:stop])
        line = line[stop:].lstrip()
    return [*parts, line]


def _steps_px(scale: float) -> tuple[int, int]:
    """The margin, and from one line to the next."""
    return round(MARGIN_PX * scale), round(LINE_PX * scale)


def _width_px(line: str, scale: float) -> int:
    return cv2.getTextSize(line, FONT, FONT_SCALE * scale, _thickness(scale))[0][0]


def _thickness(scale: float) -> int:
    return max(1, round(scale))
