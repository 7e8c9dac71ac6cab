"""Walls of one colour behind people: what must not colour the person before it.

LADE gives every channel the mean and the spread of a mix of all, taken over the whole picture: before a wall of one
vivid colour networks drew skin in its complement. A student sees the person before such a wall, its teacher the same
one before a gray wall; what is to be drawn is what the teacher draws, with the colour of the wall where the wall is.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from animecam_training.data.augment import Picture
from animecam_training.faces import Image, Plane
from animecam_training.target.geometry import as_levels, blurred, ramp

SURE = (0.2, 0.8)  # of the person mask, which is soft: from here to there an edge
GUIDE_PX, GUIDE_VARIANCE = 5, 1e-3  # how the mask's edge finds the picture's (He, Sun, Tang, ECCV 2010), in 0 … 1
SHARE = (0.05, 0.95)  # of what it finds: less is none, and more is all
ONLY_WALL = 0.05  # of a person at most, where the background's own colour is read
SPREADS = (4.0, 16.0, 64.0)  # pixels: how far that colour is carried to where none can be read
LEAST_WEIGHT = 1e-3
KNOWN_WEIGHT = 1e-2  # of background in a neighbourhood: less tells only a part of its colour

GRAY = 0.62  # of a teacher's wall, levels 0 … 1: what is drawn before it is divided by it
SATURATIONS, VALUES = (0.35, 1.0), (0.25, 1.0)
DARKEST = 0.02  # of it, where what is drawn is divided
GRADIENT = 0.25  # of the light, from one side of the picture to the other, at most
TWO_COLOURS_SHARE, MEETINGS = 0.3, (-0.3, 0.3)  # of the walls, where two meet; how far from the middle, in sides


@dataclass(frozen=True, slots=True)
class Wall:
    """A lit wall that takes the place of what is behind a person, seen twice.

    Attributes:
        vivid: As a student sees it, float32 [H, W, 3], 0 … 1.
        gray: As a teacher does.
        behind: What is behind the person on the photo.
        share: How much of each pixel that is, float32 [H, W, 1], 0 … 1.
    """

    vivid: Picture
    gray: Picture
    behind: Picture
    share: Picture

    def put(self, photo: Picture, clean: Picture) -> tuple[Picture, Picture]:
        """A student's picture before the vivid wall, and a teacher's before the gray one."""
        return (
            before_wall(photo, self.vivid, self.behind, self.share),
            before_wall(clean, self.gray, self.behind, self.share),
        )

    def tint(self, vivid: Picture, gray: Picture) -> Picture:
        """What a drawing before the gray wall is to be multiplied by, to be one before the vivid one.

        Args:
            vivid: The wall in the light of the pictures, which may have changed since it was put there.
            gray: Likewise.

        Returns:
            float32 [H, W, 3], 1 where the person is.
        """
        ratio = vivid / np.maximum(gray, DARKEST)
        return (1 + self.share * (ratio - 1)).astype(np.float32)


def before_wall(picture: Picture, wall: Picture, behind: Picture, share: Picture) -> Picture:
    """A picture with a wall in the place of what is behind the person; shadows and grain of that stay.

    Args:
        picture: RGB float32 [H, W, 3], 0 … 1.
        wall: Likewise, or one colour [3].
        behind: What is behind the person, likewise.
        share: How much of each pixel that is, float32 [H, W, 1], 0 … 1.
    """
    return np.clip(picture + share * (wall - behind), 0, 1).astype(np.float32)


def find_background(photo: Image, person: Plane) -> tuple[Image, Image]:
    """What lies behind a person: its colours, and how much of each pixel it is.

    Args:
        photo: RGB uint8 [H, W, 3].
        person: How surely each pixel belongs to a person, float32 [H, W], 0 … 1.

    Returns:
        Smooth colours, RGB uint8 [H, W, 3], and shares, uint8 [H, W]: 255 where nothing of the person is, 0 where no
        background is near enough to tell its colour.
    """
    light = photo.astype(np.float32) / 255
    share = ramp(1 - _guided(ramp(person, *SURE), light.mean(2).astype(np.float32)), *SHARE)
    is_wall = (share > 1 - ONLY_WALL).astype(np.float32)
    colour, known = np.zeros_like(light), np.zeros(share.shape, np.float32)
    for spread in SPREADS:
        weight = blurred(is_wall, spread)
        near = blurred(light * is_wall[..., None], spread) / np.maximum(weight, LEAST_WEIGHT)[..., None]
        wanted = (1 - known) * np.minimum(weight / KNOWN_WEIGHT, 1)
        colour += wanted[..., None] * near
        known += wanted
    colour /= np.maximum(known, LEAST_WEIGHT)[..., None]
    return as_levels(colour * 255), as_levels(share * known * 255)


def _guided(mask: Plane, guide: Plane) -> Plane:
    """A mask whose edge lies where the guide has one."""

    def mean(plane: Plane) -> Plane:
        return cv2.blur(plane, (2 * GUIDE_PX + 1, 2 * GUIDE_PX + 1)).astype(np.float32)

    mask_mean, guide_mean = mean(mask), mean(guide)
    gain = (mean(mask * guide) - mask_mean * guide_mean) / (mean(guide * guide) - guide_mean**2 + GUIDE_VARIANCE)
    return (mean(gain) * guide + mean(mask_mean - gain * guide_mean)).astype(np.float32)


def choose_wall(layer: Image, rng: np.random.Generator) -> Wall:
    """A random wall: of one colour or two that meet, in light that falls off to one side.

    Args:
        layer: What `find_background` found, or a cut of it, RGBA uint8 [S, S, 4].
        rng: Source of colours and light.
    """
    side_px = layer.shape[0]
    rows, columns = (np.mgrid[:side_px, :side_px].astype(np.float32) + 0.5) / side_px - 0.5
    light = 1 + rng.uniform(-GRADIENT, GRADIENT) * _along(rows, columns, rng)
    colours = np.stack([_choose_colour(rng), _choose_colour(rng)])
    is_other = np.zeros(light.shape, np.intp)
    if rng.random() < TWO_COLOURS_SHARE:
        is_other = (_along(rows, columns, rng) > rng.uniform(*MEETINGS)).astype(np.intp)
    vivid = np.clip(colours[is_other] * light[..., None], 0, 1).astype(np.float32)
    gray = (GRAY * light)[..., None].repeat(3, axis=2).astype(np.float32)
    levels = layer.astype(np.float32) / 255
    return Wall(vivid, gray, levels[..., :3], levels[..., 3:])


def _along(rows: Plane, columns: Plane, rng: np.random.Generator) -> Plane:
    """How far each pixel lies along a random direction."""
    turn = rng.uniform(0, 2 * np.pi)
    return (np.cos(turn) * columns + np.sin(turn) * rows).astype(np.float32)


def _choose_colour(rng: np.random.Generator) -> Picture:
    """RGB, float32 [3], 0 … 1: any hue, hardly ever a pale one."""
    hue, saturation, value = rng.uniform(0, 360), rng.uniform(*SATURATIONS), rng.uniform(*VALUES)
    return cv2.cvtColor(np.array([[[hue, saturation, value]]], np.float32), cv2.COLOR_HSV2RGB)[0, 0]
