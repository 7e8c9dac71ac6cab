"""Sees that something moves at the left and right sides of a picture: people come over them, and seldom from within."""

import numpy as np

from animecam.faces.tones import Tones, averaged, tones_of
from animecam.types import Frame

WIDTH_SHARE = 1 / 12
"""Width of a side in widths of the picture: of a face that fills a fifth of it the first half."""

HEIGHT_SHARE = 2 / 3
"""Of a side, from the top: below it are the shoulders of whoever sits before the camera, which hardly ever rest."""

CELLS, SAMPLES = (2, 8), 8
"""It is averaged to so many cells, across and down, each of at most so many pixels of a side."""

CHANGED_LEVELS = 12
"""Change of any cell, in levels of 255, that counts: grain of five levels averages to less than one, and light that
flickers with the mains to two or three. On six clips of people, in which nobody comes in, 17 to 28 % of the frames were
searched where time alone asks for 17 to 20; 17 to 62 with 8 levels and the whole height."""


class Sides:
    """Compares the sides of frames with those of the frame that was searched last, so that slow motions add up.

    Frames that lie on a GPU are not looked at.
    """

    def __init__(self) -> None:
        self._searched: Tones | None = None

    def have_changed(self, frame: Frame) -> bool:
        """Whether something came, went or moved there since the last search."""
        sides = _sides(frame)
        if sides is None or self._searched is None:
            return False
        return int(np.abs(sides.astype(np.int16) - self._searched).max()) >= CHANGED_LEVELS

    def remember(self, frame: Frame) -> None:
        """Takes the sides of a frame that is searched."""
        self._searched = _sides(frame)


def _sides(frame: Frame) -> Tones | None:
    """Both sides of the upright picture, one above the other, uint8 [16, 2]; None where the pixels are not at hand."""
    tones = tones_of(frame)
    if tones is None:
        return None
    if frame.inset is not None:  # nobody comes over its black bars
        left, top, width_px, height_px = frame.inset
        tones = tones[top : top + height_px, left : left + width_px]
    tones = np.rot90(tones, frame.rotation_deg // 90)
    tones = tones[: max(1, round(tones.shape[0] * HEIGHT_SHARE))]
    width = max(1, round(tones.shape[1] * WIDTH_SHARE))
    return np.concatenate([averaged(side, *CELLS, SAMPLES) for side in (tones[:, :width], tones[:, -width:])])
