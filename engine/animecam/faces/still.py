"""Leaves a face that keeps still where it is.

Each search looks at the surroundings of the place that the last one found, and so finds another place in one and the
same picture each time, tenths of a pixel off, for ever: the head trembled, and everything after it was done anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from animecam.affine import bounding_box
from animecam.faces.base import Cropper
from animecam.faces.tones import Tones, averaged, tones_of
from animecam.types import Box, Detection, Frame, Image, Region

THUMB_PX = 16
"""Side of the copies that are compared: each pixel averages 64 of what a search looks at, noise of two levels falls to
a quarter of one."""

SAME_LEVELS = 4
"""Largest change of any pixel of those copies, in levels of 255, that counts as none: an edge of 100 levels that moved
by a third of a pixel of what a search looks at is more. With 2 one of five clips trembled more; 8 and 16 calmed that
one further and others less."""

MOVED_LEVELS, MOVED_SAMPLES = 5, 16
"""Change of the tones around a face from which it counts as moved without the copy above, whose crop costs ten times as
much, and how many pixels of a side are averaged for each of them. On six clips of people 477 of 619 motions are seen so
already, and 6 of 239 pictures that are the same by that copy count as moved; with 4 it would be 18."""

LEAST_CONTRAST = 16
"""Levels between the darkest and the lightest pixel of a copy, or a motion would not show in it."""


@dataclass(frozen=True, slots=True)
class _Searched:
    """Surroundings of a face when they were searched last, and what was found."""

    region: Region
    tones: Tones | None
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
        if before is None or _has_moved(before.tones, _tones(frame, before.region)):
            return None
        change = cv2.absdiff(before.thumb, _thumb(self._crop(frame, before.region)))
        return before.seen if int(change.max()) <= SAME_LEVELS else None

    def remember(
        self, frame: Frame, track_id: int, region: Region, picture: Image, seen: tuple[Detection, ...]
    ) -> None:
        """Takes what a search found in the picture of a region of a frame."""
        thumb = _thumb(picture)
        if seen and int(np.ptp(thumb)) >= LEAST_CONTRAST:
            self._searched[track_id] = _Searched(region, _tones(frame, region), thumb, seen)
        else:
            self._searched.pop(track_id, None)

    def keep(self, track_ids: Iterable[int]) -> None:
        """Forgets all faces but these."""
        self._searched = {one: self._searched[one] for one in track_ids if one in self._searched}


def _thumb(picture: Image) -> Image:
    return cast(Image, cv2.resize(picture, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA))


def _tones(frame: Frame, region: Region) -> Tones | None:
    """Tones around a region, as far as it lies in the frame; None if they are not at hand."""
    tones = tones_of(frame)
    if tones is None:
        return None
    around = bounding_box(region.to_frame, Box(0, 0, region.width_px, region.height_px))
    rows = slice(max(int(around.top), 0), max(int(around.bottom), 0))
    part = tones[rows, max(int(around.left), 0) : max(int(around.right), 0)]
    return averaged(part, THUMB_PX, THUMB_PX, MOVED_SAMPLES) if part.size else None


def _has_moved(before: Tones | None, now: Tones | None) -> bool:
    return before is not None and now is not None and int(cv2.absdiff(before, now).max()) > MOVED_LEVELS
