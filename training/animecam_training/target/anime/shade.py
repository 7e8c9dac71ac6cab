"""Where a face lies in shade, as cel animation has it: large shapes with a hard edge."""

import cv2
import numpy as np
from scipy.interpolate import CubicSpline

from animecam_training.faces import OUTER_EYE_CORNERS, Image, Plane, Points
from animecam_training.target.flatten import to_lab, to_rgb
from animecam_training.target.geometry import NOSE_TIP, OVAL, Sheet, blurred, ramp, without_specks
from animecam_training.target.skin import Skin

JAW_CORNERS = (58, 288)  # points of the mesh

# Lengths are fractions of the eye distance, areas of its square, lightness and colour CIE Lab units.
SIDE_EDGE, SIDE_SMALLEST, SIDE_STRENGTH = (7.0, 8.5), 0.35, 0.9
"""A side of the face that light does not reach: from when it counts, its smallest area, how dark it is."""
LIT_MIDDLE = (0.55, 0.70)  # half width and half height around the nose where no side shadow may lie
HAIR_SHADOW_DOWN, HAIR_SHADOW_ASIDE, CHIN_SHADOW_DOWN = 0.13, 0.02, 0.34
SHADE_TINT = (5.0, 2.5)  # shade is redder and warmer, as animators paint it

# Light from the upper left of the picture. A place is a point of the mesh, or lies a share of the way to another.
Place = tuple[int, int, float]
FAR_CHEEK: tuple[Place, ...] = (
    *((332, 332, 0.0), (284, 300, 0.3), (356, 263, 0.42), (454, 425, 0.4)),
    *((288, 291, 0.52), (379, 17, 0.3), (152, 400, 0.2)),
)
"""Where light ends on the far side, from the forehead by temple, cheekbone and mouth to the chin."""
FAR_OUTLINE = (152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356, 389, 251, 284, 332)
FAR_BEYOND = 1.25  # of the distance from the nose: ears lie in the same shade
NOSE_SHADE: tuple[Place, ...] = (
    *((5, 4, 0.2), (4, 4, 0.0), (1, 1, 0.0), (2, 1, 0.4)),
    *((2, 327, 0.5), (327, 358, 0.35), (279, 4, 0.55), (5, 4, 0.2)),
)
NOSE_STRENGTH = 0.8
SHADED_LIGHTNESS = 70.0
POINTS_BETWEEN, SOFT_UNITS = 9, 0.6


def side_shadow(smooth: Plane, lit: float, skin: Skin, sheet: Sheet) -> Plane:
    """The large dark side of a face, never its middle, float32 [H, W], 0 … 1.

    Args:
        smooth: Lightness of the photo's skin without its features, CIE L, float32 [H, W].
        lit: That of the lit skin.
        skin: Where the skin is.
        sheet: The photo's geometry.
    """
    dark = ramp(lit - smooth, *SIDE_EDGE) * (skin.share > 0.4)
    large = without_specks((dark * 255).astype(np.uint8), SIDE_SMALLEST * sheet.eye_px**2)
    x, y = sheet.mesh[NOSE_TIP]
    across = (sheet.columns - x) / (LIT_MIDDLE[0] * sheet.eye_px)
    along = (sheet.rows - y) / (LIT_MIDDLE[1] * sheet.eye_px)
    middle = np.exp(-0.5 * (across**4 + along**4))
    kept = cv2.dilate(large, np.ones((5, 5), np.uint8)).astype(np.uint8) > 0
    return (SIDE_STRENGTH * dark * kept * (1 - middle)).astype(np.float32)


def _moved(plane: Plane, aside_px: float, down_px: float, border: int) -> Plane:
    shift = np.array([[1, 0, aside_px], [0, 1, down_px]], np.float32)
    return cv2.warpAffine(plane, shift, plane.shape[::-1], borderMode=border).astype(np.float32)


def cast_shadows(hair: Plane, sheet: Sheet) -> Plane:
    """The shadow of the hair on the forehead and of the head on the neck: both follow from shapes, not from light.

    Args:
        hair: Coverage of the hair, float32 [H, W], 0 … 1.
        sheet: The photo's geometry.

    Returns:
        float32 [H, W], 0 … 1.
    """
    eye_px = sheet.eye_px
    fringe = _moved(hair, HAIR_SHADOW_ASIDE * eye_px, HAIR_SHADOW_DOWN * eye_px, cv2.BORDER_REPLICATE)
    eyes_row = float(sheet.mesh[list(OUTER_EYE_CORNERS), 1].mean())
    top = 1 - ramp(sheet.rows, eyes_row + 0.1 * eye_px, eyes_row + 0.6 * eye_px)
    fringe = ramp(blurred(fringe, sheet.unit_px), 0.35, 0.65) * top
    oval = sheet.area(OVAL)
    chin = _moved(oval, 0, CHIN_SHADOW_DOWN * eye_px, cv2.BORDER_CONSTANT) * (1 - oval)
    jaw_row = float(sheet.mesh[list(JAW_CORNERS), 1].mean())
    neck = ramp(blurred(chin, sheet.unit_px), 0.4, 0.6) * ramp(sheet.rows, jaw_row - 0.1 * eye_px, jaw_row)
    return np.maximum(fringe, neck).astype(np.float32)


def modelled_shade(sheet: Sheet) -> Plane:
    """The far cheek and the far side of the nose, as light from the upper left of the picture leaves them.

    Both follow from the face's shape alone, wherever the light of the photo came from: an animator shades all drawings
    of a character alike, and a network that has to guess no light draws the same from frame to frame.

    Args:
        sheet: The photo's geometry.

    Returns:
        float32 [H, W], 0 … 1.
    """
    middle = sheet.mesh[NOSE_TIP]
    outside = middle + FAR_BEYOND * (sheet.mesh[list(FAR_OUTLINE)] - middle)
    cheek = np.concatenate([_curve(sheet, FAR_CHEEK), outside]).astype(np.float32)
    soft_px = SOFT_UNITS * sheet.unit_px
    nose = sheet.area(_curve(sheet, NOSE_SHADE), soft_px)
    return np.maximum(sheet.area(cheek, soft_px), NOSE_STRENGTH * nose).astype(np.float32)


def shaded(picture: Image, shade: Plane, darker: float) -> Image:
    """A picture with shade on it: ink stays ink, for what is dark loses as large a share as what is light.

    Args:
        picture: RGB uint8 [H, W, 3].
        shade: Where it lies, float32 [H, W], 0 … 1.
        darker: What skin of a lightness of 70 loses, CIE L units.

    Returns:
        RGB uint8 [H, W, 3].
    """
    if not shade.any():
        return picture
    lab = to_lab(picture)
    lab[..., 0] *= 1 - darker / SHADED_LIGHTNESS * shade
    lab[..., 1:] += shade[..., None] * np.array(SHADE_TINT, np.float32)
    return to_rgb(lab)


def _curve(sheet: Sheet, places: tuple[Place, ...]) -> Points:
    """A smooth line through places of the mesh, float32 [N, 2], pixels."""
    mesh = sheet.mesh
    through = np.stack([mesh[start] + share * (mesh[end] - mesh[start]) for start, end, share in places])
    number = np.arange(len(places))
    between = np.linspace(0, len(places) - 1, (len(places) - 1) * POINTS_BETWEEN + 1)
    return CubicSpline(number, through)(between).astype(np.float32)
