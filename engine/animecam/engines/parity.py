"""How near a compiled network is to the one it was made from: on which pictures, and in which measure."""

import math
from typing import Any

import cv2  # noqa: TID253 - resizes the bundled portrait
import numpy as np
from numpy.typing import NDArray

from animecam.portrait import load_portrait

_CHANNELS = 3


def trial_pictures(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Noise in [-1, 1], with the bundled portrait before it where pictures are shaped as our own networks take them."""
    pictures = np.random.default_rng(0).random(shape, np.float32) * 2 - 1
    if len(shape) == 4 and shape[1] == _CHANNELS:
        portrait = cv2.resize(load_portrait(), shape[:1:-1], interpolation=cv2.INTER_AREA)
        pictures[0] = portrait.transpose(2, 0, 1) / 127.5 - 1
    return pictures


def psnr_db(expected: NDArray[Any], given: NDArray[Any]) -> float:
    """How near numbers are to the right ones, whose span is the peak.

    Returns:
        Infinity where they are the same; minus infinity where they are not finite, as half that overflowed: a NaN is
        passed over by `min` unless it comes first.
    """
    right = expected.astype(np.float64)
    error = float(np.mean(np.square(right - given)))
    peak = float(np.ptp(right)) or 1.0
    if not math.isfinite(error):
        return -math.inf
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)
