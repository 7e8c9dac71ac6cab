"""Non-local means (Buades, Coll, Morel, CVPR 2005), batched: a pixel becomes the mean of those with a like patch."""

import torch
from torch import Tensor
from torch.nn import functional as F

from animecam_training.ops.levels import HALF_RANGE

STRENGTH = 6.0
"""h, on the scale 0 … 255: the difference of patches at which a weight has fallen to 1/e."""

PATCH_PX = 7
SEARCH_PX = 7
"""Sides of the compared patches and of the window that is searched, both odd."""


def _window(padded: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    return padded[:, :, top : top + height, left : left + width]


@torch.no_grad()
def non_local_means(
    picture: Tensor, *, strength: float = STRENGTH, patch_px: int = PATCH_PX, search_px: int = SEARCH_PX
) -> Tensor:
    """Remove noise and keep what repeats; no gradient.

    The weight of a pixel q in the mean of p is exp(-d / h^2), d the mean squared difference of the patches around the
    two over all channels. Borders are mirrored.

    Args:
        picture: [N, C, H, W], values in [-1, 1]; sides larger than patch_px / 2 + search_px.
        strength: h, on the scale 0 … 255.
        patch_px: Side of a patch, odd.
        search_px: Side of the search window, odd.

    Returns:
        fp32, the same shape and range.
    """
    value = picture.float()
    height, width = value.shape[2:]
    patch, reach = patch_px // 2, search_px // 2
    margin = patch + 2 * reach
    padded = F.pad(value, (margin, margin, margin, margin), mode="reflect")
    falloff = (HALF_RANGE / strength) ** 2
    # Patches whose centres lie up to `reach` outside: the weight towards -o is then the weight towards o, seen from
    # the other end, and half of the offsets need no computing.
    tall, wide = height + 2 * (reach + patch), width + 2 * (reach + patch)
    here = _window(padded, reach, reach, tall, wide)
    total, weights = value.clone(), torch.ones_like(value[:, :1])
    for dy in range(reach + 1):
        for dx in range(-reach, reach + 1):
            if (dy, dx) <= (0, 0):
                continue
            there = _window(padded, reach + dy, reach + dx, tall, wide)
            distance = F.avg_pool2d((here - there).square().mean(dim=1, keepdim=True), patch_px, stride=1)
            weight = torch.exp(-distance * falloff)
            for sign, top, left in ((1, reach, reach), (-1, reach - dy, reach - dx)):
                share = _window(weight, top, left, height, width)
                total += share * _window(padded, margin + sign * dy, margin + sign * dx, height, width)
                weights += share
    return total / weights
