"""Brows, lips, teeth, jaw and nose: flat shapes and the few lines that make a face."""

# The stubs of np.interp leave its result unknown.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import cv2
import numpy as np

from animecam_training.faces import Plane
from animecam_training.target.flatten import Lab
from animecam_training.target.geometry import (
    BROWS,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    JAW,
    LIPS,
    LOWER_LIP_EDGE,
    NOSE_BASE,
    UPPER_LIP_EDGE,
    Sheet,
    blurred,
    mixed,
    ramp,
)

# Lengths are fractions of the eye distance, lightness and colour CIE Lab units.
ENOUGH_PX = 10  # pixels a shape needs for a median
MOUTH_AJAR, MOUTH_OPEN = 0.075, 0.2  # gap of the lips: maybe, and surely open
TEETH_LIGHTER = 6.0  # than the lips; else the gap is the dark between closed lips
TEETH_LIGHTNESS = (70.0, 95.0)
LIP_COVER, BROW_COVER = 0.85, 0.95
SHARPEN = 0.8


def _paint_lips(picture: Lab, lab: Lab, sheet: Sheet, skin: Lab, lit: float) -> tuple[Lab, bool]:
    """One colour a lip, one white shape for the teeth; also whether the mouth is open."""
    inner = np.concatenate([sheet.mesh[list(UPPER_LIP_EDGE)], sheet.mesh[list(LOWER_LIP_EDGE)][::-1]])
    gap = sheet.area(inner, 0.6 * sheet.unit_px)
    lips = np.clip(sheet.area(LIPS, 0.7 * sheet.unit_px) - gap, 0, 1)
    if int((lips > 0.6).sum()) <= ENOUGH_PX:
        return picture, False
    own = np.median(lab[lips > 0.6], 0)
    paint = np.empty_like(lab)
    paint[:] = 0.6 * own + 0.4 * np.array([lit, skin[1], skin[2]]) + np.array([0, 4, 0])
    middle = (sheet.mesh[list(UPPER_LIP_EDGE)] + sheet.mesh[list(LOWER_LIP_EDGE)]) / 2
    order = np.argsort(middle[:, 0])
    between = np.interp(np.arange(sheet.shape[1]), middle[order, 0], middle[order, 1])
    paint[..., 0] -= 4 * (sheet.rows < between[None])
    picture = mixed(picture, paint, lips * LIP_COVER)

    opening = float(np.linalg.norm(sheet.mesh[INNER_UPPER_LIP] - sheet.mesh[INNER_LOWER_LIP])) / sheet.eye_px
    seen = lab[..., 0][gap > 0.7]
    if opening <= MOUTH_AJAR or len(seen) <= ENOUGH_PX:
        return picture, False
    bright = float(np.percentile(seen, 80))
    if bright <= own[0] + TEETH_LIGHTER and opening <= MOUTH_OPEN:
        return picture, False
    teeth = ramp(lab[..., 0], bright * 0.55, bright * 0.75)
    mouth = np.empty_like(lab)
    mouth[..., 0] = 24 + (np.clip(bright + 16, *TEETH_LIGHTNESS) - 24) * blurred(teeth, sheet.unit_px)
    mouth[..., 1], mouth[..., 2] = 14 * (1 - teeth) + 1, 8 * (1 - teeth) + 3
    return mixed(picture, mouth, gap), True


def _paint_brows(picture: Lab, lab: Lab, sheet: Sheet, skin: Lab, lit: float) -> Lab:
    """Brows as flat shapes of their own colour; pale ones in a darker tone of the skin."""
    reference = lit - 4
    for outline in BROWS:
        area = sheet.area(outline, sheet.unit_px)
        if int((area > 0.5).sum()) <= ENOUGH_PX:
            continue
        inside = lab[area > 0.5]
        dark = np.median(inside[inside[:, 0] <= np.percentile(inside[:, 0], 45)], 0)
        span = max(reference - float(dark[0]), 6.0)
        hair = np.clip((reference - blurred(lab[..., 0], 0.8 * sheet.unit_px)) / span, 0, 1)
        pale = dark[0] >= lit - 9
        colour = [lit - 14, skin[1], skin[2]] if pale else [max(dark[0] - 6, 8), dark[1], dark[2]]
        shape = cv2.dilate(area, np.ones((3, 3), np.uint8)) * ramp(hair, 0.25, 0.6)
        cover = blurred(shape.astype(np.float32), 0.6 * sheet.unit_px) * BROW_COVER
        picture = mixed(picture, np.broadcast_to(np.array(colour, np.float32), lab.shape), cover)
    return picture


def draw_features(picture: Lab, lab: Lab, sheet: Sheet, skin: Lab, lit: float, opacity: float) -> tuple[Lab, bool]:
    """Paint lips and brows, then let the sharpened photo through where the person is recognised by it.

    Args:
        picture: What is painted so far.
        lab: The denoised photo, chroma already raised.
        sheet: The photo's geometry.
        skin: The person's skin, Lab [3].
        lit: Lightness of the lit skin.
        opacity: 1 keeps the flat shapes, 0 the sharpened photo.

    Returns:
        The picture, and whether the mouth is open.
    """
    painted, is_open = _paint_lips(picture, lab, sheet, skin, lit)
    painted = _paint_brows(painted, lab, sheet, skin, lit)
    wide = np.ones((5, 5), np.uint8)
    brows = blurred(cv2.dilate(sheet.brows(), wide).astype(np.float32), 2 * sheet.unit_px)
    lips = blurred(cv2.dilate(sheet.area(LIPS), wide).astype(np.float32), 2 * sheet.unit_px)
    sharp = lab.copy()
    detail = lab[..., 0] - blurred(lab[..., 0], 2.5 * sheet.unit_px)
    sharp[..., 0] = np.clip(lab[..., 0] + SHARPEN * detail + 4, 2, 97)
    sharp[..., 1:] *= 1.1
    return mixed(painted, sharp, (1 - opacity) * np.maximum(brows, lips)), is_open


def feature_lines(sheet: Sheet, skin_share: Plane, *, mouth_open: bool) -> Plane:
    """Ink of the mouth, the jaw and the nose's shadow, float32 [H, W], 0 … 1."""
    eye = sheet.eye_px
    upper, lower = sheet.mesh[list(UPPER_LIP_EDGE)], sheet.mesh[list(LOWER_LIP_EDGE)]
    ink = 0.85 * sheet.stroke(upper if mouth_open else (upper + lower) / 2, 0.028 * eye, 0.014 * eye)
    if mouth_open:
        ink = np.maximum(ink, 0.5 * sheet.stroke(lower, 0.016 * eye, 0.01 * eye))
    # The jaw is drawn between skin and skin; a beard, a scarf or hair has its own edge.
    bare = ramp(blurred(skin_share, 0.05 * eye), 0.55, 0.9)
    jaw = 0.75 * sheet.stroke(sheet.mesh[list(JAW)], 0.03 * eye, 0.012 * eye) * bare
    nose = 0.42 * sheet.stroke(sheet.mesh[list(NOSE_BASE)], 0.022 * eye, 0.01 * eye)
    return np.maximum(ink, np.maximum(jaw, nose)).astype(np.float32)
