"""The mean of two trainings of one network, which often draws better than either.

Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
inference time", ICML 2022. It works where one began at the other's weights, or both at the same.
"""

import re
from pathlib import Path

from animecam_training.checkpoint import Checkpoint, load_checkpoint
from animecam_training.errors import CheckpointError
from animecam_training.models.weights import SUPPORT_PREFIX
from animecam_training.predecessors import read_predecessor


def mix_weights(first: Path, second: Path, share: float) -> Checkpoint:
    """A checkpoint of the mean weights, to evaluate, export, teach or start from; no run can resume it.

    Args:
        first: `last.pt` of a run; recipe and step are taken from it.
        second: Another, or the `model.onnx` of a style whose generator is dtgan-lite.
        share: Of the first in the mean, 0 … 1.

    Raises:
        CheckpointError: A file is missing, damaged or of another kind, or the networks differ.
    """
    begun, other = load_checkpoint(first), read_predecessor(second).weights
    mine = {name: tensor.shape for name, tensor in begun.weights.items()}
    hint = "take two trainings of one generator; in an exported dtgan the BatchNorm is folded: name its last.pt"
    differing = [name for name, shape in mine.items() if name not in other or other[name].shape != shape]
    if differing:
        message = f"{second} has no such {differing[0]} as {first}: they are not the same network"
        raise CheckpointError(message, hint=hint)
    if more := [name for name in other if name not in mine and _is_weight(name)]:
        raise CheckpointError(f"{second} has {more[0]}, and {first} has not: they are not the same network", hint=hint)
    mixed = {
        # Counters are no weights: they stay those of the first.
        name: share * tensor + (1 - share) * other[name] if tensor.is_floating_point() else tensor
        for name, tensor in begun.weights.items()
    }
    return Checkpoint(begun.recipe, begun.step, mixed, {})


def _is_weight(name: str) -> bool:
    """Whether a tensor beside those of a network is a part of it: a graph's constants and a support tail are not."""
    return not re.search("[/:]", name) and not name.startswith(SUPPORT_PREFIX)
