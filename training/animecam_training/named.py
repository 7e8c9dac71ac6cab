"""Types of the command's arguments: a path, or the name of something that comes with the program."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from animecam_training.metrics.choice import MetricNetwork


def recipe(words: str) -> Path:
    """A recipe's file, or the name of one that comes with the program."""
    from animecam_training.weights.bundled import find_recipe

    return find_recipe(Path(words))


def style(words: str) -> Path:
    """A checkpoint, a style's folder or network, or the name of a style, with :lite for its lite network."""
    from animecam_training.weights.bundled import find_network

    return find_network(words)


def metric_network(words: str) -> "tuple[MetricNetwork, Path | None]":
    """A network that figures are taken on, and a file of its weights if one is named: NAME or NAME=FILE."""
    from animecam_training.metrics.choice import parse_network

    return parse_network(words)


def teacher(given: Path | None, of_recipe: str) -> str:
    """Where the teacher lies: the one that was given, else the recipe's, which may be a name, too; empty for none."""
    return str(given or (style(of_recipe) if of_recipe else ""))
