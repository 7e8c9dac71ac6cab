"""Which part of a head is hair, and which of what looks like it is skin."""

import cv2
import numpy as np

from animecam_training.faces import Plane
from animecam_training.target.flatten import Lab, background_share
from animecam_training.target.geometry import BROW_TOP, CHIN, OVAL, UNDER_NOSE, Sheet, blurred_within, ramp
from animecam_training.target.lines import edge_flow
from animecam_training.target.skin import Skin

FEWEST_PX = 200  # pixels of hair below which it stays as it is
FLOW_UNITS = 2.5  # of the smoothing of the flow that finds strands
COVER_GAIN = 1.2
# CIE Lab units from the skin's colour, fractions of the eye distance, a share of what is above the brows.
SCALP_OFF_COLOUR, SCALP_DARKER, SCALP_BLUR, SCALP_LEAST = (9.0, 13.0), (-26.0, -18.0), 0.08, 0.5

# Likewise. Where hair is sure to be; how colourful gray hair may be, how far from the skin's colour it is at least, and
# below its lightness at most; what between the two colours is skin, and how far from the face.
CROWN_AWAY, GRAY_CHROMA, GRAY_APART, GRAY_DARKER = 0.3, 14.0, 9.0, 25.0
BARE_BLUR, BARE_PLACE, NEAR_FACE = 0.04, (0.45, 0.6), (0.5, 0.8)
DARK_NOISE = 10.0  # in the nearly black colour says nothing
DARK_HAIR, GLOSS_EDGE, HIGH_FOREHEAD = 0.7, (-1.0, 4.0), 0.8  # of dark hair: what is as light as skin is no hair


def hair_area(skin: Skin, sheet: Sheet) -> Plane:
    """Hair, and whatever else is worn on the head: the person above the chin that is not face, float32, 0 … 1."""
    eye_px, chin, brow = sheet.eye_px, float(sheet.mesh[CHIN, 1]), float(sheet.mesh[BROW_TOP, 1])
    person = sheet.person * (1 - background_share(sheet))
    above_chin = 1 - ramp(sheet.rows, chin - 0.2 * eye_px, chin + 0.5 * eye_px)
    below_brow = ramp(sheet.rows, brow + 0.3 * eye_px, brow + 0.6 * eye_px)
    return (person * (1 - skin.share) * above_chin * (1 - sheet.area(OVAL) * below_brow)).astype(np.float32)


def bald_scalp(hair: Plane, lab: Lab, skin: Skin, sheet: Sheet) -> Plane:
    """What of the hair is a bald head, float32 [H, W], 0 … 1: nothing where the most of it is hair or a hat.

    Args:
        hair: What `hair_area` found.
        lab: The denoised photo.
        skin: Where the skin is, and its colour.
        sheet: The photo's geometry.
    """
    above = hair * (sheet.rows < sheet.mesh[BROW_TOP, 1])
    smooth = blurred_within(lab, above + np.float32(1e-3), SCALP_BLUR * sheet.eye_px)
    off_colour = np.linalg.norm(smooth[..., 1:] - skin.colour[1:], axis=-1)
    like = (1 - ramp(off_colour, *SCALP_OFF_COLOUR)) * ramp(smooth[..., 0] - skin.colour[0], *SCALP_DARKER)
    scalp = (above * like).astype(np.float32)
    return scalp if float(scalp.sum()) > SCALP_LEAST * float(above.sum()) else np.zeros_like(scalp)


def bare_skin(hair: Plane, lab: Lab, skin: Skin, sheet: Sheet) -> Plane:
    """What of the hair is skin beside it that light has changed, float32 [H, W], 0 … 1.

    Painted as hair, skin in the shade would be a brown patch beside gray hair, and gloss a white one below dark hair.

    Args:
        hair: What `hair_area` found.
        lab: The denoised photo.
        skin: Where the skin is, and its colour.
        sheet: The photo's geometry.
    """
    away = cv2.distanceTransform((skin.oval < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / sheet.eye_px
    crown = (hair > 0.5) & (away > CROWN_AWAY) & (sheet.rows < sheet.mesh[BROW_TOP, 1])
    if int(crown.sum()) <= FEWEST_PX:
        return np.zeros_like(hair)
    own = np.median(lab[crown], 0).astype(np.float32)
    smooth = blurred_within(lab, hair + np.float32(1e-3), BARE_BLUR * sheet.eye_px)
    bare = np.zeros_like(hair)
    if own[0] < DARK_HAIR * skin.colour[0]:
        bare = ramp(smooth[..., 0] - skin.colour[0], *GLOSS_EDGE) * sheet.face(HIGH_FOREHEAD)
    is_gray = own[0] > skin.colour[0] - GRAY_DARKER and np.linalg.norm(own[1:]) < GRAY_CHROMA
    if is_gray and np.linalg.norm(skin.colour[1:] - own[1:]) > GRAY_APART:
        place = np.maximum(_place(smooth, own, skin.colour), _place(_pure(smooth), _pure(own), _pure(skin.colour)))
        above = 1 - ramp(sheet.rows, *(sheet.mesh[[UNDER_NOSE, CHIN], 1]))
        bare = np.maximum(bare, ramp(place, *BARE_PLACE) * (1 - ramp(away, *NEAR_FACE)) * above)
    return (hair * bare).astype(np.float32)


def _place(colours: Lab, hair: Lab, skin: Lab) -> Plane:
    """Where colours lie, without their lightness, on the way from that of the hair (0) to that of the skin (1)."""
    way = skin[1:] - hair[1:]
    return ((colours[..., 1:] - hair[1:]) @ way / (way @ way)).astype(np.float32)


def _pure(colours: Lab) -> Lab:
    """Colour as a share of the light: in the shade both fade."""
    return colours / (colours[..., :1] + DARK_NOISE)


def strand_flow(lightness: Plane, sheet: Sheet) -> tuple[Plane, Plane]:
    """Along the strands: x and y of the tangent, float32 [H, W] each, of lightness float32 [H, W], 0 … 1."""
    return edge_flow(lightness, FLOW_UNITS * sheet.unit_px + 1)
