"""A term for what is thin: lines, lashes, highlights. A plain L1 hardly notices them, for they cover few pixels."""

import torch
from torch import Tensor
from torch.nn import functional as F

SURROUND_PX = 7
LARGEST_SHARE = 8.0
"""Of the mean detail of the batch: one glittering dress must not outweigh all the faces."""


@torch.no_grad()
def detail_map(target: Tensor) -> Tensor:
    """How much each pixel stands out from its surround, mean one over the batch.

    Args:
        target: [N, C, H, W], RGB in [-1, 1].

    Returns:
        fp32 [N, 1, H, W], 0 … 8.
    """
    picture = target.float()
    surround = F.avg_pool2d(picture, SURROUND_PX, stride=1, padding=SURROUND_PX // 2, count_include_pad=False)
    stands_out = (picture - surround).abs().mean(dim=1, keepdim=True)
    return (stands_out / stands_out.mean().clamp_min(1e-4)).clamp_max(LARGEST_SHARE)


def detail_l1(picture: Tensor, target: Tensor) -> Tensor:
    """Mean of |picture - target| weighted by the target's detail; [N, C, H, W] both, RGB in [-1, 1]."""
    return ((picture.float() - target.float()).abs() * detail_map(target)).mean()
