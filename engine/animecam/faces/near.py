"""A second look at a face: at its surroundings from near, where it fills two fifths of the picture."""

from collections.abc import Sequence

from animecam.faces.base import Detector
from animecam.faces.geometry import is_plausible, map_detection
from animecam.faces.known import MATCH_REACH, NOBODY
from animecam.faces.matching import Expected, match
from animecam.types import Detection, Frame, Image, Region


def seen_in(
    detector: Detector, picture: Image, frame: Frame, region: Region, min_score: float
) -> tuple[Detection, ...]:
    """What a detector sees in the picture of a region, in frame pixels; what can be no face is left out."""
    seen = detector.detect(picture, min_score)
    return tuple(map_detection(near, region.to_frame, frame.pixel_aspect) for near in seen if is_plausible(near))


def same_face(face: Detection, seen: Sequence[Detection]) -> Detection | None:
    """The one of some detections that shows a face which was seen from farther away; None: none does."""
    return match([Expected(NOBODY, face.box_px, MATCH_REACH)], seen).get(NOBODY)
