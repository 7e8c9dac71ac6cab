"""Which part of a face is skin: all of it but beard, hair and glasses, whatever the light does.

`animecam_training.target.skin` finds skin by its colour; creases, the shadow of a smile and gloss fall out of that. A
drawn face has none of them, so here they are filled, and only what is dark over a large area stays as it is.
"""

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam_training.faces import Image, Plane, Points
from animecam_training.target.flatten import Lab, denoised, to_lab
from animecam_training.target.geometry import (
    BROW_TOP,
    LIPS,
    OVAL,
    UNDER_NOSE,
    Sheet,
    blurred,
    blurred_within,
    ramp,
    sheet_of,
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
MIDDLE_DARKEST, BEARD_DARKEST = 30.0, 14.0
FOREHEAD_DARKEST, HAIR_HALFWAY = (13.0, 24.0), 0.5
SHAVEN_DARKEST, SHAVEN_DARKEST_SHARE = 27.0, 0.68  # the deepest shadow of a smile, at least and of the lit skin
DARK_EDGE = 2.0
HAIR_COLOUR = 16.0  # on the forehead: further from the skin's colour than this is hair, though it be light
THINNEST_PATCH, SMALLEST_PATCH = 0.12, 0.09
SMALLEST_COVER = 1.0  # of the lower face without a beard: what is smaller is a shadow
MOUSTACHE_EDGE = (8.0, 14.0)
MOUSTACHE_LEAST = 0.45  # of its zone: what covers less is the shadow of the nose, and would be drawn as a blot
FEWEST_PX, DARKEST_LIGHT = 8, 0.003
CHEEK_ZONES = ((50, 101, 36, 205, 187, 123), (280, 330, 266, 425, 411, 352))
# Darker than the cheeks, in stops (halvings of the light): how much of it counts at chin, jaw and upper lip, by what
# share, and how much of all together is a beard. Dark skin has deeper shadows beside its gloss: more is asked for.
# Of 2,215 portraits, two in five women's, it finds 38 beards and nothing else; stubble and goatees fall short. Of
# 1,883 of them 77 have a short beard by this, six of those women's.
COUNTED_STOPS, COUNTED_SHARES = (1.0, 2.0, 3.0), (1.0, 1.0, 0.5)
DARK_SKIN, BEARD_STOPS, BEARD_STOPS_DARK = 0.22, 3.0, 3.6  # the first of white, linear
SHORT_BEARD_STOPS = 2.1
MOST_UNEVEN_STOPS = 1.3  # of one side of the jaw against the other: the light differs, whatever grows there
MOUSTACHE_STOPS = 1.8
NOSE_EDGE = 0.05  # half the width of the border between the lower face and the rest
BEARD_EDGE, BEARD_BLUR = (0.2, 0.45), 0.03  # stops; fractions of the eye distance


Growth = Literal["none", "short beard", "beard"]
"""What grows on a face. A short beard may be a shadow, too, and is not drawn; stubble counts as none."""


def whole_face(sheet: Sheet) -> Plane:
    """Coverage of the face with the forehead up to the hairline, float32 [H, W], 0 … 1."""
    return sheet.face(FOREHEAD_EXTRA)


def _light(lab: Lab, zone: tuple[int, ...], sheet: Sheet) -> float:
    """How much light most of a zone gives back, of white and linear; 0 where it is hidden."""
    lips = cv2.dilate(sheet.area(LIPS), np.ones((3, 3), np.uint8)).astype(np.float32)
    inside = (sheet.area(zone) > 0.5) & (lips < 0.5)
    if int(inside.sum()) <= FEWEST_PX:
        return 0.0
    return float(_linear(np.median(lab[..., 0][inside])))


def _linear(lightness: Any) -> Any:
    """CIE L to the light behind it, of white; the nearly black counts as black as hair is."""
    return np.maximum(((lightness + 16) / 116) ** 3, DARKEST_LIGHT)


def _stops(light: float, zone: float) -> float:
    """By how many halvings a zone is darker; none where one of the two is hidden."""
    return float(np.log2(light / zone)) if light > 0 and zone > 0 else 0.0


def _facial_hair(lab: Lab, sheet: Sheet) -> tuple[Growth, bool]:
    """Whether there is a beard, and with it a moustache. A moustache alone cannot be told from a shadow.

    The jaw is compared with the cheek above it, so that a head lit from one side has no beard on the other.
    """
    cheeks = [_light(lab, zone, sheet) for zone in CHEEK_ZONES]
    cheek = sum(cheeks) / len(cheeks) if min(cheeks) > 0 else 0.0
    chin, lip = (_stops(cheek, _light(lab, zone, sheet)) for zone in (CHIN_ZONE, UPPER_LIP_ZONE))
    jaw = [_stops(own, _light(lab, zone, sheet)) for own, zone in zip(cheeks, JAW_ZONES, strict=True)]
    counted = float(np.clip([chin, min(jaw), lip], 0, COUNTED_STOPS) @ COUNTED_SHARES)
    is_even = max(jaw) - min(jaw) < MOST_UNEVEN_STOPS
    if is_even and counted > (BEARD_STOPS if cheek > DARK_SKIN else BEARD_STOPS_DARK):
        return "beard", lip > MOUSTACHE_STOPS
    return "short beard" if counted > SHORT_BEARD_STOPS else "none", False


def find_growth(photo: Image, mesh: Points, person: Plane) -> Growth:
    """Whether a face has a beard.

    Args:
        photo: RGB uint8 [H, W, 3], one upright face.
        mesh: float32 [468, 2], MediaPipe's face mesh, pixels.
        person: float32 [H, W], 0 (background) … 1.
    """
    return _facial_hair(to_lab(denoised(photo)), sheet_of(photo, mesh, person))[0]


def beard_cover(lab: Lab, sheet: Sheet) -> Plane:
    """Where a beard grows, float32 [H, W], 0 … 1; nowhere on faces without one.

    Args:
        lab: The denoised photo, in the light it was taken in.
        sheet: The photo's geometry.
    """
    if _facial_hair(lab, sheet)[0] != "beard":
        return np.zeros(sheet.shape, np.float32)
    left, right = (_light(lab, zone, sheet) for zone in CHEEK_ZONES)
    x, reach = sheet.mesh[UNDER_NOSE, 0], 0.5 * sheet.eye_px
    across = ramp(sheet.columns, x - reach, x + reach)
    stops = np.log2((left + (right - left) * across) / _linear(lab[..., 0])).astype(np.float32)
    lower = _below_nose(sheet)
    hairy = ramp(blurred(stops, BEARD_BLUR * sheet.eye_px), *BEARD_EDGE)
    return (hairy * lower * sheet.area(OVAL) * (1 - sheet.area(LIPS))).astype(np.float32)


def _below_nose(sheet: Sheet) -> Plane:
    """The lower part of the picture, from the base of the nose on, float32 [H, W], 0 … 1."""
    row, soft_px = float(sheet.mesh[UNDER_NOSE, 1]), NOSE_EDGE * sheet.eye_px
    return ramp(sheet.rows, row - soft_px, row + soft_px)


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


def _forehead_darkest(lab: Lab, lit: float, sheet: Sheet) -> float:
    """How much darker than lit skin a forehead may be: half of what the hair above it is, within bounds."""
    above = (whole_face(sheet) < 0.1) & (sheet.person > 0.6) & (sheet.rows < sheet.mesh[BROW_TOP, 1])
    if int(above.sum()) <= FEWEST_PX:
        return FOREHEAD_DARKEST[0]
    return float(np.clip(HAIR_HALFWAY * (lit - np.median(lab[..., 0][above])), *FOREHEAD_DARKEST))


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
    growth, moustache = _facial_hair(lab, sheet)
    beard = growth == "beard"

    brow_row = float(sheet.mesh[list(BROW_MIDDLES), 1].mean())
    lower = _below_nose(sheet)
    forehead = 1 - ramp(sheet.rows, brow_row - 0.15 * sheet.eye_px, brow_row + 0.05 * sheet.eye_px)
    shaven = max(SHAVEN_DARKEST, SHAVEN_DARKEST_SHARE * lit)
    darkest = (
        MIDDLE_DARKEST * np.clip(1 - lower - forehead, 0, 1)
        + (BEARD_DARKEST if beard else shaven) * lower
        + _forehead_darkest(lab, lit, sheet) * forehead
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
