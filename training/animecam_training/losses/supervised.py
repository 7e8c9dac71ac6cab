"""Terms against a known target picture: the procedural one, or a teacher's output in distillation."""

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional as F

TONE_SQUARE_PX = 8


def pixel_l1(picture: Tensor, target: Tensor) -> Tensor:
    """Mean |picture - target|; [N, C, H, W] both, RGB in [-1, 1]."""
    return F.l1_loss(picture.float(), target.float())


def covered_l1(picture: Tensor, target: Tensor, cover: Tensor) -> Tensor:
    """Mean of |picture - target| times a cover [N, 1, H, W], 0 … 1: what the covered part adds to `pixel_l1`."""
    return ((picture.float() - target.float()).abs() * cover).mean()


def parts_l1(picture: Tensor, target: Tensor, parts: Tensor) -> Tensor:
    """Mean of |picture - target| and of `gradient_l1`'s differences, times a mask of the parts that count.

    Eyes and a mouth are a few hundredths of a crop: what they add to the terms over all of it hardly moves a network.
    [N, C, H, W] both, RGB in [-1, 1]; parts [N, 1, H, W], 0 … 1.
    """
    error = picture.float() - target.float()
    across, down = error.diff(dim=3).abs() * parts[..., 1:], error.diff(dim=2).abs() * parts[..., 1:, :]
    return (error.abs() * parts).mean() + across.mean() + down.mean()


def tone_l1(picture: Tensor, target: Tensor) -> Tensor:
    """Mean |mean of the picture - mean of the target| over squares of 8 px: blots on flat areas, tones that are off.

    An L1 of pixels counts them too, but less than the lines that lie a pixel aside; here those hardly count.
    [N, C, H, W] both, RGB in [-1, 1]; a rest of the sides that fills no square is left out.
    """
    error = picture.float() - target.float()
    return F.avg_pool2d(error, TONE_SQUARE_PX).abs().mean()


def gradient_l1(picture: Tensor, target: Tensor) -> Tensor:
    """Mean |dx picture - dx target| plus the same along y: lines in place and flat regions flat.

    Differences of neighbours (Mathieu et al., ICLR 2016, with exponent 1); [N, C, H, W] both, RGB in [-1, 1].
    """
    error = picture.float() - target.float()
    return error.diff(dim=3).abs().mean() + error.diff(dim=2).abs().mean()


def feature_l1(maps: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> Tensor:
    """Sum over the layers of mean |map - target map| (Johnson et al., ECCV 2016, with L1).

    Args:
        maps: Features of the picture by layer name; its keys say which layers count.
        target: Features of the target, at least the same layers.
    """
    terms = [F.l1_loss(value.float(), target[name].float()) for name, value in maps.items()]
    return sum(terms[1:], terms[0])
