"""Eyes drawn as an animator would: white, a large iris of the person's own colour, two highlights, a lash line."""

import numpy as np

from animecam_training.faces import Plane, Points
from animecam_training.target.flatten import Lab
from animecam_training.target.geometry import EYELIDS, Sheet, lid_gap, mixed, ramp

# Lengths are fractions of the eye's width unless said, lightness and colour CIE Lab units.
IRIS_RADIUS = 0.28
IRIS_TALLER = 1.18
PUPIL = 0.40  # of the iris
SMALLEST_EYE_PX = 12  # pixels of an eye below which nothing can be drawn
DARK_GLASSES_CONTRAST = 14.0  # an eye has white and dark; a dark lens has not
OPEN_ENOUGH = (0.10, 0.18)  # height over width: a closed eye keeps its lash line only
LID_SHADOW = 14.0
LASH_WIDTHS_EYE = (0.062, 0.022)  # middle and ends, of the distance between the eyes
LOWER_LASH_WIDTHS_EYE, LOWER_LASH_INK = (0.018, 0.012), 0.5


def iris_centre(lightness: Plane, open_eye: Plane, upper: Points, lower: Points, sheet: Sheet) -> Points | None:
    """Where the dark of the eye is, pixels [2]; None where no dark is found."""
    low, high = np.percentile(lightness[open_eye > 0.5], [15, 92])
    if high - low < DARK_GLASSES_CONTRAST:
        return None
    corner_line = upper[-1] - upper[0]
    width = float(np.linalg.norm(corner_line))
    middle = (upper.mean(0) + lower.mean(0)) / 2
    along = ((sheet.columns - middle[0]) * corner_line[0] + (sheet.rows - middle[1]) * corner_line[1]) / width**2
    dark = np.clip((low + 0.35 * (high - low) - lightness) / (high - low), 0, 1)
    dark = dark * (open_eye > 0.5) * (np.abs(along) < 0.3)
    weight = float(dark.sum())
    if weight < 1e-3:
        return None
    x, y = float((dark * sheet.columns).sum()) / weight, float((dark * sheet.rows).sum()) / weight
    lids = (upper[4] + lower[4]) / 2
    height = lid_gap(upper, lower)
    # Lashes pull the dark upwards: trust the lids more than the shade for the height.
    return np.array([x, 0.35 * y + 0.65 * lids[1] - 0.04 * height], np.float32)


def _paint_eyeball(
    lab: Lab, open_eye: Plane, centre: Points, upper: Points, lower: Points, sheet: Sheet, skin: Lab, lit: float
) -> Lab:
    """White, iris, pupil and highlights over the whole sheet; the lids cut it out later."""
    width = float(np.linalg.norm(upper[0] - upper[-1]))
    height = lid_gap(upper, lower)
    radius, tall = IRIS_RADIUS * width, IRIS_RADIUS * IRIS_TALLER * width
    soft = 1.2 / max(radius, 1.0)  # an antialiased edge, in radii
    inside = open_eye > 0.5
    # From the outer to the inner corner: training mirrors photo and drawing, so that a mirrored face is drawn mirrored.
    inwards = 1.0 if upper[-1, 0] > upper[0, 0] else -1.0
    x, y = inwards * (sheet.columns - centre[0]), sheet.rows - centre[1]
    distance = np.hypot(x / radius, y / tall)

    white = min(max(float(np.percentile(lab[..., 0][inside], 94)) + 8, lit + 10), 96.0)
    paint = np.empty_like(lab)
    paint[:] = (white, skin[1] * 0.22, skin[2] * 0.2)
    lid = float(upper[:, 1].min())
    paint[..., 0] -= LID_SHADOW * (1 - ramp(sheet.rows, lid, lid + 0.45 * height + 1e-3))

    own = lab[inside & (distance < 0.85)]
    if len(own) > 8:
        own = own[own[:, 0] < np.percentile(own[:, 0], 75)]
    own_colour = np.median(own if len(own) else lab[inside], 0)
    hue = np.clip(own_colour[1:] * 1.7 + np.array([2, 6]), [-14, -30], [24, 34])
    down = np.clip((y + tall) / (2 * tall), 0, 1)  # dark under the lid, bright below
    iris = np.empty_like(lab)
    iris[..., 0] = (14 + (18 + 0.45 * own_colour[0]) * down**1.3) * (1 - 0.5 * ramp(distance, 0.74, 0.95))
    iris[..., 1:] = (0.45 + 0.75 * down)[..., None] * hue
    dark = np.broadcast_to(np.array([7, 1, 1], np.float32), lab.shape)
    iris = mixed(iris, dark, 1 - ramp(distance, PUPIL, PUPIL + 1.4 * soft))
    paint = mixed(paint, iris, 1 - ramp(distance, 1 - soft, 1 + 0.6 * soft))

    spark = np.hypot(x + 0.34 * radius, y + 0.40 * tall) / (0.30 * radius)
    paint = mixed(paint, np.broadcast_to(np.array([99, 0, 0], np.float32), lab.shape), 1 - ramp(spark, 0.75, 1.25))
    glow = np.hypot(x - 0.36 * radius, y - 0.46 * tall) / (0.17 * radius)
    pale = np.array([90, hue[0] * 0.3, hue[1] * 0.3], np.float32)
    return mixed(paint, np.broadcast_to(pale, lab.shape), 0.8 * (1 - ramp(glow, 0.6, 1.4)))


def openness(upper: Points, lower: Points) -> float:
    """How far an eye is open, 0 (shut: there is nothing but skin and lashes) … 1, from its lids [N, 2] each."""
    height = lid_gap(upper, lower)
    return float(ramp(np.array(height / np.linalg.norm(upper[0] - upper[-1])), *OPEN_ENOUGH))


def draw_eyes(picture: Lab, sharp: Lab, sheet: Sheet, skin: Lab, lit: float, opacity: float) -> tuple[Lab, Plane]:
    """Draw both eyes where there are eyes to be seen.

    Args:
        picture: What is painted so far.
        sharp: The photo with enlarged eyes, Lab, not smoothed.
        sheet: The photo's geometry.
        skin: The person's skin, Lab [3].
        lit: Lightness of the lit skin.
        opacity: How far the drawing covers the photo's eyes, 0 … 1.

    Returns:
        The picture and the ink of the lash lines, float32 [H, W], 0 … 1. Behind dark glasses nothing is drawn.
    """
    ink = np.zeros(sheet.shape, np.float32)
    for upper_lid, lower_lid in EYELIDS:
        upper, lower = sheet.mesh[list(upper_lid)], sheet.mesh[list(lower_lid)]
        open_eye = sheet.area(upper_lid + lower_lid[::-1], 0.5 * sheet.unit_px)
        if int((open_eye > 0.5).sum()) < SMALLEST_EYE_PX:
            continue
        centre = iris_centre(sharp[..., 0], open_eye, upper, lower, sheet)
        if centre is None:
            continue
        ball = _paint_eyeball(sharp, open_eye, centre, upper, lower, sheet, skin, lit)
        picture = mixed(picture, ball, open_eye * openness(upper, lower) * opacity)
        raised = upper - np.array([0, 0.012 * sheet.eye_px], np.float32)
        lashes = sheet.stroke(raised, *(width * sheet.eye_px for width in LASH_WIDTHS_EYE))
        below = sheet.stroke(lower, *(width * sheet.eye_px for width in LOWER_LASH_WIDTHS_EYE))
        ink = np.maximum(ink, np.maximum(lashes, LOWER_LASH_INK * below))
    return picture, ink
