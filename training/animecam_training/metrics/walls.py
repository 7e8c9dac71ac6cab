"""Does a person keep their colours before a wall of one vivid colour, as before a gray one?"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from animecam_training.data.walls import GRAY, before_wall, find_background
from animecam_training.errors import DataError
from animecam_training.faces import FaceFinder, FoundFace, Image
from animecam_training.metrics.evaluate import Draw, stylize_images
from animecam_training.target.geometry import OVAL, Floats, as_levels

WALLS = {
    "green": (0, 177, 64),
    "blue": (0, 71, 187),
    "red": (185, 30, 35),
    "yellow": (235, 185, 30),
    "orange": (225, 100, 25),
    "violet": (120, 40, 170),
}
"""By name, RGB: the screens of film studios, and paint."""

INSIDE = 0.9  # of the face's outline, around its middle: the skin there is not the wall's neighbour


@dataclass(frozen=True, slots=True)
class WallTint:
    """How far walls move the colour of faces: distances in the plane of a* and b* (CIE 1976 L*a*b*).

    Attributes:
        mean: Over all faces and walls.
        worst: Of the wall that moves them farthest, over all faces.
        worst_wall: Its name.
        faces: How many were found.
    """

    mean: float
    worst: float
    worst_wall: str
    faces: int


def measure_tint(draw: Draw, photos: Iterable[Image], finder: FaceFinder) -> WallTint:
    """Draw people before walls in the place of what is behind them; each wall is of one colour, without shade.

    Args:
        draw: The style's network.
        photos: RGB, uint8 [H, W, 3], a face in each, sides multiples of 8.
        finder: Finds the faces, and what is behind them.

    Raises:
        DataError: No face in any photo.
    """
    distances: list[list[float]] = []
    for photo in photos:
        face = finder.find(photo)
        if face is not None:
            before = stylize_images(draw, before_walls(photo, finder))
            gray, *vivid = (_skin(drawn, face) for drawn in before)
            distances.append([float(np.linalg.norm(colour - gray)) for colour in vivid])
    if not distances:
        raise DataError("no face in any of the portraits", hint="walls need photos of people")
    by_wall = dict(zip(WALLS, np.mean(distances, axis=0).tolist(), strict=True))
    worst = max(by_wall, key=by_wall.__getitem__)
    return WallTint(float(np.mean(distances)), by_wall[worst], worst, len(distances))


def before_walls(photo: Image, finder: FaceFinder) -> list[Image]:
    """A person before a gray wall, then before each of `WALLS`; RGB, uint8 [H, W, 3] each."""
    behind, share = (plane.astype(np.float32) / 255 for plane in find_background(photo, finder.person(photo)))
    light = photo.astype(np.float32) / 255
    walls = [np.full(3, GRAY, np.float32), *(np.array(colour, np.float32) / 255 for colour in WALLS.values())]
    return [as_levels(before_wall(light, wall, behind, share[..., None]) * 255) for wall in walls]


def _skin(drawn: Image, face: FoundFace) -> Floats:
    """The median a* and b* of a face that was drawn: of its skin, as eyes and mouth are the smaller part."""
    outline = face.mesh[list(OVAL)]
    middle = outline.mean(0)
    inner: Floats = middle + INSIDE * (outline - middle)
    mask = np.zeros(drawn.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(inner).astype(np.int32)], (1,))
    lab = cv2.cvtColor(drawn.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.median(lab[mask > 0][:, 1:], axis=0).astype(np.float32)
