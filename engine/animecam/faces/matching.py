"""Which detection is which known face."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot, log

from animecam.faces.geometry import box_centre, box_size, overlap
from animecam.types import Box, Detection

SAME_IOU = 0.35
"""Boxes that share more are one face, whatever saw them; the two networks' boxes of a face share 0.7 and more."""

SIZE_WEIGHT = 0.5
"""A doubled size costs as much as a shift by a third of the face (0.5 ln 2)."""

LARGEST_GROWTH = 1.7
"""A face does not grow or shrink more from one frame to the next; an eye or a whole head taken for it would."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Where a known face should be.

    Attributes:
        track_id: Which face.
        box_px: Its predicted box.
        reach: Farthest distance of the middle in sizes of the face.
    """

    track_id: int
    box_px: Box
    reach: float


def match(expected: Sequence[Expected], seen: Sequence[Detection]) -> dict[int, Detection]:
    """Gives detections to known faces, closest pair first.

    A detection that covers the same face as one already given is spent with it, so that two faces cannot both follow
    the one in front when they cross.

    Args:
        expected: The known faces.
        seen: Detections of one frame; several may show the same face.

    Returns:
        Detection by track id, for the faces that got one.
    """
    pairs = [
        (cost, known.track_id, index)
        for known in expected
        for index, detection in enumerate(seen)
        if (cost := _cost(known, detection)) is not None
    ]
    matched: dict[int, Detection] = {}
    for _, track_id, index in sorted(pairs):
        if track_id not in matched and not covers(matched.values(), seen[index]):
            matched[track_id] = seen[index]
    return matched


def covers(faces: Iterable[Detection], detection: Detection) -> bool:
    """Whether one of the faces is the detection's."""
    return any(overlap(face.box_px, detection.box_px) > SAME_IOU for face in faces)


def _cost(known: Expected, detection: Detection) -> float | None:
    """Distance in sizes of the face plus a share for its growth; None where it cannot be the same face."""
    size, other = box_size(known.box_px), box_size(detection.box_px)
    if min(size, other) <= 0:
        return None
    growth = abs(log(other / size))
    (x, y), (other_x, other_y) = box_centre(known.box_px), box_centre(detection.box_px)
    distance = hypot(other_x - x, other_y - y) / size
    if distance > known.reach or growth > log(LARGEST_GROWTH):
        return None
    return distance + SIZE_WEIGHT * growth
