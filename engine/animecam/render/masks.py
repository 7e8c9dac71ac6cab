"""What shows of a drawn head: a soft shape that fades into the picture before the crop ends."""

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.float32]
"""How much of a picture shows, float32 [H, W] in [0, 1]."""

HEAD_RADII = (0.46, 0.48)
"""Where the head shape ends, in sides of the crop from its middle, across and down: as wide as it can be without
reaching the border, and so low that the chin of an aligned head shows in full."""

HEAD_ROUNDNESS = 2.4
"""Exponent of the superellipse: 2 is an ellipse, more is squarer, as a head with its hair is."""

HEAD_SOFTNESS = 0.3
"""Width over which the head shape fades out, in its radii; narrower, and a change of colour reads as an edge."""


@lru_cache(maxsize=16)
def head_mask(width_px: int, height_px: int) -> Mask:
    """A head with its hair in an aligned crop (`faces.align`), fading out softly.

    Args:
        width_px: Width of the crop.
        height_px: Height of the crop.

    Returns:
        [height_px, width_px], 0 along the border; shared and read-only.
    """
    rise = np.clip((1.0 - head_radius(width_px, height_px)) / HEAD_SOFTNESS, 0.0, 1.0)
    smooth = rise * rise * (3.0 - 2.0 * rise)  # no kink where the fade begins and ends: the eye finds it
    return _shared(smooth.astype(np.float32))


@lru_cache(maxsize=16)
def head_ring(width_px: int, height_px: int) -> Mask:
    """Where a head of that size fades out, [height_px, width_px], most in the middle; shared and read-only."""
    mask = head_mask(width_px, height_px)
    return _shared((mask * (1.0 - mask)).astype(np.float32, copy=False))


def head_radius(width_px: int, height_px: int) -> NDArray[np.float64]:
    """How far each pixel of an aligned crop lies from its middle: 1 where the shape of a head ends, [H, W]."""
    x = ((np.arange(width_px) + 0.5) / width_px - 0.5) / HEAD_RADII[0]
    y = ((np.arange(height_px) + 0.5) / height_px - 0.5) / HEAD_RADII[1]
    powers = np.abs(x[None, :]) ** HEAD_ROUNDNESS + np.abs(y[:, None]) ** HEAD_ROUNDNESS
    return powers ** (1.0 / HEAD_ROUNDNESS)


FACE_MIDDLE, FACE_RADII = (0.5, 0.60), (0.16, 0.17)
"""Middle and radii of eyes, nose and mouth in an aligned crop, in its sides."""

FACE_SOFTNESS = 0.25
"""Width over which that fades out beyond its radii, in those."""


@lru_cache(maxsize=16)
def face_mask(width_px: int, height_px: int) -> Mask:
    """Eyes, nose and mouth in an aligned crop, fading out softly; [height_px, width_px]; shared and read-only."""
    x = ((np.arange(width_px) + 0.5) / width_px - FACE_MIDDLE[0]) / FACE_RADII[0]
    y = ((np.arange(height_px) + 0.5) / height_px - FACE_MIDDLE[1]) / FACE_RADII[1]
    rise = np.clip((1.0 + FACE_SOFTNESS - np.hypot(x[None, :], y[:, None])) / FACE_SOFTNESS, 0.0, 1.0)
    return _shared((rise * rise * (3.0 - 2.0 * rise)).astype(np.float32))


@lru_cache(maxsize=16)
def full_mask(width_px: int, height_px: int) -> Mask:
    """Everything shows: ones, [height_px, width_px]; shared and read-only."""
    return _shared(np.ones((height_px, width_px), dtype=np.float32))


def _shared(mask: Mask) -> Mask:
    mask.flags.writeable = False
    return mask
