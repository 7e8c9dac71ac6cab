"""Calm over time: what is left between two frames once the motion is taken out (Lai et al., ECCV 2018)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam_training.errors import DataError
from animecam_training.faces import Image

ROUND_TRIP_PX = 1.0
"""A pixel that does not come back to within this after going to the previous frame and back was hidden there."""

EPS = 1e-6
"""Of a level: a source that does not change at all has to divide something."""

Flow = NDArray[np.float32]
"""Where each pixel of one frame lies in another, relative to itself, pixels (x, y), float32 [H, W, 2]."""


@dataclass(frozen=True, slots=True)
class Flicker:
    """Mean absolute difference to the previous frame carried along the source's motion, in 1 / 255.

    Attributes:
        source: Of the clip itself: noise of the camera, compression, errors of the flow.
        styled: Of the styled clip, along the same motion and over the same pixels.
        frames: Number of pairs of frames.
        cuts: Number of pairs that were left out, as the clip is cut between them.
    """

    source: float
    styled: float
    frames: int
    cuts: int = 0

    @property
    def ratio(self) -> float:
        """How much more the styled clip flickers than its source."""
        return self.styled / max(self.source, EPS)


def measure_flicker(source: Sequence[Image], styled: Sequence[Image], cuts: Collection[int] = frozenset()) -> Flicker:
    """Flicker of a styled clip and of its source.

    Motion is the dense inverse search flow (Kroeger et al., ECCV 2016) of the source, so that no style can hide its
    flicker in the flow.

    Args:
        source: Consecutive frames, RGB, uint8 [H, W, 3].
        styled: As many frames of the same size.
        cuts: Places of frames that do not continue the one before them, see `find_cuts`.

    Raises:
        DataError: Fewer than two frames, or the two clips differ in length or size.
    """
    if len(source) < 2 or len(source) != len(styled) or source[0].shape != styled[0].shape:
        raise DataError(
            f"flicker of {len(source)} and {len(styled)} frames", hint="give two clips of one size, two frames at least"
        )
    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    errors: list[tuple[float, float]] = []
    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in source]
    for now in range(1, len(source)):
        if now in cuts:
            continue
        back = _flow(engine, grays[now], grays[now - 1])
        forth = _flow(engine, grays[now - 1], grays[now])
        seen = _is_visible(back, forth)
        if not seen.any():
            continue
        errors.append((_error(source, now, back, seen), _error(styled, now, back, seen)))
    if not errors:
        raise DataError("no frame continues the one before it", hint="give consecutive frames of one shot")
    source_error, styled_error = np.mean(errors, axis=0)
    return Flicker(float(source_error), float(styled_error), len(errors), sum(0 < cut < len(source) for cut in cuts))


def _flow(engine: cv2.DISOpticalFlow, start: NDArray[Any], end: NDArray[Any]) -> Flow:
    return np.asarray(engine.calc(start, end, np.zeros((*start.shape, 2), np.float32)), np.float32)


def _carry(image: NDArray[Any], flow: Flow) -> NDArray[Any]:
    """The picture sampled where the flow points."""
    height, width = flow.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _is_visible(back: Flow, forth: Flow) -> NDArray[np.bool_]:
    """Pixels that the previous frame shows too, bool [H, W]."""
    height, width = back.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x + back[..., 0], y + back[..., 1]
    inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    miss = np.linalg.norm(back + _carry(forth, back), axis=2)
    return inside & (miss < ROUND_TRIP_PX)


def _error(frames: Sequence[Image], now: int, back: Flow, seen: NDArray[np.bool_]) -> float:
    before = _carry(frames[now - 1].astype(np.float32), back)
    return float(np.abs(frames[now] - before)[seen].mean())
