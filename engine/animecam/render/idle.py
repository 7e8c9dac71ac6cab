"""Lets the network rest while nothing changes: a crop that looks as it did when it was last drawn keeps that drawing.

Crops are aligned to the head, so someone who sits still gives the same crop again and again, whatever moves elsewhere
in the picture. A crop is compared with the one that was *drawn*, not with the last one: a change that creeps over many
frames adds up until it is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from animecam.render.base import Draw
from animecam.types import Image, Region

THUMB_PX = 32
"""Side of the copies that are compared. Each pixel averages 64 of a crop of 256 px, noise of two levels falls to a
quarter of one; a closed eye or an opened mouth covers several."""

SAME_LEVELS = 2
"""Largest change of any pixel of those copies, in levels of 255, that counts as none."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A region when it was last drawn."""

    shape: tuple[int, ...]
    thumb: Image
    drawing: Image


class Idle:
    """Remembers the drawings of one stream. Call it with its frames in order."""

    def __init__(self) -> None:
        self._draw: Draw | None = None
        self._drawn: dict[int, _Drawn] = {}

    def kept(self, draw: Draw, regions: Sequence[Region], pictures: Sequence[Image]) -> tuple[Image, ...] | None:
        """The drawings of pictures that look as they did when they were last drawn.

        Args:
            draw: What would draw them; drawings of anything else are not kept.
            regions: `track_id` tells which picture belongs to which.
            pictures: What was filmed, RGB, uint8 [H, W, 3] each.

        Returns:
            A drawing a picture; None if one of them has changed, or if there are none.
        """
        if not pictures or draw is not self._draw:
            return None
        pairs = zip(regions, pictures, strict=True)
        if not all(self._is_same(self._drawn.get(region.track_id), picture) for region, picture in pairs):
            return None
        return tuple(self._drawn[region.track_id].drawing for region in regions)

    def remember(
        self, draw: Draw, regions: Sequence[Region], pictures: Sequence[Image], drawn: Sequence[Image]
    ) -> None:
        """Takes what was drawn of the pictures of a frame; all before it is forgotten."""
        self._draw = draw
        self._drawn = {
            region.track_id: _Drawn(picture.shape, _thumb(picture), drawing)
            for region, picture, drawing in zip(regions, pictures, drawn, strict=True)
        }

    def _is_same(self, drawn: _Drawn | None, picture: Image) -> bool:
        if drawn is None or drawn.shape != picture.shape:
            return False
        return int(np.max(cv2.absdiff(drawn.thumb, _thumb(picture)))) <= SAME_LEVELS


def _thumb(picture: Image) -> Image:
    return cast(Image, cv2.resize(picture, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA))
