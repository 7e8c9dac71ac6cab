"""Cuts of a film: the picture is another one from one frame to the next, and nobody in it is who was there before."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from animecam.bars import Inset
from animecam.faces.base import Cropper
from animecam.faces.geometry import upright_region
from animecam.faces.tones import Tones, averaged, tones_in, tones_of
from animecam.types import Frame

_Thumb: TypeAlias = NDArray[np.float32]
_Part: TypeAlias = tuple[slice, slice]

THUMB_PX = (32, 18)
"""Width and height of what is compared."""

SAMPLES = 8
"""So many pixels of a side, at most, are averaged to one of those."""

LEAST_LIKENESS, LEAST_LIKENESS_LATER, LATER_SECONDS = 0.5, 0.3, 0.05
"""Correlation of two frames below which they are of two shots; the second where more time lies between them.

Of neighbours in six clips of people the least was 0.98, and 0.66 where one of them jumps within a shot; of frames of
two of those clips nine in ten were below 0.5. A camera that turns by a sixteenth of its picture a frame comes to 0.54.
Light that changes as a whole leaves it as it is."""

PLAIN_LEVELS = 1.5
"""Root mean square of the tones about their mean, in levels, up to which a frame is of one tone but for its grain: that
of a film averages to less than half a level, and no two frames of it are alike."""

BLACK_LEVELS, LEAST_SHARE = 20, 0.25
"""Tones of black bars at most, 16 in video, and the share of a side at least that lies between them. Any two frames
between the same bars are alike by those: of 270 pairs from six clips, with bars of a quarter of the height, 72 were
told apart with the bars and 252 are without."""


class CutFinder:
    """Tells the first frame of each shot. Call it with the frames in order.

    Args:
        crop: Samples pictures from frames; asked for those that lie on a GPU, as their pixels are not at hand.
    """

    def __init__(self, crop: Cropper) -> None:
        self._crop = crop
        self._last: _Thumb | None = None
        self._last_s = 0.0
        self._inset: Inset | None = None

    def __call__(self, frame: Frame) -> bool:
        """Whether a frame has nothing to do with the last one before it that shows anything.

        Where it is fitted otherwise, between other black bars, nothing in it is where it was.
        """
        is_fitted_otherwise, self._inset = frame.inset != self._inset, frame.inset
        return self._is_unlike_last(frame) or is_fitted_otherwise

    def _is_unlike_last(self, frame: Frame) -> bool:
        now = averaged(self._tones(frame), *THUMB_PX, SAMPLES).astype(np.float32)
        if _contrast(_varied(now, _filmed(now))) <= PLAIN_LEVELS:
            return False  # a fade, or a hand before the camera: what comes after it is compared with what was before
        last, self._last = self._last, now
        step_s, self._last_s = frame.time_s - self._last_s, frame.time_s
        if last is None:
            return False
        least = LEAST_LIKENESS if step_s <= LATER_SECONDS else LEAST_LIKENESS_LATER
        part = _filmed(np.maximum(last, now))
        return _likeness(_varied(last, part), _varied(now, part)) < least

    def _tones(self, frame: Frame) -> Tones:
        tones = tones_of(frame)
        return tones_in(self._crop(frame, upright_region(frame, SAMPLES * THUMB_PX[0]))) if tones is None else tones


def _filmed(thumb: _Thumb) -> _Part:
    """What of a small copy lies between black bars, without the pixels that may be of both; all of it where hardly
    anything does.
    """
    is_light, part = thumb > BLACK_LEVELS, list[slice]()
    for across, side in zip((1, 0), thumb.shape, strict=True):
        light = np.flatnonzero(is_light.any(axis=across))
        first, last = (int(light[0]), int(light[-1])) if light.size else (0, 0)
        first, last = first + (first > 0), last - (last < side - 1)
        if last + 1 - first < LEAST_SHARE * side:
            return slice(None), slice(None)
        part.append(slice(first, last + 1))
    rows, columns = part
    return rows, columns


def _varied(thumb: _Thumb, part: _Part) -> _Thumb:
    """Tones of a part less their mean."""
    tones = thumb[part]
    return tones - tones.mean()


def _contrast(varied: _Thumb) -> float:
    """Root mean square of what is left without the mean."""
    return float(np.linalg.norm(varied)) / varied.size**0.5


def _likeness(one: _Thumb, other: _Thumb) -> float:
    """Correlation of two."""
    return float(np.vdot(one, other) / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-9))
