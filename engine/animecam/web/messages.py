"""Messages from and to the page: JSON objects."""

import json
from collections.abc import Mapping
from typing import cast

from animecam.drawing.crowd import crowd_said
from animecam.errors import AnimecamError, UsageError
from animecam.run.pipeline import Figures
from animecam.settings import Look
from animecam.wording import in_options

MOST_CHARACTERS = 2048  # of one message; the largest honest one has a fifth of that


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


def figures_json(figures: Figures, look: Look) -> dict[str, object]:
    """The figures that the page shows, and what there is to say of them; times in milliseconds."""
    return {
        "fps_in": figures.fps_in,
        "fps_out": figures.fps_out,
        "latency_p50_ms": round(figures.latency_ms.p50, 1),
        "latency_p95_ms": round(figures.latency_ms.p95, 1),
        "faces": figures.faces,
        "crowd": crowd_said(figures.left_out, look),
        "left_out": figures.left_out,
        "frames_out": figures.frames_out,
        "dropped": figures.dropped,
    }


def problem_json(error: AnimecamError, *, is_final: bool = False) -> dict[str, object]:
    """An error as the page shows it, settings by the server's options.

    After a final one there is no use in another session, unless a person says so.
    """
    return {"message": in_options(error.message), "hint": in_options(error.hint), "final": is_final}
