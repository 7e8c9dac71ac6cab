"""Superpixels of batches, and pictures with one colour in each of them."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import numpy as np
import torch
from torch import Tensor

from animecam_training.ops.levels import to_levels
from animecam_training.ops.superpixels import find_superpixels


def superpixel_batch(pictures: Tensor) -> Tensor:
    """`find_superpixels` of each picture of a batch; runs on the CPU.

    Args:
        pictures: [N, 3, H, W], RGB in [-1, 1].

    Returns:
        int64 [N, H, W] on the device of `pictures`.
    """
    pixels = to_levels(pictures.detach().float()).cpu().permute(0, 2, 3, 1).numpy()
    labels = np.stack([find_superpixels(picture) for picture in pixels])
    return torch.from_numpy(labels).to(pictures.device, torch.int64)


@torch.no_grad()
def fill_with_means(pictures: Tensor, labels: Tensor) -> Tensor:
    """Give every region its mean colour; no gradient.

    Args:
        pictures: [N, C, H, W], any range.
        labels: int64 [N, H, W] of regions, from 0 in each picture.

    Returns:
        fp32 [N, C, H, W].
    """
    batch, channels = pictures.shape[:2]
    flat = pictures.detach().float().flatten(2)
    index = labels.flatten(1)[:, None]
    # One sum for every pixel at most: the number of regions is not known without asking the device.
    sums = torch.zeros_like(flat).scatter_add_(2, index.expand(-1, channels, -1), flat)
    counts = torch.zeros_like(flat[:, :1]).scatter_add_(2, index, torch.ones_like(flat[:, :1]))
    means = sums / counts.clamp_min(1)
    return means.gather(2, index.expand(batch, channels, -1)).view_as(pictures)
