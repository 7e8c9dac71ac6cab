"""Terms on the pixels themselves: colour, smoothness, regions, refinement."""

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


def region_smoothing(
    own_regions: Tensor, photo_regions: Tensor, picture: Tensor, weights: tuple[float, float]
) -> Tensor:
    """w_0 con(seg(s1), s1) + w_1 con(seg(p), s1): flat regions, in the output's own shapes and in the photo's (DTGAN).

    Args:
        own_regions: Content map of seg(s1): the output with the mean colour in each of its superpixels; no gradient.
        photo_regions: Content map of seg(p), the same from the photo.
        picture: Content map of s1.
        weights: w_0, w_1; (0.2, 0.2) for the "Hayao" style of the paper, (0.8, 0.5) for "Shinkai".
    """
    return weights[0] * content(own_regions, picture) + weights[1] * content(photo_regions, picture)


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
