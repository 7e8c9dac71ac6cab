"""Eyes as anime draws them: tall, a large iris bright below and dark above, two highlights, a heavy upper lash."""

from dataclasses import dataclass

import numpy as np

from animecam_training.faces import Plane, Points
from animecam_training.target.eyes import SMALLEST_EYE_PX, iris_centre
from animecam_training.target.flatten import Lab
from animecam_training.target.geometry import EYELIDS, Floats, Sheet, laid, lid_gap, mixed, ramp

# Lengths are fractions of the eye's width unless said, lightness and colour CIE Lab units.
WIDER = 1.02  # than the eye's corners are apart
OPENNESS_SEEN, OPENNESS_DRAWN = (0.05, 0.13, 0.36, 0.50), (0.0, 0.68, 0.95, 1.05)
"""Height over width of the photo's eye, and how far the drawn one is open. Steep, or narrow eyes would be shut: with an
even curve, and lids at any height in the photos, networks drew winks clean, but some people's open eyes as a line."""
WINK = 0.08  # eyes that differ by less are open alike: one of two narrow eyes would be drawn shut
OPEN_FROM = 0.25  # less open than this, an eye is a lash line
TALLEST, UPPER_SHARE = 0.80, 0.60
UPPER_ROUNDNESS, LOWER_ROUNDNESS = 2.6, 2.2
IRIS_WIDE, IRIS_TALL, IRIS_LEAST_TALL, IRIS_DROP = 0.335, 0.56, 0.7, 0.93
LARGEST_GLANCE = 0.13
WHITE_LIGHTER, WHITE_RANGE, WHITE_TINT, LID_SHADOW, LID_SHADOW_REACH = 14.0, (84.0, 97.0), 0.12, 16.0, 0.35
IRIS_COLOUR_GAIN, IRIS_WARMTH = 2.0, (3.0, 8.0)
IRIS_COLOUR_RANGE = ((-18.0, -34.0), (26.0, 40.0))
LASH_EYE, NARROW_LASH_EYE, LASH_ENDS_EYE = 0.085, 0.05, 0.03  # widths, of the distance between the eyes
LOWER_LASH_EYE, LOWER_LASH_INK = (0.022, 0.008), 0.75
CREASE_EYE, CREASE_INK, CREASE_RAISE = (0.014, 0.006), 0.4, 0.12
CURVE_POINTS = 25
GLASS_REACH_EYE, GLASS_PERCENTILE, GLASS_DARKNESS = 0.22, 90, 0.45
"""Around each eye so far, of the distance between them, nearly all is so much darker than the skin: sunglasses."""


@dataclass(frozen=True, slots=True)
class _EyeFrame:
    """An eye's own coordinates: x along its corners, y down, both in pixels from its middle.

    Attributes:
        middle: float32 [2], pixels of the sheet.
        across: Unit vector from the outer to the inner corner.
        down: Unit vector across that, downwards.
        width: Of the drawn eye, pixels.
        height: Of the drawn eye, pixels; 0 is closed.
        openness: 0 … about 1.
    """

    middle: Points
    across: Points
    down: Points
    width: float
    height: float
    openness: float

    @classmethod
    def of(cls, lid: Points, seen: float) -> "_EyeFrame":
        """From an eyelid of the mesh, outer corner first, and the eye's height over its width."""
        outer, inner = lid[0], lid[-1]
        width = float(np.linalg.norm(inner - outer))
        across = (inner - outer) / width
        down = np.array([-across[1], across[0]], np.float32)
        down = down if down[1] > 0 else -down
        openness = float(np.interp(seen, OPENNESS_SEEN, OPENNESS_DRAWN))
        wide = WIDER * width
        return cls((outer + inner) / 2, across, down, wide, TALLEST * wide * openness, openness)

    def points(self, along: Floats, y: Floats) -> Points:
        """Pixels [N, 2] of places: -1 … 1 from corner to corner, and y in pixels."""
        there = np.outer(along * self.width / 2, self.across) + np.outer(y, self.down)
        return (self.middle + there).astype(np.float32)

    def coordinates(self, sheet: Sheet) -> tuple[Plane, Plane]:
        """Column x and row y of each pixel, float32 [H, W] each."""
        right, below = sheet.columns - self.middle[0], sheet.rows - self.middle[1]
        x = right * self.across[0] + below * self.across[1]
        return x, right * self.down[0] + below * self.down[1]


def _iris_paint(x: Plane, y: Plane, wide: float, tall: float, own: Lab) -> tuple[Lab, Plane]:
    """Iris, pupil and highlights around (0, 0), Lab [H, W, 3]; also the distance from the middle in radii."""
    soft = 1.2 / max(wide, 1.0)  # an antialiased edge, in radii
    distance = np.hypot(x / wide, y / tall)
    hue = np.clip(own[1:] * IRIS_COLOUR_GAIN + np.array(IRIS_WARMTH), *np.array(IRIS_COLOUR_RANGE))
    down = np.clip((y + tall) / (2 * tall), 0, 1)  # dark under the lid, bright below
    paint = np.empty((*x.shape, 3), np.float32)
    paint[..., 0] = (12 + (26 + 0.5 * own[0]) * down**1.2) * (1 - 0.55 * ramp(distance, 0.80, 0.96))
    paint[..., 1:] = (0.35 + 0.95 * down)[..., None] * hue
    pupil = np.hypot(x / (0.42 * wide), (y + 0.04 * tall) / (0.46 * tall))
    paint = laid(paint, (6, 1, 1), 1 - ramp(pupil, 1 - soft, 1 + 2 * soft))
    spark = np.hypot(x + 0.36 * wide, (y + 0.42 * tall) * 0.85) / (0.34 * wide)
    paint = laid(paint, (100, 0, 0), 1 - ramp(spark, 0.8, 1.15))
    glow = np.hypot(x - 0.38 * wide, y - 0.5 * tall) / (0.19 * wide)
    return laid(paint, (94, hue[0] * 0.2, hue[1] * 0.2), 0.9 * (1 - ramp(glow, 0.6, 1.3))), distance


def _heights(sheet: Sheet) -> list[float]:
    """Height over width of each eye; of both the mean, unless one is winked with."""
    heights: list[float] = []
    for upper_lid, lower_lid in EYELIDS:
        upper, lower = sheet.mesh[list(upper_lid)], sheet.mesh[list(lower_lid)]
        heights.append(float(lid_gap(upper, lower) / np.linalg.norm(upper[-1] - upper[0])))
    return heights if abs(heights[0] - heights[1]) > WINK else [sum(heights) / 2] * 2


def _paint_eyeball(frame: _EyeFrame, glance_px: float, own: Lab, skin: Lab, lit: float, sheet: Sheet) -> Lab:
    """White and iris over the whole sheet; the lids cut it out later."""
    x, y = frame.coordinates(sheet)
    top = -UPPER_SHARE * frame.height
    white = np.empty((*sheet.shape, 3), np.float32)
    white[:] = (float(np.clip(lit + WHITE_LIGHTER, *WHITE_RANGE)), skin[1] * WHITE_TINT, skin[2] * WHITE_TINT)
    white[..., 0] -= LID_SHADOW * (1 - ramp(y, top, top + LID_SHADOW_REACH * frame.height))
    wide = IRIS_WIDE * frame.width
    tall = max(IRIS_TALL * frame.height, IRIS_LEAST_TALL * wide)
    iris, distance = _iris_paint(x - glance_px, y - (top + tall * IRIS_DROP), wide, tall, own)
    soft = 1.2 / max(wide, 1.0)
    return mixed(white, iris, 1 - ramp(distance, 1 - soft, 1 + 0.5 * soft))


def _eye_colour(sharp: Lab, seen: Plane) -> Lab:
    """The darker part of what lies between the lids: iris and pupil, Lab [3]."""
    inside = sharp[seen > 0.5]
    return np.median(inside[inside[:, 0] <= np.percentile(inside[:, 0], 60)], 0).astype(np.float32)


def is_behind_dark_glass(sharp: Lab, sheet: Sheet, lit: float) -> bool:
    """Whether all around both eyes it is as dark as only sunglasses make it."""
    darkest: list[float] = []
    for upper, lower in EYELIDS:
        middle = sheet.mesh[list(upper + lower)].mean(0)
        away = np.hypot(sheet.columns - middle[0], sheet.rows - middle[1]) < GLASS_REACH_EYE * sheet.eye_px
        darkest.append(float(np.percentile(sharp[..., 0][away], GLASS_PERCENTILE)))
    return max(darkest) < lit * GLASS_DARKNESS


def draw_anime_eyes(picture: Lab, sharp: Lab, sheet: Sheet, skin: Lab, lit: float) -> tuple[Lab, Plane]:
    """Draw both eyes.

    Args:
        picture: What is painted so far, the place of the eyes included.
        sharp: The photo, Lab, not smoothed.
        sheet: The photo's geometry.
        skin: The person's skin, Lab [3].
        lit: Lightness of the lit skin.

    Returns:
        The picture and the ink of lashes and creases, float32 [H, W], 0 … 1.
    """
    ink = np.zeros(sheet.shape, np.float32)
    along = np.linspace(-1, 1, CURVE_POINTS)
    for (upper_lid, lower_lid), height in zip(EYELIDS, _heights(sheet), strict=True):
        upper, lower = sheet.mesh[list(upper_lid)], sheet.mesh[list(lower_lid)]
        seen = sheet.area(upper_lid + lower_lid[::-1], 0.5 * sheet.unit_px)
        if int((seen > 0.5).sum()) < SMALLEST_EYE_PX:
            continue
        frame = _EyeFrame.of(upper, height)
        centre = iris_centre(sharp[..., 0], seen, upper, lower, sheet)
        centre = frame.middle if centre is None else centre
        top = -UPPER_SHARE * frame.height * (1 - np.abs(along) ** UPPER_ROUNDNESS)
        bottom = (1 - UPPER_SHARE) * frame.height * (1 - np.abs(along * 0.98) ** LOWER_ROUNDNESS)
        lid, floor = frame.points(along, top), frame.points(along, bottom)
        if frame.openness > OPEN_FROM:
            reach = LARGEST_GLANCE * frame.width
            glance = float(np.clip((centre - frame.middle) @ frame.across, -reach, reach))
            ball = _paint_eyeball(frame, glance, _eye_colour(sharp, seen), skin, lit, sheet)
            shape = np.concatenate([lid, floor[::-1]]).astype(np.float32)
            picture = mixed(picture, ball, sheet.area(shape, 0.4 * sheet.unit_px))
        ink = np.maximum(ink, _lash_ink(frame, lid, floor, along, top, sheet))
    return picture, ink


def _lash_ink(frame: _EyeFrame, lid: Points, floor: Points, along: Floats, top: Floats, sheet: Sheet) -> Plane:
    """Upper lash with a wing, and on an open eye the outer lower lash and the crease above the lid."""
    eye_px = sheet.eye_px
    wing = lid[:1] - (0.08 * frame.across + 0.06 * frame.down) * frame.width
    lash = np.concatenate([wing, lid - 0.01 * frame.width * frame.down]).astype(np.float32)
    is_open = frame.openness > OPEN_FROM
    ink = sheet.stroke(lash, (LASH_EYE if is_open else NARROW_LASH_EYE) * eye_px, LASH_ENDS_EYE * eye_px)
    if is_open:
        below = sheet.stroke(floor[2:10], *(width * eye_px for width in LOWER_LASH_EYE))
        crease = frame.points(along[4:-3], top[4:-3] - CREASE_RAISE * frame.width)
        above = sheet.stroke(crease, *(width * eye_px for width in CREASE_EYE))
        ink = np.maximum(ink, np.maximum(LOWER_LASH_INK * below, CREASE_INK * above))
    return ink.astype(np.float32)
