"""One name for a setting in Python, another one on the command line: messages have the first, the terminal the second.

A message names a field in backticks, as a script writes it: `size_px`, `backend="openvino"`, `overwrite=True`.
"""

import re
from collections.abc import Container
from dataclasses import fields

from animecam.settings import Look, Settings

# Fields whose options are called something else.
_OPTION_NAMES = {"size_px": "size", "head_edge": "edge", "backdrop": "background"}
_WITHOUT_OPTION = frozenset({"look", "split", "shows_boxes", "still_faces"})
_ALL_FIELDS = {field.name for kind in (Look, Settings) for field in fields(kind)}

FIELDS = (*sorted(_ALL_FIELDS - _WITHOUT_OPTION), "overwrite")
"""Those that the command line has an option for."""

_FIELD = re.compile(rf"""`({"|".join(FIELDS)})(?:=(?:True|["']?([^"'`]*)["']?))?`""")


def option_name(field: str) -> str:
    """What a field is called on the command line, without dashes before it."""
    return _OPTION_NAMES.get(field, field.replace("_", "-"))


def in_options(text: str, known: Container[str] | None = None) -> str:
    """A message for the command line: `backend="openvino"` becomes --backend openvino; all else stays.

    Args:
        text: The message.
        known: Options of the program that tells it, such as "--size"; of others it is said that animecam has them.
            None: it is animecam.
    """

    def told(match: re.Match[str]) -> str:
        option = f"--{option_name(match[1])}"
        owner = "" if known is None or option in known else "animecam "
        return owner + option + (f" {match[2]}" if match[2] else "")

    return _FIELD.sub(told, text)
