"""Pulls the colours of a drawn picture to those around it, so that no seam shows where it fades out.

Only means are moved: anything finer would undo the style. What is compared is the ring where drawn and filmed pixels
mix, because only there the two are seen side by side. Each part of the ring moves what is beside it, and all of it the
middle: hair that is drawn darker on one side must not brighten the wall on the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, pi
from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.color import rgb_to_yuv_matrix, yuv_to_rgb_matrix
from animecam.render.masks import Mask, head_radius
from animecam.types import Color, ColorMatrix, Image, Region

Offsets: TypeAlias = NDArray[np.float64]
"""What each part of a ring asks to be added, as luma, blue and red difference in 8-bit levels, float64 [PARTS, 3]."""

Weights: TypeAlias = NDArray[np.float64]
"""How much each pixel of the small copies counts for each part, [PARTS, THUMB_PX, THUMB_PX]; each sums to 1."""

THUMB_PX = 32
"""Side of the copies that are compared; the mean of a ring needs no more."""

SECTORS = 8
"""So many parts of a ring are compared by themselves, each fading into the next. On five clips brightness differs along
the ring by 2 to 6 levels (root mean square) where the mean of all left 3 to 13; a plane through it left 2 to 7."""

PARTS = SECTORS + 1
"""The sectors, and all of the ring."""

MIDDLE_RADIUS, SECTOR_RADIUS = 0.35, 0.7
"""In radii of a head's shape: within the first all of the ring moves colours alike, from the second on, where the shape
begins to fade out, each sector its own."""

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
    """The last offsets of one region."""

    time_s: float
    offsets: Offsets


class ColorMatch:
    """Matches the drawn pictures of one frame. Call it with the frames in order: it remembers the last offsets."""

    def __init__(self, options: MatchOptions | None = None) -> None:
        self._options = options or MatchOptions()
        self._tracks: dict[int, _Track] = {}
        self._weights: tuple[Mask, Weights | None] | None = None  # of the last ring: most are the same shared one

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
            weights = self._weights_of(ring)
            if weights is not None:
                aim = ring_offsets(source, picture, weights)
                tracks[region.track_id] = self._follow(self._tracks.get(region.track_id), time_s, aim)
        self._tracks = tracks
        return tuple(
            _move(picture, tracks[region.track_id].offsets) if region.track_id in tracks else picture
            for region, picture in zip(regions, drawn, strict=True)
        )

    def forget(self) -> None:
        """Takes the next faces for new ones."""
        self._tracks.clear()

    def _weights_of(self, ring: Mask) -> Weights | None:
        if self._weights is None or self._weights[0] is not ring:
            self._weights = ring, part_weights(ring)
        return self._weights[1]

    def _follow(self, last: _Track | None, time_s: float, aim: Offsets) -> _Track:
        limits = self._options.limits
        aim = np.clip(aim, np.negative(limits), limits)
        if last is None:
            return _Track(time_s, aim)
        share = self._options.followed(last.time_s, time_s)
        return _Track(time_s, last.offsets + share * (aim - last.offsets))


def ring_offsets(source: Image, drawn: Image, weights: Weights) -> Offsets:
    """How much the drawn picture differs from the source where the two mix.

    Args:
        source: RGB, uint8 [H, W, 3].
        drawn: RGB, uint8 [H, W, 3].
        weights: Those of the ring.

    Returns:
        Weighted means of source minus drawn, one a part.
    """
    difference = _thumb(source) - _thumb(drawn)
    return (weights.reshape(PARTS, -1) @ difference.reshape(-1, 3)) @ LEVELS_TO_OFFSET.T


def part_weights(ring: Mask) -> Weights | None:
    """The weights of a ring.

    Args:
        ring: How much each pixel counts, [H, W], 0 or more. A part that is empty, because no person is there, asks for
            what all of it does.

    Returns:
        None if nothing counts.
    """
    thumb = _thumb(ring)
    least = MIN_RING * thumb.size
    weights = np.concatenate([_sectors(), np.ones((1, THUMB_PX, THUMB_PX))]) * thumb
    totals = weights.sum(axis=(1, 2))
    if totals[-1] < least:
        return None
    is_empty = totals < least / SECTORS
    weights[is_empty], totals[is_empty] = weights[-1], totals[-1]
    return weights / totals[:, None, None]


def pixel_weights(ring: Mask) -> NDArray[np.float32] | None:
    """How much each pixel counts in `ring_offsets`: weighted sums of source minus drawn are the differences it finds.

    The copies that it compares are area means, which are linear: the weights of their pixels, spread over the pixels
    that each is the mean of, give the same sums without the copies.

    Args:
        ring: As for `part_weights`.

    Returns:
        [PARTS, H, W], each sums to 1; None if nothing counts.
    """
    weights = part_weights(ring)
    if weights is None:
        return None
    down, across = (_area_means(side) for side in ring.shape)
    return (down.T @ weights @ across).astype(np.float32)


def reach(width_px: int, height_px: int) -> NDArray[np.float32]:
    """By how much of each part's offset each pixel of a picture is moved, [PARTS, height_px, width_px]; sums to 1."""
    parts = [_enlarged(part, (width_px, height_px)) for part in _thumb_reach()]
    return np.stack(parts)


@lru_cache(maxsize=1)
def _sectors() -> NDArray[np.float64]:
    """How much each pixel of a small copy belongs to each sector, [SECTORS, THUMB_PX, THUMB_PX]; they sum to 1."""
    place = (np.arange(THUMB_PX) + 0.5) / THUMB_PX - 0.5
    turn = np.arctan2(place[:, None], place[None, :]) / (2.0 * pi) * SECTORS
    apart = np.abs((turn - np.arange(SECTORS)[:, None, None] + SECTORS / 2) % SECTORS - SECTORS / 2)
    return np.clip(1.0 - apart, 0.0, None)


@lru_cache(maxsize=1)
def _thumb_reach() -> NDArray[np.float32]:
    """`reach` of the small copies."""
    rise = (head_radius(THUMB_PX, THUMB_PX) - MIDDLE_RADIUS) / (SECTOR_RADIUS - MIDDLE_RADIUS)
    rise = np.clip(rise, 0.0, 1.0)
    own = rise * rise * (3.0 - 2.0 * rise)
    return np.concatenate([_sectors() * own, (1.0 - own)[None]]).astype(np.float32)


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


def _move(picture: Image, offsets: Offsets) -> Image:
    levels = (offsets @ OFFSET_TO_LEVELS.T).astype(np.float32)
    moves = np.tensordot(_thumb_reach(), levels, axes=(0, 0))
    return cast(Image, cv2.add(picture, _enlarged(moves, picture.shape[1::-1]), dtype=cv2.CV_8U))


def _enlarged(samples: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return cast(NDArray[np.float32], cv2.resize(samples, size, interpolation=cv2.INTER_LINEAR))
