"""Hair in three tones whose borders follow the strands."""

import numpy as np

from animecam_training.faces import Plane
from animecam_training.target.flatten import Lab, background_share
from animecam_training.target.geometry import BROW_TOP, CHIN, OVAL, Sheet, blurred_within, mixed, ramp
from animecam_training.target.lines import edge_flow, smooth_along
from animecam_training.target.skin import Skin

FEWEST_PX = 200  # pixels of hair below which it stays as it is
STRAND_UNITS, FLOW_UNITS = 9.0, 2.5  # reach of the smoothing along strands, and of the flow that finds them
DARK_END, LIGHT_END, SMALLEST_SPAN = 12, 92, 10.0  # percentiles of its lightness, and the least they may differ
MID_EDGE, LIGHT_EDGE, LIGHT_GAIN = (0.30, 0.40), (0.74, 0.84), 1.1
DARKEST, TONE_STEP = 0.05, 0.36  # of the span
COLOUR_GAIN, COVER_GAIN = 1.35, 1.2
# CIE Lab units from the skin's colour, fractions of the eye distance, a share of what is above the brows.
SCALP_OFF_COLOUR, SCALP_DARKER, SCALP_BLUR, SCALP_LEAST = (9.0, 13.0), (-26.0, -18.0), 0.08, 0.5


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


def strand_flow(lightness: Plane, sheet: Sheet) -> tuple[Plane, Plane]:
    """Along the strands: x and y of the tangent, float32 [H, W] each, of lightness float32 [H, W], 0 … 1."""
    return edge_flow(lightness, FLOW_UNITS * sheet.unit_px + 1)


def paint_hair(picture: Lab, lab: Lab, hair: Plane, sheet: Sheet) -> Lab:
    """Lay three flat tones of its own colour over the hair.

    Args:
        picture: What is painted so far.
        lab: The denoised photo.
        hair: Its coverage, float32 [H, W], 0 … 1.
        sheet: The photo's geometry.
    """
    lightness = (lab[..., 0] / 100).astype(np.float32)
    strands = smooth_along(lightness, strand_flow(lightness, sheet), STRAND_UNITS * sheet.unit_px) * 100
    on_hair = strands[hair > 0.5]
    if on_hair.size <= FEWEST_PX:
        return picture
    low, high = np.percentile(on_hair, [DARK_END, LIGHT_END])
    span = max(float(high - low), SMALLEST_SPAN)
    place = (strands - low) / span
    tone = ramp(place, *MID_EDGE) + LIGHT_GAIN * ramp(place, *LIGHT_EDGE)
    paint = np.empty_like(lab)
    paint[..., 0] = 3 + 0.96 * (low + span * (DARKEST + TONE_STEP * tone))
    paint[..., 1:] = COLOUR_GAIN * blurred_within(lab[..., 1:], hair + np.float32(1e-3), 3 * sheet.unit_px)
    return mixed(picture, paint, np.clip(COVER_GAIN * hair, 0, 1))
