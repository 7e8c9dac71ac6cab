"""Generators by name, as configs and checkpoints write them."""

from collections.abc import Callable
from typing import Any

from torch import nn

from animecam_training.errors import ConfigError
from animecam_training.models.generator import DoubleTailGenerator, Generator, TwoTailed
from animecam_training.models.lite import DoubleTailLite, LiteGenerator

GENERATORS: dict[str, Callable[..., nn.Module]] = {
    "dtgan": Generator,
    "dtgan-double": DoubleTailGenerator,
    "dtgan-lite": LiteGenerator,
    "dtgan-lite-double": DoubleTailLite,
}
"""All map RGB [N, 3, H, W] in [-1, 1], sides multiples of 8, to the same shape; the double ones to two of them."""


def build_generator(name: str, **options: Any) -> nn.Module:
    """A generator with fresh weights.

    Args:
        name: A key of `GENERATORS`.
        options: Keyword arguments of its class, for instance `widths` of "dtgan-lite".

    Raises:
        ConfigError: No such name, or an option that this generator does not have.
    """
    if name not in GENERATORS:
        raise ConfigError(f"unknown generator {name!r}", hint="known: " + ", ".join(GENERATORS))
    try:
        return GENERATORS[name](**options)
    except TypeError as error:
        raise ConfigError(f"generator {name!r}: {error}", hint="see the options in its class") from error


def inference_generator(generator: nn.Module) -> nn.Module:
    """The part of a generator that leaves training: without the support tail where there is one; modules are shared."""
    return generator.inference() if isinstance(generator, TwoTailed) else generator
