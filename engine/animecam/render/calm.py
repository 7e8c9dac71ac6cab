"""Calms the drawing over time: where the filmed crop only moved or has not changed, the drawing should do the same.

The network's statistics are global, so noise anywhere moves lines everywhere. The last drawing is carried along the
motion of the filmed crop and mixed in wherever, carried so, the last crop looks like this one. Where it does not (an
opening mouth, a closing eye, what comes into view) this drawing counts alone: nothing lags and no frame is added.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.render.motion import Floats, Flow, Gray, find_motion, grid
from animecam.types import Image, Region

COARSER = 2
"""So many pixels of a crop, across and down, are averaged before two crops are compared: that halves camera noise, and
the time it takes."""

COARSE_FROM_PX = 128
"""Shorter side from which on crops are averaged so."""

SEEN_PX = 128
"""Side of the grey copies in which motion is looked for."""

NEAR_PX, NEAR_LEVELS = 5, 5
"""Side of the square in which a tone of the last drawing must be found in this one, and by how many levels it may be
off: whole areas pulse a little. On six clips of people what is taken off the warping error stays within 0.01 of what it
is without that bound."""

_AROUND = np.ones((NEAR_PX, NEAR_PX), np.uint8)
_OFF = cast(Image, (NEAR_LEVELS,) * 3)  # a number for each channel, of which the stubs know nothing

_Places: TypeAlias = tuple[NDArray[np.int16], NDArray[np.uint16]]
"""Where each pixel of a picture lay in another, as `cv2.convertMaps` writes it."""


@dataclass(frozen=True, slots=True)
class CalmOptions:
    """How much of the last drawing stays; the defaults had the least warping error of those tried on five clips.

    Attributes:
        keep: Share of the last drawing where nothing changed; 0 turns calming off.
        still_levels: Mean change of the filmed pixels once motion is taken out, in levels of 255, up to which they
            count as the same: camera noise and what compression leaves.
        moved_levels: Change from which this drawing counts alone.
        spread_px: Side of the square over which changes are averaged, so that single noisy pixels decide nothing.
        follows_motion: The last drawing is carried along the motion of the crop before it is blended; otherwise it is
            taken where it was.
    """

    keep: float = 0.85
    still_levels: float = 3.5
    moved_levels: float = 10.0
    spread_px: int = 5
    follows_motion: bool = True

    @property
    def slope(self) -> float:
        """How much less stays for each level of change between still and moved."""
        return self.keep / (self.moved_levels - self.still_levels)


IN_PLACE = CalmOptions(keep=0.7, still_levels=1.0, moved_levels=3.0, follows_motion=False)
"""What the kernels do: without the motion, only what stands as still as camera noise may stay."""


@dataclass(frozen=True, slots=True)
class _Filmed:
    """A filmed picture as it is looked at: coarser for changes, and grey for motion."""

    picture: Image
    coarse: Image
    gray: Gray

    @classmethod
    def of(cls, picture: Image) -> "_Filmed":
        """What is looked at of a picture."""
        height, width = picture.shape[:2]
        coarse = picture
        if min(height, width) >= COARSE_FROM_PX:
            size = (width // COARSER, height // COARSER)
            coarse = cast(Image, cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        seen = coarse if min(coarse.shape[:2]) >= SEEN_PX else picture
        # OpenCV's means make steps where they enlarge, and motion is found along slopes.
        interpolation = cv2.INTER_AREA if min(height, width) >= SEEN_PX else cv2.INTER_LINEAR
        gray = cv2.resize(cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY), (SEEN_PX, SEEN_PX), interpolation=interpolation)
        return cls(picture, coarse, cast(Gray, gray))


@dataclass(frozen=True, slots=True)
class _Last:
    """What one region showed in the last frame, and in which style."""

    style: str
    filmed: _Filmed
    drawn: Image


class Calm:
    """Blends drawings with the last ones of their regions. Call it with the frames of one stream in order."""

    def __init__(self, options: CalmOptions | None = None) -> None:
        self._options = options or CalmOptions()
        self._last: dict[int, _Last] = {}

    def __call__(
        self, style: str, regions: Sequence[Region], pictures: Sequence[Image], drawn: Sequence[Image]
    ) -> tuple[Image, ...]:
        """Calms the drawings of one frame.

        Args:
            style: Name of the style; nothing of another one is kept.
            regions: `track_id` tells which drawing of the last frame belongs to which.
            pictures: What was filmed there, RGB, uint8 [H, W, 3] each.
            drawn: What was drawn of it, of the same sizes.

        Returns:
            The drawings, calmed; a region that is new or has another size than before is taken as it is.
        """
        if self._options.keep == 0.0:
            return tuple(drawn)
        calmed: list[Image] = []
        memory: dict[int, _Last] = {}
        for region, picture, drawing in zip(regions, pictures, drawn, strict=True):
            last, filmed = self._last.get(region.track_id), _Filmed.of(picture)
            if last is not None and last.style == style and last.filmed.picture.shape == picture.shape:
                drawing = self._blend(last, filmed, drawing)
            memory[region.track_id] = _Last(style, filmed, drawing)
            calmed.append(drawing)
        self._last = memory
        return tuple(calmed)

    def forget(self) -> None:
        """Takes the next drawings as they come."""
        self._last.clear()

    def _blend(self, last: _Last, now: _Filmed, drawing: Image) -> Image:
        if not self._options.follows_motion:
            kept = self._kept(last.filmed.picture, now.picture, self._options.spread_px)
            return cast(Image, cv2.blendLinear(last.drawn, drawing, kept, 1.0 - kept))
        flow = find_motion(last.filmed.gray, now.gray)
        before = _carried(last.filmed.coarse, _places(flow, now.coarse), cv2.INTER_LINEAR)
        coarser = now.picture.shape[0] // now.coarse.shape[0]
        kept = self._kept(before, now.coarse, self._options.spread_px // coarser | 1)  # odd: about the pixel itself
        if coarser > 1:
            kept = _enlarged(kept, drawing.shape[1::-1])
        # Bicubic: a drawing is carried from frame to frame, and bilinear steps would blur its lines by and by. Along a
        # known motion lines settle at 1.00 of their sharpness; bilinearly, from a drawing enlarged before, at 0.89.
        drawn = _carried(last.drawn, _places(flow, drawing), cv2.INTER_CUBIC)
        return cast(Image, cv2.blendLinear(_within(drawn, drawing), drawing, kept, 1.0 - kept))

    def _kept(self, before: Image, now: Image, spread_px: int) -> Floats:
        """Share of the last drawing at each pixel, float32 [H, W]."""
        options = self._options
        change = cv2.cvtColor(cv2.absdiff(before, now), cv2.COLOR_RGB2GRAY)
        change = cv2.blur(change.astype(np.float32), (spread_px, spread_px))
        return np.clip((options.moved_levels - change) * options.slope, 0.0, options.keep).astype(
            np.float32, copy=False
        )


def _places(flow: Flow, picture: Image) -> _Places:
    """Where the pixels of a picture lay in the last one, absolute: a map for `cv2.remap`.

    Whole pixels and fractions of 1/32 apart: a bilinear look-up takes half the time of one by floats.
    """
    height, width = picture.shape[:2]
    moves = zip(flow, grid(height, width), (width, height), strict=True)
    across, down = (
        cv2.add(_enlarged(move * np.float32(side / SEEN_PX), (width, height)), at) for move, at, side in moves
    )
    return cast(_Places, cv2.convertMaps(across, down, cv2.CV_16SC2))


def _carried(picture: Image, places: _Places, interpolation: int) -> Image:
    whole, fractions = places
    return cast(Image, cv2.remap(picture, whole, fractions, interpolation, borderMode=cv2.BORDER_REPLICATE))


def _within(carried: Image, drawing: Image) -> Image:
    """What was carried, within the tones that this drawing has near each pixel.

    On a plain wall all motion looks alike, and lines of a head that turned quickly would be left there. So renderers of
    games treat what they reuse (Karis, "High-Quality Temporal Supersampling", SIGGRAPH 2014).
    """
    least = cv2.subtract(cv2.erode(drawing, _AROUND), _OFF)
    most = cv2.add(cv2.dilate(drawing, _AROUND), _OFF)
    return cast(Image, cv2.min(cv2.max(carried, least), most))


def _enlarged(values: Floats, size: tuple[int, int]) -> Floats:
    return cast(Floats, cv2.resize(values, size, interpolation=cv2.INTER_LINEAR))
