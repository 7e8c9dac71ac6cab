"""The fields of a look as keyword arguments: a type checker knows their names and values."""

from dataclasses import replace
from typing import Literal, TypedDict

from animecam.errors import UsageError
from animecam.settings import Controls, Palette, Scope, Settings, Unseen


class LookBesideStyle(TypedDict, total=False):
    """Fields of `Look`, as they may be given where the style has an argument of its own."""

    strength: float
    scope: Scope | Literal["head", "person", "frame"]
    size_px: int
    mirror: bool
    split: float | None
    eyes: float
    line: float
    hair_tint: str | None
    shows_boxes: bool
    palette: Palette | Literal["color", "manga"]
    unseen: Unseen | Literal["draw", "keep", "blur"]
    background: str


class LookChanges(LookBesideStyle, total=False):
    """All fields of `Look`."""

    style: str


def with_look(settings: Settings, look: LookChanges) -> Settings:
    """Settings whose look has other fields.

    Raises:
        UsageError: A value is out of its range, or the settings are none.
    """
    if not isinstance(settings, Settings):  # pyright: ignore[reportUnnecessaryIsInstance] - who calls may not know
        hint = 'for example settings=Settings(max_faces=8); the look goes without: style="cel", strength=0.5'
        raise UsageError(f"settings of the type {type(settings).__name__} are no Settings", hint=hint)
    return replace(settings, look=Controls(settings.look).change(**look))
