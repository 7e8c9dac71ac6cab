"""The double-tail generator (Liu, Chen, Gao: DTGAN, IEICE Trans. E107-D, 2024), written from its published facts.

One base encodes the picture in four scales, two tails of the same shape decode it: *support* learns the style from
anime pictures, *main* learns to repeat what support drew, cleaned of its artefacts. Only base and main leave training.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from animecam_training.models.layers import (
    ConvBlock,
    ExternalAttention,
    ResizeGrid,
    double_size,
    xavier_conv,
)

SIZE_MULTIPLE = 8
"""Height and width of a picture are multiples of this, for every generator of this package."""

HEAD_KERNEL = 7


class Scales(NamedTuple):
    """Features of a picture [N, 3, H, W] at four scales."""

    x0: Tensor  # [N, 32, H, W]
    x1: Tensor  # [N, 64, H / 2, W / 2]
    x2: Tensor  # [N, 128, H / 4, W / 4]
    x3: Tensor  # [N, 128, H / 8, W / 8]


class TailPictures(NamedTuple):
    """What the two tails draw, each [N, 3, H, W], RGB in [-1, 1]."""

    support: Tensor
    main: Tensor


@runtime_checkable
class TwoTailed(Protocol):
    """A generator for the double-tail method: an encoder with a support and a main tail.

    Its support tail's weights are named `support.*`; the names of all others contain none of that.
    """

    def __call__(self, picture: Tensor) -> TailPictures:
        """Draw [N, 3, H, W], RGB in [-1, 1], with both tails."""
        ...

    def inference(self) -> nn.Module:
        """The network that leaves training, without the support tail; its modules are shared, not copied."""
        ...


class Base(nn.Module):
    """The encoder that both tails share."""

    def __init__(self) -> None:
        super().__init__()
        self.x0 = ConvBlock(3, 32, kernel=7)
        self.x1 = nn.Sequential(ConvBlock(32, 32, stride=2), ConvBlock(32, 64))
        self.x2 = nn.Sequential(ConvBlock(64, 64, stride=2), ConvBlock(64, 128))
        self.x3 = nn.Sequential(ConvBlock(128, 128, stride=2), ConvBlock(128, 128))

    def forward(self, picture: Tensor) -> Scales:
        """Encode [N, 3, H, W], RGB in [-1, 1], sides multiples of 8."""
        x0 = self.x0(picture)
        x1 = self.x1(x0)
        x2 = self.x2(x1)
        return Scales(x0, x1, x2, self.x3(x2))


class UpStage(nn.Module):
    """Twice the size, convolve to the channels of the skip, add the skip, convolve."""

    def __init__(self, channels_in: int, channels_out: int, grid: ResizeGrid) -> None:
        super().__init__()
        self.grid: ResizeGrid = grid
        self.before = ConvBlock(channels_in, channels_out)
        self.after = ConvBlock(channels_out, channels_out)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Map x [N, C_in, H, W] and skip [N, C_out, 2H, 2W] to the shape of skip."""
        return self.after(self.before(double_size(x, self.grid)) + skip)


class Tail(nn.Module):
    """A decoder: external attention at the smallest scale, three doublings, a 7 x 7 head."""

    def __init__(self, grid: ResizeGrid = "half_pixel") -> None:
        super().__init__()
        self.attention = ExternalAttention(128)
        self.up1 = UpStage(128, 128, grid)
        self.up2 = UpStage(128, 64, grid)
        self.up3 = UpStage(64, 32, grid)
        self.head = xavier_conv(32, 3, HEAD_KERNEL)

    def forward(self, scales: Scales) -> Tensor:
        """Decode to a picture [N, 3, H, W], RGB in [-1, 1]."""
        y = self.up1(self.attention(scales.x3), scales.x2)
        y = self.up2(y, scales.x1)
        y = self.up3(y, scales.x0)
        margin = HEAD_KERNEL // 2
        return torch.tanh(self.head(F.pad(y, (margin, margin, margin, margin), mode="reflect")))


class Generator(nn.Module):
    """Base and main tail: the network that is exported. 1,027,520 parameters, 29.6 GMAC at 512 x 512."""

    def __init__(self, grid: ResizeGrid = "half_pixel") -> None:
        super().__init__()
        self.base = Base()
        self.main = Tail(grid)

    def forward(self, picture: Tensor) -> Tensor:
        """Style [N, 3, H, W], RGB in [-1, 1], sides multiples of 8; the same shape and range come back."""
        return self.main(self.base(picture))


class DoubleTailGenerator(nn.Module):
    """Base and both tails, as trained adversarially: 1,557,792 parameters.

    Its state dict is that of `Generator` and the keys `support.*`.
    """

    def __init__(self, grid: ResizeGrid = "half_pixel") -> None:
        super().__init__()
        self.grid: ResizeGrid = grid
        self.base = Base()
        self.support = Tail(grid)
        self.main = Tail(grid)

    def forward(self, picture: Tensor) -> TailPictures:
        """Draw [N, 3, H, W], RGB in [-1, 1], with both tails."""
        scales = self.base(picture)
        return TailPictures(self.support(scales), self.main(scales))

    def inference(self) -> Generator:
        """The network that leaves training; its modules are shared, not copied."""
        generator = Generator(self.grid)
        generator.base = self.base
        generator.main = self.main
        return generator.train(self.training)
