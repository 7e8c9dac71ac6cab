"""Values of a recipe that are given on the command line, as "optim.learning_rate=1e-3"."""

import copy
import tomllib
from collections.abc import Sequence
from typing import Any, cast

from animecam_training.errors import ConfigError

AS_IN_A_RECIPE = "as in a recipe: --set steps=4000 --set 'model.widths=[16, 32, 64]'"


def changed(table: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """A recipe's table with other values.

    Args:
        table: As read from a recipe; not touched.
        changes: "KEY=VALUE" each, the key dotted, the value as TOML has it or a plain word; later ones win.

    Raises:
        ConfigError: One has no key or no value, or looks for a table where the recipe has a value.
    """
    table = copy.deepcopy(table)
    for change in changes:
        key, equals, text = (part.strip() for part in change.partition("="))
        sections = key.split(".")
        if not (equals and text and all(sections)):
            raise ConfigError(f"--set {change} is not KEY=VALUE", hint=AS_IN_A_RECIPE)
        inner = table
        for section in sections[:-1]:
            inner = inner.setdefault(section, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"--set {change}: {section} has no keys below it", hint=AS_IN_A_RECIPE)
            inner = cast(dict[str, Any], inner)
        inner[sections[-1]] = _value(text)
    return table


def _value(text: str) -> Any:
    """What TOML makes of a value; a word without quotes, of which it makes nothing, is that word."""
    try:
        (value,) = tomllib.loads(f"value = {text}").values()
    except ValueError:  # no TOML, or more than a value
        return text
    return value
