"""The weight of a drawing's lines: thinner and paler, or thicker and darker, without drawing anew.

Lines are what is darker than the drawing around it and narrow: the difference to its closing (morphological "black
hat"). Taken away from the drawing they leave its areas, spread and taken away twice they are heavier.
"""

from functools import lru_cache
from typing import cast

import cv2
import numpy as np

from animecam.settings import AS_DRAWN
from animecam.types import Image, Plane

LINE_PX = 7
"""What is wider than this in a drawing is no line but an area; the styles draw lines of two to four pixels."""

SPREAD_PX = 3
"""A line of full weight grows by this less one: a pixel on either side."""

HEAVIEST = 0.8
"""How much of the spread lines is taken away from a drawing at full weight, besides the lines that it has."""

PALEST = 0.65
"""How much of the lines is taken out at no weight: without the rest, eyes and mouth would be gone."""


def inked(drawing: Image, line: float) -> Image:
    """A drawing with lines of another weight.

    Args:
        drawing: RGB, uint8 [H, W, 3]; not touched.
        line: 0: the faintest lines, 0.5: as drawn, 1: the heaviest.

    Returns:
        A new drawing; the same one at 0.5.
    """
    if line == AS_DRAWN:
        return drawing
    lines = cast(Image, cv2.morphologyEx(drawing, cv2.MORPH_BLACKHAT, _disc(LINE_PX)))
    if line < AS_DRAWN:
        return cast(Image, cv2.addWeighted(drawing, 1.0, lines, PALEST * (1.0 - line / AS_DRAWN), 0.0))
    spread = cv2.dilate(lines, _disc(SPREAD_PX))
    return cast(Image, cv2.addWeighted(drawing, 1.0, spread, -HEAVIEST * (line - AS_DRAWN) / AS_DRAWN, 0.0))


@lru_cache(maxsize=4)
def _disc(side_px: int) -> Plane:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side_px, side_px)), np.uint8)
