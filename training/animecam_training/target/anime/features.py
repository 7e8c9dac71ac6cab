"""Brows, mouth, nose and jaw in as few strokes as make a face."""

import numpy as np

from animecam_training.faces import Plane, Points
from animecam_training.target.flatten import Lab
from animecam_training.target.geometry import (
    BROWS,
    EYELIDS,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    JAW,
    LIPS,
    LOWER_LIP_EDGE,
    UPPER_LIP_EDGE,
    Sheet,
    blurred,
    laid,
    mixed,
    ramp,
)

NOSE_STROKE, BELOW_LIP = (97, 2, 326), (314, 17, 84)

# Lengths are fractions of the eye distance, widths of strokes middle and ends, lightness and colour CIE Lab units.
ENOUGH_PX = 10  # pixels a shape needs for a median
BROW_RAISE, BROW_WIDTHS, BROW_COVER = 0.03, (0.06, 0.024), 0.95
BROW_DARKER, BROW_LIGHTNESS, BROW_OF_SKIN = 0.6, (10.0, 45.0), 0.55
MOUTH_AJAR, MOUTH_OPEN = 0.08, 0.12  # gap of the lips: maybe, and surely open
OPEN_LIGHTER, TEETH_LIGHTER = 5.0, 3.0  # than the lips; else the gap is the dark between closed lips
INSIDE_MOUTH = (30.0, 38.0, 22.0)
TEETH_SOUGHT, TALLEST_TEETH = (0.12, 0.5), 0.2  # of the opening, from the upper lip; of the eye distance
TEETH_SHARE, TEETH_LIFT, TEETH_LIGHTNESS = 0.65, 16.0, (78.0, 97.0)  # below that, teeth look like a gray lip
LIP_TINT = 0.6
UPPER_LINE, LOWER_LINE, CLOSED_LINE, SHADOW_LINE = (0.03, 0.014), (0.022, 0.01), (0.03, 0.012), (0.02, 0.006)
JAW_LINE, JAW_INK, NOSE_LINE, NOSE_INK = (0.032, 0.012), 0.85, (0.028, 0.008), 0.55
NOSE_NARROWER = 0.9


def draw_brows(picture: Lab, lab: Lab, sheet: Sheet, lit: float) -> Lab:
    """One tapered stroke a brow, in the brows' own colour but darker."""
    inside = sheet.brows() > 0.5
    own = np.median(lab[inside], 0) if int(inside.sum()) > ENOUGH_PX else np.array([25.0, 2.0, 4.0])
    dark = float(np.clip(min(own[0] * BROW_DARKER, lit * BROW_OF_SKIN), *BROW_LIGHTNESS))
    colour = (dark, own[1] * 0.8, own[2] * 0.7)
    for brow, (upper, lower) in zip(BROWS, EYELIDS, strict=True):
        outline = sheet.mesh[list(brow)]
        half = len(brow) // 2
        middle = (outline[:half] + outline[half:][::-1]) / 2
        away = middle.mean(0) - sheet.mesh[list(upper + lower)].mean(0)
        middle = middle + BROW_RAISE * sheet.eye_px * away / np.linalg.norm(away)
        stroke = sheet.stroke(middle.astype(np.float32), *(width * sheet.eye_px for width in BROW_WIDTHS))
        picture = laid(picture, colour, BROW_COVER * stroke)
    return picture


def draw_mouth(picture: Lab, lab: Lab, sheet: Sheet, skin: Lab, lit: float) -> tuple[Lab, Plane]:
    """A line, or an open shape with one white band of teeth; the lips keep a hint of their colour.

    Args:
        picture: What is painted so far.
        lab: The denoised photo.
        sheet: The photo's geometry.
        skin: The person's skin, Lab [3].
        lit: Lightness of the lit skin.

    Returns:
        The picture, and the mouth's ink, float32 [H, W], 0 … 1.
    """
    eye_px = sheet.eye_px
    upper, lower = sheet.mesh[list(UPPER_LIP_EDGE)], sheet.mesh[list(LOWER_LIP_EDGE)]
    lips = sheet.area(LIPS, 0.02 * eye_px)
    on_lips = lab[lips > 0.6]
    own = np.median(on_lips, 0) if len(on_lips) > ENOUGH_PX else skin
    tint = (lit - 4, 0.7 * own[1] + 0.3 * skin[1] + 3, 0.6 * own[2] + 0.4 * skin[2])
    picture = laid(picture, tint, LIP_TINT * lips)

    gap = sheet.area(np.concatenate([upper, lower[::-1]]).astype(np.float32), 0.4 * sheet.unit_px)
    opening = float(np.linalg.norm(sheet.mesh[INNER_UPPER_LIP] - sheet.mesh[INNER_LOWER_LIP])) / eye_px
    seen = lab[..., 0][gap > 0.7]
    brighter = float(np.percentile(seen, 80)) - float(own[0]) if len(seen) > ENOUGH_PX else -100.0
    if opening <= MOUTH_AJAR or (brighter <= OPEN_LIGHTER and opening <= MOUTH_OPEN) or len(seen) <= ENOUGH_PX:
        line = sheet.stroke(((upper + lower) / 2)[1:-1], *(width * eye_px for width in CLOSED_LINE))
        shadow = sheet.stroke(sheet.mesh[list(BELOW_LIP)], *(width * eye_px for width in SHADOW_LINE))
        return picture, np.maximum(0.9 * line, 0.3 * shadow).astype(np.float32)
    inside = np.broadcast_to(np.array(INSIDE_MOUTH, np.float32), lab.shape)
    if _shows_teeth(lab[..., 0], sheet, upper, lower, lips_lightness=float(own[0])):
        height = np.minimum(TEETH_SHARE * (lower[:, 1] - upper[:, 1]), TALLEST_TEETH * eye_px)
        below = upper + np.stack([np.zeros_like(height), height], -1)
        teeth = sheet.area(np.concatenate([upper, below[::-1]]).astype(np.float32), 0.3 * sheet.unit_px)
        inside = laid(inside, (float(np.clip(lit + TEETH_LIFT, *TEETH_LIGHTNESS)), 1, 2), teeth)
    ink = 0.9 * sheet.stroke(upper, *(width * eye_px for width in UPPER_LINE))
    ink = np.maximum(ink, 0.75 * sheet.stroke(lower, *(width * eye_px for width in LOWER_LINE)))
    return mixed(picture, inside, gap), ink.astype(np.float32)


def _shows_teeth(lightness: Plane, sheet: Sheet, upper: Points, lower: Points, *, lips_lightness: float) -> bool:
    """Whether what is seen below the upper lip is lighter than the lips: a tongue lies below, in the dark."""
    start, stop = (upper + share * (lower - upper) for share in TEETH_SOUGHT)  # the mesh may lie on the lip itself
    seen = lightness[sheet.area(np.concatenate([start, stop[::-1]]).astype(np.float32)) > 0.5]
    return len(seen) > ENOUGH_PX and float(np.median(seen)) > lips_lightness + TEETH_LIGHTER


def face_lines(sheet: Sheet, skin_share: Plane) -> Plane:
    """Ink of the jaw, where it is bare, and of the shadow below the nose, float32 [H, W], 0 … 1."""
    eye_px = sheet.eye_px
    bare = ramp(blurred(skin_share, 0.05 * eye_px), 0.55, 0.9)
    jaw = JAW_INK * sheet.stroke(sheet.mesh[list(JAW)], *(width * eye_px for width in JAW_LINE)) * bare
    nose = sheet.mesh[list(NOSE_STROKE)]
    nose = nose.mean(0) + NOSE_NARROWER * (nose - nose.mean(0))
    below = NOSE_INK * sheet.stroke(nose.astype(np.float32), *(width * eye_px for width in NOSE_LINE))
    return np.maximum(jaw, below).astype(np.float32)
