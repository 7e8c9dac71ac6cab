"""Recipes as TOML: there and back, with errors that name the key."""

import dataclasses
import json
import tomllib
from collections.abc import Sequence
from dataclasses import fields
from math import isfinite
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from animecam_training.errors import ConfigError
from animecam_training.recipe.changes import changed
from animecam_training.recipe.config import Recipe
from animecam_training.recipe.rules import rules_of
from animecam_training.weights.bundled import RECIPES


def load_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        path: A TOML file.
        changes: Values that take the place of its own, as for `changed`.

    Raises:
        ConfigError: The file is missing or not TOML, a key is unknown, or a value has the wrong type; the message
            names the key.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8-sig"))  # editors on Windows begin a file with a mark
    except OSError as error:
        names = ", ".join(sorted(one.stem for one in RECIPES.glob("*.toml")))
        hint = f"name a .toml file, or one that comes with the program: {names}"
        raise ConfigError(f"cannot read recipe {path}: {error.strerror}", hint=hint) from error
    except ValueError as error:  # no TOML, or no text at all
        raise ConfigError(f"recipe {path} is not TOML: {error}", hint="compare it with the bundled recipes") from error
    return recipe_from_table(changed(table, changes))


def recipe_from_table(table: dict[str, Any]) -> Recipe:
    """A recipe from nested tables; what is absent keeps its default.

    Raises:
        ConfigError: An unknown key, a value of the wrong type, or a number that makes no sense.
    """
    recipe = _fill(Recipe, table, "")
    for key, (sound, wanted) in rules_of(recipe).items():
        if not sound:
            raise ConfigError(f"recipe: {key} has a value that makes no sense", hint=f"wanted: {wanted}")
    return recipe


def recipe_to_table(recipe: Recipe) -> dict[str, Any]:
    """Nested tables of plain values."""
    return dataclasses.asdict(recipe)


def recipe_to_toml(recipe: Recipe) -> str:
    """The recipe as TOML text; `load_recipe` of it gives an equal recipe."""
    return "\n".join(_toml_section(recipe_to_table(recipe), "")) + "\n"


def differences(old: Recipe, new: Recipe) -> list[str]:
    """Keys whose values differ, each as "key: old -> new"."""
    before, after = flattened(recipe_to_table(old)), flattened(recipe_to_table(new))
    return [f"{key}: {before[key]!r} -> {after[key]!r}" for key in before if before[key] != after[key]]


def flattened(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A table in tables as one, with names as "optim.betas"."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}  # pyright: ignore[reportUnknownArgumentType]
    return flat


def _toml_section(table: dict[str, Any], name: str) -> list[str]:
    """The lines of a table: its plain values, then its tables, each under its dotted name."""
    lines = [f"{key} = {toml_value(value)}" for key, value in table.items() if not isinstance(value, dict)]
    for key, value in table.items():
        if isinstance(value, dict):
            dotted = f"{name}.{key}" if name else key
            lines += ["", f"[{dotted}]", *_toml_section(cast("dict[str, Any]", value), dotted)]
    return lines


def toml_value(value: Any) -> str:
    """A plain value of a recipe as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # A text of JSON is one of TOML's, but for DEL.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType]
    return repr(value)


def known_part(table: dict[str, Any], kind: type = Recipe, prefix: str = "") -> tuple[dict[str, Any], list[str]]:
    """A table without the keys that recipes do not have, and the names of these: other versions wrote other keys."""
    hints = get_type_hints(kind)
    known: dict[str, Any] = {}
    unknown: list[str] = []
    for key, value in table.items():
        if key not in hints:
            unknown.append(prefix + key)
        elif dataclasses.is_dataclass(hints[key]) and isinstance(value, dict):
            known[key], below = known_part(cast("dict[str, Any]", value), cast("type", hints[key]), f"{prefix}{key}.")
            unknown += below
        else:
            known[key] = value
    return known, unknown


def _fill(kind: type, table: dict[str, Any], prefix: str) -> Any:
    """An instance of the dataclass `kind` from a table."""
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    for key in table:
        if key not in known:
            raise ConfigError(f"recipe: unknown key {prefix}{key}", hint="known here: " + ", ".join(sorted(known)))
    return kind(**{key: _convert(value, hints[key], prefix + key) for key, value in table.items()})


def _convert(value: Any, hint: Any, key: str) -> Any:
    """`value` as the type `hint`, or an error that names `key`."""
    origin, arguments = get_origin(hint), get_args(hint)
    found = cast("type[Any]", type(value))
    if dataclasses.is_dataclass(hint) and found is dict:
        return _fill(cast("type", hint), value, key + ".")
    if origin is Literal and value in arguments:
        return value
    if origin is tuple and found is list:
        items = cast("list[Any]", value)
        kinds: list[Any] = [arguments[0]] * len(items) if arguments[-1] is Ellipsis else [*arguments]
        if len(kinds) == len(items):
            return tuple(_convert(items[i], kinds[i], f"{key}[{i}]") for i in range(len(items)))
    if hint is float and found in (int, float) and isfinite(value):
        return float(value)
    if hint in (int, str, bool) and found is hint:
        return value
    raise ConfigError(f"recipe: {key} must be {_name(hint)}, not {value!r}", hint="compare it with the bundled recipes")


def _name(hint: Any) -> str:
    """The type in words for a message."""
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(repr, get_args(hint)))
    if get_origin(hint) is tuple:
        kind, *others = get_args(hint)
        count = "" if Ellipsis in others else f"{len(others) + 1} "
        return f"a list of {count}{kind.__name__}"
    return "a table" if dataclasses.is_dataclass(hint) else str(getattr(hint, "__name__", hint))
