"""Cuts and changes of pictures for training. All randomness comes from the caller's generator."""

# pyright: reportUnknownArgumentType=false

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, cos, pi, sin
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam_training.data.pictures import Labels
from animecam_training.faces import Image
from animecam_training.recipe.config import AugmentConfig

Picture = NDArray[np.floating[Any]]
"""RGB, float32 [H, W, 3], 0 … 1."""

NOISE_DEVIATION = (0.005, 0.03)  # of the full range: a webcam by day and by night
JPEG_QUALITY = (40, 90)
SMEAR_STEPS = 64  # more than pixels of any way that is asked for
HAZE_STRENGTH, HAZE_RADIUS, HAZE_LIGHT = (0.1, 0.55), (0.15, 0.8), (0.55, 1.0)  # the radius in sides of the crop


@dataclass(frozen=True, slots=True)
class Window:
    """A square of a picture, perhaps mirrored.

    Attributes:
        top: First row, pixels.
        left: First column, pixels.
        side: Side, pixels.
        mirrored: Whether left and right are exchanged.
    """

    top: int
    left: int
    side: int
    mirrored: bool


def choose_window(
    shape: Sequence[int], size_px: int, zoom: float, rng: np.random.Generator, *, mirror: float = 0.5
) -> Window:
    """A random square.

    Args:
        shape: Of the picture, height and width first.
        size_px: Side of the crop that it is for.
        zoom: Side of the square in sides of the crop; limited to the picture.
        rng: Source of place and mirroring.
        mirror: Share of the squares that are mirrored.
    """
    height, width = shape[0], shape[1]
    side = int(min(round(size_px * zoom), height, width))
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    return Window(top, left, side, mirrored=bool(rng.random() < mirror))


def cut(images: Sequence[Image], size_px: int, window: Window) -> list[Image]:
    """The same square of several pictures of one size, scaled to size_px.

    Args:
        images: RGB or RGBA, uint8 [H, W, C] each, of one height and width.
        size_px: Side of the result.
        window: Which square.
    """
    how = cv2.INTER_AREA if window.side > size_px else cv2.INTER_CUBIC
    cuts: list[Image] = []
    for image in images:
        region = _inside(image, window)
        if window.side != size_px:
            region = cv2.resize(region, (size_px, size_px), interpolation=how).astype(np.uint8)
        cuts.append(np.ascontiguousarray(region[:, ::-1] if window.mirrored else region))
    return cuts


def cut_labels(labels: Labels, size_px: int, window: Window) -> NDArray[np.int64]:
    """The same square of a label map, its regions numbered anew from 0.

    Args:
        labels: [H, W] of the shape that the window was chosen for.
        size_px: Side of the result.
        window: Which square.

    Returns:
        int64 [size_px, size_px].
    """
    # The source pixel under the middle of each pixel of the result: labels cannot be mixed.
    steps = ((np.arange(size_px) + 0.5) * window.side / size_px).astype(np.intp)
    region = _inside(labels, window)[steps[:, None], steps[None]]
    _, numbered = np.unique(region[:, ::-1] if window.mirrored else region, return_inverse=True)
    return numbered.reshape(size_px, size_px).astype(np.int64)


def _inside(pixels: NDArray[Any], window: Window) -> NDArray[Any]:
    return pixels[window.top : window.top + window.side, window.left : window.left + window.side]


def vary_light(pictures: Sequence[Picture], config: AugmentConfig, rng: np.random.Generator) -> list[Picture]:
    """The same change of exposure, white balance and gamma for all pictures: the target follows the input."""
    if rng.random() >= config.colour:
        return list(pictures)
    gain = rng.uniform(1 - config.exposure, 1 + config.exposure)
    balance = rng.uniform(1 - config.white_balance, 1 + config.white_balance, 3)
    gamma = np.exp(rng.uniform(np.log(config.gamma), -np.log(config.gamma)))
    return [np.clip(picture**gamma * gain * balance, 0, 1).astype(np.float32) for picture in pictures]


def degrade(picture: Picture, config: AugmentConfig, rng: np.random.Generator) -> Picture:
    """Haze, motion, lens blur, sensor noise and compression, each by its share; for inputs only."""
    # Without haze and motion no number is drawn: recipes from before them see the same crops.
    if config.haze > 0 and rng.random() < config.haze:
        picture = _hazed(picture, rng)
    if config.motion > 0 and rng.random() < config.motion:
        picture = smeared(picture, rng.uniform(*config.motion_px), rng.uniform(0, pi))
    if rng.random() < config.blur:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(*config.blur_px)).astype(np.float32)
    if rng.random() < config.noise:
        noise = rng.normal(0, rng.uniform(*NOISE_DEVIATION), picture.shape)
        picture = np.clip(picture + noise, 0, 1).astype(np.float32)
    if rng.random() < config.jpeg:
        levels = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
        picture = compressed(levels, int(rng.integers(*JPEG_QUALITY))).astype(np.float32) / 255
    return picture


def compressed(image: Image, quality: int) -> Image:
    """A picture as JPEG leaves it, RGB uint8 [H, W, 3].

    Args:
        image: Likewise.
        quality: 1 … 100.
    """
    _, coded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert decoded is not None  # it was encoded one line above
    return np.ascontiguousarray(decoded[..., ::-1]).astype(np.uint8)


def smeared(picture: Picture, way_px: float, angle: float) -> Picture:
    """The mean of a picture over all places of a straight way that is passed evenly.

    Args:
        picture: What is smeared.
        way_px: Length of the way, pixels.
        angle: Its direction, radians.
    """
    reach = ceil(way_px / 2) + 1
    steps = np.linspace(-0.5, 0.5, SMEAR_STEPS) * way_px
    across, down = steps * cos(angle) + reach, steps * sin(angle) + reach
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    left, top = np.floor(across).astype(int), np.floor(down).astype(int)
    for right_of, below in product((0, 1), (0, 1)):  # each place counts for the four pixels around it
        weights = (1 - np.abs(left + right_of - across)) * (1 - np.abs(top + below - down))
        np.add.at(kernel, (top + below, left + right_of), weights / SMEAR_STEPS)
    return cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT).astype(np.float32)


def _hazed(picture: Picture, rng: np.random.Generator) -> Picture:
    """A veil of light, strongest at one place."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    y, x = float(rng.uniform(0, height)), float(rng.uniform(0, width))
    radius = rng.uniform(*HAZE_RADIUS) * max(height, width)
    veil = rng.uniform(*HAZE_STRENGTH) * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * radius**2))
    light = rng.uniform(*HAZE_LIGHT, 3)
    return (picture * (1 - veil[..., None]) + light * veil[..., None]).astype(np.float32)
