"""Where persons are in a whole frame: from afar, and from near those whose heads are small in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from animecam.affine import bounding_box, chain
from animecam.faces.geometry import upright_picture
from animecam.pauses import Pausing
from animecam.render.base import FindPersons
from animecam.render.cpu import CpuImageOps
from animecam.render.masks import Mask, face_mask, head_mask
from animecam.render.overlap import to_other
from animecam.render.resample import resample
from animecam.types import WHOLE_FRAME, Affine, Box, Frame, Image, Plane, Region

LOOKED_AT_PX = 256
"""Sides of the pictures in which persons are looked for: those of the network."""

FINE_PX, STILL_PX = 512, 1536
"""Sides of the shares of a frame in which somebody is looked at from near, and of a still picture, which has time: in
coarser ones outlines would be steps."""

NEAR, STAYS_NEAR = 0.42, 0.36
"""Somebody whose head's crop has a side of so much of the frame's shorter one, and is alone, is filmed as the network
is used to; and who was, as long as it has so much: else outlines would jump to and fro. Of others, and of groups, it
sees some in a whole frame, and walls: they are looked at one by one."""

BODY_SIDES, ABOVE_SIDES = 2.4, 0.45
"""Side of what is looked at around one head, and how much of that is above the head's crop, in sides of the crop:
as a webcam films it."""

FADE, PEAK = 0.12, 4
"""Width of the border of that, in its sides, over which what is seen there gives way to what is seen from afar; and how
steeply it counts less away from its middle, where it overlaps with what is looked at around others."""

EDGE = (0.3, 0.7)
"""Where the mask of a person, in [0, 1], begins to show and shows in full: over all of its range it fades so slowly
that the wall around hair would be seen."""

SEEN_SHARE = 0.5
"""Of a face so much must be taken for a person, or its head is shown by its own shape."""

LEAST_WEIGHT = 1e-6  # where nothing is looked at from near
FULL = 255


class Outline:
    """Finds the persons in the frames of one stream, in order: their outlines are steadied.

    Args:
        ops: Crops what is looked at.
        persons: Finds persons in a picture.
    """

    def __init__(self, ops: CpuImageOps, persons: FindPersons) -> None:
        self._ops, self._persons = ops, persons
        self._is_near = False

    def pausing(self, frame: Frame, regions: Sequence[Region]) -> Pausing[tuple[Plane, Region]]:
        """How much of each place of a frame is a person; with pauses, as a group is looked at one by one.

        Args:
            frame: What was filmed, in the host's memory.
            regions: What is drawn of it: heads are persons, whatever is taken for one.

        Returns:
            Shares of 255, uint8 [N, N], and the region that they lie in: the upright frame without black bars.
        """
        whole = upright_picture(frame, LOOKED_AT_PX, LOOKED_AT_PX)
        heads = [region for region in regions if region.track_id != WHOLE_FRAME]
        self._is_near = _is_alone_and_near(heads, frame, STAYS_NEAR if self._is_near else NEAR)
        bodies = [] if self._is_near else [_body(head) for head in heads]
        looked_at = [whole, *bodies]
        pictures: list[Image] = []
        for region in looked_at:
            pictures.append(self._ops.crop(frame, region))
            yield
        person, *near = self._persons(looked_at, pictures)
        yield
        if bodies:
            side_px = STILL_PX if frame.is_still else FINE_PX
            fine = upright_picture(frame, side_px, side_px)
            person = resample(person, to_other(fine, whole), side_px, side_px)
            person = yield from _seen_one_by_one(person, near, bodies, fine)
            whole = fine
        for head in heads:
            person = _with_head(person, whole, head)
            yield
        nothing, all_of_it = EDGE
        rise = np.clip((person - nothing) / (all_of_it - nothing), 0.0, 1.0)
        return np.rint(rise * FULL).astype(np.uint8), whole

    def forget(self) -> None:
        """Takes the next persons for new ones."""
        self._is_near = False
        self._persons.forget()


def _is_alone_and_near(heads: Sequence[Region], frame: Frame, near: float) -> bool:
    side_px = max((float(np.hypot(*head.to_frame[:, 0])) * head.width_px for head in heads), default=0.0)
    return not heads or (len(heads) == 1 and side_px >= near * min(frame.width_px, frame.height_px))


def _body(head: Region) -> Region:
    """What is looked at around a head: as far as shoulders and chest."""
    side = BODY_SIDES * head.width_px
    step = side / LOOKED_AT_PX
    to_head: Affine = np.array(
        [[step, 0.0, (head.width_px - side) / 2], [0.0, step, -ABOVE_SIDES * head.height_px]], np.float64
    )
    return Region(head.track_id, LOOKED_AT_PX, LOOKED_AT_PX, chain(head.to_frame, to_head))


@lru_cache(maxsize=1)
def _weights() -> tuple[Mask, Mask]:
    """How much each place of a picture that is looked at counts beside other pictures, and beside what is seen afar."""
    across = (np.minimum(np.arange(LOOKED_AT_PX), np.arange(LOOKED_AT_PX)[::-1]) + 0.5) / LOOKED_AT_PX
    from_border = np.minimum(across[:, None], across[None, :]).astype(np.float32)
    return (2 * from_border) ** PEAK, np.minimum(from_border / FADE, np.float32(1.0))


@dataclass(frozen=True, slots=True)
class _Part:
    """What of a frame's shares lies where a region is.

    Attributes:
        rows: Of the shares.
        columns: Of the shares.
        to_region: Maps continuous pixels of that part to those of the region.
    """

    rows: slice
    columns: slice
    to_region: Affine

    @classmethod
    def of(cls, region: Region, whole: Region) -> "_Part":
        """The part of a whole frame, counted in its pixels; without any where the region lies outside."""
        box = bounding_box(to_other(region, whole), Box(0, 0, region.width_px, region.height_px))
        left, right = (min(max(round(edge), 0), whole.width_px) for edge in (box.left, box.right))
        top, bottom = (min(max(round(edge), 0), whole.height_px) for edge in (box.top, box.bottom))
        begin: Affine = np.array([[1.0, 0.0, left], [0.0, 1.0, top]], np.float64)
        return cls(slice(top, bottom), slice(left, right), chain(to_other(whole, region), begin))

    @property
    def place(self) -> tuple[slice, slice]:
        """As an index of the shares."""
        return self.rows, self.columns

    def resampled(self, mask: Mask) -> Mask:
        """A mask of the region, [H, W] or [H, W, C], in the part's pixels; 0 beyond it."""
        size = self.columns.stop - self.columns.start, self.rows.stop - self.rows.start
        return resample(mask, self.to_region, *size, outside=0)

    def legs(self, others: Sequence["_Part"]) -> tuple[slice, slice]:
        """What lies below its middle, down to whoever is before that."""
        middle = (self.rows.start + self.rows.stop) // 2
        before = [
            other.rows.start
            for other in others
            if other.rows.start > middle
            and other.columns.start < self.columns.stop
            and self.columns.start < other.columns.stop
        ]
        return slice(middle, min(before, default=None)), self.columns


def _seen_one_by_one(afar: Mask, near: Sequence[Mask], bodies: Sequence[Region], whole: Region) -> Pausing[Mask]:
    """What is seen around each head, and below it, where legs may be, what is seen from afar.

    Args:
        afar: Persons in the whole frame.
        near: Persons around each head.
        bodies: Where that is.
        whole: Where the frame is, at the size of `afar`.
    """
    parts = [_Part.of(body, whole) for body in bodies]
    total, weights, covered, below = (np.zeros_like(afar) for _ in range(4))
    for mask, part in zip(near, parts, strict=True):
        if part.rows.start < part.rows.stop and part.columns.start < part.columns.stop:
            layers = part.resampled(np.dstack([mask, *_weights()]))
            total[part.place] += layers[..., 0] * layers[..., 1]
            weights[part.place] += layers[..., 1]
            np.maximum(covered[part.place], layers[..., 2], out=covered[part.place])
            below[part.legs(parts)] = 1.0
        yield
    np.maximum(weights, np.float32(LEAST_WEIGHT), out=weights)
    total *= covered
    total /= weights
    return (total + (1.0 - covered) * below * afar).astype(np.float32, copy=False)


def _with_head(person: Mask, whole: Region, head: Region) -> Mask:
    """Persons, and a head that was found and is not taken for one, as one that the frame's border cuts off."""
    part, size = _Part.of(head, whole), (head.width_px, head.height_px)
    if part.rows.start == part.rows.stop or part.columns.start == part.columns.stop:
        return person
    here, face = person[part.place], part.resampled(face_mask(*size))
    if (here * face).sum() >= SEEN_SHARE * face.sum():
        return person  # where it ends: face and head would show the wall beside a head that is turned
    joined = person.copy()
    np.maximum(here, part.resampled(head_mask(*size)), out=joined[part.place])
    return joined
