"""The procedural target: photo in, cel out."""

import cv2
import numpy as np

from animecam_training.faces import Image, Plane, Points
from animecam_training.target.eyes import draw_eyes
from animecam_training.target.features import draw_features, feature_lines
from animecam_training.target.flatten import Lab, background_share, denoised, flat_painting, to_lab, to_rgb
from animecam_training.target.geometry import (
    UNDER_NOSE,
    Sheet,
    blurred,
    enlarge_eyes,
    mixed,
    without_specks,
)
from animecam_training.target.lines import OUTLINE, OUTLINE_THRESHOLD, LineOptions, draw_lines
from animecam_training.target.options import TargetOptions
from animecam_training.target.skin import Skin, find_skin, paint_skin

# What an edge must have more of before it becomes a line.
BASE_THRESHOLD = 0.10
SKIN_THRESHOLD, FAR_SKIN_THRESHOLD, BACKGROUND_THRESHOLD = 0.5, 0.3, 1.5
NOSE_RELIEF = 0.7  # the nose is the one place on skin where lines are wanted
SMALLEST_LINE_PX = 14  # pixels at an eye distance of 80 px; less is speckle
INK_LIGHTNESS = (4.0, 20.0)  # CIE L


def found_lines(lab: Lab, flat: Lab, skin: Skin, sheet: Sheet, options: LineOptions) -> Plane:
    """Ink of the photo's own edges: few on skin, none behind the person, none on the drawn eyes."""
    unit, nose = sheet.unit_px, sheet.mesh[UNDER_NOSE]
    from_nose = np.hypot((sheet.columns - nose[0]) * 0.8, sheet.rows - nose[1] + 0.08 * sheet.eye_px)
    near_nose = np.exp(-0.5 * (from_nose / (0.17 * sheet.eye_px)) ** 2)
    threshold = BASE_THRESHOLD + SKIN_THRESHOLD * skin.share * skin.oval * (1 - NOSE_RELIEF * near_nose)
    threshold = threshold + FAR_SKIN_THRESHOLD * skin.share * (1 - skin.oval)
    threshold = threshold + BACKGROUND_THRESHOLD * background_share(sheet)
    gray = (0.5 * lab[..., 0] + 0.5 * flat[..., 0]) / 100
    ink = draw_lines(gray.astype(np.float32), threshold.astype(np.float32), options.scaled(unit))
    eyes = cv2.dilate(sheet.eyelids(), np.ones((7, 7), np.uint8)).astype(np.float32)
    ink = ink * (1 - np.clip(blurred(eyes, 2 * unit) * 1.3, 0, 1))
    strokes = without_specks((ink * 255).astype(np.uint8), int(SMALLEST_LINE_PX * unit**2))
    return ink * cv2.dilate((strokes > 100).astype(np.uint8), np.ones((5, 5), np.uint8))


def inked(picture: Lab, ink: Plane, unit: float) -> Lab:
    """The picture with ink of the place's own colour, very dark: softer than black on light hair."""
    own = blurred(picture, 1.5 * unit)
    dark = np.stack([np.clip(own[..., 0] * 0.22, *INK_LIGHTNESS), own[..., 1] * 0.5 + 2, own[..., 2] * 0.45], -1)
    return mixed(picture, dark, np.clip(ink, 0, 1))


def outline_ink(
    picture: Lab, unit: float, options: LineOptions = OUTLINE, threshold: Plane | float = OUTLINE_THRESHOLD
) -> Plane:
    """Ink of bold outlines between the painted areas, as seen from afar, float32 [H, W], 0 … 1.

    Found on the drawing itself, so that every strong edge has one, also where the photo's own edge was soft. The tones
    of the skin differ by less than the threshold.

    Args:
        picture: The drawing.
        unit: Width unit: 1 at an eye distance of 80 px.
        options: Widths at that distance.
        threshold: The strength an edge must have; one, or float32 [H, W].
    """
    gray = (picture[..., 0] / 100).astype(np.float32)
    least = np.broadcast_to(np.asarray(threshold, np.float32), gray.shape)
    return draw_lines(gray, least, options.scaled(unit))


def draw_target(photo: Image, mesh: Points, person: Plane, options: TargetOptions | None = None) -> Image:
    """Draw a portrait as a cel: flat colour, a few tones on the skin, dark lines, large bright eyes.

    Args:
        photo: RGB uint8 [H, W, 3], one upright face.
        mesh: float32 [468, 2], MediaPipe's face mesh, pixels.
        person: float32 [H, W], 0 (background) … 1.
        options: The look; the defaults are the style "cel".

    Returns:
        RGB uint8 [H, W, 3].
    """
    options = options or TargetOptions()
    sheet = enlarge_eyes(photo, mesh, person, options.eye_gain)
    calm = denoised(sheet.photo)
    flat = flat_painting(calm, sheet, options.chroma, options.background_lift)
    lab = to_lab(calm)
    skin = find_skin(lab, sheet)
    paint, cover, lit = paint_skin(lab, skin, sheet, options)
    picture = mixed(flat, paint, cover)
    picture, mouth_open = draw_features(picture, lab, sheet, skin.colour, lit, options.drawn_features)
    picture, lashes = draw_eyes(picture, to_lab(sheet.photo), sheet, skin.colour, lit, options.drawn_eyes)
    ink = np.maximum(lashes, options.line_ink * found_lines(lab, flat, skin, sheet, options.lines))
    ink = np.maximum(ink, feature_lines(sheet, skin.share, mouth_open=mouth_open))
    picture = inked(picture, ink, sheet.unit_px)
    return to_rgb(inked(picture, options.outline * outline_ink(picture, sheet.unit_px), sheet.unit_px))
