"""Where persons are in a whole frame: from afar, and from near those whose heads are small in it."""

from collections.abc import Sequence

import cv2
import numpy as np

from animecam.affine import bounding_box, chain
from animecam.faces.geometry import upright_picture
from animecam.render.base import FindPersons
from animecam.render.cpu import CpuImageOps
from animecam.render.masks import Mask, face_mask, head_mask
from animecam.render.overlap import to_other
from animecam.render.resample import resample
from animecam.types import WHOLE_FRAME, Affine, Box, Frame, Plane, Region

LOOKED_AT_PX = 256
"""Sides of the pictures in which persons are looked for: those of the network."""

FINE_PX = 1024
"""Sides of the shares of a frame in which somebody is looked at from near: in coarser ones outlines would be steps."""

NEAR = 0.4
"""Somebody whose head's crop has a side of so much of the frame's shorter one, and is alone, is filmed as the network
is used to. Of others, and of groups, it sees some in a whole frame, and walls: they are looked at one by one."""

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

    def __call__(self, frame: Frame, regions: Sequence[Region]) -> tuple[Plane, Region]:
        """How much of each place of a frame is a person.

        Args:
            frame: What was filmed, in the host's memory.
            regions: What is drawn of it: heads are persons, whatever is taken for one.

        Returns:
            Shares of 255, uint8 [N, N], and the region that they lie in: the upright frame without black bars.
        """
        whole = upright_picture(frame, LOOKED_AT_PX, LOOKED_AT_PX)
        heads = [region for region in regions if region.track_id != WHOLE_FRAME]
        bodies = [] if _is_alone_and_near(heads, frame) else [_body(head) for head in heads]
        looked_at = [whole, *bodies]
        person, *near = self._persons(looked_at, [self._ops.crop(frame, region) for region in looked_at])
        if bodies:
            fine = upright_picture(frame, FINE_PX, FINE_PX)
            person = _seen_one_by_one(resample(person, to_other(fine, whole), FINE_PX, FINE_PX), near, bodies, fine)
            whole = fine
        for head in heads:
            person = _with_head(person, whole, head)
        nothing, all_of_it = EDGE
        rise = np.clip((person - nothing) / (all_of_it - nothing), 0.0, 1.0)
        return np.rint(rise * FULL).astype(np.uint8), whole

    def forget(self) -> None:
        """Takes the next persons for new ones."""
        self._persons.forget()


def _is_alone_and_near(heads: Sequence[Region], frame: Frame) -> bool:
    side_px = max((float(np.hypot(*head.to_frame[:, 0])) * head.width_px for head in heads), default=0.0)
    return not heads or (len(heads) == 1 and side_px >= NEAR * min(frame.width_px, frame.height_px))


def _body(head: Region) -> Region:
    """What is looked at around a head: as far as shoulders and chest."""
    side = BODY_SIDES * head.width_px
    step = side / LOOKED_AT_PX
    to_head: Affine = np.array(
        [[step, 0.0, (head.width_px - side) / 2], [0.0, step, -ABOVE_SIDES * head.height_px]], np.float64
    )
    return Region(head.track_id, LOOKED_AT_PX, LOOKED_AT_PX, chain(head.to_frame, to_head))


def _from_border() -> Mask:
    """How far each place of a picture that is looked at is from its border, in its sides."""
    across = (np.minimum(np.arange(LOOKED_AT_PX), np.arange(LOOKED_AT_PX)[::-1]) + 0.5) / LOOKED_AT_PX
    return np.minimum(across[:, None], across[None, :]).astype(np.float32)


_FROM_BORDER = _from_border()


def _seen_one_by_one(afar: Mask, near: Sequence[Mask], bodies: Sequence[Region], whole: Region) -> Mask:
    """What is seen around each head, and below it, where legs may be, what is seen from afar.

    Args:
        afar: Persons in the whole frame.
        near: Persons around each head.
        bodies: Where that is.
        whole: Where the frame is, at the size of `afar`.
    """
    boxes = [bounding_box(to_other(body, whole), Box(0, 0, body.width_px, body.height_px)) for body in bodies]
    total, weights, covered, below = (np.zeros_like(afar) for _ in range(4))
    for mask, body in zip(near, bodies, strict=True):
        layers = np.dstack([mask, (2 * _FROM_BORDER) ** PEAK, np.minimum(_FROM_BORDER / FADE, 1.0)])
        seen, weight, cover = cv2.split(resample(layers, to_other(whole, body), *afar.shape[::-1], outside=0))
        total += seen * weight
        weights += weight
        np.maximum(covered, cover, out=covered)
    for box in boxes:
        rows, columns = _legs(box, boxes)
        below[rows, columns] = 1.0
    here = total / np.maximum(weights, np.float32(LEAST_WEIGHT))
    return (covered * here + (1.0 - covered) * below * afar).astype(np.float32, copy=False)


def _legs(box: Box, boxes: Sequence[Box]) -> tuple[slice, slice]:
    """Rows and columns below the middle of what is looked at around somebody, down to whoever is before him."""
    middle = (box.top + box.bottom) / 2
    before = [other.top for other in boxes if other.top > middle and other.left < box.right and box.left < other.right]
    down = slice(max(0, round(middle)), max(0, round(min(before))) if before else None)
    return down, slice(max(0, round(box.left)), max(0, round(box.right)))


def _with_head(person: Mask, whole: Region, head: Region) -> Mask:
    """Persons, and a head that was found and is not taken for one, as one that the frame's border cuts off."""
    size = (head.width_px, head.height_px)
    face = resample(face_mask(*size), to_other(whole, head), *person.shape[::-1], outside=0)
    if (person * face).sum() >= SEEN_SHARE * face.sum():
        return person  # where it ends: face and head would show the wall beside a head that is turned
    return np.maximum(person, resample(head_mask(*size), to_other(whole, head), *person.shape[::-1], outside=0))
