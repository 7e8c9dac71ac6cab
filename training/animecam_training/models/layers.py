"""Building blocks of the double-tail network (Liu, Chen, Gao: DTGAN, IEICE Trans. E107-D, 2024), from its facts.

Tensors are NCHW. Under autocast the convolutions run in half precision; LADE's statistics and the attention's softmax
stay in fp32, because sums over a 512 x 512 map overflow fp16 and the attention values are subnormal there.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LADE_EPS = 1e-5
ATTENTION_EPS = 1e-9
ATTENTION_SLOTS = 128
LEAKY_SLOPE = 0.2
BATCH_NORM_EPS = 1e-3
BATCH_NORM_MOMENTUM = 1 - 0.999  # torch counts the share of the new batch, the paper the decay of the old ones

LadeForm = Literal["covariance", "convolution"]
"""How LADE gets the variance of t = Wx: from the covariance of x, so that t is never stored, or from t itself."""

ResizeGrid = Literal["half_pixel", "asymmetric"]
"""Where a doubled picture samples its source: at (i + 0.5) / 2 - 0.5, or at i / 2 as some published networks do."""


def xavier_conv(channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, bias: bool = False) -> nn.Conv2d:
    """A convolution without padding, Xavier-uniform weights; its bias, where it has one, starts at zero."""
    conv = nn.Conv2d(channels_in, channels_out, kernel, stride, bias=bias)
    nn.init.xavier_uniform_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


class Lade(nn.Module):
    """Linearly adaptive denormalisation: normalise x, then give it the statistics of a learned mix of its channels.

    With t = Conv1x1(x): y = (x - mean(x)) / sqrt(var(x) + eps) * sqrt(var(t) + eps) + mean(t); per sample and channel,
    over space, biased variance. As t is linear in x, mean(t) = W mean(x) and var(t)_c = w_c Cov(x) w_c.

    Args:
        channels: C of the input [N, C, H, W]; the output has the same shape and dtype.
        form: Equal up to rounding. "covariance" is the one to train with (half the time on a CPU), "convolution" the
            one to export: its graph is half as long and runs up to a quarter faster.
    """

    def __init__(self, channels: int, form: LadeForm = "covariance") -> None:
        super().__init__()
        self.conv = xavier_conv(channels, channels, 1)
        self.form: LadeForm = form

    def forward(self, x: Tensor) -> Tensor:
        """Renormalise x, [N, C, H, W]."""
        if torch.is_autocast_enabled(x.device.type):
            with torch.autocast(x.device.type, enabled=False):
                return self._renormalise(x.float()).to(x.dtype)
        return self._renormalise(x.float()).to(x.dtype)

    def _renormalise(self, x: Tensor) -> Tensor:
        weight = self.conv.weight  # read once: a spectral norm computes it anew, and differently, at each reading
        mean = x.mean(dim=(2, 3), keepdim=True)
        centred = x - mean
        if self.form == "covariance":
            variance, mixed_variance = _variances_from_covariance(centred, weight.flatten(1))
        else:
            variance = centred.square().mean(dim=(2, 3), keepdim=True)
            mixed_variance = F.conv2d(centred, weight).square().mean(dim=(2, 3), keepdim=True)
        gain = torch.sqrt((mixed_variance + LADE_EPS) / (variance + LADE_EPS))
        return torch.addcmul(F.conv2d(mean, weight), centred, gain)


def _variances_from_covariance(centred: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
    """Variances of x and of t, each [N, C, 1, 1], from x - mean(x) and W [C, C]."""
    flat = centred.flatten(2)
    covariance = flat @ flat.transpose(1, 2) / flat.shape[2]
    variance = covariance.diagonal(dim1=1, dim2=2)[:, :, None, None]
    # w Cov w cannot be negative, but its rounded sum can be, and a root of that is a NaN.
    mixed_variance = ((mix @ covariance) * mix).sum(dim=2).clamp_min(0)[:, :, None, None]
    return variance, mixed_variance


@dataclass(frozen=True, slots=True)
class BlockKind:
    """What a `ConvBlock` is made of.

    Attributes:
        has_lade: Without LADE the convolution has a bias in its place.
        is_separable: A convolution of each channel by itself, then a mix of the channels (Howard et al., 2017).
    """

    has_lade: bool = True
    is_separable: bool = False


CLL = BlockKind()
"""The paper's convolution, LADE, LeakyReLU."""


def _block_conv(channels_in: int, channels_out: int, kernel: int, stride: int, kind: BlockKind) -> nn.Module:
    """The convolution of a block, Xavier-uniform weights; its bias, if it has one, starts at zero."""
    has_bias = not kind.has_lade
    if not kind.is_separable:
        return xavier_conv(channels_in, channels_out, kernel, stride=stride, bias=has_bias)
    each = nn.Conv2d(channels_in, channels_in, kernel, stride, groups=channels_in, bias=False)
    nn.init.xavier_uniform_(each.weight)
    return nn.Sequential(each, xavier_conv(channels_in, channels_out, 1, bias=has_bias))


class ConvBlock(nn.Module):
    """Reflect-pad, convolution without bias, LADE, LeakyReLU(0.2); the paper's CLL, or what `kind` makes of it.

    The total padding is kernel - stride. An odd total puts the extra row on top and the extra column on the left.
    """

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1, kind: BlockKind = CLL
    ) -> None:
        super().__init__()
        total = kernel - stride
        before, after = total - total // 2, total // 2
        self.padding = (before, after, before, after)
        self.conv = _block_conv(channels_in, channels_out, kernel, stride, kind)
        self.norm = Lade(channels_out) if kind.has_lade else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C_in, H, W] to [N, C_out, H / stride, W / stride]."""
        y = self.conv(F.pad(x, self.padding, mode="reflect"))
        return F.leaky_relu(self.norm(y), LEAKY_SLOPE)


class ContextBlock(nn.Module):
    """What lies farther off, added to each pixel: x + gain * LeakyReLU(LADE(convolution with holes of x)).

    Convolutions whose taps lie apart see far at the cost of ones that do not (Yu, Koltun: "Multi-Scale Context
    Aggregation by Dilated Convolutions", ICLR 2016). The gain of each channel starts at zero (Bachlechner et al.:
    "ReZero is All You Need", UAI 2021): put into a trained network, the block changes nothing at first.

    Args:
        channels: C of the input [N, C, H, W]; the output has the same shape.
        reach: How far apart the taps lie, pixels of the input; beyond its border they read zeros.
        kind: Whether LADE follows the convolution; it is never separable.
    """

    def __init__(self, channels: int, reach: int, kind: BlockKind = CLL) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=reach, dilation=reach, bias=not kind.has_lade)
        nn.init.xavier_uniform_(self.conv.weight)
        if self.conv.bias is not None:
            nn.init.zeros_(self.conv.bias)
        self.norm = Lade(channels) if kind.has_lade else nn.Identity()
        self.gain = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to the same shape."""
        return x + self.gain * F.leaky_relu(self.norm(self.conv(x)), LEAKY_SLOPE)


class ExternalAttention(nn.Module):
    """Attention of every pixel to a learned memory that all pictures share; the only place with a BatchNorm.

    h = Conv1x1(x); A = softmax of h M over the pixels, then divided by its sum over the slots; z = A M^T;
    y = LeakyReLU(x + BatchNorm(Conv1x1(z))).

    Args:
        channels: C of the input [N, C, H, W]; the output has the same shape.
        slots: Columns of the memory M [C, slots].
    """

    def __init__(self, channels: int, slots: int = ATTENTION_SLOTS) -> None:
        super().__init__()
        self.enter = xavier_conv(channels, channels, 1)
        self.memory = nn.Parameter(torch.empty(channels, slots))
        nn.init.xavier_uniform_(self.memory)
        self.leave = xavier_conv(channels, channels, 1)
        self.norm = nn.BatchNorm2d(channels, eps=BATCH_NORM_EPS, momentum=BATCH_NORM_MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        """Attend; [N, C, H, W] to the same shape."""
        query = self.enter(x).flatten(2)
        if torch.is_autocast_enabled(x.device.type):
            with torch.autocast(x.device.type, enabled=False):
                read = self._read_memory(query.float()).to(query.dtype)
        else:
            read = self._read_memory(query.float()).to(query.dtype)
        y = self.norm(self.leave(read.view_as(x)))
        return F.leaky_relu(x + y, LEAKY_SLOPE)

    def _read_memory(self, query: Tensor) -> Tensor:
        """Map queries [N, C, H * W] to what they read, the same shape."""
        attention = torch.softmax(self.memory.transpose(0, 1) @ query, dim=2)
        attention = attention / (attention.sum(dim=1, keepdim=True) + ATTENTION_EPS)
        return self.memory @ attention


def double_size(x: Tensor, grid: ResizeGrid) -> Tensor:
    """Bilinear resize of [N, C, H, W] to [N, C, 2H, 2W]."""
    if grid == "half_pixel":
        return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    # Sampling at i / 2 meets every source pixel and every middle between two neighbours; the last one meets itself.
    down = torch.cat((x[:, :, 1:], x[:, :, -1:]), dim=2)
    tall = torch.stack((x, (x + down) / 2), dim=3).flatten(2, 3)
    right = torch.cat((tall[..., 1:], tall[..., -1:]), dim=3)
    return torch.stack((tall, (tall + right) / 2), dim=4).flatten(3, 4)


def set_lade_form(module: nn.Module, form: LadeForm) -> None:
    """Choose how every LADE below `module` computes; the weights and the result stay the same."""
    for child in module.modules():
        if isinstance(child, Lade):
            child.form = form
