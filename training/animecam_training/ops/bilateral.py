"""The bilateral filter as in OpenCV (Tomasi, Manduchi: Bilateral Filtering for Gray and Color Images, ICCV 1998)."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from animecam_training.ops.levels import HALF_RANGE

RADIUS_PX = 2
SPACE_PX = 2.0
COLOUR = 25.0
"""Difference of colour, the sum over red, green and blue of 255 each, that counts 0.61."""


@torch.no_grad()
def bilateral_filter(
    picture: Tensor, *, radius_px: int = RADIUS_PX, space_px: float = SPACE_PX, colour: float = COLOUR
) -> Tensor:
    """Mean over a disc around each pixel, of what is like it; borders are reflected, no gradient.

    Args:
        picture: [N, 3, H, W], values in [-1, 1], sides longer than the radius.
        radius_px: Of the disc.
        space_px: Standard deviation over distance.
        colour: Standard deviation over colour, in levels of 255 summed over the channels.

    Returns:
        fp32, the same shape and range.
    """
    value = picture.float()
    height, width = value.shape[2:]
    padded = F.pad(value, (radius_px,) * 4, mode="reflect")
    total, weights = torch.zeros_like(value), torch.zeros_like(value[:, :1])
    offsets = range(-radius_px, radius_px + 1)
    for dy, dx in ((dy, dx) for dy in offsets for dx in offsets if math.hypot(dy, dx) <= radius_px):
        near = padded[:, :, radius_px + dy :, radius_px + dx :][:, :, :height, :width]
        unlike = (near - value).abs().sum(1, keepdim=True) * (HALF_RANGE / colour)
        weight = torch.exp(-0.5 * (unlike.square() + (dy * dy + dx * dx) / space_px**2))
        total += weight * near
        weights += weight
    return total / weights
