"""The self-guided filter (He, Sun, Tang: Guided Image Filtering, ECCV 2010): smooths flat regions, keeps edges."""

from torch import Tensor
from torch.nn import functional as F

RADIUS_PX = 2
EPS = 0.01
"""Variance, of values in [0, 1], at which a region counts half as flat."""

_RANGE_SQUARED = 4.0  # a picture in [-1, 1] has four times the variance of the same one in [0, 1]


def box_mean(picture: Tensor, radius_px: int) -> Tensor:
    """Mean over the square of side 2 r + 1 around each pixel, of the part inside the picture; [N, C, H, W]."""
    side = 2 * radius_px + 1
    return F.avg_pool2d(picture, side, stride=1, padding=radius_px, count_include_pad=False)


def guided_filter(picture: Tensor, *, radius_px: int = RADIUS_PX, eps: float = EPS) -> Tensor:
    """Filter each channel with itself as the guide; gradients flow through.

    Args:
        picture: [N, C, H, W], values in [-1, 1].
        radius_px: Half side of the window.
        eps: Regularisation, in the square of the unit of [0, 1].

    Returns:
        fp32, the same shape and range.
    """
    value = picture.float()
    mean = box_mean(value, radius_px)
    # Centred on a rough mean, or the difference of squares would lose digits where the picture is bright and flat.
    centre = value.mean(dim=(2, 3), keepdim=True)
    offset = value - centre
    offset_mean = mean - centre
    variance = (box_mean(offset.square(), radius_px) - offset_mean.square()).clamp_min(0)
    gain = variance / (variance + eps * _RANGE_SQUARED)
    shift = mean * (1 - gain)
    return box_mean(gain, radius_px) * value + box_mean(shift, radius_px)
