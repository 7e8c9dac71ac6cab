"""Skin as cel animation paints it: one tone, one shadow with a hard edge, and a blush."""

import numpy as np

from animecam_training.faces import Plane
from animecam_training.target.anime.options import AnimeOptions
from animecam_training.target.anime.shade import SHADE_TINT, cast_shadows, side_shadow
from animecam_training.target.flatten import Lab
from animecam_training.target.geometry import CHEEKS, Sheet, blurred_within
from animecam_training.target.skin import Skin

# Lengths are fractions of the eye distance, areas of its square, lightness and colour CIE Lab units.
LIT_PERCENTILE, LIGHTEST, LIGHT_BLUR = 70, 95.0, 0.16
OWN_COLOUR, COLOUR_BLUR = 0.6, 0.5
BLUSH_WIDTH, BLUSH_HEIGHT, BLUSH_RAISE = 0.17, 0.09, 0.1


def flat_skin(lab: Lab, skin: Skin, hair: Plane, sheet: Sheet, options: AnimeOptions) -> tuple[Lab, float]:
    """Paint for the skin.

    Args:
        lab: The denoised photo.
        skin: Where the skin is, filled.
        hair: Coverage of the hair, float32 [H, W], 0 … 1.
        sheet: The photo's geometry.
        options: Lift, colour, shade and blush.

    Returns:
        The paint (Lab, valid on skin) and the lightness of the person's lit skin as the photo has it.
    """
    face = skin.on_face
    seen = (skin.share + 0.002).astype(np.float32)
    smooth = blurred_within(lab[..., 0], seen, LIGHT_BLUR * sheet.eye_px)
    lit = float(np.percentile(smooth[face], LIT_PERCENTILE))
    if options.key_light == "left":  # which is laid over all in the end
        shadow = np.zeros(sheet.shape, np.float32)
    else:
        shadow = np.maximum(side_shadow(smooth, lit, skin, sheet), cast_shadows(hair, sheet))
    paint = np.empty_like(lab)
    paint[..., 0] = min(lit + options.skin_lift, LIGHTEST) - options.shade * shadow
    near = blurred_within(lab[..., 1:], seen, COLOUR_BLUR * sheet.eye_px)
    own = OWN_COLOUR * np.median(lab[face][:, 1:], 0) + (1 - OWN_COLOUR) * near
    paint[..., 1:] = options.skin_chroma * own
    paint[..., 1:] += shadow[..., None] * np.array(SHADE_TINT, np.float32)
    for cheek in CHEEKS:
        x, y = sheet.mesh[cheek]
        across = (sheet.columns - x) / (BLUSH_WIDTH * sheet.eye_px)
        along = (sheet.rows - y + BLUSH_RAISE * sheet.eye_px) / (BLUSH_HEIGHT * sheet.eye_px)
        paint[..., 1] += options.blush * np.exp(-0.5 * (across**2 + along**2))
    return paint, lit
