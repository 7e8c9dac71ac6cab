"""Skin as cel animation paints it: one tone, one shadow with a hard edge, and a blush."""

import cv2
import numpy as np

from animecam_training.faces import OUTER_EYE_CORNERS, Plane
from animecam_training.target.anime.options import AnimeOptions
from animecam_training.target.flatten import Lab
from animecam_training.target.geometry import (
    CHEEKS,
    NOSE_TIP,
    OVAL,
    Sheet,
    blurred,
    blurred_within,
    ramp,
    without_specks,
)
from animecam_training.target.skin import Skin

JAW_CORNERS = (58, 288)  # points of the mesh

# Lengths are fractions of the eye distance, areas of its square, lightness and colour CIE Lab units.
LIT_PERCENTILE, LIGHTEST = 70, 95.0
SIDE_BLUR, SIDE_EDGE, SIDE_SMALLEST, SIDE_STRENGTH = 0.16, (7.0, 8.5), 0.35, 0.9
"""A side of the face that light does not reach: how far it is smoothed, from when it counts, its smallest area."""
LIT_MIDDLE = (0.55, 0.70)  # half width and half height around the nose where no side shadow may lie
HAIR_SHADOW_DOWN, HAIR_SHADOW_ASIDE, CHIN_SHADOW_DOWN = 0.13, 0.02, 0.34
SHADE_TINT = (5.0, 2.5)  # shade is redder and warmer, as animators paint it
OWN_COLOUR, COLOUR_BLUR = 0.6, 0.5
BLUSH_WIDTH, BLUSH_HEIGHT, BLUSH_RAISE = 0.17, 0.09, 0.1


def _side_shadow(smooth: Plane, lit: float, skin: Skin, sheet: Sheet) -> Plane:
    """The large dark side of a face, never its middle."""
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


def _cast_shadows(hair: Plane, sheet: Sheet) -> Plane:
    """The shadow of the hair on the forehead and of the head on the neck: both follow from shapes, not from light."""
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


def flat_skin(lab: Lab, skin: Skin, hair: Plane, sheet: Sheet, options: AnimeOptions) -> tuple[Lab, float]:
    """Paint for the skin.

    Args:
        lab: The denoised photo.
        skin: Where the skin is, filled.
        hair: Coverage of the hair, float32 [H, W], 0 … 1.
        sheet: The photo's geometry.
        options: Lift, colour, shade and blush.

    Returns:
        The paint (Lab, valid on skin) and the lightness of the person's lit skin as the photo has it.
    """
    face = skin.on_face
    seen = (skin.share + 0.002).astype(np.float32)
    smooth = blurred_within(lab[..., 0], seen, SIDE_BLUR * sheet.eye_px)
    lit = float(np.percentile(smooth[face], LIT_PERCENTILE))
    shadow = np.maximum(_side_shadow(smooth, lit, skin, sheet), _cast_shadows(hair, sheet))
    paint = np.empty_like(lab)
    paint[..., 0] = min(lit + options.skin_lift, LIGHTEST) - options.shade * shadow
    near = blurred_within(lab[..., 1:], seen, COLOUR_BLUR * sheet.eye_px)
    own = OWN_COLOUR * np.median(lab[face][:, 1:], 0) + (1 - OWN_COLOUR) * near
    paint[..., 1:] = options.skin_chroma * own
    paint[..., 1:] += shadow[..., None] * np.array(SHADE_TINT, np.float32)
    for cheek in CHEEKS:
        x, y = sheet.mesh[cheek]
        across = (sheet.columns - x) / (BLUSH_WIDTH * sheet.eye_px)
        along = (sheet.rows - y + BLUSH_RAISE * sheet.eye_px) / (BLUSH_HEIGHT * sheet.eye_px)
        paint[..., 1] += options.blush * np.exp(-0.5 * (across**2 + along**2))
    return paint, lit
