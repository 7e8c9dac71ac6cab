"""Arithmetic with the weights of trainings: the mean of two, and what one of them learned for another style.

Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
inference time", ICML 2022: a mean often draws better than either. Ilharco et al., "Editing Models with Task
Arithmetic", ICLR 2023: what a training changed helps a sibling of the network that it began with, too. Both work where
one began at the other's weights, or all at the same.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from animecam_training.errors import CheckpointError
from animecam_training.models.weights import SUPPORT_PREFIX, match_names
from animecam_training.run.checkpoint import Checkpoint, load_checkpoint
from animecam_training.run.predecessors import read_predecessor
from animecam_training.weights.from_onnx import is_constant
from animecam_training.weights.teachers import name_and_digest

COMPUTED = "computed"  # among the origins of a checkpoint
VARIANCE_SUFFIX = "running_var"  # how BatchNorm calls it, whose root is taken


def mix_weights(first: Path, second: Path, share: float) -> Checkpoint:
    """A checkpoint of the mean weights, to evaluate, export, teach or start from; no run can resume it.

    One of them may have a support tail that the other has not: a run of the method "dtgan" and the style it began with.
    As at such a beginning the tail of the other then stands for both of its tails.

    Args:
        first: `last.pt` of a run; recipe and step are taken from it, and whether there is a support tail.
        second: Another, or the `model.onnx` of a style whose generator is dtgan-lite.
        share: Of the first in the mean, 0 … 1.

    Raises:
        CheckpointError: A file is missing, damaged or of another kind, or the networks differ.
    """
    begun = load_checkpoint(first)
    other = _same_network(first, begun, second)
    origin = f"{share:g} of {name_and_digest(first)} and {1 - share:g} of {name_and_digest(second)}"
    return _computed(begun, origin, lambda name, tensor: share * tensor + (1 - share) * other[name])


def pass_on(learned: Path, before: Path, style: Path, share: float) -> Checkpoint:
    """A checkpoint of a style to whose weights is added what a training of another one changed; no run can resume it.

    Args:
        learned: `last.pt` of a run; recipe and step are taken from it.
        before: What that run began with: a checkpoint or a style.
        style: Who is to learn it, likewise.
        share: Of the change that is added; 1 is all of it.

    Raises:
        CheckpointError: A file is missing, damaged or of another kind, or the networks differ.
    """
    after = load_checkpoint(learned)
    begun, other = _same_network(learned, after, before), _same_network(learned, after, style)
    origin = (
        f"{name_and_digest(style)} and {share:g} of what made {name_and_digest(learned)} of {name_and_digest(before)}"
    )
    return _computed(after, origin, lambda name, tensor: other[name] + share * (tensor - begun[name]))


def _same_network(first: Path, begun: Checkpoint, second: Path) -> Mapping[str, Tensor]:
    """The weights of the second, by the names that those of the first have."""
    mine, other = begun.weights, read_predecessor(second).weights
    names = match_names(mine, other)
    hint = "take two trainings of one generator; in an exported dtgan the BatchNorm is folded: name its last.pt"
    if differing := [name for name in mine if name not in names or other[names[name]].shape != mine[name].shape]:
        message = f"{second} has no such {differing[0]} as {first}: they are not the same network"
        raise CheckpointError(message, hint=hint)
    if more := _left_over(other, names):
        raise CheckpointError(f"{second} has {more[0]}, and {first} has not: they are not the same network", hint=hint)
    return {name: other[place] for name, place in names.items()}


def _computed(begun: Checkpoint, origin: str, compute: Callable[[str, Tensor], Tensor]) -> Checkpoint:
    """A checkpoint whose weights are computed from those of another. Counters are no weights: they stay."""
    weights = {
        name: compute(name, tensor) if tensor.is_floating_point() else tensor for name, tensor in begun.weights.items()
    }
    for name in weights:
        if name.endswith(VARIANCE_SUFFIX):  # what a training took off that of one style may be more than another has
            weights[name] = weights[name].clamp(min=0)
    return Checkpoint(begun.recipe, begun.step, weights, {}, {COMPUTED: origin})


def _left_over(other: Mapping[str, Tensor], names: Mapping[str, str]) -> list[str]:
    """Weights of a network that find no place; a graph's constants are none, and a support tail is not missed."""
    used = {*names.values()}
    return [
        name for name in other if name not in used and not is_constant(name) and not name.startswith(SUPPORT_PREFIX)
    ]
