"""The fields of a look as keyword arguments: a type checker knows their names and values."""

from typing import Literal, TypedDict

from animecam.settings import Palette, Scope, Unseen


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


class LookChanges(LookBesideStyle, total=False):
    """All fields of `Look`."""

    style: str
