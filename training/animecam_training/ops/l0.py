"""L0 gradient minimisation (Xu, Lu, Xu, Jia: Image Smoothing via L0 Gradient Minimization, SIGGRAPH Asia 2011).

Minimises the squared change of the picture plus lambda times the number of pixels with a gradient, by half-quadratic
splitting: gradients are thresholded in closed form, the picture follows from them by an FFT. Runs where its input is.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# torch.fft carries no types.

import math

import torch
from torch import Tensor

SMOOTHING = 0.005
"""Lambda, for values in [0, 1]: what one pixel with a gradient costs."""

KAPPA = 2.0
"""Growth of beta in each round; smaller is finer and slower."""

BETA_MAX = 1e5
"""Rounds end when the gradients are tied to the picture this strongly."""


def _laplacian_spectrum(height: int, width: int, device: torch.device) -> Tensor:
    """|F(dx)|^2 + |F(dy)|^2 of circular forward differences, for `rfft2`: fp32 [H, W // 2 + 1]."""
    rows = 2 - 2 * torch.cos(2 * math.pi * torch.arange(height, device=device) / height)
    columns = 2 - 2 * torch.cos(2 * math.pi * torch.arange(width // 2 + 1, device=device) / width)
    return rows[:, None] + columns[None, :]


@torch.no_grad()
def l0_smooth(picture: Tensor, *, smoothing: float = SMOOTHING, kappa: float = KAPPA) -> Tensor:
    """Make a picture flat between its strongest edges; borders are joined in a circle, no gradient.

    Args:
        picture: [N, C, H, W], values in [-1, 1]. The channels share their edges.
        smoothing: Lambda.
        kappa: Growth of beta, above 1.

    Returns:
        fp32, the same shape, clipped to [-1, 1].
    """
    smooth = (picture.float() + 1) / 2
    height, width = smooth.shape[2:]
    spectrum = torch.fft.rfft2(smooth)
    laplacian = _laplacian_spectrum(height, width, smooth.device)
    beta = 2 * smoothing
    while beta < BETA_MAX:
        along_x = smooth.roll(-1, dims=3) - smooth
        along_y = smooth.roll(-1, dims=2) - smooth
        strength = (along_x.square() + along_y.square()).sum(dim=1, keepdim=True)
        kept = strength >= smoothing / beta
        along_x, along_y = along_x * kept, along_y * kept
        divergence = along_x.roll(1, dims=3) - along_x + along_y.roll(1, dims=2) - along_y
        solved = (spectrum + beta * torch.fft.rfft2(divergence)) / (1 + beta * laplacian)
        smooth = torch.fft.irfft2(solved, s=(height, width))
        beta *= kappa
    return (smooth * 2 - 1).clamp(-1, 1)
