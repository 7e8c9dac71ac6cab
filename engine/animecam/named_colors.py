"""Colours as a user names them: by a word of a list, or as #rrggbb."""

import re
from collections.abc import Mapping
from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]
"""A colour as red, green and blue in [0, 255]."""

HAIR_TINTS: dict[str, Rgb] = {
    "pink": (240, 120, 170),
    "red": (205, 60, 60),
    "blond": (235, 200, 110),
    "green": (110, 190, 125),
    "teal": (80, 180, 190),
    "blue": (70, 110, 230),
    "violet": (150, 100, 215),
    "silver": (200, 205, 220),
}
"""Colours of hair by name."""

_HEX = re.compile(r"#(?:[0-9a-f]{3}){1,2}")


def plain_color(text: str) -> str:
    """A colour's one spelling: in small letters, #rgb as #rrggbb; what is no colour in small letters."""
    plain = text.lower()
    is_short = len(plain) == len("#rgb") and _HEX.fullmatch(plain)
    return "#" + "".join(2 * digit for digit in plain[1:]) if is_short else plain


def color_of(plain: str, names: Mapping[str, Rgb]) -> Rgb | None:
    """The colour that a text stands for; None if it is none.

    Args:
        plain: As `plain_color` gives it.
        names: Colours that have a name.
    """
    if plain in names:
        return names[plain]
    if not _HEX.fullmatch(plain):
        return None
    red, green, blue = bytes.fromhex(plain[1:])
    return red, green, blue
