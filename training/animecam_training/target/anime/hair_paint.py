"""Hair in few large shapes: its own colour, a band of light over the crown, shade, all with borders along the strands.

Light on real hair lies in a hundred small places that nobody can guess from a blurred webcam; what learned them drew
smears. An animator draws few large ones instead, where the head's shape asks for them, and lets the strands shape
their borders.
"""

import cv2
import numpy as np

from animecam_training.faces import Plane
from animecam_training.target.anime.hair import COVER_GAIN, FEWEST_PX
from animecam_training.target.flatten import Lab, to_lab, to_rgb
from animecam_training.target.geometry import (
    BROW_TOP,
    CHIN,
    OVAL,
    UNDER_NOSE,
    Sheet,
    blurred,
    blurred_within,
    mixed,
    ramp,
    without_specks,
)
from animecam_training.target.lines import edge_flow, smooth_along

# Lengths are in width units (1 px at an eye distance of 80 px), unless named otherwise; lightness is CIE L.
FLOW_UNITS = 4.0  # smoothing of the flow that finds the strands
STRAND_UNITS, LOCK_UNITS = 14.0, 3.0  # reach of the smoothing along the strands, and across: what is left are locks
FILL_UNITS = 3.0  # how far the hair's colour goes on outside of it, for filters that look around
BASE_UNITS, BASE_CONTRAST = 30.0, 0.35  # reach of an edge-preserving filter, and the contrast, 0 … 1, that it keeps
DARK_END, LIGHT_END, LEAST_SPAN = 10, 90, 14.0  # percentiles of the locks' lightness, and the least they may differ
LEAST_STRANDS = 1.0  # deviation that strands are measured by at least: noise is none
# Where light falls, from 0 at the face to 1 at the head's outline; how wide the band is, and what of it counts.
BAND, BAND_WIDTH, IN_BAND = 0.56, 0.15, 0.3
BAND_ENDS_EYE = (-0.2, 0.7)  # eye distances below the brows: at the sides it fades
THIN_EYE = (0.1, 0.3)  # eye distances: hair so thin beside a face has no band
BAND_GAIN, OWN_GAIN, STRAND_GAIN, UNDER_GAIN = 0.8, 0.35, 0.16, 0.6  # what decides where light and shade are
LIT_SHARE, SHADED_SHARE = 0.38, 0.22  # of the band, of the hair
LEAST_SHADE = 0.1  # above the middle of what decides: noise on plain hair is no shade
HAIR_EDGE, SOFT_UNITS, SMALLEST_UNITS2 = 0.1, 0.7, 60.0  # of a shape: hair it needs, softness, least area
LIGHTER, DARKER = (14.0, 0.08), (4.0, 0.25)  # so many units and such a share of the hair's own lightness
DARKEST, LIGHTEST, COLOUR_GAIN = 3.0, 97.0, 1.3


def _locks(lightness: Plane, sheet: Sheet) -> tuple[Plane, Plane]:
    """Lightness of whole locks, and what single strands differ from them, CIE L, float32 [H, W] each."""
    unit = sheet.unit_px
    flow = edge_flow((lightness / 100).astype(np.float32), FLOW_UNITS * unit)
    along = smooth_along(lightness, flow, STRAND_UNITS * unit)
    locks = blurred(along, LOCK_UNITS * unit)
    return locks, (along - locks).astype(np.float32)


def light_band(hair: Plane, sheet: Sheet) -> Plane:
    """Where a lamp above lights hair that lies round a head: a band over the crown, float32 [H, W], 0 … 1.

    Args:
        hair: Its coverage, float32 [H, W], 0 … 1.
        sheet: The photo's geometry.
    """
    face = sheet.area(OVAL) > 0.5
    outside = cv2.distanceTransform(((hair > 0.5) | face).astype(np.uint8), cv2.DIST_L2, 5)
    inside = cv2.distanceTransform((~face).astype(np.uint8), cv2.DIST_L2, 5)
    place = blurred(inside / (inside + outside + 1e-3), 2 * sheet.unit_px)
    low, high = (float(sheet.mesh[BROW_TOP, 1]) + end * sheet.eye_px for end in BAND_ENDS_EYE)
    near = np.exp(-0.5 * ((place - BAND) / BAND_WIDTH) ** 2) * ramp((inside + outside) / sheet.eye_px, *THIN_EYE)
    return (near * (1 - ramp(sheet.rows, low, high)) * hair).astype(np.float32)


def _base(lab: Lab, hair: Plane, sheet: Sheet) -> Lab:
    """The colours of the hair without its light; where another colour begins, as that of a hat, the border stays."""
    around = blurred_within(lab, hair + np.float32(1e-3), FILL_UNITS * sheet.unit_px)
    filled = to_rgb(mixed(around, lab, (hair > 0.5).astype(np.float32)))
    reach_px = BASE_UNITS * sheet.unit_px
    base = cv2.edgePreservingFilter(filled, flags=cv2.RECURS_FILTER, sigma_s=reach_px, sigma_r=BASE_CONTRAST)
    return to_lab(base.astype(np.uint8))


def _shape(signal: Plane, least: float, hair: Plane, sheet: Sheet) -> Plane:
    """Where a signal is large on the hair, in shapes that are worth drawing, float32 [H, W], 0 … 1."""
    smallest_px = SMALLEST_UNITS2 * sheet.unit_px**2
    large = without_specks((255 * ((signal > least) & (hair > HAIR_EDGE))).astype(np.uint8), smallest_px)
    whole = 255 - without_specks(255 - large, smallest_px)
    return blurred((whole / 255).astype(np.float32), SOFT_UNITS * sheet.unit_px)


def light_and_shade(lightness: Plane, hair: Plane, sheet: Sheet) -> tuple[Plane, Plane]:
    """Where hair is drawn lighter and where darker than it is, float32 [H, W], 0 … 1 each.

    The head's shape says where, and the photo's own light and strands move the borders. Hair that fills so little of
    the crown that it shows no band, as in a crop that ends there, has no light.

    Args:
        lightness: CIE L of the denoised photo, float32 [H, W].
        hair: Its coverage, float32 [H, W], 0 … 1, of which some is above 0.5.
        sheet: The photo's geometry.
    """
    is_hair = hair > 0.5
    locks, strands = _locks(lightness, sheet)
    low, high = np.percentile(locks[is_hair], [DARK_END, LIGHT_END])
    own = OWN_GAIN * (locks - low) / max(float(high - low), LEAST_SPAN)
    own += STRAND_GAIN * strands / max(float(strands[is_hair].std()), LEAST_STRANDS)
    band = light_band(hair, sheet)
    under = UNDER_GAIN * ramp(sheet.rows, *(float(sheet.mesh[point, 1]) for point in (UNDER_NOSE, CHIN)))
    lit, dark = np.zeros_like(hair), (under - own).astype(np.float32)
    in_band = band > IN_BAND
    if int(in_band.sum()) > FEWEST_PX:
        light = (own + BAND_GAIN * band).astype(np.float32)
        lit = _shape(light, float(np.quantile(light[in_band], 1 - LIT_SHARE)), hair, sheet)
    middle, darkest = np.quantile(dark[is_hair], [0.5, 1 - SHADED_SHARE])
    shaded = _shape(dark, max(float(darkest), float(middle) + LEAST_SHADE), hair, sheet)
    return lit, (shaded * (1 - lit)).astype(np.float32)


def paint_hair(picture: Lab, lab: Lab, hair: Plane, sheet: Sheet) -> Lab:
    """Lay flat tones of its own colour over the hair, or over what is worn on it.

    Args:
        picture: What is painted so far.
        lab: The denoised photo.
        hair: Its coverage, float32 [H, W], 0 … 1.
        sheet: The photo's geometry.
    """
    if int((hair > 0.5).sum()) <= FEWEST_PX:
        return picture
    lit, shaded = light_and_shade(lab[..., 0].astype(np.float32), hair, sheet)
    paint = _base(lab, hair, sheet)
    tone = paint[..., 0].copy()
    lighter, darker = (units + share * tone for units, share in (LIGHTER, DARKER))
    paint[..., 0] = np.clip(tone + lighter * lit - darker * shaded, DARKEST, LIGHTEST)
    paint[..., 1:] *= COLOUR_GAIN
    return mixed(picture, paint, np.clip(COVER_GAIN * hair, 0, 1))
