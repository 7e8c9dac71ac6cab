"""Colour spaces that gradients can pass: sRGB to gray and to CIE L*a*b* (IEC 61966-2-1, CIE 15, white D65)."""

import torch
from torch import Tensor

LUMA_WEIGHTS = (0.299, 0.587, 0.114)
"""Rec. 601, what OpenCV and the method's own program call gray."""

SRGB_LINEAR_BELOW = 0.04045
LAB_LINEAR_BELOW = (6 / 29) ** 3
LAB_SLOPE = (29 / 6) ** 2 / 3

# Rows X, Y, Z of linear sRGB, each divided by that of the D65 white of the 2 degree observer (0.95047, 1, 1.08883).
_RGB_TO_XYZ_OVER_WHITE = (
    (0.412453 / 0.95047, 0.357580 / 0.95047, 0.180423 / 0.95047),
    (0.212671, 0.715160, 0.072169),
    (0.019334 / 1.08883, 0.119193 / 1.08883, 0.950227 / 1.08883),
)
# Rows L, a, b of the cube roots of X, Y, Z; L has an offset of -16 as well.
_ROOTS_TO_LAB = ((0.0, 116.0, 0.0), (500.0, -500.0, 0.0), (0.0, 200.0, -200.0))
_LAB_OFFSET = (-16.0, 0.0, 0.0)


def to_gray(picture: Tensor) -> Tensor:
    """Luma of RGB [N, 3, H, W], repeated to three channels; the range stays what it was."""
    weights = torch.tensor(LUMA_WEIGHTS, device=picture.device, dtype=picture.dtype).view(1, 3, 1, 1)
    return (picture * weights).sum(dim=1, keepdim=True).expand_as(picture)


def _mix(picture: Tensor, rows: tuple[tuple[float, ...], ...]) -> Tensor:
    """A 3 x 3 matrix applied to the channels of [N, 3, H, W]; no matmul, so that autocast leaves it in fp32."""
    columns = torch.tensor(rows, device=picture.device).T[:, None, :, None, None]
    red, green, blue = (picture[:, channel : channel + 1] for channel in range(3))
    return red * columns[0] + green * columns[1] + blue * columns[2]


def rgb_to_lab(picture: Tensor) -> Tensor:
    """CIE L*a*b* of sRGB pictures, with finite gradients everywhere.

    Args:
        picture: [N, 3, H, W], RGB in [-1, 1]; values outside are clipped.

    Returns:
        fp32 [N, 3, H, W]: L in 0 … 100, a and b in about -110 … 110.
    """
    srgb = ((picture.float() + 1) / 2).clamp(0, 1)
    # Both branches of a `where` get a gradient: the powers must not see values where their slope is infinite.
    curved = ((srgb.clamp_min(SRGB_LINEAR_BELOW) + 0.055) / 1.055) ** 2.4
    linear = torch.where(srgb > SRGB_LINEAR_BELOW, curved, srgb / 12.92)
    xyz = _mix(linear, _RGB_TO_XYZ_OVER_WHITE)
    roots = torch.where(
        xyz > LAB_LINEAR_BELOW,
        xyz.clamp_min(LAB_LINEAR_BELOW) ** (1 / 3),
        xyz * LAB_SLOPE + 4 / 29,
    )
    return _mix(roots, _ROOTS_TO_LAB) + torch.tensor(_LAB_OFFSET, device=picture.device).view(1, 3, 1, 1)
