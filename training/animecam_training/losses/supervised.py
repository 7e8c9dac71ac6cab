"""Terms against a known target picture: the procedural one, or a teacher's output in distillation."""

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional as F


def pixel_l1(picture: Tensor, target: Tensor) -> Tensor:
    """Mean |picture - target|; [N, C, H, W] both, RGB in [-1, 1]."""
    return F.l1_loss(picture.float(), target.float())


def covered_l1(picture: Tensor, target: Tensor, cover: Tensor) -> Tensor:
    """Mean of |picture - target| times a cover [N, 1, H, W], 0 … 1: what the covered part adds to `pixel_l1`."""
    return ((picture.float() - target.float()).abs() * cover).mean()


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
