"""Reading generator weights from state dicts under other names than ours."""

import re
from collections.abc import Mapping

from torch import Tensor, nn

from animecam_training.errors import CheckpointError

SUPPORT_PREFIX = "support."

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


def load_generator_state(generator: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy weights into a generator, whichever of the known layouts they come in.

    Args:
        generator: From `build_generator`. One without a support tail ignores that of the state; one with a support
            tail starts it from the main tail's weights when the state has none.
        state: State dict of a generator of the same kind, or of the starter checkpoint.

    Raises:
        CheckpointError: The names or shapes are those of another network.
    """
    named = rename_starter_keys(state)
    wanted = generator.state_dict()
    wants_support = any(key.startswith(SUPPORT_PREFIX) for key in wanted)
    if not wants_support:
        named = {key: value for key, value in named.items() if not key.startswith(SUPPORT_PREFIX)}
    elif not any(key.startswith(SUPPORT_PREFIX) for key in named):
        tail = {key: value for key, value in named.items() if key.startswith("main.")}
        named |= {SUPPORT_PREFIX + key.removeprefix("main."): value for key, value in tail.items()}
    hint = "the checkpoint belongs to another generator: compare `generator` in its config"
    if named.keys() != wanted.keys():
        odd = min(named.keys() ^ wanted.keys())
        raise CheckpointError(f"weights do not fit {type(generator).__name__}: {odd!r} is on one side only", hint=hint)
    for key, value in named.items():
        if value.shape != wanted[key].shape:
            shapes = f"{tuple(value.shape)} and not {tuple(wanted[key].shape)}"
            raise CheckpointError(f"weights do not fit {type(generator).__name__}: {key!r} is {shapes}", hint=hint)
    generator.load_state_dict(named)
