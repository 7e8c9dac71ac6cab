"""Calms the drawing over time: where the filmed crop has not changed, the drawing should not either.

The network's statistics are global, so noise anywhere moves lines everywhere. Crops are aligned to the head, hence what
stands still on the head stands still in the crop, and the last drawing fits on this one. Where something moved (the
mouth, the eyes, the background) this drawing counts alone: nothing lags and no frame is added.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.types import Image, Region


@dataclass(frozen=True, slots=True)
class CalmOptions:
    """How much of the last drawing stays; the defaults had the least warping error of four tried on two clips.

    Attributes:
        keep: Share of the last drawing where nothing moved; 0 turns calming off.
        still_levels: Mean change of the filmed pixels, in levels of 255, up to which they count as still: camera noise.
        moved_levels: Change from which they count as moved.
        spread_px: Side of the square over which changes are averaged, so that single noisy pixels decide nothing.
    """

    keep: float = 0.7
    still_levels: float = 1.0
    moved_levels: float = 3.0
    spread_px: int = 5

    @property
    def slope(self) -> float:
        """How much less stays for each level of change between still and moved."""
        return self.keep / (self.moved_levels - self.still_levels)


@dataclass(frozen=True, slots=True)
class _Last:
    """What one region showed in the last frame, and in which style."""

    style: str
    filmed: Image
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
            last = self._last.get(region.track_id)
            if last is not None and last.style == style and last.filmed.shape == picture.shape:
                drawing = self._blend(last, picture, drawing)
            memory[region.track_id] = _Last(style, picture, drawing)
            calmed.append(drawing)
        self._last = memory
        return tuple(calmed)

    def forget(self) -> None:
        """Takes the next drawings as they come."""
        self._last.clear()

    def _blend(self, last: _Last, picture: Image, drawing: Image) -> Image:
        kept = self._kept(last.filmed, picture)
        return cast(Image, cv2.blendLinear(last.drawn, drawing, kept, 1.0 - kept))

    def _kept(self, before: Image, now: Image) -> NDArray[np.float32]:
        """Share of the last drawing at each pixel, float32 [H, W]."""
        options = self._options
        change = cv2.cvtColor(cv2.absdiff(before, now), cv2.COLOR_RGB2GRAY)
        change = cv2.blur(change.astype(np.float32), (options.spread_px, options.spread_px))
        return np.clip((options.moved_levels - change) * options.slope, 0.0, options.keep).astype(
            np.float32, copy=False
        )
