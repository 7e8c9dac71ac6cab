"""Outlines of a face from the mesh, shapes drawn from them, and the warp that enlarges the eyes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from animecam_training.faces import Image, Plane, Points, eye_distance
from animecam_training.target.warp import Jaw, Lens, warp_face

Floats = NDArray[np.floating[Any]]
"""float32 of the shape that the docstring says."""

# Indices into MediaPipe's face mesh. "Left" is the left of the picture; eyelids run from corner to corner.
LEFT_UPPER_LID = (33, 246, 161, 160, 159, 158, 157, 173, 133)
LEFT_LOWER_LID = (33, 7, 163, 144, 145, 153, 154, 155, 133)
RIGHT_UPPER_LID = (263, 466, 388, 387, 386, 385, 384, 398, 362)
RIGHT_LOWER_LID = (263, 249, 390, 373, 374, 380, 381, 382, 362)
LID_MIDDLE = slice(3, 6)  # of the points of a lid
EYELIDS = ((LEFT_UPPER_LID, LEFT_LOWER_LID), (RIGHT_UPPER_LID, RIGHT_LOWER_LID))
BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
UPPER_LIP_EDGE = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_LIP_EDGE = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
FOREHEAD_EDGE = (10, 338, 297, 332, 284, 109, 67, 103, 54, 21)
JAW = (361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132)
CHEEKS = (205, 425)
SKIN_SAMPLES = (50, 280, 205, 425, 195, 5, 151)
NOSE_BASE = (98, 97, 2, 326, 327)
BROW_TOP, CHIN, NOSE_TIP, UNDER_NOSE, LIP_GROOVE = 10, 152, 4, 2, 164
INNER_UPPER_LIP, INNER_LOWER_LIP = 13, 14

EYE_REACH = 0.52  # of the eye distance: where the enlargement has faded to nothing
EYE_WIDTH_SHARE = 0.65  # of the vertical enlargement: anime eyes grow taller more than wider
PARTS_ROOM_EYE = 0.14  # beside the lids and the lips, eye distances: lashes, and what grows
UNIT_EYE_PX = 80.0  # eye distance at which the width unit of strokes and filters is one pixel
STROKE_SUPERSAMPLING = 4
STROKE_POINTS = 8  # between two points of the mesh
SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True)
class Sheet:
    """A photo with enlarged eyes and the face that lies on it: the paper that everything is drawn on.

    Attributes:
        photo: RGB uint8 [H, W, 3].
        mesh: float32 [468, 2], pixels, moved along with the eyes.
        person: float32 [H, W], 0 (background) … 1.
        eye_px: Distance between the eyes, pixels.
        unit_px: Width unit of strokes and filters: 1 at an eye distance of `UNIT_EYE_PX`.
    """

    photo: Image
    mesh: Points
    person: Plane
    eye_px: float
    unit_px: float

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.photo.shape[0], self.photo.shape[1]

    @property
    def rows(self) -> Plane:
        """Row number of each pixel, float32 [H, W]."""
        return np.mgrid[: self.shape[0], : self.shape[1]][0].astype(np.float32)

    @property
    def columns(self) -> Plane:
        """Column number of each pixel, float32 [H, W]."""
        return np.mgrid[: self.shape[0], : self.shape[1]][1].astype(np.float32)

    @property
    def down(self) -> Points:
        """The way from the forehead to the chin, of length 1, float32 [2], x and y."""
        way = self.mesh[CHIN] - self.mesh[BROW_TOP]
        return (way / np.linalg.norm(way)).astype(np.float32)

    def area(self, outline: tuple[int, ...] | Points, blur_px: float = 0.0) -> Plane:
        """Coverage of a closed outline (mesh indices or pixels), float32 [H, W], 0 … 1."""
        points = self.mesh[list(outline)] if isinstance(outline, tuple) else outline
        mask = np.zeros(self.shape, np.uint8)
        fixed = np.round(points * 2**SUBPIXEL_BITS).astype(np.int32)
        cv2.fillPoly(mask, [fixed], (255,), cv2.LINE_AA, SUBPIXEL_BITS)
        plane = mask.astype(np.float32) / 255
        return blurred(plane, blur_px) if blur_px > 0 else plane

    def stroke(self, points: Points, middle_px: float, ends_px: float) -> Plane:
        """Coverage of a tapered pen stroke through points [N, 2], float32 [H, W], 0 … 1."""
        fine = STROKE_SUPERSAMPLING
        mask = np.zeros((self.shape[0] * fine, self.shape[1] * fine), np.uint8)
        steps = np.linspace(0, len(points) - 1, (len(points) - 1) * STROKE_POINTS + 1)
        curve: NDArray[np.float64] = CubicSpline(np.arange(len(points)), points)(steps)
        swell = np.sin(np.pi * steps / steps[-1])
        widths = ends_px + (middle_px - ends_px) * swell
        scale = fine * 2**SUBPIXEL_BITS
        for (x, y), width in zip(curve * scale, widths * scale, strict=True):
            centre = (round(float(x)), round(float(y)))
            cv2.circle(mask, centre, max(1, round(float(width) / 2)), (255,), -1, cv2.LINE_AA, SUBPIXEL_BITS)
        small = cv2.resize(mask, (self.shape[1], self.shape[0]), interpolation=cv2.INTER_AREA)
        return small.astype(np.float32) / 255

    def face(self, forehead_eye: float) -> Plane:
        """Coverage of the face with so much more forehead (eye distances) than the mesh has, float32 [H, W], 0 … 1."""
        outline = self.mesh[list(OVAL)].copy()
        raised = [OVAL.index(point) for point in FOREHEAD_EDGE]
        outline[raised] -= forehead_eye * self.eye_px * self.down
        return self.area(outline)

    def eyelids(self) -> Plane:
        """Coverage of both eyes, float32 [H, W], 0 … 1."""
        return np.maximum(*(self.area(upper + lower[::-1]) for upper, lower in EYELIDS))

    def brows(self) -> Plane:
        """Coverage of both brows, float32 [H, W], 0 … 1."""
        return np.maximum(*(self.area(brow) for brow in BROWS))


def rows_at(columns: Floats, xs: Floats, ys: Floats) -> Floats:
    """Rows of the line through ascending xs and their ys, at any columns; the ends go on level."""
    rows: NDArray[np.float64] = np.interp(columns, xs, ys)
    return rows.astype(np.float32)


def eyes_and_mouth(mesh: Points, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Where a face is looked at: its eyes and its mouth, with room for what a drawing enlarges.

    Args:
        mesh: float32 [468, 2], pixels.
        shape: Height and width of the picture, pixels.

    Returns:
        uint8 [H, W], 255 in them, 0 away from them, soft between.
    """
    places = np.zeros(shape, np.uint8)
    for outline in (*(upper + lower for upper, lower in EYELIDS), LIPS):
        cv2.fillConvexPoly(places, cv2.convexHull(np.round(mesh[list(outline)]).astype(np.int32)), (255,))
    room_px = PARTS_ROOM_EYE * eye_distance(mesh)
    reach = 2 * round(room_px) + 1
    grown = cv2.dilate(places, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    return cv2.GaussianBlur(grown, (0, 0), max(room_px / 2, 0.5)).astype(np.uint8)


def lid_gap(upper: Points, lower: Points) -> float:
    """How far an eye's lids are apart in their middles, pixels, from their points in the order of `EYELIDS`, [9, 2]."""
    return float(np.linalg.norm(upper[LID_MIDDLE].mean(0) - lower[LID_MIDDLE].mean(0)))


def eye_lenses(mesh: Points, reach_eye: float, gain: tuple[float, float]) -> list[Lens]:
    """One lens an eye.

    Args:
        mesh: float32 [468, 2], pixels.
        reach_eye: Where the magnification has faded, in eye distances.
        gain: Magnification across and down.
    """
    reach_px = reach_eye * eye_distance(mesh)
    return [Lens(mesh[list(upper + lower)].mean(0), reach_px, gain) for upper, lower in EYELIDS]


def sheet_of(photo: Image, mesh: Points, person: Plane, changes: Sequence[Lens | Jaw] = ()) -> Sheet:
    """The sheet after some changes of the face's proportions.

    The unit of everything drawn is the distance between the eyes before them.
    """
    eye_px = eye_distance(mesh)
    return Sheet(*warp_face(photo, mesh, person, changes), eye_px, eye_px / UNIT_EYE_PX)


def unchanged_sheet(photo: Image, mesh: Points) -> Sheet:
    """The sheet of a photo as it is, for what is put on a face and does not look at where the person ends.

    Args:
        photo: RGB uint8 [H, W, 3].
        mesh: float32 [468, 2], pixels.
    """
    eye_px = eye_distance(mesh)
    return Sheet(photo, mesh, np.ones(photo.shape[:2], np.float32), eye_px, eye_px / UNIT_EYE_PX)


def enlarge_eyes(photo: Image, mesh: Points, person: Plane, gain: float) -> Sheet:
    """Magnify both eyes smoothly, the picture and the mesh alike.

    Args:
        photo: RGB uint8 [H, W, 3].
        mesh: float32 [468, 2], pixels.
        person: float32 [H, W], 0 … 1.
        gain: Vertical magnification at an eye's centre; 1 changes nothing.
    """
    gains = (1 + EYE_WIDTH_SHARE * (gain - 1), gain)
    return sheet_of(photo, mesh, person, eye_lenses(mesh, EYE_REACH, gains))


def blurred(plane: NDArray[Any], sigma_px: float) -> Floats:
    """Gaussian blur of float32 [H, W] or [H, W, C]."""
    return cv2.GaussianBlur(plane, (0, 0), sigma_px).astype(np.float32)


def blurred_within(plane: NDArray[Any], weight: NDArray[Any], sigma_px: float) -> Floats:
    """Gaussian blur that only sees pixels by their weight, float32 [H, W] or [H, W, C]."""
    total = blurred(weight, sigma_px) + 1e-4
    if plane.ndim == 2:
        return blurred(plane * weight, sigma_px) / total
    return blurred(plane * weight[..., None], sigma_px) / total[..., None]


def mixed(under: NDArray[Any], over: NDArray[Any], share: NDArray[Any]) -> Floats:
    """`over` laid on `under` by a share 0 … 1 a pixel; float32 [H, W] or [H, W, C]."""
    weight = share if under.ndim == 2 else share[..., None]
    return (under * (1 - weight) + over * weight).astype(np.float32)


def laid(picture: NDArray[Any], colour: Sequence[float] | NDArray[Any], share: NDArray[Any]) -> Floats:
    """One colour laid on a picture [H, W, C] by a share 0 … 1 a pixel; float32."""
    return mixed(picture, np.broadcast_to(np.asarray(colour, np.float32), picture.shape), share)


def as_levels(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """What was computed in levels, 0 … 255, as an image keeps it: rounded, uint8."""
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def ramp(value: NDArray[Any], low: float, high: float) -> Floats:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def without_specks(mask: NDArray[Any], smallest_px: float) -> NDArray[np.uint8]:
    """The mask (0 … 255) without connected parts of fewer pixels."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 127).astype(np.uint8))
    small = np.zeros(count, bool)
    small[1:] = stats[1:, cv2.CC_STAT_AREA] < smallest_px
    return np.where(small[np.asarray(labels, np.intp)], 0, mask).astype(np.uint8)
