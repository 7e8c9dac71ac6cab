"""What lenses mirror: a window in stripes, spots in the colours of coatings, and a veil of light over all."""

import numpy as np

from animecam_training.faces import Plane
from animecam_training.target.geometry import EYELIDS, Floats, Sheet, laid

VEIL, STRIPES, SPOTS = 0.5, 0.2, 0.45  # shares of all but sunglasses
VEIL_LIGHT, VEIL_STRENGTH = (170.0, 240.0), (0.04, 0.25)
STRIPE_PERIOD, STRIPE_STRENGTH = 0.5, (0.1, 0.45)
WINDOW_LIGHTS = ((236, 238, 240), (236, 238, 240), (168, 150, 236), (150, 226, 190))  # of a window, and of coatings
SPOT_LIGHTS = ((250, 250, 250), (236, 240, 250), (120, 96, 240), (150, 130, 250), (96, 150, 240), (130, 220, 170))
MOST_SPOTS, SPOT_RADIUS, SPOT_REACH, SPOT_STRENGTH = 3, (0.04, 0.2), (0.22, 0.14), (0.3, 0.95)
SPOT_SLANT, SPOT_APART = 0.5, 0.06  # how far out of the upright, and how far from its place in each lens; eyes apart
SPOT_EDGE = 2.0  # exponent of the fall: 1 is a Gaussian, more is a spot with an edge


def lens_light(picture: Floats, sheet: Sheet, lenses: Plane, rng: np.random.Generator) -> Floats:
    """A photo with what its lenses mirror.

    Args:
        picture: RGB float32 [H, W, 3], 0 … 255.
        sheet: The face.
        lenses: Coverage of both lenses, float32 [H, W], 0 … 1.
        rng: Source of the lights.

    Returns:
        RGB float32 [H, W, 3], 0 … 255.
    """
    if rng.random() < VEIL:
        picture = laid(picture, (rng.uniform(*VEIL_LIGHT),) * 3, lenses * rng.uniform(*VEIL_STRENGTH))
    if rng.random() < STRIPES:
        waves = np.clip(np.sin((sheet.columns + sheet.rows) / (STRIPE_PERIOD * sheet.eye_px)), 0, 1)
        light = WINDOW_LIGHTS[int(rng.integers(len(WINDOW_LIGHTS)))]
        picture = laid(picture, light, lenses * waves * rng.uniform(*STRIPE_STRENGTH))
    if rng.random() < SPOTS:
        for _ in range(int(rng.integers(1, MOST_SPOTS + 1))):
            picture = _spotted(picture, sheet, lenses, rng)
    return picture


def _spotted(picture: Floats, sheet: Sheet, lenses: Plane, rng: np.random.Generator) -> Floats:
    """One light, mirrored by both lenses at nearly the same place."""
    eye_px = sheet.eye_px
    light = SPOT_LIGHTS[int(rng.integers(len(SPOT_LIGHTS)))]
    place = np.array([rng.uniform(-reach, reach) for reach in SPOT_REACH]) * eye_px
    radii = np.array([rng.uniform(*SPOT_RADIUS), rng.uniform(*SPOT_RADIUS)]) * eye_px
    strength, slant = rng.uniform(*SPOT_STRENGTH), rng.uniform(-SPOT_SLANT, SPOT_SLANT)
    for upper, lower in EYELIDS:
        centre = sheet.mesh[list(upper + lower)].mean(0) + place + rng.uniform(-SPOT_APART, SPOT_APART, 2) * eye_px
        x, y = sheet.columns - centre[0], sheet.rows - centre[1]
        distance = ((x + slant * y) / radii[0]) ** 2 + ((y - slant * x) / radii[1]) ** 2
        spot = np.exp(-(distance**SPOT_EDGE))
        picture = laid(picture, light, (lenses * spot * strength).astype(np.float32))
    return picture
