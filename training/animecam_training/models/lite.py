"""The student for machines without a GPU: the double-tail generator's ideas at a twelfth of its cost.

A pixel-unshuffle (Shi et al., CVPR 2016, run backwards) halves the sides before the first convolution, so that no layer
works at full resolution; three scales, LADE, added skips, and a pixel-shuffle head.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from animecam_training.models.generator import TailPictures
from animecam_training.models.layers import BlockKind, ContextBlock, ConvBlock, double_size, xavier_conv

BLOCK_PX = 2
"""Side of the pixel block that the stem folds into channels and the head unfolds."""

FOLDED_CHANNELS = 3 * BLOCK_PX**2

Widths = tuple[int, int, int]
"""Channels at 1/2, 1/4 and 1/8 of the picture's side."""

DEFAULT_WIDTHS: Widths = (32, 64, 96)


LiteNorm = Literal["lade", "coarse", "none"]
"""Where LADE stands: after every convolution; not at 1/2 of the side, where it costs most; nowhere."""


@dataclass(frozen=True, slots=True)
class LiteKinds:
    """What the blocks at 1/2 of the side are made of, and the smaller ones."""

    half: BlockKind
    smaller: BlockKind

    @classmethod
    def of(cls, norm: LiteNorm, *, separable: bool) -> "LiteKinds":
        """From the options of `LiteGenerator`."""
        return cls(BlockKind(norm == "lade", separable), BlockKind(norm != "none", separable))


class LiteScales(NamedTuple):
    """Features of a picture [N, 3, H, W] at three scales, of the widths' channels."""

    half: Tensor  # [N, C0, H / 2, W / 2]
    quarter: Tensor  # [N, C1, H / 4, W / 4]
    eighth: Tensor  # [N, C2, H / 8, W / 8]


class _LiteDecoder(nn.Module):
    """What draws a picture from three scales; `LiteGenerator` has its layers among its own, `LiteTail` alone."""

    def _add_decoder(self, widths: Widths, kinds: LiteKinds) -> None:
        half, quarter, eighth = widths
        self.up1_before = ConvBlock(eighth, quarter, kind=kinds.smaller)
        self.up1_after = ConvBlock(quarter, quarter, kind=kinds.smaller)
        self.up2_before = ConvBlock(quarter, half, kind=kinds.half)
        self.up2_after = ConvBlock(half, half, kind=kinds.half)
        self.head = xavier_conv(half, FOLDED_CHANNELS, 3)
        with torch.no_grad():
            # All pixels of a block start with the same filter (Aitken et al., 2017): no checkerboard to unlearn.
            self.head.weight.copy_(self.head.weight[:: BLOCK_PX**2].repeat_interleave(BLOCK_PX**2, dim=0))

    def decode(self, scales: LiteScales) -> Tensor:
        """Draw a picture [N, 3, H, W], RGB in [-1, 1]."""
        y = self.up1_after(self.up1_before(double_size(scales.eighth, "half_pixel")) + scales.quarter)
        y = self.up2_after(self.up2_before(double_size(y, "half_pixel")) + scales.half)
        folded = self.head(F.pad(y, (1, 1, 1, 1), mode="reflect"))
        return torch.tanh(F.pixel_shuffle(folded, BLOCK_PX))


class LiteTail(_LiteDecoder):
    """A second decoder for the encoder of a `LiteGenerator`.

    Args:
        widths: Those of the encoder.
        norm: As of `LiteGenerator`.
        separable: As of `LiteGenerator`.
    """

    def __init__(self, widths: Widths = DEFAULT_WIDTHS, norm: LiteNorm = "lade", *, separable: bool = False) -> None:
        super().__init__()
        self._add_decoder(widths, LiteKinds.of(norm, separable=separable))

    def forward(self, scales: LiteScales) -> Tensor:
        """Draw a picture [N, 3, H, W], RGB in [-1, 1]."""
        return self.decode(scales)


class LiteGenerator(_LiteDecoder):
    """A U-shaped generator of 0.45 million parameters at the default widths; 1.4 GMAC at 256 x 256.

    Args:
        widths: Channels at 1/2, 1/4 and 1/8 of the picture's side.
        norm: Where LADE stands. Only "lade" has been trained.
        separable: Separable convolutions but for the stem and the head. Not trained so far.
        context: Blocks at 1/8 of the side that look twice as far each as the one before. Without, a pixel is drawn from
            98 x 98: of a head at 256 pixels an eye without the mouth; with three of them from 322 x 322.
    """

    def __init__(
        self,
        widths: Widths = DEFAULT_WIDTHS,
        norm: LiteNorm = "lade",
        *,
        separable: bool = False,
        context: int = 0,
    ) -> None:
        super().__init__()
        half, quarter, eighth = widths
        kinds = LiteKinds.of(norm, separable=separable)
        small = partial(ConvBlock, kind=kinds.smaller)
        self.stem = ConvBlock(FOLDED_CHANNELS, half, kind=BlockKind(kinds.half.has_lade))
        self.down1 = nn.Sequential(small(half, quarter, stride=2), small(quarter, quarter))
        self.down2 = small(quarter, eighth, stride=2)
        self.middle = nn.Sequential(small(eighth, eighth), small(eighth, eighth))
        self.context = nn.Sequential(*(ContextBlock(eighth, 2 ** (n + 1), kinds.smaller) for n in range(context)))
        self._add_decoder(widths, kinds)

    def encode(self, picture: Tensor) -> LiteScales:
        """Features of [N, 3, H, W], RGB in [-1, 1], sides multiples of 8."""
        half = self.stem(F.pixel_unshuffle(picture, BLOCK_PX))
        quarter = self.down1(half)
        eighth = self.down2(quarter)
        return LiteScales(half, quarter, self.context(eighth + self.middle(eighth)))

    def forward(self, picture: Tensor) -> Tensor:
        """Style [N, 3, H, W], RGB in [-1, 1], sides multiples of 8; the same shape and range come back."""
        return self.decode(self.encode(picture))


class DoubleTailLite(nn.Module):
    """The small generator with a support tail beside it, for the double-tail method; 0.67 million parameters.

    Its state dict is that of `LiteGenerator` under `main.*`, and that of `LiteTail` under `support.*`.

    Args:
        widths: As of `LiteGenerator`.
        norm: As of `LiteGenerator`.
        separable: As of `LiteGenerator`.
        context: As of `LiteGenerator`.
    """

    def __init__(
        self,
        widths: Widths = DEFAULT_WIDTHS,
        norm: LiteNorm = "lade",
        *,
        separable: bool = False,
        context: int = 0,
    ) -> None:
        super().__init__()
        self.main = LiteGenerator(widths, norm, separable=separable, context=context)
        self.support = LiteTail(widths, norm, separable=separable)

    def forward(self, picture: Tensor) -> TailPictures:
        """Draw [N, 3, H, W], RGB in [-1, 1], with both tails."""
        scales = self.main.encode(picture)
        return TailPictures(self.support(scales), self.main.decode(scales))

    def inference(self) -> LiteGenerator:
        """The network that leaves training; its modules are shared, not copied."""
        return self.main
