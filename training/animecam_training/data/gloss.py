"""Gloss put on the skin of a photo: a student sees it and learns to draw the face without.

Lamps and windows are reflected by foreheads, noses, cheeks and lips; the darker the skin, the larger the share of gloss
in the light that comes from it. Few portraits have any: networks drew gray patches there, and red spots on lips.
"""

import numpy as np

from animecam_training.faces import Image, Plane, Points
from animecam_training.target.flatten import Lab, denoised, to_lab, to_rgb
from animecam_training.target.geometry import LIPS, OVAL, Sheet, as_levels, blurred, mixed, ramp, sheet_of
from animecam_training.target.skin import find_skin

# Points of the mesh where skin bulges, those on the left of the picture first.
LEFT, MIDDLE, RIGHT = (69, 105, 50, 117, 205, 165), (151, 9, 6, 5, 4, 164, 17, 200), (299, 334, 280, 346, 425, 391)
SHINING = 0.6  # share of those points that do
# Lengths are fractions of the distance between the eyes.
RADII, STRETCH, JITTER = (0.06, 0.28), 0.5, 0.06  # of a spot; the logarithm of its stretch, at most; its place
GRAIN, GRAIN_SPREAD = (0.0, 0.15), 0.012  # pores: how deep they are, and how large
EDGES = ((0.3, 0.8), (0.0, 1.2))  # from where to where a spot's edge rises: the sharpest, and the softest
STRENGTHS = (0.1, 0.5)  # how far the light's colour covers the skin where it shines most
LIGHTS = ((0.85, 1.0), (0.9, 1.0), (0.95, 1.0))  # white to blue, as of a window
FAR_SIDE = (0.0, 1.0)  # how much as strong gloss is on the side of the face that is turned away from the light

DEEPENED_SHARE = 0.5  # of heads whose skin is dark: few portraits are of people with very dark skin
DARK, DEEPEST = 55.0, (16.0, 38.0)  # CIE L: whose skin counts as dark, and what it becomes
DEEP_CHROMA = 0.85
SURE, EDGE_SPREAD = (0.2, 0.6), 0.04  # from where to where a pixel counts as skin; how soft the edge of all skin is


def let_shine(photo: Image, mesh: Points, person: Plane, rng: np.random.Generator) -> tuple[Image, Image]:
    """Let the skin of a face shine at random places; some dark skin is made darker before.

    Args:
        photo: RGB uint8 [H, W, 3], an upright face.
        mesh: float32 [468, 2], the photo's face mesh, pixels.
        person: float32 [H, W], 0 (background) … 1.
        rng: Source of places, strength and light.

    Returns:
        The photo that shines, and the same without gloss, both RGB uint8 [H, W, 3].
    """
    sheet = sheet_of(photo, mesh, person)
    calm = to_lab(denoised(photo))
    skin = find_skin(calm, sheet)
    cover = np.maximum(ramp(skin.share, *SURE), sheet.area(LIPS) * sheet.area(OVAL)).astype(np.float32)
    matt = photo
    if rng.random() < DEEPENED_SHARE and skin.colour[0] < DARK:
        matt = _deepened(photo, person, skin.colour, rng)
    light = np.array([rng.uniform(*span) for span in LIGHTS], np.float32) * 255
    gloss = _bulges(sheet, rng) * blurred(cover, EDGE_SPREAD * sheet.eye_px) * rng.uniform(*STRENGTHS)
    levels = matt.astype(np.float32)
    # What is brighter than the lamp stays as it is.
    return as_levels(mixed(levels, np.maximum(light, levels), gloss)), matt


def _deepened(photo: Image, person: Plane, colour: Lab, rng: np.random.Generator) -> Image:
    """The photo with a darker person: of the skin alone, rims would stay where hair, beard and lips begin."""
    share = min(1.0, float(rng.uniform(*DEEPEST)) / max(float(colour[0]), 1.0))
    lab = to_lab(photo)
    deep = lab * np.array((share, DEEP_CHROMA, DEEP_CHROMA), np.float32)
    return to_rgb(mixed(lab, deep, person).astype(np.float32))


def _bulges(sheet: Sheet, rng: np.random.Generator) -> Plane:
    """Where a face shines, float32 [H, W], 0 … 1."""
    mesh, eye_px = sheet.mesh, sheet.eye_px
    left, right = rng.permutation((1.0, rng.uniform(*FAR_SIDE)))
    field = np.zeros(sheet.shape, np.float32)
    for points, side in ((LEFT, left), (MIDDLE, 1.0), (RIGHT, right)):
        for point in points:
            if rng.random() < SHINING:
                field = np.maximum(field, side * _spot(sheet, mesh[point], rng))
    pores = blurred(rng.standard_normal(sheet.shape).astype(np.float32), GRAIN_SPREAD * eye_px)
    grain = rng.uniform(*GRAIN) * pores / max(float(pores.std()), 1e-6)
    clear, soft = EDGES
    edge = rng.uniform(0, 1)
    low, high = (edge * clear[i] + (1 - edge) * soft[i] for i in range(2))
    return ramp(field * (1 + grain), low, high).astype(np.float32)


def _spot(sheet: Sheet, place: Points, rng: np.random.Generator) -> Plane:
    """An oval spot around a place, float32 [H, W], 0 … 1."""
    eye_px = sheet.eye_px
    x, y = place + rng.normal(0, JITTER * eye_px, 2)
    across, down = rng.uniform(*RADII) * eye_px * np.exp(rng.uniform(-STRETCH, STRETCH, 2))
    squared = ((sheet.columns - x) / across) ** 2 + ((sheet.rows - y) / down) ** 2
    return np.exp(-squared / 2).astype(np.float32)
