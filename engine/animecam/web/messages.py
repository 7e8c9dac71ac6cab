"""Looks and figures as the page sees them: JSON objects, checked on the way in."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from animecam.drawing.crowd import told_of_crowd
from animecam.errors import AnimecamError, UsageError
from animecam.run.pipeline import Figures
from animecam.settings import Look, Palette, Scope, Unseen

MOST_CHARACTERS = 2048  # of one message; the largest honest one has a tenth of that

Changes = dict[str, Any]
"""Fields of a `Look` and their new values, ready for `dataclasses.replace`."""


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _whole(value: object) -> int:
    number = _number(value)
    if not number.is_integer():
        raise ValueError
    return int(number)


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "style": str,
    "strength": _number,
    "scope": Scope,
    "unseen": Unseen,
    "palette": Palette,
    "eyes": _number,
    "line": _number,
    "hair_tint": str,
    "size_px": _whole,
    "mirror": _switch,
    "shows_boxes": _switch,
}
"""The fields of a `Look` that a page may change. A slider of the page needs a line here and one in controls.js."""


def look_changes(data: Mapping[str, object], styles: Collection[str]) -> Changes:
    """Checks the changes of a look that a page asks for.

    Args:
        data: Names of fields of `Look` → values as JSON has them.
        styles: Names of the styles that may be chosen.

    Raises:
        UsageError: A field or style is unknown, or a value is of the wrong kind; its range is checked by `Look`.
    """
    changes: Changes = {}
    for name, value in data.items():
        if name not in _PARSERS:
            raise UsageError(f"there is no control {name[:40]!r}", hint="reload the page")
        try:
            changes[name] = _PARSERS[name](value)
        except (TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"{str(value)[:40]!r} is no value for {name}", hint="reload the page") from error
    if changes.get("style", next(iter(styles), None)) not in styles:
        raise UsageError(f"there is no style {changes['style'][:40]!r}", hint="choose one of the gallery")
    return changes


def read_message(text: str | bytes, most_characters: int = MOST_CHARACTERS) -> Mapping[str, object]:
    """One JSON object from a page.

    Raises:
        UsageError: It is too long or none.
    """
    if len(text) > most_characters:
        raise UsageError("a message of the page is too long", hint="reload the page")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError("a message of the page is no JSON", hint="reload the page") from error
    if not isinstance(data, dict):
        raise UsageError("a message of the page is no object", hint="reload the page")
    return cast(dict[str, object], data)


def look_json(look: Look) -> dict[str, object]:
    """A look as the page sees it."""
    return {name: getattr(look, name) for name in _PARSERS}


def figures_json(figures: Figures, look: Look) -> dict[str, object]:
    """The figures that the page shows, and what there is to say of them; times in milliseconds."""
    return {
        "fps_in": figures.fps_in,
        "fps_out": figures.fps_out,
        "latency_p50_ms": round(figures.latency_ms.p50, 1),
        "latency_p95_ms": round(figures.latency_ms.p95, 1),
        "faces": figures.faces,
        "crowd": told_of_crowd(figures.faces, figures.left_out, look),
        "frames_out": figures.frames_out,
        "dropped": figures.dropped,
    }


def problem_json(error: AnimecamError, *, is_final: bool = False) -> dict[str, object]:
    """An error as the page shows it; after a final one there is no use in another session, unless a person says so."""
    return {"message": error.message, "hint": error.hint, "final": is_final}
