"""Which part of a face is skin: all of it but beard, hair and glasses, whatever the light does.

`animecam_training.target.skin` finds skin by its colour; creases, the shadow of a smile and gloss fall out of that. A
drawn face has none of them, so here they are filled, and only what is dark over a large area stays as it is.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam_training.faces import Plane
from animecam_training.target.flatten import Lab
from animecam_training.target.geometry import (
    LIPS,
    UNDER_NOSE,
    Sheet,
    blurred,
    blurred_within,
    ramp,
    without_specks,
)
from animecam_training.target.skin import Skin, feature_area

UPPER_LIP_ZONE = (98, 2, 327, 410, 322, 391, 393, 164, 167, 165, 92, 186)
MOUSTACHE = (98, 2, 327, 410, 287, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185, 61, 57, 186)
CHIN_ZONE = (204, 194, 201, 200, 421, 418, 424, 431, 262, 428, 199, 208, 32, 211)
JAW_ZONES = ((214, 212, 202, 210, 169, 135, 138), (434, 432, 422, 430, 394, 364, 367))
BROW_MIDDLES = (105, 334)

# Lengths are fractions of the eye distance, areas of its square, lightness and colour CIE Lab units.
FOREHEAD_EXTRA = 0.35  # the mesh ends below the hairline, the forehead does not
BEARD_CHIN, BEARD_JAW, BEARD_LIP = 15.0, 9.0, 14.0  # darker than the lit skin by this: it grows there
MIDDLE_DARKEST, FOREHEAD_DARKEST, BEARD_DARKEST = 30.0, 13.0, 14.0
SHAVEN_DARKEST, SHAVEN_DARKEST_SHARE = 27.0, 0.68  # the deepest shadow of a smile, at least and of the lit skin
DARK_EDGE = 2.0
HAIR_COLOUR = 16.0  # on the forehead: further from the skin's colour than this is hair, though it be light
THINNEST_PATCH, SMALLEST_PATCH = 0.12, 0.09
SMALLEST_COVER = 0.6  # of the lower face without a beard: what is smaller is a shadow
MOUSTACHE_EDGE = (8.0, 14.0)
MOUSTACHE_LEAST = 0.45  # of its zone: what covers less is the shadow of the nose, and would be drawn as a blot
DARK_PERCENTILE, FEWEST_PX = 45, 8


def whole_face(sheet: Sheet) -> Plane:
    """Coverage of the face with the forehead up to the hairline, float32 [H, W], 0 … 1."""
    return sheet.face(FOREHEAD_EXTRA)


def _darkness(dark: Plane, zone: tuple[int, ...], lips: Plane, sheet: Sheet) -> float:
    """How much darker than lit skin most of a zone is, CIE L; 0 where the zone is hidden."""
    inside = (sheet.area(zone) > 0.5) & (lips < 0.5)
    return float(np.percentile(dark[inside], DARK_PERCENTILE)) if int(inside.sum()) > FEWEST_PX else 0.0


def _facial_hair(dark: Plane, sheet: Sheet) -> tuple[bool, bool]:
    """Whether there is a beard, and with it a moustache. A moustache alone cannot be told from a shadow."""
    lips = cv2.dilate(sheet.area(LIPS), np.ones((3, 3), np.uint8)).astype(np.float32)
    jaw = min(_darkness(dark, zone, lips, sheet) for zone in JAW_ZONES)
    beard = _darkness(dark, CHIN_ZONE, lips, sheet) > BEARD_CHIN and jaw > BEARD_JAW
    return beard, beard and _darkness(dark, UPPER_LIP_ZONE, lips, sheet) > BEARD_LIP


def _large_patches(holes: NDArray[np.uint8], lower: Plane, eye_px: float, *, beard: bool) -> NDArray[np.uint8]:
    """What of the holes in the skin (0 … 255) is large enough to be hair, a beard or a hand before the face."""
    side = int(THINNEST_PATCH / 2 * eye_px) * 2 + 1
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    wide = cv2.dilate(cv2.morphologyEx(holes, cv2.MORPH_OPEN, brush), np.ones((3, 3), np.uint8))
    thick = np.where(lower > 0.5, np.minimum(holes, wide), holes).astype(np.uint8)
    patches = without_specks(thick, int(SMALLEST_PATCH * eye_px**2))
    if beard:
        return patches
    covering = without_specks(thick, int(SMALLEST_COVER * eye_px**2))
    return np.where(lower > 0.5, covering, patches).astype(np.uint8)


def fill_skin(skin: Skin, lab: Lab, sheet: Sheet) -> tuple[Skin, Plane]:
    """Skin without the holes that light, creases and gloss leave in it.

    Args:
        skin: As found by colour.
        lab: The denoised photo.
        sheet: The photo's geometry.

    Returns:
        The skin, and the coverage of a moustache, float32 [H, W], 0 … 1.
    """
    features = cv2.dilate(feature_area(sheet), np.ones((5, 5), np.uint8)).astype(np.float32)
    found = (skin.share > 0.5) & (skin.oval > 0.5)
    lit = float(np.percentile(lab[..., 0][found], 70))
    bare = (1.001 - 0.98 * features).astype(np.float32)
    dark = (lit - blurred_within(lab[..., 0], bare, 0.045 * sheet.eye_px)).astype(np.float32)
    beard, moustache = _facial_hair(dark, sheet)

    brow_row = float(sheet.mesh[list(BROW_MIDDLES), 1].mean())
    nose_row = float(sheet.mesh[UNDER_NOSE, 1])
    lower = ramp(sheet.rows, nose_row - 0.05 * sheet.eye_px, nose_row + 0.05 * sheet.eye_px)
    forehead = 1 - ramp(sheet.rows, brow_row - 0.15 * sheet.eye_px, brow_row + 0.05 * sheet.eye_px)
    shaven = max(SHAVEN_DARKEST, SHAVEN_DARKEST_SHARE * lit)
    darkest = (
        MIDDLE_DARKEST * np.clip(1 - lower - forehead, 0, 1)
        + (BEARD_DARKEST if beard else shaven) * lower
        + FOREHEAD_DARKEST * forehead
    )
    inner = _eroded(skin.oval, 3) * (1 - forehead) + whole_face(sheet) * forehead
    far = np.linalg.norm(blurred(lab[..., 1:], 0.04 * sheet.eye_px) - skin.colour[1:], axis=-1)
    like_skin = np.maximum(np.maximum(1 - forehead, far < HAIR_COLOUR), _eroded(skin.oval, 5) * (dark < -1))
    fill = inner * (1 - ramp(dark - darkest, -DARK_EDGE, DARK_EDGE)) * (1 - features) * like_skin

    mask = cv2.medianBlur((np.maximum(skin.share, fill) * 255).astype(np.uint8), 5).astype(np.uint8)
    holes = ((255 - mask) * (inner > 0.5)).astype(np.uint8)
    zone, hairy = sheet.area(MOUSTACHE), ramp(dark, *MOUSTACHE_EDGE)
    moustache = moustache and float((zone * hairy).sum()) > MOUSTACHE_LEAST * float(zone.sum())
    small = (holes > 0) & (_large_patches(holes, lower, sheet.eye_px, beard=beard) == 0)
    if not moustache:
        small |= (holes > 0) & (cv2.dilate(zone, np.ones((5, 5), np.uint8)) > 0.5)
    share = np.where(small, 1.0, mask / 255) * (1 - features)
    grown = np.zeros(sheet.shape, np.float32)
    if moustache:
        share = share * (1 - sheet.area(MOUSTACHE, sheet.unit_px) * hairy)
        grown = zone * (share < 0.5)
    return Skin(share.astype(np.float32), skin.oval, skin.colour), grown.astype(np.float32)


def _eroded(plane: Plane, side: int) -> Plane:
    return cv2.erode(plane, np.ones((side, side), np.uint8)).astype(np.float32)
