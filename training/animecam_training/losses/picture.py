"""Terms on the pixels themselves: colour, smoothness, refinement."""

from torch import Tensor
from torch.nn import functional as F

from animecam_training.losses.perceptual import content
from animecam_training.ops.color import rgb_to_lab

LIGHTNESS_SCALE = 100.0
CHROMA_SCALE = 255.0
LIGHTNESS_WEIGHT = 2.0


def lab_color(photo: Tensor, picture: Tensor) -> Tensor:
    """2 mean |L/100 - L'/100| + mean |a - a'|/255 + mean |b - b'|/255 in CIE L*a*b* (DTGAN).

    Args:
        photo: [N, 3, H, W], RGB in [-1, 1]; the colours to keep.
        picture: The same shape and range.
    """
    error = (rgb_to_lab(photo) - rgb_to_lab(picture)).abs().mean(dim=(0, 2, 3))
    return LIGHTNESS_WEIGHT * error[0] / LIGHTNESS_SCALE + (error[1] + error[2]) / CHROMA_SCALE


def total_variation(picture: Tensor) -> Tensor:
    """Half the mean squared difference of neighbours along y, plus that along x (Rudin et al., 1992, squared).

    Args:
        picture: [N, C, H, W], RGB in [-1, 1].
    """
    value = picture.float()
    return (value.diff(dim=2).square().mean() + value.diff(dim=3).square().mean()) / 2


def refinement_pixels(refined: Tensor, drawn: Tensor) -> Tensor:
    """Mean |R - m|: the main tail repeats the support output R, cleaned by non-local means and L0 smoothing (DTGAN).

    Args:
        refined: R, [N, 3, H, W], RGB in [-1, 1], without gradient.
        drawn: m, the same shape and range.
    """
    return F.l1_loss(drawn.float(), refined.float())


def refinement_features(refined: Tensor, drawn: Tensor) -> Tensor:
    """con(R, m), the same in features (DTGAN).

    Args:
        refined: Content map of R, without gradient.
        drawn: Content map of m.
    """
    return content(refined, drawn)
