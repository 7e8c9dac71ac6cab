"""The drawing "flat": the picture in flat areas of its own colours with dark edges, as if painted in gouache.

It changes neither proportions (but for slightly larger eyes) nor features, so people stay themselves; what makes it a
drawing is that pores, folds of cloth, single hairs and leaves are gone. Areas are found by mean shift: Comaniciu, Meer,
"Mean Shift: A Robust Approach Toward Feature Space Analysis", IEEE TPAMI 24(5), 2002.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import cv2
import numpy as np

from animecam_training.faces import Image, Plane, Points
from animecam_training.target.anime.hair import COVER_GAIN, hair_area, strand_flow
from animecam_training.target.draw import inked, outline_ink
from animecam_training.target.eyes import openness
from animecam_training.target.face import fill_skin
from animecam_training.target.flatten import Lab, denoised, mixed, to_lab, to_rgb
from animecam_training.target.geometry import EYELIDS, LIPS, OVAL, Sheet, blurred, enlarge_eyes, ramp, sheet_of
from animecam_training.target.lines import smooth_along
from animecam_training.target.options import FlatOptions
from animecam_training.target.skin import Skin, find_skin, matt_colour

LIT_PERCENTILE = 65  # of the skin's lightness: more is gloss
GLOSS_FADE = 16.0  # CIE L above lit skin where all colour is the light's and none the skin's
FEATHER_EYE = 0.04  # of the eye distance
FINE_SPACE_SHARE, FINE_COLOUR_SHARE = 0.5, 0.4  # of what flattens the rest: eyes keep their light, lips their shape
EYE_MARGIN_PX, EYE_FEATHER_PX, EYE_SURE = 2, 2.0, 0.5
# The spread of the eyes' tones: from a share of their own dark to white, a little lifted between.
EYE_PERCENTILES, EYE_LEAST_SPAN, EYE_BRIGHTEST = (5, 95), 15.0, 1.2
EYE_DARK_SHARE, EYE_WHITE, EYE_GAMMA, EYE_CHROMA = 0.5, 92.0, 0.8, 1.15
FEATHER_OVAL_PX = 4.0
OUTLINE_ROOM_UNITS = (3.0, 7.0)  # from the outline of hair: further in, lines are locks


def matt_skin(lab: Lab, skin: Skin, sheet: Sheet, options: FlatOptions) -> Lab:
    """The picture without gloss on its skin: highlights are bounded and take the colour of the skin around them.

    Args:
        lab: The denoised picture.
        skin: As found by colour; the holes that a smile leaves are filled, or they would become blots.
        sheet: The picture's geometry.
        options: Bounds of gloss and shade.
    """
    paint, cover = matt_paint(lab, skin, sheet, options)
    return mixed(lab, paint, cover)


def matt_paint(lab: Lab, skin: Skin, sheet: Sheet, options: FlatOptions) -> tuple[Lab, Plane]:
    """What `matt_skin` paints, and how far it covers the picture, float32 [H, W], 0 … 1; arguments as there."""
    if not skin.on_face.any():
        return lab, np.zeros(sheet.shape, np.float32)
    skin, _ = fill_skin(skin, lab, sheet)
    lightness = lab[..., 0]
    lit = float(np.percentile(lightness[skin.on_face], LIT_PERCENTILE))
    over, under = np.maximum(lightness - lit, 0), np.maximum(lit - lightness, 0)
    shine = ramp(over, 0, GLOSS_FADE)[..., None]
    paint = np.empty_like(lab)
    paint[..., 0] = lit + over / (1 + over / options.gloss) - under * options.shade
    paint[..., 1:] = lab[..., 1:] * (1 - shine) + matt_colour(lab, skin, lit, sheet) * shine
    cover = blurred(skin.share, FEATHER_EYE * sheet.eye_px) * np.clip(1.5 * skin.share, 0, 1)
    return paint, cover.astype(np.float32)


def comb_hair(picture: Image, mesh: Points, person: Plane, strand_px: float) -> Image:
    """Hair smoothed along its strands, so that mean shift finds locks in it and not blots.

    Args:
        picture: RGB uint8 [H, W, 3], one upright face.
        mesh: float32 [468, 2], MediaPipe's face mesh, pixels.
        person: float32 [H, W], 0 (background) … 1.
        strand_px: Reach of the smoothing at an eye distance of 80 px.

    Returns:
        RGB uint8 [H, W, 3].
    """
    sheet = sheet_of(picture, mesh, person)
    lab = to_lab(picture)
    hair = hair_area(find_skin(to_lab(denoised(picture)), sheet), sheet) * (1 - sheet.area(OVAL, FEATHER_OVAL_PX))
    flow = strand_flow((lab[..., 0] / 100).astype(np.float32), sheet)
    combed = np.stack(
        [smooth_along(plane, flow, strand_px * sheet.unit_px) for plane in lab.transpose(2, 0, 1).copy()], -1
    )
    return to_rgb(mixed(lab, combed, np.clip(COVER_GAIN * hair, 0, 1)))


def _shifted(matt: Image, reach: float, sheet: Sheet, options: FlatOptions) -> Image:
    """Flat areas by mean shift, with a share of the reach that the options give."""
    space = options.space_px * sheet.unit_px
    return cv2.pyrMeanShiftFiltering(matt, space * reach, options.colour * reach).astype(np.uint8)


def _eye_shares(sheet: Sheet) -> list[tuple[Plane, float]]:
    """Each eye with a margin, float32 [H, W], 0 … 1, and how far it is open."""
    side = 2 * EYE_MARGIN_PX + 1
    shares: list[tuple[Plane, float]] = []
    for upper, lower in EYELIDS:
        lids = cv2.dilate(sheet.area(upper + lower[::-1]), np.ones((side, side), np.uint8)).astype(np.float32)
        shares.append((blurred(lids, EYE_FEATHER_PX), openness(sheet.mesh[list(upper)], sheet.mesh[list(lower)])))
    return shares


def _lit(painted: Lab, share: Plane) -> Lab:
    """The picture with the tones of one eye spread from dark to white."""
    dark, light = np.percentile(painted[..., 0][share > EYE_SURE], EYE_PERCENTILES)
    place = np.clip((painted[..., 0] - dark) / max(float(light - dark), EYE_LEAST_SPAN), 0, EYE_BRIGHTEST)
    lit = painted.copy()
    lit[..., 0] = EYE_DARK_SHARE * dark + place**EYE_GAMMA * (EYE_WHITE - EYE_DARK_SHARE * dark)
    lit[..., 1:] *= EYE_CHROMA
    return lit


def _paint_features(painted: Lab, matt: Image, sheet: Sheet, options: FlatOptions) -> Lab:
    """Eyes and lips in finer areas than the rest, and the tones of open eyes spread from dark to white."""
    space = options.space_px * sheet.unit_px * min(FINE_SPACE_SHARE, options.face_reach)
    colour = options.colour * min(FINE_COLOUR_SHARE, options.face_reach)
    fine = to_lab(cv2.pyrMeanShiftFiltering(matt, space, colour).astype(np.uint8))
    painted = mixed(painted, fine, sheet.area(LIPS, EYE_FEATHER_PX))
    for share, how_open in _eye_shares(sheet):
        painted = mixed(painted, fine, share)
        if options.eye_light * how_open > 0 and (share > EYE_SURE).any():
            painted = mixed(painted, _lit(painted, share), options.eye_light * how_open * share)
    return painted


def _inner_hair(skin: Skin, sheet: Sheet) -> Plane:
    """Hair away from its outline, float32 [H, W], 0 … 1."""
    away = cv2.distanceTransform((hair_area(skin, sheet) > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / sheet.unit_px
    return ramp(away, *OUTLINE_ROOM_UNITS)


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
    if options.strand_px > 0:
        picture = comb_hair(picture, mesh, person, options.strand_px)
    sheet = enlarge_eyes(picture, mesh, person, options.eye_gain)
    lab = to_lab(denoised(sheet.photo, options.denoise_turns))
    skin = find_skin(lab, sheet)
    matt = to_rgb(matt_skin(lab, skin, sheet, options))
    oval = sheet.area(OVAL, FEATHER_OVAL_PX)
    painted = to_lab(_shifted(matt, 1.0, sheet, options))
    if options.face_reach < 1:
        painted = mixed(painted, to_lab(_shifted(matt, options.face_reach, sheet, options)), oval)
    edge = options.edge * (1 + (options.face_edge_gain - 1) * oval)
    ink = outline_ink(painted, sheet.unit_px, options.lines, edge.astype(np.float32))
    ink = options.line_ink * ink * (1 + (options.face_ink_share - 1) * oval)
    if options.hair_ink_share < 1:
        ink = ink * (1 + (options.hair_ink_share - 1) * _inner_hair(skin, sheet))
    painted = _paint_features(inked(painted, ink, sheet.unit_px), matt, sheet, options)
    painted[..., 1:] *= options.chroma
    return to_rgb(painted)
