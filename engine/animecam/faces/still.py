"""Leaves a face that keeps still where it is.

Each search looks at the surroundings of the place that the last one found, and so finds another place in one and the
same picture each time, tenths of a pixel off, for ever: the head trembled, and everything after it was done anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from animecam.faces.base import Cropper
from animecam.types import Detection, Frame, Image, Region

THUMB_PX = 16
"""Side of the copies that are compared: each pixel averages 64 of what a search looks at, noise of two levels falls to
a quarter of one."""

SAME_LEVELS = 4
"""Largest change of any pixel of those copies, in levels of 255, that counts as none: an edge of 100 levels that moved
by a third of a pixel of what a search looks at is more. With 2 one of five clips trembled more; 8 and 16 calmed that
one further and others less."""

LEAST_CONTRAST = 16
"""Levels between the darkest and the lightest pixel of a copy, or a motion would not show in it."""


@dataclass(frozen=True, slots=True)
class _Searched:
    """Surroundings of a face when they were searched last, and what was found."""

    region: Region
    thumb: Image
    seen: tuple[Detection, ...]


class Still:
    """Remembers what was found around each face, for as long as nothing moves there.

    A picture is compared with the one that was *searched*, not with the last one: a motion that creeps over many
    frames adds up until it is searched.

    Args:
        crop: Samples pictures from frames.
    """

    def __init__(self, crop: Cropper) -> None:
        self._crop = crop
        self._searched: dict[int, _Searched] = {}

    def seen(self, frame: Frame, track_id: int) -> tuple[Detection, ...] | None:
        """What the last search around a face found; None if something has moved there since, or nothing was found."""
        before = self._searched.get(track_id)
        if before is None:
            return None
        change = cv2.absdiff(before.thumb, _thumb(self._crop(frame, before.region)))
        return before.seen if int(change.max()) <= SAME_LEVELS else None

    def remember(self, track_id: int, region: Region, picture: Image, seen: tuple[Detection, ...]) -> None:
        """Takes what a search found in the picture of a region."""
        thumb = _thumb(picture)
        if seen and int(np.ptp(thumb)) >= LEAST_CONTRAST:
            self._searched[track_id] = _Searched(region, thumb, seen)
        else:
            self._searched.pop(track_id, None)

    def keep(self, track_ids: Iterable[int]) -> None:
        """Forgets all faces but these."""
        self._searched = {one: self._searched[one] for one in track_ids if one in self._searched}


def _thumb(picture: Image) -> Image:
    return cast(Image, cv2.resize(picture, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA))
