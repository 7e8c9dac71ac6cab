"""Faces in even light: what a teacher is shown, so that its students draw neither cast shadows nor gloss.

Networks that draw edges draw those of a shadow, too, and the rims of highlights: blotches on dark and on old skin. Here
shade is taken out of the photo before it is drawn, as far as asked, and gloss is bounded; pores, folds, beards and
features stay.
"""

import numpy as np

from animecam_training.faces import Image, Plane, Points
from animecam_training.target.face import beard_cover, whole_face
from animecam_training.target.flat import matt_paint
from animecam_training.target.flatten import denoised, to_lab, to_rgb
from animecam_training.target.geometry import (
    CHIN,
    NOSE_TIP,
    OVAL,
    UNDER_NOSE,
    Sheet,
    blurred,
    blurred_within,
    ramp,
    sheet_of,
)
from animecam_training.target.options import FlatOptions
from animecam_training.target.skin import feature_area, find_skin

GLOSS_AT_MOST, GLOSS_AT_LEAST = 6.0, 1.0  # CIE L above lit skin that gloss keeps, by the share
SKIN_SURE = 0.3
MOST_UNLIKE = 0.15  # of one half of a face more is known as skin than of the other: a shadow too deep to be taken out
# Fractions of the distance between the eyes: how far the light of skin reaches into eyes, brows and lips.
LIGHT_REACH, FEATURE_FEATHER, FEATURE_COVER = 0.1, 0.03, 1.3
NOSE_RADII = (0.22, 0.38)  # around the middle of its lower end: all of its shade stays within the first


def even_light(photo: Image, mesh: Points, person: Plane, share: float) -> Image:
    """Take a share of the shade off the skin of a face, and bound its gloss.

    Args:
        photo: RGB uint8 [H, W, 3], one upright face.
        mesh: float32 [468, 2], MediaPipe's face mesh, pixels.
        person: float32 [H, W], 0 (background) … 1.
        share: Of the shade that is taken, 0 … 1; 0 changes nothing.

    Returns:
        RGB uint8 [H, W, 3]; the photo itself where one half of the face lies too deep in shadow.
    """
    if share <= 0:
        return photo
    sheet = sheet_of(photo, mesh, person)
    calm = to_lab(denoised(photo))
    gloss = GLOSS_AT_MOST + share * (GLOSS_AT_LEAST - GLOSS_AT_MOST)
    paint, cover = matt_paint(calm, find_skin(calm, sheet), sheet, FlatOptions(shade=1 - share, gloss=gloss))
    if _is_half_known(cover, sheet):
        return photo
    change = paint - calm
    # A nose is seen by its shade alone: without, faces were drawn that had none.
    # And a beard by its own: what little skin shows through it is no shade.
    cover = cover * (1 - _nose(sheet)) * (1 - beard_cover(calm, sheet))
    # Eyes, brows and lips lie in the same light: left in the dark, an upper lip would be drawn as a moustache.
    around = blurred_within(change, np.clip(cover - SKIN_SURE, 0, 1), LIGHT_REACH * sheet.eye_px)
    features = blurred(feature_area(sheet) * whole_face(sheet), FEATURE_FEATHER * sheet.eye_px)
    features = np.clip(FEATURE_COVER * features, 0, 1) * (1 - cover)
    lab = to_lab(photo) + change * cover[..., None]
    lab[..., 0] += around[..., 0] * features
    return to_rgb(lab.astype(np.float32))


def _nose(sheet: Sheet) -> Plane:
    """The lower end of the nose, float32 [H, W], 0 … 1."""
    x, y = sheet.mesh[[NOSE_TIP, UNDER_NOSE]].mean(0)
    distance_eye = np.hypot(sheet.columns - x, sheet.rows - y) / sheet.eye_px
    return 1 - ramp(distance_eye, *NOSE_RADII)


def _is_half_known(cover: Plane, sheet: Sheet) -> bool:
    """Whether of one half of the face much more is taken for skin than of the other."""
    oval = sheet.area(OVAL)
    x, y = sheet.mesh[CHIN]
    side = (sheet.columns - x) * sheet.down[1] - (sheet.rows - y) * sheet.down[0]
    halves = [oval * (side < 0), oval * (side >= 0)]
    known = [float((cover * half).sum() / max(1.0, float(half.sum()))) for half in halves]
    return abs(known[0] - known[1]) > MOST_UNLIKE
