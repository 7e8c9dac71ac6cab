"""Reading generator weights from state dicts of their relatives: with one tail or two, or under other names."""

import re
from collections.abc import Container, Iterable, Mapping
from hashlib import sha256

from torch import Tensor, nn

from animecam_training.errors import CheckpointError

MAIN_PREFIX, SUPPORT_PREFIX = "main.", "support."

_CONTEXT_GAIN = re.compile(r"(main\.)?context\.\d+\.gain")  # one in each block that lets the lite ones see farther

# The starter checkpoint's short names. Its `u1 v1` ... are the two blocks of an up stage, `n.c` is LADE's 1 x 1.
_STARTER_KEYS = (
    (re.compile(r"^(x[0-3])\."), r"base.\1."),
    (re.compile(r"^main\.e\.a\."), "main.attention.enter."),
    (re.compile(r"^main\.e\.m$"), "main.attention.memory"),
    (re.compile(r"^main\.e\.b\."), "main.attention.leave."),
    (re.compile(r"^main\.e\.bn\."), "main.attention.norm."),
    (re.compile(r"^main\.u([123])\."), r"main.up\1.before."),
    (re.compile(r"^main\.v([123])\."), r"main.up\1.after."),
    (re.compile(r"^main\.o\."), "main.head."),
    (re.compile(r"\.n\.c\.weight$"), ".norm.conv.weight"),
    (re.compile(r"\.c\.weight$"), ".conv.weight"),
)


def rename_starter_keys(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the starter checkpoint's weights the names of `Generator`; a state that has our names is returned as it is.

    Args:
        state: State dict of a base and a main tail.

    Returns:
        A new dict, the same tensors.
    """
    if any(key.startswith("base.") for key in state):
        return dict(state)
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        name = key
        for pattern, replacement in _STARTER_KEYS:
            name = pattern.sub(replacement, name)
        renamed[name] = value
    return renamed


def match_state(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights for a generator from those of a relative.

    A generator with one tail takes the main tail of one with two; one with two starts both tails from the only one.

    Args:
        wanted: State dict of the generator.
        state: State dict of any generator, or of the starter checkpoint.

    Returns:
        The entries of `wanted` that `state` has with the same shape, under the names of `wanted`.
    """
    given = rename_starter_keys(state)
    names = match_names(wanted, given)
    return {key: given[name] for key, name in names.items() if given[name].shape == wanted[key].shape}


def match_names(wanted: Iterable[str], given: Container[str]) -> dict[str, str]:
    """Under which name a relative, with one tail or two, keeps each weight; what it has not is left out."""
    found = {key: next((name for name in _names_of(key) if name in given), None) for key in wanted}
    return {key: name for key, name in found.items() if name is not None}


def count_context(state: Mapping[str, Tensor]) -> int:
    """How many context blocks a generator has by its state dict; of two tails those of the main one."""
    return sum(bool(_CONTEXT_GAIN.fullmatch(name)) for name in state)


def _names_of(key: str) -> tuple[str, ...]:
    """The names under which generators with more or fewer tails keep the same weight, the nearest first."""
    if key.startswith(SUPPORT_PREFIX):
        inner = key.removeprefix(SUPPORT_PREFIX)
        return key, MAIN_PREFIX + inner, inner
    return key, (key.removeprefix(MAIN_PREFIX) if key.startswith(MAIN_PREFIX) else MAIN_PREFIX + key)


def weights_digest(weights: Mapping[str, Tensor]) -> str:
    """What tells two networks apart, wherever and in whichever kind of file they lie: sha256 in hex.

    Args:
        weights: Of the generator that leaves training, by the names of its state dict, fp32. Counters are left out: an
            exported network has none.
    """
    digest = sha256()
    for name, value in sorted(weights.items()):
        if value.is_floating_point():
            digest.update(f"{name} {tuple(value.shape)} ".encode())
            digest.update(value.detach().cpu().contiguous().numpy().astype("<f4").tobytes())
    return digest.hexdigest()


def load_generator_state(generator: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy all weights of a generator from those of a relative (see `match_state`).

    Args:
        generator: From `build_generator`.
        state: State dict of a generator of the same kind, or of the starter checkpoint.

    Raises:
        CheckpointError: The names or shapes are those of another network.
    """
    wanted = generator.state_dict()
    matched = match_state(wanted, state)
    hint = "it is of another generator: compare model.generator and the other keys of model in both recipes"
    name = type(generator).__name__
    if not matched:
        raise CheckpointError(f"weights do not fit {name}: no tensor has its names and shapes", hint=hint)
    if missing := wanted.keys() - matched.keys():
        odd = min(missing)
        raise CheckpointError(
            f"weights do not fit {name}: {odd!r} {tuple(wanted[odd].shape)} is not in them", hint=hint
        )
    generator.load_state_dict(matched)
