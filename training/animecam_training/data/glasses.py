"""Glasses drawn on a photo and on its target alike.

Few portraits show glasses, many people at a webcam wear them. A frame that lies at the same place of input and target
teaches the network to leave frames where they are, whatever it does to the eyes behind them.
"""

from dataclasses import dataclass

import numpy as np

from animecam_training.faces import Image, Plane, Points, eye_centres, eye_distance
from animecam_training.target.geometry import EYELIDS, Floats, Sheet, laid

# Lengths are fractions of the distance between the eyes.
HALF_WIDTH, HALF_HEIGHT, DROP = (0.40, 0.47), (0.24, 0.36), (0.02, 0.10)
ROUNDNESS = (2.0, 5.0)  # exponent of the superellipse: 2 is an ellipse, 5 nearly a rectangle
WIRE, THIN, USUAL, THICK = 0.022, 0.035, 0.05, 0.07
COLOURS = (
    *((18, 16, 18), (24, 22, 26), (52, 34, 24), (96, 70, 44)),
    *((150, 120, 70), (110, 112, 118), (120, 30, 34), (30, 44, 90), (226, 220, 212)),
)
COLOUR_SHARES = (0.30, 0.14, 0.13, 0.09, 0.08, 0.08, 0.04, 0.04, 0.10)
SHADES = (0.8, 1.15)  # of a colour
RIMLESS_BELOW, SUNGLASSES, GLARE = 0.25, 0.22, 0.4  # shares of all frames
LENS_TINT, LENS_COVER, DRAWN_LENS_COVER = (10.0, 45.0), (0.82, 0.97), 0.97
GLARE_STRENGTH, GLARE_PERIOD = (0.1, 0.45), 0.5
GLARE_LIGHTS = ((236, 238, 240), (236, 238, 240), (168, 150, 236), (150, 226, 190))  # of a window, and of coatings
RIM_COVER, DRAWN_DARKER = 0.95, 0.75
TEMPLES = (127, 356)  # mesh points before the ears, left and right of the picture
OUTLINE_POINTS = 49


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame on a face: coverage of rims and lenses, float32 [H, W], 0 … 1."""

    rims: Plane
    lenses: Plane


def _outline(half_width: float, half_height: float, roundness: float) -> Points:
    """A superellipse around (0, 0), [N, 2]."""
    turn = np.linspace(0, 2 * np.pi, OUTLINE_POINTS)
    shape = np.stack([np.cos(turn), np.sin(turn)], -1)
    rounded = np.sign(shape) * np.abs(shape) ** (2 / roundness)
    return (rounded * (half_width, half_height)).astype(np.float32)


def _choose_frame(sheet: Sheet, rng: np.random.Generator) -> _Frame:
    """Rims, bridge and temples of a random frame."""
    eye_px = sheet.eye_px
    left, right = eye_centres(sheet.mesh)
    across = (right - left) / eye_px
    down = np.array([-across[1], across[0]], np.float32)
    half_width, half_height = rng.uniform(*HALF_WIDTH) * eye_px, rng.uniform(*HALF_HEIGHT) * eye_px
    outline = _outline(half_width, half_height, rng.uniform(*ROUNDNESS))
    width_px = float(rng.choice([WIRE, THIN, USUAL, THICK])) * eye_px
    rimless_below, drop_px = rng.random() < RIMLESS_BELOW, rng.uniform(*DROP) * eye_px
    rims, lenses = np.zeros(sheet.shape, np.float32), np.zeros(sheet.shape, np.float32)
    inner: list[Floats] = []
    for side, (upper, lower), temple in zip((-1, 1), EYELIDS, TEMPLES, strict=True):
        centre = sheet.mesh[list(upper + lower)].mean(0) + drop_px * down + 0.02 * eye_px * side * across
        points = (centre + outline @ np.stack([across, down])).astype(np.float32)
        rim = sheet.stroke(points, width_px, width_px)
        if rimless_below:
            below = (sheet.columns - centre[0]) * down[0] + (sheet.rows - centre[1]) * down[1]
            rim = rim * (below < 0.25 * half_height)
        hinge = centre + side * half_width * across - 0.3 * half_height * down
        arm = np.stack([hinge, sheet.mesh[temple]]).astype(np.float32)
        rims = np.maximum(rims, np.maximum(rim, sheet.stroke(arm, 0.8 * width_px, 0.8 * width_px)))
        lenses = np.maximum(lenses, sheet.area(points))
        inner.append(centre - side * half_width * across - 0.25 * half_height * down)
    middle = (inner[0] + inner[1]) / 2 - 0.05 * eye_px * down
    bridge = np.stack([inner[0], middle, inner[1]]).astype(np.float32)
    return _Frame(np.maximum(rims, sheet.stroke(bridge, 0.9 * width_px, 0.9 * width_px)).astype(np.float32), lenses)


def add_glasses(photo: Image, target: Image, mesh: Points, rng: np.random.Generator) -> tuple[Image, Image]:
    """Put the same random glasses, sometimes sunglasses, on a photo and on its target.

    Args:
        photo: RGB uint8 [H, W, 3].
        target: RGB uint8 [H, W, 3], drawn from the photo.
        mesh: float32 [468, 2], the photo's face mesh, pixels.
        rng: Source of shape and colour.

    Returns:
        Both pictures, RGB uint8 [H, W, 3].
    """
    eye_px = eye_distance(mesh)
    sheet = Sheet(photo, mesh, np.ones(photo.shape[:2], np.float32), eye_px, eye_px / 80)
    frame = _choose_frame(sheet, rng)
    colour = np.array(COLOURS[int(rng.choice(len(COLOURS), p=COLOUR_SHARES))]) * rng.uniform(*SHADES)
    seen, drawn = photo.astype(np.float32), target.astype(np.float32)
    if rng.random() < SUNGLASSES:
        tint = (rng.uniform(*LENS_TINT),) * 3
        seen = laid(seen, tint, frame.lenses * rng.uniform(*LENS_COVER))
        drawn = laid(drawn, tint, frame.lenses * DRAWN_LENS_COVER)
    elif rng.random() < GLARE:
        waves = np.clip(np.sin((sheet.columns + sheet.rows) / (GLARE_PERIOD * eye_px)), 0, 1)
        light = np.array(GLARE_LIGHTS[int(rng.integers(len(GLARE_LIGHTS)))], np.float32)
        seen = laid(seen, light, frame.lenses * waves * rng.uniform(*GLARE_STRENGTH))
    return _bytes(laid(seen, colour, RIM_COVER * frame.rims)), _bytes(laid(drawn, DRAWN_DARKER * colour, frame.rims))


def _bytes(picture: Floats) -> Image:
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)
