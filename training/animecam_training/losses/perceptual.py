"""Terms on the features of a frozen network: content and style."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from animecam_training.perceptual.base import MAX_SHIFT_PX, FeatureMaps, FeatureNetwork, shift_together


def content(reference: Tensor, picture: Tensor) -> Tensor:
    """con(u, v) = mean |f(u) - f(v)| on one map of the content layer (DTGAN; VGG19 conv4_4 before its ReLU there).

    Args:
        reference: f(u), [N, C, h, w].
        picture: f(v), the same shape.
    """
    return F.l1_loss(picture.float(), reference.float())


def gram(features: Tensor) -> Tensor:
    """Centred Gram matrices F F^T / (H W C), F the map minus its mean over space (DTGAN).

    Centring keeps the colour and brightness of the whole picture out of the style.

    Args:
        features: [N, C, H, W].

    Returns:
        fp32 [N, C, C].
    """
    with torch.autocast(features.device.type, enabled=False):
        flat = features.float().flatten(2)
        flat = flat - flat.mean(dim=2, keepdim=True)
        return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])


def style(reference: Tensor, picture: Tensor) -> Tensor:
    """Mean |Gram(f(a)) - Gram(f(s))| on one layer's maps of a gray anime picture and of the gray output (DTGAN).

    Args:
        reference: f(a), [N, C, h, w].
        picture: f(s), [N, C, h', w'].
    """
    return F.l1_loss(gram(picture), gram(reference))


def compute_features(
    network: FeatureNetwork,
    fixed: Sequence[Tensor],
    learned: Sequence[Tensor],
    *,
    shift_px: int = MAX_SHIFT_PX,
    generator: torch.Generator | None = None,
) -> tuple[list[FeatureMaps], list[FeatureMaps]]:
    """Features of many batches in two passes, all seen through the same random window.

    Args:
        network: The feature network.
        fixed: Batches [N, 3, H, W] that need no gradient: photos, anime, targets.
        learned: Batches of the same size that do: the generator's outputs.
        shift_px: Largest shift of the window; 0 looks at the whole picture.
        generator: Source of the window's place.

    Returns:
        The maps of each batch in `fixed`, and of each in `learned`.
    """
    windows = shift_together([*fixed, *learned], limit_px=shift_px, generator=generator)
    with torch.no_grad():
        fixed_maps = _in_one_pass(network, windows[: len(fixed)])
    return fixed_maps, _in_one_pass(network, windows[len(fixed) :])


def _in_one_pass(network: FeatureNetwork, batches: Sequence[Tensor]) -> list[FeatureMaps]:
    if not batches:
        return []
    sizes = [batch.shape[0] for batch in batches]
    together = network(torch.cat(list(batches)))
    parts = {name: value.split(sizes) for name, value in together.items()}
    return [{name: parts[name][i] for name in parts} for i in range(len(sizes))]
