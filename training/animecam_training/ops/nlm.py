"""Non-local means (Buades, Coll, Morel, CVPR 2005), batched: a pixel becomes the mean of those with a like patch."""

import torch
from torch import Tensor
from torch.nn import functional as F

STRENGTH = 6.0
"""h, on the scale 0 … 255: the difference of patches at which a weight has fallen to 1/e."""

PATCH_PX = 7
SEARCH_PX = 7
"""Sides of the compared patches and of the window that is searched, both odd."""

_HALF_RANGE = 127.5  # of the scale of `STRENGTH` in the unit of pictures in [-1, 1]


def _shifted(padded: Tensor, dy: int, dx: int, margin: int, shape: tuple[int, int]) -> Tensor:
    """The window of a padded picture that lies (dy, dx) from its middle."""
    top, left = margin + dy, margin + dx
    return padded[:, :, top : top + shape[0], left : left + shape[1]]


@torch.no_grad()
def non_local_means(
    picture: Tensor, *, strength: float = STRENGTH, patch_px: int = PATCH_PX, search_px: int = SEARCH_PX
) -> Tensor:
    """Remove noise and keep what repeats; no gradient.

    The weight of a pixel q in the mean of p is exp(-d / h^2), d the mean squared difference of the patches around the
    two over all channels. Borders are mirrored.

    Args:
        picture: [N, C, H, W], values in [-1, 1]; sides larger than (patch_px + search_px) / 2.
        strength: h, on the scale 0 … 255.
        patch_px: Side of a patch, odd.
        search_px: Side of the search window, odd.

    Returns:
        fp32, the same shape and range.
    """
    value = picture.float()
    height, width = value.shape[2:]
    patch_radius, search_radius = patch_px // 2, search_px // 2
    margin = patch_radius + search_radius
    padded = F.pad(value, (margin, margin, margin, margin), mode="reflect")
    here = _shifted(padded, -patch_radius, -patch_radius, margin, (height + 2 * patch_radius, width + 2 * patch_radius))
    total = torch.zeros_like(value)
    weights = torch.zeros_like(value[:, :1])
    falloff = (_HALF_RANGE / strength) ** 2
    for dy in range(-search_radius, search_radius + 1):
        for dx in range(-search_radius, search_radius + 1):
            there = _shifted(padded, dy - patch_radius, dx - patch_radius, margin, (here.shape[2], here.shape[3]))
            distance = F.avg_pool2d((here - there).square().mean(dim=1, keepdim=True), patch_px, stride=1)
            weight = torch.exp(-distance * falloff)
            total += weight * _shifted(padded, dy, dx, margin, (height, width))
            weights += weight
    return total / weights
