"""Shadows on the upper lip of a photo, of which nothing is to be drawn.

Networks that had learned moustaches drew the smudge of one where the nose throws its shadow, and where the lip of a
dark face lies in the shade. Here heads without a beard get such shadows, and are drawn as without.
"""

import cv2
import numpy as np

from animecam_training.faces import Image, Points
from animecam_training.target.face import MOUSTACHE
from animecam_training.target.geometry import NOSE_BASE, UNDER_NOSE, Floats, Sheet, as_levels, blurred, unchanged_sheet

THROWN_SHARE = 0.6  # by the nose, from a light above; what is left is a lip that is turned away from the light
# Lengths are fractions of the distance between the eyes.
REACH, SIDEWAYS, SPREAD = (0.15, 0.45), 0.5, (0.9, 1.4)  # downwards; aside, of that; width, of the nose's
SHARP, SOFT = (0.015, 0.05), (0.05, 0.12)  # blur of the edges
THROWN_LIGHTS, TURNED_LIGHTS = (0.3, 0.75), (0.45, 0.8)  # what is left of the light
DISPLAY_GAMMA = 2.2


def shade_lip(photo: Image, mesh: Points, rng: np.random.Generator) -> Image:
    """Lay a random shadow between nose and mouth: thrown by the nose, or over the whole upper lip.

    Args:
        photo: RGB uint8 [H, W, 3], an upright face.
        mesh: float32 [468, 2], the photo's face mesh, pixels.
        rng: Source of its shape and depth.

    Returns:
        RGB uint8 [H, W, 3].
    """
    sheet = unchanged_sheet(photo, mesh)
    is_thrown = rng.random() < THROWN_SHARE
    area = sheet.area(_thrown(sheet, rng)) if is_thrown else sheet.area(MOUSTACHE)
    shade = blurred(area, rng.uniform(*(SHARP if is_thrown else SOFT)) * sheet.eye_px)
    light = 1 - (1 - rng.uniform(*(THROWN_LIGHTS if is_thrown else TURNED_LIGHTS))) * shade
    shaded = photo * (light ** (1 / DISPLAY_GAMMA))[..., None]
    return as_levels(shaded)


def _thrown(sheet: Sheet, rng: np.random.Generator) -> Points:
    """The outline of the shadow of a nose, float32 [N, 2], pixels."""
    mesh = sheet.mesh
    aside = np.array((-sheet.down[1], sheet.down[0]), np.float32)
    way = rng.uniform(*REACH) * sheet.eye_px * (sheet.down + rng.uniform(-SIDEWAYS, SIDEWAYS) * aside)
    base: Floats = mesh[list(NOSE_BASE)]
    fallen = mesh[UNDER_NOSE] + rng.uniform(*SPREAD) * (base - mesh[UNDER_NOSE]) + way
    return cv2.convexHull(np.concatenate([base, fallen]).astype(np.float32)).reshape(-1, 2).astype(np.float32)
