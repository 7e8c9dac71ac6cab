"""Cuts of a clip: a frame that has nothing to do with the one before it.

As `animecam/faces/cuts.py` finds them while a film is drawn; training knows nothing of that package.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam_training.faces import Image

THUMB_PX = (32, 18)
"""Width and height of what is compared."""

LEAST_LIKENESS = 0.5
"""Correlation of two frames below which they are of two shots; that of neighbours within a shot is 0.98 as a rule."""

PLAIN_LEVELS = 1.5
"""Root mean square of the tones about their mean, in levels, up to which a frame is of one tone but for its grain."""


def find_cuts(frames: Iterable[Image]) -> frozenset[int]:
    """The first frame of each shot but the first, by its place.

    Args:
        frames: In order, RGB, uint8 [H, W, 3]. One of a single tone, as in a fade, is passed over: what comes after it
            is compared with what was before.
    """
    cuts: set[int] = set()
    last: NDArray[np.float64] | None = None
    for place, frame in enumerate(frames):
        now = _tones(frame)
        if float(np.linalg.norm(now)) <= PLAIN_LEVELS * now.size**0.5:
            continue
        if last is not None and np.vdot(last, now) < LEAST_LIKENESS * np.linalg.norm(last) * np.linalg.norm(now):
            cuts.add(place)
        last = now
    return frozenset(cuts)


def _tones(frame: Image) -> NDArray[np.float64]:
    """A small picture in gray, less its mean, float64 [18, 32]."""
    small = cv2.resize(frame, THUMB_PX, interpolation=cv2.INTER_AREA)
    gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float64)
    return gray - gray.mean()
