"""Heads that are turned and eyes that look aside, made of portraits that look into the camera.

People at a webcam look at screens and at each other. As in face profiling (Zhu et al., "Face Alignment Across Large
Poses: A 3D Solution", CVPR 2016) a photo is given depth and turned; here the depth is that of a smooth head with a
nose, and parallax alone is kept, so that nothing has to be made up that was not seen. A target is drawn from the turned
photo and the turned mesh. Heads must be nearly upright, as `crop_head` cuts them.
"""

import cv2
import numpy as np

from animecam_training.faces import Image, Points, eye_centres, eye_distance
from animecam_training.target.geometry import CHIN, EYELIDS, NOSE_TIP, Floats, unchanged_sheet

YAW_DEG, PITCH_DEG = (8.0, 32.0), 9.0  # either way
ASIDE_SHARE = 0.6  # of the heads that are turned: their eyes look elsewhere, too
# Lengths are fractions of the distance between the eyes.
HALF_WIDTH, HALF_HEIGHT, DEPTH = 1.55, 2.1, 1.15  # of a head; beyond it nothing moves
MIDDLE = 0.25  # of the way from the eyes to the chin: where it is nearest to the camera
NOSE_DEPTH, NOSE_REACH = 0.32, (0.28, 0.36)
# Lengths are fractions of an eye's width.
GLANCE, GLANCE_DOWN, GLANCE_REACH = (0.06, 0.17), 0.05, (0.34, 0.28)
LID_BLUR = 0.06
WARP_TURNS = 24  # of the fixed-point inversion; the steepest warp converges to a hundredth of a pixel


class _Head:
    """How near to the camera each place of a head is.

    Args:
        mesh: float32 [468, 2], pixels.
    """

    def __init__(self, mesh: Points) -> None:
        eyes, self._eye_px, self._nose = eye_centres(mesh), eye_distance(mesh), mesh[NOSE_TIP]
        self._across = (eyes[1] - eyes[0]) / self._eye_px
        self._middle = eyes.mean(0) + MIDDLE * (mesh[CHIN] - eyes.mean(0))

    def depth(self, points: Points) -> Floats:
        """By how many pixels places [..., 2] are nearer than the head's outline, float32 [...]."""
        x, y = self._places(points, self._middle)
        round_head = DEPTH * np.clip(1 - (x / HALF_WIDTH) ** 2 - (y / HALF_HEIGHT) ** 2, 0, 1)
        x, y = self._places(points, self._nose)
        nose = NOSE_DEPTH * np.exp(-((x / NOSE_REACH[0]) ** 2) - (y / NOSE_REACH[1]) ** 2)
        return ((round_head + nose) * self._eye_px).astype(np.float32)

    def moves(self, points: Points, yaw: float, pitch: float) -> Points:
        """How far places [..., 2] move when the head turns by so many radians: to the right, down."""
        along_x, along_y = np.sin(yaw) * self._across, np.sin(pitch) * np.array((-self._across[1], self._across[0]))
        return (self.depth(points)[..., None] * (along_x + along_y)).astype(np.float32)

    def _places(self, points: Points, origin: Points) -> tuple[Floats, Floats]:
        """Places across and down the head from an origin, in eye distances."""
        away = (points - origin) / self._eye_px
        x = away[..., 0] * self._across[0] + away[..., 1] * self._across[1]
        y = away[..., 1] * self._across[0] - away[..., 0] * self._across[1]
        return x.astype(np.float32), y.astype(np.float32)


def turn_head(photo: Image, mesh: Points, yaw_deg: float, pitch_deg: float) -> tuple[Image, Points]:
    """Turn a head as far as what is seen of it allows.

    Args:
        photo: RGB uint8 [H, W, 3].
        mesh: float32 [468, 2], pixels.
        yaw_deg: To the right of the picture, below 0 to its left; degrees, to about 35.
        pitch_deg: Downwards, below 0 upwards.

    Returns:
        Photo and mesh.
    """
    head, yaw, pitch = _Head(mesh), np.radians(yaw_deg), np.radians(pitch_deg)
    places = _places_of(photo)
    source = places
    for _ in range(WARP_TURNS):  # the map is known from where things come from only the other way round
        source = places - head.moves(source, yaw, pitch)
    return _fetched(photo, source), (mesh + head.moves(mesh, yaw, pitch)).astype(np.float32)


def look_aside(photo: Image, mesh: Points, aside: float, down: float) -> Image:
    """Move both irises between their lids; an eye that is shut has none.

    Args:
        photo: RGB uint8 [H, W, 3].
        mesh: float32 [468, 2], pixels; it has no points of the iris and stays as it is.
        aside: How far to the right of the picture, in widths of an eye, -0.2 … 0.2.
        down: How far down.
    """
    places, sheet = _places_of(photo), unchanged_sheet(photo, mesh)
    eyes = eye_centres(mesh)
    across = (eyes[1] - eyes[0]) / eye_distance(mesh)
    way = aside * across + down * np.array((-across[1], across[0]))
    source = places
    for upper, lower in EYELIDS:
        width_px = float(np.linalg.norm(mesh[upper[-1]] - mesh[upper[0]]))
        away = (places - mesh[list(upper + lower)].mean(0)) / max(width_px, 1.0)
        x = away[..., 0] * across[0] + away[..., 1] * across[1]
        y = away[..., 1] * across[0] - away[..., 0] * across[1]
        share = np.exp(-((x / GLANCE_REACH[0]) ** 4) - (y / GLANCE_REACH[1]) ** 4)
        share = share * sheet.area(upper + lower[::-1], max(LID_BLUR * width_px, 0.5))
        source = source - share[..., None] * (width_px * way)
    return _fetched(photo, source.astype(np.float32))


def change_pose(photo: Image, mesh: Points, rng: np.random.Generator) -> tuple[Image, Points]:
    """Turn a head by a random angle; often it looks elsewhere, too.

    Args:
        photo: RGB uint8 [H, W, 3], one upright face.
        mesh: float32 [468, 2], pixels.
        rng: Source of how far and where to.

    Returns:
        Photo and mesh; their person mask must be found anew.
    """
    if rng.random() < ASIDE_SHARE:
        glance = float(rng.choice((-1, 1))) * rng.uniform(*GLANCE)
        photo = look_aside(photo, mesh, glance, rng.uniform(-GLANCE_DOWN, GLANCE_DOWN))
    yaw = float(rng.choice((-1, 1))) * rng.uniform(*YAW_DEG)
    return turn_head(photo, mesh, yaw, rng.uniform(-PITCH_DEG, PITCH_DEG))


def _places_of(photo: Image) -> Points:
    """Column and row of each pixel, float32 [H, W, 2]."""
    rows, columns = np.mgrid[: photo.shape[0], : photo.shape[1]]
    return np.stack([columns, rows], axis=-1).astype(np.float32)


def _fetched(photo: Image, source: Points) -> Image:
    """Pixels of a photo from those places."""
    columns, rows = np.ascontiguousarray(source[..., 0]), np.ascontiguousarray(source[..., 1])
    return cv2.remap(photo, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)
