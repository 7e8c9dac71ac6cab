"""What the words of `animecam-export` mean."""

import json
import math
import re
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


def read_figures(figures: tuple[str, ...], file: Path | None) -> dict[str, float]:
    """The figures in a file, and those named one by one, which count where both are given.

    Args:
        figures: Each "NAME=NUMBER".
        file: What `animecam-train evaluate --json` wrote.

    Raises:
        UsageError: A word of another form, or a file that cannot be read or holds no figures.
    """
    return (_figures_of(file) if file else {}) | dict(_figure(text) for text in figures)


def _figure(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        value = float(number)
        if not name or not math.isfinite(value):  # JSON, which a card is, knows no others
            raise ValueError
        return name, value
    except ValueError as error:
        raise UsageError(f"--figure {text!r} is not NAME=NUMBER", hint="--figure identity_cosine=0.89") from error


def _figures_of(path: Path) -> dict[str, float]:
    """The figures in a file of `animecam-train evaluate --json`, under the names of a card."""
    hint = "name the file that animecam-train evaluate --json wrote"
    try:
        named = json.loads(path.read_text("utf-8"))["by_name"]
        read = {str(name): round(float(value), _FIGURE_DIGITS) for name, value in named.items()}
        if not all(map(math.isfinite, read.values())):  # as former versions wrote of a style beside itself
            raise ValueError
        return read
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
