"""Recipes as TOML: there and back, with errors that name the key."""

import dataclasses
import json
import tomllib
from dataclasses import fields
from math import isfinite
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from animecam_training.config import Recipe
from animecam_training.errors import ConfigError

SMALLEST_CROP_PX = 64
SIZE_MULTIPLE = 8  # of crops; the generators halve three times
MOST_SEED = 2**32 - 1
MOST_CONTEXT = 5  # the fifth block looks 256 pixels to either side
PRETRAINING = ("pretrain_support", "pretrain_main")


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        ConfigError: The file is missing or not TOML, a key is unknown, or a value has the wrong type; the message
            names the key.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8-sig"))  # editors on Windows begin a file with a mark
    except OSError as error:
        raise ConfigError(f"cannot read recipe {path}: {error.strerror}", hint="name a .toml file") from error
    except ValueError as error:  # no TOML, or no text at all
        raise ConfigError(f"recipe {path} is not TOML: {error}", hint="compare it with the bundled recipes") from error
    return recipe_from_table(table)


def recipe_from_table(table: dict[str, Any]) -> Recipe:
    """A recipe from nested tables; what is absent keeps its default.

    Raises:
        ConfigError: An unknown key, a value of the wrong type, or a number that makes no sense.
    """
    recipe = _fill(Recipe, table, "")
    for key, (sound, wanted) in _rules(recipe).items():
        if not sound:
            raise ConfigError(f"recipe: {key} has a value that makes no sense", hint=f"wanted: {wanted}")
    return recipe


def _rules(recipe: Recipe) -> dict[str, tuple[bool, str]]:
    """What every key must hold, and that in words."""
    data, optim, model, augment = recipe.data, recipe.optim, recipe.model, recipe.augment
    sizes = bool(data.sizes_px) and all(s >= SMALLEST_CROP_PX and s % SIZE_MULTIPLE == 0 for s in data.sizes_px)
    calm = recipe.calm_teacher == 0 or (recipe.calm_teacher > 0 and recipe.method == "distill")
    worn = recipe.pair_weights.worn == 0 or recipe.method != "dtgan"
    beards = recipe.beards == 0 or (0 < recipe.beards <= 1 and recipe.method == "pairs")
    parts = recipe.pair_weights.parts == 0 or recipe.method == "pairs"
    is_judged = recipe.method != "dtgan" and recipe.pair_weights.adversarial > 0
    supervisors = dataclasses.asdict(recipe.pair_weights) | {"adversarial": 0.0}
    # Until the discriminator comes another term has to say what is wanted.
    late = recipe.adversarial_from == 0 or (0 < recipe.adversarial_from < 1 and is_judged and any(supervisors.values()))
    pretrain = 0 <= recipe.pretrain_steps <= (recipe.steps if recipe.method == "dtgan" else 0)
    weights = dataclasses.astuple(recipe.pair_weights)
    supervised = any(weights) and min(weights) >= 0
    least_blur, most_blur = augment.blur_px
    least_motion, most_motion = augment.motion_px
    rows = dataclasses.asdict(recipe.dtgan_weights)
    first = [rows.pop(name) for name in PRETRAINING]
    style = rows.pop("style")
    adversary = rows.pop("smoothed_edges")
    unpaired = any((*rows.values(), *style)) and min(*rows.values(), *first, *style, adversary) >= 0
    heads = model.discriminator == "patch" or recipe.method != "dtgan"
    return _drawing_rules(recipe) | {
        "name": (bool(recipe.name) and "/" not in recipe.name, "a word without /"),
        "steps": (recipe.steps > 0, "1 or more"),
        "pretrain_steps": (pretrain, '0, or up to steps with the method "dtgan"'),
        "save_every": (recipe.save_every > 0, "1 or more"),
        "grid_every": (recipe.grid_every > 0, "1 or more"),
        "log_every": (recipe.log_every > 0, "1 or more"),
        "calm_teacher": (calm, '0, or more with the method "distill"'),
        "adversarial_from": (late, "0, or to less than 1 with pair_weights.adversarial and another"),
        "pair_weights.worn": (worn, '0, or more with the method "pairs" or "distill"'),
        "pair_weights.parts": (parts, '0, or more with the method "pairs"'),
        "expressions": (0 <= recipe.expressions <= 1, "0 to 1"),
        "beards": (beards, '0, or to 1 with the method "pairs"'),
        "glasses": (0 <= recipe.glasses <= 1, "0 to 1"),
        "even_light": (0 <= recipe.even_light <= 1, "0 to 1"),
        "model.widths": (len(model.widths) in (0, 3) and all(w > 0 for w in model.widths), "three numbers, or none"),
        "model.context": (0 <= model.context <= MOST_CONTEXT, f"0 to {MOST_CONTEXT}"),
        "model.discriminator": (heads, '"patch" with the method "dtgan"'),
        "model.discriminator_channels": (model.discriminator_channels > 0, "1 or more"),
        "data.batch": (data.batch > 0, "1 or more"),
        "data.workers": (data.workers >= 0, "0 or more"),
        "data.sizes_px": (sizes, f"multiples of {SIZE_MULTIPLE} from {SMALLEST_CROP_PX}"),
        "data.zooms": (bool(data.zooms) and all(z >= 1 for z in data.zooms), "1.0 or more, one number at least"),
        "seed": (0 <= recipe.seed <= MOST_SEED, f"0 to {MOST_SEED}"),
        "augment.colour": (0 <= augment.colour <= 1, "0 to 1"),
        "augment.exposure": (0 <= augment.exposure < 1, "0 to less than 1"),
        "augment.white_balance": (0 <= augment.white_balance < 1, "0 to less than 1"),
        "augment.gamma": (0 < augment.gamma <= 1, "more than 0, to 1"),
        "augment.blur": (0 <= augment.blur <= 1, "0 to 1"),
        "augment.blur_px": (0 < least_blur <= most_blur, "two above 0, the smaller first"),
        "augment.noise": (0 <= augment.noise <= 1, "0 to 1"),
        "augment.jpeg": (0 <= augment.jpeg <= 1, "0 to 1"),
        "augment.haze": (0 <= augment.haze <= 1, "0 to 1"),
        "augment.motion": (0 <= augment.motion <= 1, "0 to 1"),
        "augment.motion_px": (0 < least_motion <= most_motion, "two above 0, the smaller first"),
        "optim.learning_rate": (optim.learning_rate >= 0, "0 or more"),
        "optim.discriminator_rate": (optim.discriminator_rate >= 0, "0 or more"),
        "optim.betas": (all(0 <= beta < 1 for beta in optim.betas), "two from 0 to less than 1"),
        "optim.warmup_steps": (optim.warmup_steps >= 0, "0 or more"),
        "optim.decay_from": (0 <= optim.decay_from <= 1, "0 to 1"),
        "optim.final_share": (0 <= optim.final_share <= 1, "0 to 1"),
        "optim.clip_norm": (optim.clip_norm > 0, "more than 0"),
        "optim.ema_decay": (0 <= optim.ema_decay < 1, "0 to less than 1"),
        "pair_weights": (supervised, "one weight above 0, and none below"),
        "dtgan_weights.pretrain_main": (recipe.pretrain_steps == 0 or any(first), "one of pretrain_* not 0"),
        "dtgan_weights.style": (len(style) > 0, "one number for each style layer"),
        "dtgan_weights": (unpaired or not style, "one weight above 0 after pre-training, and none below"),
    }


def _drawing_rules(recipe: Recipe) -> dict[str, tuple[bool, str]]:
    """Those of the sections that say how targets are drawn."""
    target, anime, flat = recipe.target, recipe.anime, recipe.flat
    positive = "more than 0"
    rules = {
        "target.eye_gain": (target.eye_gain > 0, positive),
        "anime.eye_gain": (min(anime.eye_gain) > 0, positive),
        "anime.nose_gain": (anime.nose_gain > 0, positive),
        "anime.mouth_gain": (min(anime.mouth_gain) > 0, positive),
        "anime.jaw": (0 <= anime.jaw < 1, "0 to less than 1"),
        "flat.eye_gain": (flat.eye_gain > 0, positive),
        "flat.gloss": (flat.gloss > 0, positive),
        "flat.denoise_turns": (flat.denoise_turns >= 0, "0 or more"),
        "flat.space_px": (flat.space_px > 0, positive),
        "flat.colour": (flat.colour > 0, positive),
        "flat.face_reach": (0 < flat.face_reach <= 1, "more than 0, to 1"),
        "flat.edge": (flat.edge > 0, positive),
        "flat.face_edge_gain": (flat.face_edge_gain > 0, positive),
        "flat.line_ink": (flat.line_ink >= 0, "0 or more"),
        "flat.face_ink_share": (0 <= flat.face_ink_share <= 1, "0 to 1"),
        "flat.strand_px": (flat.strand_px >= 0, "0 or more"),
        "flat.eye_light": (0 <= flat.eye_light <= 1, "0 to 1"),
    }
    for name, lines in (("target", target.lines), ("anime", anime.lines), ("flat", flat.lines)):
        rules[f"{name}.lines.sigma_px"] = (lines.sigma_px > 0, positive)
        rules[f"{name}.lines.spread"] = (lines.spread > 0, positive)
        rules[f"{name}.lines.flow_sigma_px"] = (lines.flow_sigma_px > 0, positive)
    return rules


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
    lines = [f"{key} = {_toml(value)}" for key, value in table.items() if not isinstance(value, dict)]
    for key, value in table.items():
        if isinstance(value, dict):
            dotted = f"{name}.{key}" if name else key
            lines += ["", f"[{dotted}]", *_toml_section(cast("dict[str, Any]", value), dotted)]
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # A text of JSON is one of TOML's, but for DEL.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType]
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
