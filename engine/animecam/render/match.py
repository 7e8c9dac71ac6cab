"""Pulls the colours of a drawn picture to those around it, so that no seam shows where it fades out.

Only the mean is moved: anything finer would undo the style. What is compared is the ring where drawn and filmed pixels
mix, because only there the two are seen side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.color import rgb_to_yuv_matrix, yuv_to_rgb_matrix
from animecam.render.masks import Mask
from animecam.types import Color, ColorMatrix, Image, Region

Offset: TypeAlias = NDArray[np.float64]
"""What to add to each pixel as luma, blue and red difference in 8-bit levels, float64 [3]."""

THUMB_PX = 32
"""Side of the copies that are compared; the mean of a ring needs no more."""

MIN_RING = 0.002
"""Mean weight of a ring, below which there is no transition to match (the whole picture shows, or none)."""

_FULL_601 = Color(matrix=ColorMatrix.BT601, full_range=True)
LEVELS_TO_OFFSET = rgb_to_yuv_matrix(_FULL_601, height_px=0)[:, :3]
OFFSET_TO_LEVELS = yuv_to_rgb_matrix(_FULL_601, height_px=0)[:, :3]


@dataclass(frozen=True, slots=True)
class MatchOptions:
    """How far and how fast colours are pulled.

    Attributes:
        luma_limit: Most that brightness moves, in levels; a style that is darker by more means it.
        chroma_limit: Most that each colour difference moves, in levels.
        settle_s: Time in which two thirds of a change are followed, in seconds; the picture must not flicker.
    """

    luma_limit: float = 20.0
    chroma_limit: float = 16.0
    settle_s: float = 0.25

    @property
    def limits(self) -> tuple[float, float, float]:
        """Most that luma, blue and red difference move."""
        return self.luma_limit, self.chroma_limit, self.chroma_limit

    def followed(self, last_s: float | None, now_s: float) -> float:
        """Share of a change that is followed between two frames: all of it if there was none before.

        Args:
            last_s: Time of the last frame that showed the face, None: it is new.
            now_s: Time of this frame; before the last one's if the clip began anew.
        """
        if last_s is None or now_s < last_s:
            return 1.0
        return 1.0 - exp(-(now_s - last_s) / self.settle_s)


@dataclass(frozen=True, slots=True)
class _Track:
    """The last offset of one region."""

    time_s: float
    offset: Offset


class ColorMatch:
    """Matches the drawn pictures of one frame. Call it with the frames in order: it remembers the last offsets."""

    def __init__(self, options: MatchOptions | None = None) -> None:
        self._options = options or MatchOptions()
        self._tracks: dict[int, _Track] = {}

    def __call__(
        self,
        time_s: float,
        regions: Sequence[Region],
        sources: Sequence[Image],
        drawn: Sequence[Image],
        rings: Sequence[Mask],
    ) -> tuple[Image, ...]:
        """Moves the colours of the pictures of one frame.

        Args:
            time_s: Time of the frame.
            regions: Where the pictures lie; `track_id` tells which offset of the last call belongs to which.
            sources: What was filmed there, RGB.
            drawn: What was drawn of it, RGB of the same sizes.
            rings: How much each pixel counts: most where drawn and filmed pixels mix that belong together.

        Returns:
            The drawn pictures, moved.
        """
        tracks: dict[int, _Track] = {}
        for region, source, picture, ring in zip(regions, sources, drawn, rings, strict=True):
            aim = ring_offset(source, picture, ring)
            if aim is not None:
                tracks[region.track_id] = self._follow(self._tracks.get(region.track_id), time_s, aim)
        self._tracks = tracks
        return tuple(
            _move(picture, tracks[region.track_id].offset) if region.track_id in tracks else picture
            for region, picture in zip(regions, drawn, strict=True)
        )

    def forget(self) -> None:
        """Takes the next faces for new ones."""
        self._tracks.clear()

    def _follow(self, last: _Track | None, time_s: float, aim: Offset) -> _Track:
        limits = self._options.limits
        aim = np.clip(aim, np.negative(limits), limits)
        if last is None:
            return _Track(time_s, aim)
        share = self._options.followed(last.time_s, time_s)
        return _Track(time_s, last.offset + share * (aim - last.offset))


def ring_offset(source: Image, drawn: Image, ring: Mask) -> Offset | None:
    """How much the drawn picture differs from the source where the two mix.

    Args:
        source: RGB, uint8 [H, W, 3].
        drawn: RGB, uint8 [H, W, 3].
        ring: How much each pixel counts, [H, W], 0 or more.

    Returns:
        Weighted mean of source minus drawn; None if nothing counts.
    """
    weights = _thumb(ring)
    total = float(weights.sum())
    if total < MIN_RING * weights.size:
        return None
    difference = _thumb(source).astype(np.float64) - _thumb(drawn)
    return LEVELS_TO_OFFSET @ (np.einsum("hw,hwc->c", weights, difference) / total)


def pixel_weights(ring: Mask) -> Mask | None:
    """How much each pixel counts in `ring_offset`: the weighted sum of source minus drawn is the difference it finds.

    The copies that it compares are area means, which are linear: the weights of their pixels, spread over the pixels
    that each is the mean of, give the same sum without the copies.

    Args:
        ring: As for `ring_offset`.

    Returns:
        [H, W], sums to 1; None if nothing counts.
    """
    weights = _thumb(ring).astype(np.float64)
    total = float(weights.sum())
    if total < MIN_RING * weights.size:
        return None
    down, across = (_area_means(side) for side in ring.shape)
    return (down.T @ (weights / total) @ across).astype(np.float32)


def _area_means(side: int) -> NDArray[np.float64]:
    """What each sample of `side` contributes to each of THUMB_PX area means, [THUMB_PX, side]."""
    step = side / THUMB_PX
    edges = np.arange(THUMB_PX)[:, None] * step
    samples = np.arange(side)[None, :]
    shared = np.minimum(edges + step, samples + 1.0) - np.maximum(edges, samples)
    return np.clip(shared, 0.0, None) / step


def _thumb(picture: NDArray[np.generic]) -> NDArray[np.float32]:
    height, width = picture.shape[:2]
    if height % (2 * THUMB_PX) == width % (2 * THUMB_PX) == 0:  # pairs first: by far the fastest average of OpenCV
        picture = cv2.resize(cast(Image, picture), (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    small = cv2.resize(cast(Image, picture), (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32, copy=False)


def _move(picture: Image, offset: Offset) -> Image:
    return cast(Image, cv2.transform(picture, np.column_stack((np.eye(3), OFFSET_TO_LEVELS @ offset))))
