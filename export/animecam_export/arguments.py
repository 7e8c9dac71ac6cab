"""What the words of `animecam-export` mean."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from animecam.errors import UsageError
from animecam.styles.card_parser import NAME_PATTERN

_SIZE_PATTERN = re.compile(r"(\d+)x(\d+)")
_FIGURE_DIGITS = 4  # after the point


def check_name(text: str, what: str, option: str) -> str:
    """A name as it was given.

    Args:
        text: The name.
        what: It belongs to, for people.
        option: That names it.

    Raises:
        UsageError: It holds what a file's name should not.
    """
    if not NAME_PATTERN.fullmatch(text):
        raise UsageError(f"{text!r} cannot be a {what}'s name", hint=f"lower-case letters, digits, - and _: {option}")
    return text


def check_steps(steps: int, recipe: str, checkpoint: Path) -> None:
    """Finds steps that would not come into the card, which tells of a training by its recipe or not at all.

    Args:
        steps: As given; 0: not.
        recipe: How it was trained, as given or as the checkpoint says; empty: nobody does.
        checkpoint: What is exported.

    Raises:
        UsageError: There are steps and no recipe.
    """
    if steps and not recipe:
        raise UsageError(
            f"--steps without --recipe: {checkpoint} does not say how it was trained",
            hint="--recipe WORDS, for instance a file's name; or leave --steps out",
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """Measured numbers, as they were given.

    Attributes:
        by_name: Under the names of a card.
        file: Where most of them stood; None: all were named one by one.
        weights_sha256: The network that the file's are of; None where it does not say so.
    """

    by_name: Mapping[str, float]
    file: Path | None = None
    weights_sha256: str | None = None

    def check_network(self, checkpoint: Path, weights_sha256: str) -> None:
        """Finds figures of another network than the one that is exported.

        Raises:
            UsageError: They are of another one.
        """
        if self.weights_sha256 not in {None, weights_sha256}:
            hint = f"measure this one: animecam-train evaluate {checkpoint} … --json {self.file}"
            raise UsageError(f"{self.file} holds the figures of another network than {checkpoint}", hint=hint)

    @property
    def are_of_unknown(self) -> bool:
        """Whether nobody can tell which network the file's figures are of."""
        return self.file is not None and self.weights_sha256 is None


def read_figures(figures: tuple[str, ...], file: Path | None) -> Figures:
    """The figures in a file, and those named one by one, which count where both are given.

    Args:
        figures: Each "NAME=NUMBER".
        file: What `animecam-train evaluate --json` wrote.

    Raises:
        UsageError: A word of another form, or a file that cannot be read or holds no figures.
    """
    named = dict(_figure(text) for text in figures)
    if file is None:
        return Figures(named)
    measured = _figures_of(file)
    return Figures({**measured.by_name, **named}, file, measured.weights_sha256)


def _figure(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        value = float(number)
        if not name or not math.isfinite(value):  # JSON, which a card is, knows no others
            raise ValueError
        return name, value
    except ValueError as error:
        raise UsageError(f"--figure {text!r} is not NAME=NUMBER", hint="--figure identity_cosine=0.89") from error


def _figures_of(path: Path) -> Figures:
    """The figures in a file of `animecam-train evaluate --json`."""
    hint = "name the file that animecam-train evaluate --json wrote"
    try:
        table = json.loads(path.read_text("utf-8"))
        read = {str(name): round(float(value), _FIGURE_DIGITS) for name, value in table["by_name"].items()}
        if not all(map(math.isfinite, read.values())):  # as former versions wrote of a style beside itself
            raise ValueError
        return Figures(read, path, table.get("weights_sha256"))  # former versions did not tell
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint=hint) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} holds no figures of a style", hint=hint) from error


def parse_size(text: str | None) -> tuple[int, int] | None:
    """(height, width) from "WIDTHxHEIGHT".

    Raises:
        UsageError: It has another form.
    """
    if text is None:
        return None
    found = _SIZE_PATTERN.fullmatch(text)
    if found is None:
        raise UsageError(f"--size {text!r} is not WIDTHxHEIGHT", hint="--size 256x256")
    return int(found[2]), int(found[1])
