"""The student for machines without a GPU: the double-tail generator's ideas at a twelfth of its cost.

A pixel-unshuffle (Shi et al., CVPR 2016, run backwards) halves the sides before the first convolution, so that no layer
works at full resolution; three scales, LADE, added skips, and a pixel-shuffle head.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from animecam_training.models.layers import ConvBlock, double_size, xavier_conv

BLOCK_PX = 2
"""Side of the pixel block that the stem folds into channels and the head unfolds."""

DEFAULT_WIDTHS = (32, 64, 96)


class LiteGenerator(nn.Module):
    """A U-shaped generator of 0.45 million parameters at the default widths; 1.4 GMAC at 256 x 256.

    Args:
        widths: Channels at 1/2, 1/4 and 1/8 of the picture's side.
    """

    def __init__(self, widths: tuple[int, int, int] = DEFAULT_WIDTHS) -> None:
        super().__init__()
        half, quarter, eighth = widths
        folded = 3 * BLOCK_PX**2
        self.stem = ConvBlock(folded, half)
        self.down1 = nn.Sequential(ConvBlock(half, quarter, stride=2), ConvBlock(quarter, quarter))
        self.down2 = ConvBlock(quarter, eighth, stride=2)
        self.middle = nn.Sequential(ConvBlock(eighth, eighth), ConvBlock(eighth, eighth))
        self.up1_before = ConvBlock(eighth, quarter)
        self.up1_after = ConvBlock(quarter, quarter)
        self.up2_before = ConvBlock(quarter, half)
        self.up2_after = ConvBlock(half, half)
        self.head = xavier_conv(half, folded, 3)
        with torch.no_grad():
            # All pixels of a block start with the same filter (Aitken et al., 2017): no checkerboard to unlearn.
            self.head.weight.copy_(self.head.weight[:: BLOCK_PX**2].repeat_interleave(BLOCK_PX**2, dim=0))

    def forward(self, picture: Tensor) -> Tensor:
        """Style [N, 3, H, W], RGB in [-1, 1], sides multiples of 8; the same shape and range come back."""
        half = self.stem(F.pixel_unshuffle(picture, BLOCK_PX))
        quarter = self.down1(half)
        eighth = self.down2(quarter)
        eighth = eighth + self.middle(eighth)
        y = self.up1_after(self.up1_before(double_size(eighth, "half_pixel")) + quarter)
        y = self.up2_after(self.up2_before(double_size(y, "half_pixel")) + half)
        folded = self.head(F.pad(y, (1, 1, 1, 1), mode="reflect"))
        return torch.tanh(F.pixel_shuffle(folded, BLOCK_PX))
