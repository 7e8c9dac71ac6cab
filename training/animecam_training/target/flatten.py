"""Flat regions: cloth, hair and background as an animator would paint them."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

from animecam_training.faces import Image, Plane
from animecam_training.target.geometry import Sheet, blurred, blurred_within, mixed, ramp

Lab = NDArray[np.floating[Any]]
"""CIE Lab, float32 [H, W, 3]: L 0 … 100, a and b about -100 … 100."""

DENOISE_TURNS = 3
DENOISE_PX, DENOISE_COLOUR, DENOISE_SPACE_PX = 7, 28, 5
REGION_SCALE, REGION_SIGMA_PX, REGION_MIN_PX = (
    150,
    0.7,
    70,
)  # Felzenszwalb; the smallest region at an eye distance of 80 px
SHIFT_SPACE_PX, SHIFT_COLOUR = 8, 18  # mean shift on the person
FAR_SHIFT_SPACE_PX, FAR_SHIFT_COLOUR, FAR_MEDIAN_PX = 12, 30, 9  # mean shift on the background
FAR_BLUR_UNITS, FAR_FILL_UNITS = 2.5, 12.0  # blur of the background, and what fills it behind the person's edge
TONE_STEPS = 9
TONE_HARDNESS = 0.85
PERSON_SURE = (0.15, 0.5)  # the mask is soft at hair: rather keep a bit of background than blur a braid


def to_lab(image: Image | Plane) -> Lab:
    """RGB, uint8 or float32 0 … 1, [H, W, 3] to Lab."""
    plain = image.astype(np.float32)
    return cv2.cvtColor(plain / 255 if image.dtype == np.uint8 else plain, cv2.COLOR_RGB2LAB).astype(np.float32)


def to_rgb(lab: Lab) -> Image:
    """Lab to RGB uint8 [H, W, 3]; colours outside of sRGB are clipped."""
    rgb = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1)
    return (rgb * 255 + 0.5).astype(np.uint8)


def denoised(photo: Image, turns: int = DENOISE_TURNS) -> Image:
    """Passes of a bilateral filter: pores, noise and JPEG blocks go, edges stay."""
    calm = photo
    for _ in range(turns):
        calm = cv2.bilateralFilter(calm, DENOISE_PX, DENOISE_COLOUR, DENOISE_SPACE_PX).astype(np.uint8)
    return calm


def region_means(image: Image, smallest_px: int) -> Plane:
    """Mean colour of each Felzenszwalb region, float32 [H, W, 3], 0 … 255."""
    labels = felzenszwalb(image, scale=REGION_SCALE, sigma=REGION_SIGMA_PX, min_size=smallest_px)
    flat = labels.ravel()
    count = np.bincount(flat)
    means = np.stack([np.bincount(flat, image[..., channel].ravel()) / count for channel in range(3)], 1)
    return means[labels].astype(np.float32)


def stepped(lightness: Plane, steps: int, hardness: float) -> Plane:
    """Posterise lightness 0 … 100 softly: the slope at a step's middle falls to 1 - hardness."""
    height = 100 / steps
    position = lightness / height
    middle = np.floor(position) + 0.5
    offset = position - middle
    hard = np.sign(offset) * 0.5 * (np.abs(offset) * 2) ** 4
    return ((middle + offset * (1 - hardness) + hard * hardness) * height).astype(np.float32)


def background_share(sheet: Sheet) -> Plane:
    """How surely a pixel is background, float32 [H, W], 0 … 1."""
    return 1 - ramp(blurred(sheet.person, 2 * sheet.unit_px), *PERSON_SURE)


def painted_background(calm: Image, share: Plane, sheet: Sheet, lift: float) -> Lab:
    """A background of soft lighter washes that takes no colour from the person in front of it."""
    median = cv2.medianBlur(calm, FAR_MEDIAN_PX)
    wash = cv2.pyrMeanShiftFiltering(median, FAR_SHIFT_SPACE_PX, FAR_SHIFT_COLOUR, maxLevel=2)
    wash = cv2.medianBlur(wash, FAR_MEDIAN_PX).astype(np.float32) / 255
    sure = cv2.erode((share > 0.9).astype(np.float32), np.ones((7, 7), np.uint8)).astype(np.float32) + 1e-5
    near = blurred_within(wash, sure, FAR_BLUR_UNITS * sheet.unit_px)
    far = blurred_within(wash, sure, FAR_FILL_UNITS * sheet.unit_px)
    filled = mixed(near, far, 1 - ramp(blurred(sure, FAR_BLUR_UNITS * sheet.unit_px), 0.02, 0.3))
    lab = to_lab(filled)
    lab[..., 0] = lab[..., 0] * (1 - lift / 116) + lift
    lab[..., 1:] *= 1.1
    return lab


def flat_painting(calm: Image, sheet: Sheet, chroma: float, background_lift: float) -> Lab:
    """Everything but the face: flat regions in a few tones in front of a soft background.

    Args:
        calm: The denoised photo.
        sheet: The photo's geometry.
        chroma: Gain of the person's colours.
        background_lift: Lightness added to the background, CIE L units.
    """
    regions = region_means(calm, int(REGION_MIN_PX * sheet.unit_px**2))
    shifted = cv2.pyrMeanShiftFiltering(calm, SHIFT_SPACE_PX, SHIFT_COLOUR, maxLevel=1)
    lab = to_lab(((0.5 * regions + 0.5 * shifted) / 255).astype(np.float32))
    lab[..., 0] = stepped(lab[..., 0], TONE_STEPS, TONE_HARDNESS)
    lab[..., 1:] *= chroma
    share = background_share(sheet)
    return mixed(lab, painted_background(calm, share, sheet, background_lift), share)
