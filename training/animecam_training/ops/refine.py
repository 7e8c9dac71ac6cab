"""The target of the main tail: the support output without its noise."""

import torch
from torch import Tensor

from animecam_training.ops.l0 import l0_smooth
from animecam_training.ops.nlm import non_local_means


@torch.no_grad()
def refine(support: Tensor) -> Tensor:
    """R of DTGAN: non-local means, then L0 gradient minimisation; no gradient.

    Args:
        support: Output of the support tail, [N, 3, H, W], RGB in [-1, 1].

    Returns:
        fp32, the same shape and range.
    """
    return l0_smooth(non_local_means(support))
