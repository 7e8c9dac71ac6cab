"""Beards on a photo, and what is to be drawn of them.

Of 2,215 portraits 38 have a full beard, and hardly one a gray one, a goatee or a moustache alone: networks painted over
what they had not seen. Strands of hair are laid over the photo, in the light that falls on the skin there; in the
drawing they are one flat shape of their colour, with an edge.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from animecam_training.data.colours import choose_colour
from animecam_training.faces import Image, Plane, Points
from animecam_training.target.face import MOUSTACHE
from animecam_training.target.geometry import (
    JAW,
    LIPS,
    OVAL,
    UNDER_NOSE,
    Floats,
    Sheet,
    as_levels,
    blurred,
    laid,
    mixed,
    ramp,
    unchanged_sheet,
)

# Lengths are fractions of the distance between the eyes.
FULL, GOATEE, MOUSTACHE_ALONE = 0.5, 0.25, 0.15  # shares; what is left is a beard without a moustache
# Points of the mesh from an ear to the middle: where a beard ends on a cheek at the lowest and at the highest.
LOW_EDGES = ((58, 214, 212, 92, 164), (288, 434, 432, 322, 164))
HIGH_EDGES = ((93, 187, 206, 165, 2), (323, 411, 426, 391, 2))
GOATEE_POINTS = (57, 287, 202, 422, 170, 395, 148, 377, 152)
LONG_SHARE, LENGTHS, SIDE_LENGTH = 0.4, (0.1, 0.6), 0.25  # how far a long one hangs; its sides, of that
INSIDE_JAW = 0.03  # a short one leaves the line around the face
ROUGHNESS, LIP_ROOM = (0.02, 0.08), 0.015
THICKNESS = (0.6, 1.0)  # how much of the skin it hides
SPARSE, SPARSE_EDGE = 0.5, (0.05, 0.45)  # towards its edge strands stand alone
COLOURS = ((24, 20, 20), (46, 34, 28), (78, 54, 38), (112, 70, 44), (158, 122, 84), (126, 122, 118), (208, 204, 198))
COLOUR_SHARES = (0.2, 0.16, 0.12, 0.06, 0.06, 0.2, 0.2)
GRIZZLED_SHARE, GRIZZLED = 0.25, (0.2, 0.6)  # of the dark ones, and how much of them is gray
GRAY, GRAY_FADE, DARK_MEAN = (188, 184, 180), 0.1, 90.0
SHADES, STRAND_SHADES = (0.85, 1.15), (0.65, 1.2)  # of a colour, and of single strands
LIT_LUMA, EXPOSURES = 165.0, (0.4, 1.15)  # of skin in good light, levels; what other light leaves of a colour
LIGHT_REACH, LIGHTS, LIT_PERCENTILE = 0.15, (0.3, 1.15), 70  # of the light on single places, of lit skin
ROOTS = 0.6  # above the base of the nose: from there strands spread out
STRANDS, STRAND_LENGTH, STRAND_CONTRAST = 700, 0.1, 2.2  # around that point; eye distances; of a logistic curve
WAVES, WAVE_REACH = 0.05, 0.1  # how far strands bend, radians, and how fast
DRAWN_EDGE, DRAWN_BORDER = 0.04, (0.35, 0.65)  # blur that rounds the shape, and what of it is its edge
DRAWN_LINE, LINE_SHADE = 0.035, 0.35  # width of the line around it, and the line's share of its light


@dataclass(frozen=True, slots=True)
class Beard:
    """A beard as it is drawn.

    Attributes:
        colour: RGB, 0 … 255.
        shape: float32 [H, W], 0 … 1.
        line: The line around it, likewise.
    """

    colour: Floats
    shape: Plane
    line: Plane

    def over(self, picture: Image) -> Image:
        """The same on a picture, RGB uint8 [H, W, 3]."""
        painted = laid(picture.astype(np.float32), self.colour, self.shape)
        return as_levels(laid(painted, self.colour * LINE_SHADE, self.line))


def grow_beard(photo: Image, mesh: Points, rng: np.random.Generator) -> tuple[Image, Beard]:
    """Let a random beard grow on a photo: a full one, short or long, a goatee, a moustache, of any colour.

    Args:
        photo: RGB uint8 [H, W, 3], an upright face.
        mesh: float32 [468, 2], the photo's face mesh, pixels.
        rng: Source of its shape, colour and strands.

    Returns:
        The photo with it, RGB uint8 [H, W, 3], and what is to be drawn of it.
    """
    sheet = unchanged_sheet(photo, mesh)
    area = _choose_area(sheet, rng)
    light = _light(sheet)
    strands = _strands(sheet, rng)
    rough = blurred(area, rng.uniform(*ROUGHNESS) * sheet.eye_px)
    cover = ramp(rough - SPARSE * strands, *SPARSE_EDGE) * rng.uniform(*THICKNESS)
    colour = choose_colour(COLOURS, COLOUR_SHARES, SHADES, rng)
    shades = STRAND_SHADES[0] + (STRAND_SHADES[1] - STRAND_SHADES[0]) * _strands(sheet, rng)
    tones = np.broadcast_to(colour, photo.shape).astype(np.float32)
    if float(colour.mean()) < DARK_MEAN and rng.random() < GRIZZLED_SHARE:
        darkest = 1 - rng.uniform(*GRIZZLED)
        tones = laid(tones, GRAY, ramp(_strands(sheet, rng), darkest - GRAY_FADE, darkest + GRAY_FADE))
    seen = mixed(photo.astype(np.float32), tones * (shades * light)[..., None], cover)
    is_grown = area > 0.5
    return as_levels(seen), _drawn(area, seen[is_grown].mean(0) if is_grown.any() else colour, sheet)


def _choose_area(sheet: Sheet, rng: np.random.Generator) -> Plane:
    """Where a random beard grows, float32 [H, W], 0 … 1."""
    kind = rng.random()
    moustache = sheet.area(MOUSTACHE)
    if kind < FULL:
        area = np.maximum(_jaw_area(sheet, rng), moustache)
    elif kind < FULL + GOATEE:
        hull = cv2.convexHull(sheet.mesh[list(GOATEE_POINTS)])
        area = np.maximum(sheet.area(cast(Points, hull.reshape(-1, 2))), moustache)
    elif kind < FULL + GOATEE + MOUSTACHE_ALONE:
        area = moustache
    else:
        area = _jaw_area(sheet, rng) * (1 - moustache)
    side = 2 * round(LIP_ROOM * sheet.eye_px) + 1
    lips = cv2.dilate(sheet.area(LIPS), np.ones((side, side), np.uint8))
    return (area * (1 - lips)).astype(np.float32)


def _jaw_area(sheet: Sheet, rng: np.random.Generator) -> Plane:
    """A beard from ear to ear, the upper lip included."""
    mesh, eye_px = sheet.mesh, sheet.eye_px
    height = rng.uniform(0, 1)
    left, right = (
        (1 - height) * mesh[list(low)] + height * mesh[list(high)]
        for low, high in zip(LOW_EDGES, HIGH_EDGES, strict=True)
    )
    jaw = mesh[list(JAW)].copy()
    is_long = rng.random() < LONG_SHARE
    if is_long:
        place = np.linspace(-1, 1, len(JAW))[:, None]
        shares = SIDE_LENGTH + (1 - SIDE_LENGTH) * np.cos(place * np.pi / 2)
        jaw += rng.uniform(*LENGTHS) * eye_px * shares * sheet.down
    # JAW runs from the right of the picture to the left; the upper edge goes back.
    area = sheet.area(np.concatenate([jaw, left, right[::-1]]).astype(np.float32))
    if is_long:
        return area
    side = 2 * round(INSIDE_JAW * eye_px) + 1
    return area * cv2.erode(sheet.area(OVAL), np.ones((side, side), np.uint8))


def _light(sheet: Sheet) -> Plane:
    """What light a beard gets, of good light, float32 [H, W]."""
    luma = cv2.cvtColor(sheet.photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    face = sheet.area(OVAL)
    skin = max(float(np.percentile(luma[face > 0.5], LIT_PERCENTILE)), 1.0) if (face > 0.5).any() else LIT_LUMA
    local = blurred(luma, LIGHT_REACH * sheet.eye_px) / skin
    exposure = float(np.clip((skin / LIT_LUMA) ** 0.5, *EXPOSURES))
    return (exposure * np.clip(local, *LIGHTS)).astype(np.float32)


def _strands(sheet: Sheet, rng: np.random.Generator) -> Plane:
    """Strands that spread from under the nose, float32 [H, W], 0 … 1, all values alike often."""
    mesh, eye_px = sheet.mesh, sheet.eye_px
    roots = mesh[UNDER_NOSE] - ROOTS * eye_px * sheet.down
    x, y = sheet.columns - roots[0], sheet.rows - roots[1]
    waves = blurred(rng.standard_normal(sheet.shape).astype(np.float32), WAVE_REACH * eye_px)
    turn = np.arctan2(y, x) + WAVES * waves / max(float(waves.std()), 1e-6)
    across = (turn / (2 * np.pi) % 1) * STRANDS
    along = np.hypot(x, y) / (STRAND_LENGTH * eye_px)
    noise = rng.standard_normal((int(along.max()) + 3, STRANDS)).astype(np.float32)
    places = across.astype(np.float32), along.astype(np.float32)
    strands = cv2.remap(noise, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return (1 / (1 + np.exp(-STRAND_CONTRAST * strands))).astype(np.float32)


def _drawn(area: Plane, colour: Floats, sheet: Sheet) -> Beard:
    """The flat shape and the line around it."""
    shape = ramp(blurred(area, DRAWN_EDGE * sheet.eye_px), *DRAWN_BORDER)
    side = 2 * max(round(DRAWN_LINE * sheet.eye_px / 2), 1) + 1
    inner = cv2.erode(shape, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return Beard(colour, shape, np.clip(shape - inner, 0, 1).astype(np.float32))
