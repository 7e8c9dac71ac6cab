"""Upright head crops: a similarity transform from a face's four points to a template, smoothed over time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import atan2, cos, exp, hypot, log, pi, remainder, sin

import numpy as np
from numpy.typing import NDArray

from animecam.faces.smooth import OneEuroOptions, OneEuroState, advance, start
from animecam.types import WHOLE_FRAME, Affine, Detection, Face, Frame, Points, Region

TEMPLATE_PX = 512.0
"""Side of the picture that FACE_TEMPLATE lies in."""

FACE_TEMPLATE: NDArray[np.float64] = np.array(
    [[192.98, 239.95], [318.90, 240.19], [256.63, 314.02], [257.18, 371.28]], dtype=np.float64
)
"""The FFHQ-512 template: right eye, left eye, nose tip, and the mean of its two mouth corners."""

POINT_WEIGHTS: NDArray[np.float64] = np.array([1.0, 1.0, 0.5, 1.0], dtype=np.float64)
"""The tip of the nose stands out of the face's plane and swings when the head turns: it counts half."""

HEAD_SIDE = 1.25
"""Side of a head's crop in template sides: hair, chin and ears fit in with room for the mask to fade out."""

FOLLOW_PX = 128
"""Side of the picture around a known face: the input of the short-range network, so that nothing is resized twice."""

FOLLOW_SIDE = 1.4
"""Its side in template sides: the face fills 0.43 of it. Least jitter of 0.7 to 2.1 on four clips."""

HEAD_CENTRE = (256.0, 236.0)
"""Middle of a head's crop in the template; hair above weighs more than the neck below."""

# A crop is pasted back where it was cut out, so that lag costs a little room in the crop and nothing else, while
# trembling shows. On five clips of calm heads these values leave 0.10 to 0.28 of the unsmoothed second difference,
# with a lag of at most 9 px of 256 in 99 of 100 frames.
PLACE = OneEuroOptions(min_cutoff_hz=0.7, beta=10.0)
SIZE = OneEuroOptions(min_cutoff_hz=0.3, beta=3.0)
ANGLE = OneEuroOptions(min_cutoff_hz=0.5, beta=3.0)

SAME_PLACE = 1e-6
"""A pose nearer than this to another is that of the same detection."""

REST_WITHIN = 0.03
"""How far from where a head rests its crop may rest, too: of the order of the lag while it moves. Coming nearer it
would crawl, and be drawn anew for half a second. Of four clips three trembled less than with 0.01, one as before."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a square crop lies in the frame, counted in square pixels as high as the frame's.

    Attributes:
        x_px: Its middle in the frame.
        y_px: Its middle in the frame.
        side_px: Its side.
        angle_rad: Direction of its x axis in the frame, clockwise as seen (y grows downwards).
    """

    x_px: float
    y_px: float
    side_px: float
    angle_rad: float

    def to_frame(self, size_px: int, pixel_aspect: Fraction = Fraction(1)) -> Affine:
        """Maps continuous pixels of a crop of `size_px` by `size_px` to frame pixels, which may be no squares."""
        step = self.side_px / size_px
        along, across = step * cos(self.angle_rad), step * sin(self.angle_rad)
        half, wide = size_px / 2, float(pixel_aspect)
        return np.array(
            [
                [along / wide, -across / wide, (self.x_px - half * (along - across)) / wide],
                [across, along, self.y_px - half * (across + along)],
            ],
            dtype=np.float64,
        )

    def distance(self, other: "Pose") -> float:
        """The largest of: middles apart in sides of the other, sides apart as a share of it, directions in radians."""
        return max(
            hypot(self.x_px - other.x_px, self.y_px - other.y_px) / other.side_px,
            abs(self.side_px / other.side_px - 1),
            abs(remainder(self.angle_rad - other.angle_rad, 2 * pi)),
        )

    def region(self, track_id: int, size_px: int, pixel_aspect: Fraction = Fraction(1)) -> Region:
        """The crop as a region of `size_px` by `size_px`."""
        return Region(track_id, size_px, size_px, self.to_frame(size_px, pixel_aspect))


def fit_similarity(
    source: Points | NDArray[np.float64], target: Points | NDArray[np.float64], weights: Sequence[float] | None = None
) -> Affine:
    """The rotation, uniform scale and shift that bring points onto others with the least weighted square error.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991; in the
    plane, with points as complex numbers, the solution is one division and never mirrors.

    Args:
        source: [N, 2], not all in one place.
        target: [N, 2].
        weights: Weight of each point, None: all alike.

    Returns:
        Affine map from source to target coordinates.

    Raises:
        ValueError: The source points coincide.
    """
    share = np.ones(len(source)) if weights is None else np.asarray(weights, dtype=np.float64)
    share = share / share.sum()
    here, there = _complex(source), _complex(target)
    here_middle, there_middle = complex(share @ here), complex(share @ there)
    here, there = here - here_middle, there - there_middle
    spread = float(share @ np.abs(here) ** 2)
    if spread == 0:
        raise ValueError("the points coincide: no scale fits them")
    turn = complex(share @ (here.conj() * there)) / spread
    shift = there_middle - turn * here_middle
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]], dtype=np.float64)


def _complex(points: Points | NDArray[np.float64]) -> NDArray[np.complex128]:
    wide = points.astype(np.float64)
    return wide[:, 0] + 1j * wide[:, 1]


def head_pose(detection: Detection, head_side: float = HEAD_SIDE, pixel_aspect: Fraction = Fraction(1)) -> Pose:
    """The upright crop around a head, from this one detection alone.

    Args:
        detection: Points in frame pixels; a turned frame turns the crop.
        head_side: Side of the crop in template sides.
        pixel_aspect: Width of the frame's pixels over their height.
    """
    points = detection.points_px.astype(np.float64)
    points[:, 0] *= float(pixel_aspect)
    to_frame = fit_similarity(FACE_TEMPLATE, points, POINT_WEIGHTS.tolist())
    x_px, y_px = to_frame @ (*HEAD_CENTRE, 1.0)
    along, across = to_frame[0, 0], to_frame[1, 0]
    side_px = hypot(along, across) * TEMPLATE_PX * head_side
    return Pose(float(x_px), float(y_px), side_px, atan2(across, along))


def follow_region(frame: Frame, detection: Detection, ahead_x_px: float = 0.0, ahead_y_px: float = 0.0) -> Region:
    """The surroundings of a known face, in which it is looked for.

    Args:
        frame: Where it is looked for.
        detection: Where it was seen last.
        ahead_x_px: How far it should have moved since, in frame pixels.
        ahead_y_px: The same down.
    """
    pose = head_pose(detection, FOLLOW_SIDE, frame.pixel_aspect)
    ahead_x_px *= float(frame.pixel_aspect)
    pose = replace(pose, x_px=pose.x_px + ahead_x_px, y_px=pose.y_px + ahead_y_px)
    return pose.region(WHOLE_FRAME, FOLLOW_PX, frame.pixel_aspect)


@dataclass(frozen=True, slots=True)
class AlignOptions:
    """How a head's crop is smoothed.

    Attributes:
        place: Smoothing of the crop's middle; its unit is one side of the crop.
        size: Smoothing of the logarithm of its side.
        angle: Smoothing of its direction in radians.
    """

    place: OneEuroOptions = PLACE
    size: OneEuroOptions = SIZE
    angle: OneEuroOptions = ANGLE


@dataclass(frozen=True, slots=True)
class _Track:
    """Smoothed pose of one face."""

    place: OneEuroState
    size: OneEuroState
    angle: OneEuroState

    @property
    def pose(self) -> Pose:
        x_px, y_px = self.place.value
        return Pose(float(x_px), float(y_px), exp(float(self.size.value[0])), float(self.angle.value[0]))

    def rests_at(self, pose: Pose) -> bool:
        """Whether a head is where it was found last, and its crop near enough to that to stay, too."""
        x_px, y_px = self.place.raw
        found = Pose(float(x_px), float(y_px), exp(float(self.size.raw[0])), float(self.angle.raw[0]))
        return found.distance(pose) < SAME_PLACE and found.distance(self.pose) < REST_WITHIN


class Aligner:
    """Gives each face the region of its head, steady over time.

    Call it with the frames in order; it remembers the faces of the last call.
    """

    def __init__(self, options: AlignOptions | None = None) -> None:
        self._options = options or AlignOptions()
        self._tracks: dict[int, _Track] = {}

    def __call__(self, frame: Frame, faces: Sequence[Face], size_px: int) -> tuple[Region, ...]:
        """The head regions of one frame.

        Args:
            frame: The frame, for its time and the shape of its pixels.
            faces: Its faces; the region of a held one stays where it was.
            size_px: Side of the crops, a multiple of 8; it may change from call to call.

        Returns:
            One square region a face, in the order of `faces`.
        """
        aspect = frame.pixel_aspect
        self._tracks = {face.track_id: self._step(face, frame.time_s, aspect) for face in faces}
        return tuple(track.pose.region(track_id, size_px, aspect) for track_id, track in self._tracks.items())

    def _step(self, face: Face, time_s: float, pixel_aspect: Fraction) -> _Track:
        before = self._tracks.get(face.track_id)
        if before is not None and face.held:
            return before
        pose = head_pose(face.detection, pixel_aspect=pixel_aspect)
        if before is not None and before.rests_at(pose):
            return before
        place, size = np.array([pose.x_px, pose.y_px]), np.array([log(pose.side_px)])
        if before is None or time_s <= before.place.time_s:  # a new face, or time stamps that began anew
            return _Track(start(place, time_s), start(size, time_s), start(np.array([pose.angle_rad]), time_s))
        turned = float(before.angle.raw[0])
        # The same direction as the turn nearest to the last one, so that the filter never runs through a full circle.
        angle = np.array([turned + remainder(pose.angle_rad - turned, 2 * pi)])
        return _Track(
            advance(before.place, place, time_s, self._options.place, unit=pose.side_px),
            advance(before.size, size, time_s, self._options.size),
            advance(before.angle, angle, time_s, self._options.angle),
        )
