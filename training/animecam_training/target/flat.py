"""The drawing "flat": the picture in flat areas of its own colours with dark edges, as if painted in gouache.

It changes neither proportions (but for slightly larger eyes) nor features, so people stay themselves; what makes it a
drawing is that pores, folds of cloth, single hairs and leaves are gone. Areas are found by mean shift: Comaniciu, Meer,
"Mean Shift: A Robust Approach Toward Feature Space Analysis", IEEE TPAMI 24(5), 2002.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import cv2
import numpy as np

from animecam_training.faces import Image, Plane, Points
from animecam_training.target.draw import inked, outline_ink
from animecam_training.target.face import fill_skin
from animecam_training.target.flatten import Lab, denoised, mixed, to_lab, to_rgb
from animecam_training.target.geometry import Sheet, blurred, enlarge_eyes, ramp
from animecam_training.target.options import FlatOptions
from animecam_training.target.skin import Skin, find_skin, matt_colour

LIT_PERCENTILE = 65  # of the skin's lightness: more is gloss
GLOSS_FADE = 16.0  # CIE L above lit skin where all colour is the light's and none the skin's
FEATHER_EYE = 0.04  # of the eye distance
EYE_SPACE_SHARE, EYE_COLOUR_SHARE = 0.5, 0.4  # of what flattens the rest: eyes keep their light
EYE_MARGIN_PX, EYE_FEATHER_PX = 2, 2.0


def matt_skin(lab: Lab, skin: Skin, sheet: Sheet, options: FlatOptions) -> Lab:
    """The picture without gloss on its skin: highlights are bounded and take the colour of the skin around them.

    Args:
        lab: The denoised picture.
        skin: As found by colour; the holes that a smile leaves are filled, or they would become blots.
        sheet: The picture's geometry.
        options: Bounds of gloss and shade.
    """
    if not skin.on_face.any():
        return lab
    skin, _ = fill_skin(skin, lab, sheet)
    lightness = lab[..., 0]
    lit = float(np.percentile(lightness[skin.on_face], LIT_PERCENTILE))
    over, under = np.maximum(lightness - lit, 0), np.maximum(lit - lightness, 0)
    shine = ramp(over, 0, GLOSS_FADE)[..., None]
    paint = np.empty_like(lab)
    paint[..., 0] = lit + over / (1 + over / options.gloss) - under * options.shade
    paint[..., 1:] = lab[..., 1:] * (1 - shine) + matt_colour(lab, skin, lit, sheet) * shine
    cover = blurred(skin.share, FEATHER_EYE * sheet.eye_px) * np.clip(1.5 * skin.share, 0, 1)
    return mixed(lab, paint, cover.astype(np.float32))


def draw_flat(picture: Image, mesh: Points, person: Plane, options: FlatOptions | None = None) -> Image:
    """Paint a portrait in flat areas of its own colours.

    Args:
        picture: RGB uint8 [H, W, 3], one upright face; a photo, or a drawing that leaves the face where it is.
        mesh: float32 [468, 2], MediaPipe's face mesh, pixels.
        person: float32 [H, W], 0 (background) … 1.
        options: The look.

    Returns:
        RGB uint8 [H, W, 3].
    """
    options = options or FlatOptions()
    sheet = enlarge_eyes(picture, mesh, person, options.eye_gain)
    lab = to_lab(denoised(sheet.photo, options.denoise_turns))
    matt = to_rgb(matt_skin(lab, find_skin(lab, sheet), sheet, options))
    space = options.space_px * sheet.unit_px
    flat = cv2.pyrMeanShiftFiltering(matt, space, options.colour).astype(np.uint8)
    fine = cv2.pyrMeanShiftFiltering(matt, space * EYE_SPACE_SHARE, options.colour * EYE_COLOUR_SHARE).astype(np.uint8)
    painted = to_lab(flat)
    painted = inked(painted, options.line_ink * outline_ink(painted, sheet.unit_px, options.lines), sheet.unit_px)
    side = 2 * EYE_MARGIN_PX + 1
    eyes = blurred(cv2.dilate(sheet.eyelids(), np.ones((side, side), np.uint8)).astype(np.float32), EYE_FEATHER_PX)
    painted = mixed(painted, to_lab(fine), eyes)
    painted[..., 1:] *= options.chroma
    return to_rgb(painted)
