"""What the tracker knows of a face."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import dist, hypot

from animecam.faces.geometry import Velocity, box_centre, box_size, share_inside, shift_box
from animecam.faces.matching import Expected
from animecam.types import Box, Detection, Frame

NOBODY = -1
"""Track id of a face that has not been admitted yet."""

PREDICT_SECONDS = 0.2
"""A velocity is not believed for longer than this."""

VELOCITY_SHARE = 0.5
"""Weight of the newest difference in the velocity: half follows a nod, more would overshoot at its end."""

MATCH_REACH = 0.5
"""How far from its predicted place a face may be, in its own sizes ..."""

MATCH_SPEED = 2.0
"""... and how much farther for each second since it was seen."""

SURE_SECONDS = 0.3
"""A face that lasted this long is one; before, one miss is enough to forget it without an alarm."""

KNOWN_BONUS = 1.2
"""A new face must be larger by this factor to push out a known one, so that equals do not take turns."""

LEAVE_SECONDS = 0.5
"""A lost face that would be out of the frame after moving on for this long has left."""

LEFT_SHARE = 0.7
"""Out of the frame means: less than this share of the face would still be inside."""

MOVED_OFF = 0.4
"""A held face that may have gone farther than this, in its own sizes, is no longer under its crop."""

HIDDEN_REACH = 0.75
"""A face whose middle is nearer to another's than this, in the other's sizes, lies behind it or under its crop."""


@dataclass(frozen=True, slots=True)
class Track:
    """A face that is followed.

    Attributes:
        track_id: Its number; NOBODY until it is admitted.
        detection: Where it was seen last, in frame pixels.
        velocity: How its middle moved then.
        born_s: When it was found, in the tracker's time.
        seen_s: When it was seen last.
        is_sure: Whether it is believed enough that its loss matters.
    """

    track_id: int
    detection: Detection
    velocity: Velocity
    born_s: float
    seen_s: float
    is_sure: bool

    @classmethod
    def found(cls, detection: Detection, now_s: float, *, is_sure: bool) -> "Track":
        """The track of a face that is seen for the first time."""
        return cls(NOBODY, detection, Velocity(), now_s, now_s, is_sure)

    @property
    def importance(self) -> float:
        """Size in pixels, known faces counting more."""
        return box_size(self.detection.box_px) * (1.0 if self.track_id == NOBODY else KNOWN_BONUS)

    def shift_px(self, now_s: float) -> tuple[float, float]:
        """How far it should have moved since it was seen."""
        ahead_s = min(now_s - self.seen_s, PREDICT_SECONDS)
        return self.velocity.x * ahead_s, self.velocity.y * ahead_s

    def expected(self, now_s: float) -> Expected:
        """Where to look for it."""
        lost_s = now_s - self.seen_s
        box = shift_box(self.detection.box_px, self.velocity, min(lost_s, PREDICT_SECONDS))
        return Expected(self.track_id, box, MATCH_REACH + MATCH_SPEED * lost_s)

    def moved_to(self, detection: Detection, now_s: float) -> "Track":
        """The track after it was seen again."""
        (x, y), (before_x, before_y) = box_centre(detection.box_px), box_centre(self.detection.box_px)
        step_s, old = now_s - self.seen_s, self.velocity
        velocity = Velocity(
            old.x + VELOCITY_SHARE * ((x - before_x) / step_s - old.x),
            old.y + VELOCITY_SHARE * ((y - before_y) / step_s - old.y),
        )
        is_sure = self.is_sure or now_s - self.born_s >= SURE_SECONDS
        return replace(self, detection=detection, velocity=velocity, seen_s=now_s, is_sure=is_sure)

    def may_have_moved_off(self, now_s: float) -> bool:
        """Whether, unseen, it may no longer be where it was."""
        return hypot(*self.shift_px(now_s)) > MOVED_OFF * box_size(self.detection.box_px)

    def has_left(self, frame: Frame) -> bool:
        """Whether it went over the frame's border rather than out of sight."""
        box = shift_box(self.detection.box_px, self.velocity, LEAVE_SECONDS)
        return share_inside(box, frame) < LEFT_SHARE


def is_hidden(box_px: Box, seen: Iterable[Detection]) -> bool:
    """Whether one of the faces in sight stands before a place."""
    return any(distance(face.box_px, box_px) < HIDDEN_REACH * box_size(face.box_px) for face in seen)


def has_moved_off(tracks: Sequence[Track], frame: Frame, now_s: float) -> bool:
    """Whether a held face may have come out from under the crop at its last place, and not gone behind another."""
    seen = [track.detection for track in tracks if track.seen_s == now_s]
    return any(
        track.may_have_moved_off(now_s)
        and not track.has_left(frame)
        and not is_hidden(track.expected(now_s).box_px, seen)
        for track in tracks
    )


def distance(one: Box, other: Box) -> float:
    """From middle to middle in pixels."""
    return dist(box_centre(one), box_centre(other))
