"""What the command line asks for and would change nothing: refused, as whoever asks for it believes that it does."""

from collections.abc import Collection
from typing import Literal

import click
from click.core import ParameterSource

from animecam_training.errors import ConfigError
from animecam_training.recipe.config import Recipe
from animecam_training.recipe.use import check_use

OF_HEADS = ("--recipe", "--set", "--weights", "--copies", "--beard-copies", "--seed")
"""Options of `prepare`; pictures of a style are cut and smoothed, always alike."""


def typed_options(context: click.Context) -> list[str]:
    """The options that were given on the command line, by their long names."""
    options = [one for one in context.command.params if isinstance(one, click.Option)]
    typed = [one for one in options if context.get_parameter_source(one.name or "") is ParameterSource.COMMANDLINE]
    return [one.opts[0] for one in typed]


def check_prepare(kind: Literal["photo", "pairs", "style"], recipe: Recipe, typed: Collection[str]) -> None:
    """Refuses options of another kind of pictures.

    Args:
        kind: What is to be made.
        recipe: By which recipe.
        typed: Options that were given.

    Raises:
        ConfigError: One of them would change nothing.
    """
    if "--teacher" in typed and (kind != "pairs" or recipe.drawing != "flat"):
        raise ConfigError(
            "no target would be painted over a teacher", hint='it takes --kind pairs and a recipe with drawing = "flat"'
        )
    for option in OF_HEADS:
        if kind == "style" and option in typed:
            raise ConfigError(f"{option} changes nothing with --kind style", hint=f"leave {option} out")


def check_run(recipe: Recipe, typed: Collection[str]) -> None:
    """Refuses options that the recipe's method, or a run that goes on, has no use for, and such values of the recipe.

    A run that goes on keeps the recipe that it has, whatever is in it.

    Args:
        recipe: What is to be learned.
        typed: Options that were given.

    Raises:
        ConfigError: One of them would change nothing.
    """
    if "--validation" in typed and recipe.method == "dtgan":
        hint = "leave --validation out; animecam-train evaluate measures its style afterwards"
        raise ConfigError('the method "dtgan" has no drawings to validate by', hint=hint)
    if "--styles" in typed and recipe.method != "dtgan":
        raise ConfigError(f'the method "{recipe.method}" looks at no style pictures', hint="leave --styles out")
    if "--teacher" in typed and recipe.method == "pairs":
        hint = "leave --teacher out; prepare --teacher paints targets over one"
        raise ConfigError('the method "pairs" has no teacher', hint=hint)
    if "--estimate" in typed and "--minutes" in typed:
        raise ConfigError("an estimate is of the whole run: --minutes would change nothing", hint="leave --minutes out")
    if "--resume" in typed and "--from" in typed:
        hint = "leave --resume or --from out"
        raise ConfigError("a run that goes on has weights already: --from would change nothing", hint=hint)
    if "--resume" not in typed:
        check_use(recipe)
