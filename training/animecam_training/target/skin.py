"""Skin: where it is, and its shading in a few flat tones of the person's own colour.

Gloss on dark skin counts as skin (it must not become a white patch), wrinkles fall to a median filter (no creases are
drawn), and the tones are steps below the person's own lit skin, so that the complexion stays.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam_training.faces import Plane
from animecam_training.target.flatten import Lab
from animecam_training.target.geometry import (
    BROW_TOP,
    BROWS,
    CHEEKS,
    EYELIDS,
    LIP_GROOVE,
    LIPS,
    OVAL,
    SKIN_SAMPLES,
    UNDER_NOSE,
    Sheet,
    blurred,
    blurred_within,
    ramp,
    without_specks,
)
from animecam_training.target.options import TargetOptions

# Lengths are fractions of the eye distance, lightness and colour are CIE Lab units.
SAMPLE_HALF_SIDE = 0.16
FOREHEAD_EXTRA = 0.4  # the mesh ends below the hairline, the forehead does not
SPREAD_MIN, SPREAD_MAX = np.array([5.0, 1.6, 2.2]), np.array([10.0, 3.2, 4.5])
SMALLEST_PATCH, SMALLEST_HOLE, SMALLEST_FOREHEAD_HOLE = 0.10, 0.012, 0.10  # areas, of the squared eye distance
TWO_TONE_EDGE = 1.3  # half the width of the edge between light and shade
TWO_TONE_GAP = (8.0, 13.0)
STEPS_DEEPEST = 3.5
GLOSS_STEP = 0.45  # of a step: one flat highlight instead of a shine
SHADE_TINT = (3.5, 1.0)  # shade is a little redder and warmer, as animators paint it
LIT_LIFT_TWO_TONE = 7.0
OWN_COLOUR_ON_FACE, OWN_COLOUR_ELSEWHERE = 0.97, 0.8  # how far the skin's paint covers what lies below


@dataclass(frozen=True, slots=True)
class Skin:
    """Skin of one portrait.

    Attributes:
        share: float32 [H, W], 0 … 1; eyes, brows and lips are left out.
        oval: float32 [H, W], coverage of the face's oval.
        colour: float32 [3], the person's median skin, Lab.
    """

    share: Plane
    oval: Plane
    colour: Lab

    @property
    def on_face(self) -> NDArray[np.bool_]:
        """Where the face is skin, bool [H, W]."""
        return (self.share > 0.6) & (self.oval > 0.5)


def feature_area(sheet: Sheet) -> Plane:
    """Eyes, brows and lips with a margin, float32 [H, W]."""
    covered = np.zeros(sheet.shape, np.float32)
    for outline in (*BROWS, LIPS, *(upper + lower[::-1] for upper, lower in EYELIDS)):
        covered = np.maximum(covered, cv2.dilate(sheet.area(outline), np.ones((5, 5), np.uint8)))
    return covered.astype(np.float32)


def _likeness(lab: Lab, colour: Lab, spread: Lab, sheet: Sheet, upper: Plane) -> Plane:
    """How much each pixel's colour is this person's skin, 0 … 1."""
    face = sheet.face(FOREHEAD_EXTRA)
    lighter = lab[..., 0] - colour[0]
    # Gloss is skin mixed with white: the lighter, the paler it may be.
    gloss = np.clip(1 - 1.3 * np.clip(lighter, 0, None) / (100 - colour[0]), 0.25, 1) * face + (1 - face)
    off_a, off_b = lab[..., 1] - colour[1] * gloss, lab[..., 2] - colour[2] * gloss
    off_colour = ((off_a / (2.2 * spread[1])) ** 2 + (off_b / (2.2 * spread[2])) ** 2) * (1 - 0.45 * upper)
    too_dark = (np.minimum(lighter, 0) / ((2.3 + 1.6 * upper) * spread[0])) ** 2  # lower down it may be a beard
    too_light = (np.maximum(lighter, 0) / ((3.0 + 2.5 * face) * spread[0])) ** 2
    return np.exp(-0.5 * (off_colour + too_dark + too_light)).astype(np.float32)


def find_skin(lab: Lab, sheet: Sheet) -> Skin:
    """Skin of the face, the ears, the neck and what else is near and of the same colour.

    Args:
        lab: The denoised photo.
        sheet: The photo's geometry.
    """
    eye_px, rows = sheet.eye_px, sheet.rows
    oval, features = sheet.area(OVAL), feature_area(sheet)
    corners = SAMPLE_HALF_SIDE * eye_px * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    sampled = np.zeros(sheet.shape, np.float32)
    for point in SKIN_SAMPLES:
        sampled = np.maximum(sampled, sheet.area(sheet.mesh[point] + corners))
    samples = lab[(sampled > 0.5) & (features < 0.1)]
    colour = np.median(samples, 0).astype(np.float32)
    spread = np.clip(1.5 * np.median(np.abs(samples - colour), 0), SPREAD_MIN, SPREAD_MAX).astype(np.float32)

    upper = ramp(sheet.mesh[UNDER_NOSE, 1] - rows, -0.05 * eye_px, 0.1 * eye_px) * oval
    depth = cv2.distanceTransform((oval > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    away = cv2.distanceTransform((oval < 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    # Within the face, above the lips, what is not dark is skin whatever the light does to its colour.
    within = ramp(depth, 0.03 * eye_px, 0.12 * eye_px) * (rows < sheet.mesh[LIP_GROOVE, 1])
    within = within * ramp(lab[..., 0] - colour[0], -2 * spread[0], -spread[0])
    like = np.maximum(_likeness(lab, colour, spread, sheet, upper), within)
    near = 1 - ramp(away, 1.2 * eye_px, 1.6 * eye_px)
    above = ramp(sheet.mesh[BROW_TOP, 1] - rows, 0.35 * eye_px, 0.55 * eye_px)
    sure = ramp(like * np.maximum(oval, 0.9 * near * sheet.person * (1 - above)), 0.25, 0.6)
    mask = cv2.medianBlur((sure * 255).astype(np.uint8), 7).astype(np.uint8)
    mask = without_specks(mask, int(SMALLEST_PATCH * eye_px**2))
    holes = (255 - mask).astype(np.uint8)
    few_holes = 255 - without_specks(holes, int(SMALLEST_HOLE * eye_px**2))
    forehead = (upper > 0.5) & (depth > 0.1 * eye_px)
    mask = np.where(forehead, 255 - without_specks(holes, int(SMALLEST_FOREHEAD_HOLE * eye_px**2)), few_holes)
    return Skin((mask.astype(np.float32) / 255 * (1 - features)).astype(np.float32), oval, colour)


def _two_tones(lightness: Plane, skin: Skin, face: Plane, sheet: Sheet) -> Plane:
    """Light and shade only: lightness of the skin, CIE L."""
    seen = skin.share + 0.002
    smooth = blurred_within(blurred_within(lightness, seen, 0.07 * sheet.eye_px), seen, 0.08 * sheet.eye_px)
    on_face = smooth[face > 0]
    lit, darkest = np.percentile(on_face, [72, 4])
    edge = lit - max(0.62 * (lit - darkest), 8.0)
    light = ramp(smooth, edge - TWO_TONE_EDGE, edge + TWO_TONE_EDGE)
    large = without_specks(((1 - light) * 255 * (skin.share > 0.5)).astype(np.uint8), 0.1 * sheet.eye_px**2)
    light = np.where((skin.share > 0.5) & (large == 0), 1, light).astype(np.float32)
    light = blurred(light, 0.8 * sheet.unit_px)
    top = min(float(lit) + LIT_LIFT_TWO_TONE, 93.0)
    dark = on_face[on_face < edge]
    shade = float(np.median(dark)) + 3 if dark.size else float(lit) - 10
    shade = float(np.clip(shade, top - TWO_TONE_GAP[1], top - TWO_TONE_GAP[0]))
    return (shade + (top - shade) * light).astype(np.float32)


def _shaped_tones(
    lightness: Plane, skin: Skin, face: Plane, sheet: Sheet, options: TargetOptions
) -> tuple[Plane, float, float]:
    """Up to four flat tones that follow the shape of the face; also the lit skin's L and the step's height."""
    median_px = int(0.03 * sheet.eye_px) * 2 + 1
    # OpenCV's median wants bytes beyond a width of five.
    calm = cv2.medianBlur(np.clip(lightness * 2.55, 0, 255).astype(np.uint8), median_px).astype(np.float32) / 2.55
    smooth = blurred_within(calm, skin.share + 0.002, 0.025 * sheet.eye_px)
    lit, darkest = np.percentile(smooth[face > 0], [75, 2])
    step = float(np.clip((lit - darkest) / 3.6, *options.tone_step))
    gloss = ramp(smooth - float(lit), 0.35 * step, 0.75 * step) * GLOSS_STEP * step
    below = np.clip(lit - smooth, 0, None) / step
    whole = np.floor(below)
    below = np.minimum(whole + ramp(below - whole, 0.36, 0.64), STEPS_DEEPEST)
    return (lit - below * step * 0.95 + options.skin_lift + gloss).astype(np.float32), float(lit), step


def skin_cover(skin: Skin) -> Plane:
    """How far paint covers what lies below the skin, float32 [H, W], 0 … 1."""
    cover = skin.share * (OWN_COLOUR_ON_FACE * skin.oval + OWN_COLOUR_ELSEWHERE * (1 - skin.oval))
    return cover.astype(np.float32)


def matt_colour(lab: Lab, skin: Skin, lit: float, sheet: Sheet) -> Lab:
    """The skin's own colour around each pixel, a and b, float32 [H, W, 2]; gloss, which has none, is left out.

    Args:
        lab: The denoised photo.
        skin: Where the skin is.
        lit: Lightness of the lit skin, CIE L; what is lighter is gloss.
        sheet: The photo's geometry.
    """
    matt = (skin.share + 0.002) * np.exp(-0.5 * (np.maximum(lab[..., 0] - lit, 0) / 6) ** 2) + 1e-4
    return blurred_within(lab[..., 1:], matt.astype(np.float32), 0.4 * sheet.eye_px)


def paint_skin(lab: Lab, skin: Skin, sheet: Sheet, options: TargetOptions) -> tuple[Lab, Plane, float]:
    """Shade the skin in flat tones.

    Args:
        lab: The denoised photo, chroma already raised.
        skin: Where the skin is.
        sheet: The photo's geometry.
        options: Tones, lift and blush.

    Returns:
        The paint (Lab, valid on skin), how far it covers each pixel (0 … 1), and the lit skin's lightness.
    """
    face = skin.on_face.astype(np.float32)
    two = _two_tones(lab[..., 0], skin, face, sheet)
    shaped, lit, step = _shaped_tones(lab[..., 0], skin, face, sheet, options)
    paint = np.empty_like(lab)
    paint[..., 0] = two * (1 - options.tones) + shaped * options.tones
    shade = 1 - ramp(paint[..., 0], lit + 3 - step, lit + 3)
    paint[..., 1:] = matt_colour(lab, skin, lit, sheet) + shade[..., None] * np.array(SHADE_TINT, np.float32)
    for cheek in CHEEKS:
        x, y = sheet.mesh[cheek]
        across = (sheet.columns - x) / (0.2 * sheet.eye_px)
        along = (sheet.rows - y + 0.12 * sheet.eye_px) / (0.11 * sheet.eye_px)
        paint[..., 1] += options.blush * np.exp(-0.5 * (across**2 + along**2))
    return paint, skin_cover(skin), min(lit + LIT_LIFT_TWO_TONE, 93.0)
