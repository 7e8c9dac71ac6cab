"""What a page orders: a look, and how much of the machine its picture may take; JSON objects, checked on the way in."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from animecam.backgrounds import BACKGROUNDS, background_color
from animecam.errors import UsageError
from animecam.settings import Look, Palette, Quality, Scope, Settings, Unseen


@dataclass(frozen=True, slots=True)
class Order:
    """What is drawn for one user, and with what.

    Attributes:
        look: What the picture is to look like.
        max_faces: Most faces drawn at a time.
        quality: Which network of a style draws.
        still_faces: Most faces of a still picture; None: `max_faces`.
    """

    look: Look
    max_faces: int
    quality: Quality
    still_faces: int | None = None


@dataclass(frozen=True, slots=True)
class Menu:
    """What may be ordered.

    Attributes:
        qualities: Style → the networks it has.
        most_faces: Most faces that may be drawn at a time.
        backgrounds: Those that have a name.
    """

    qualities: Mapping[str, Collection[str]]
    most_faces: int
    backgrounds: Sequence[str] = BACKGROUNDS

    def usual(self, settings: Settings) -> Order:
        """What somebody gets who orders nothing of his own; of a style that lacks the usual network, what it has."""
        has_it = settings.quality in self.qualities.get(settings.look.style, ())
        quality = settings.quality if has_it else Quality.AUTO
        return Order(settings.look, settings.max_faces, quality, settings.still_faces)

    def changed(self, order: Order, data: Mapping[str, object]) -> Order:
        """An order with the changes that a page asks for.

        Args:
            order: What is to be changed.
            data: Names of fields → values as JSON has them.

        Raises:
            UsageError: A field, style or network is unknown, or a value is of the wrong kind or out of its range.
        """
        changes: dict[str, Any] = {}
        for name, value in data.items():
            if name not in _PARSERS:
                raise UsageError(f"there is no control {name[:40]!r}", hint="reload the page")
            try:
                changes[name] = _PARSERS[name](value)
            except (TypeError, ValueError, OverflowError) as error:
                raise UsageError(f"{str(value)[:40]!r} is no value for {name}", hint="reload the page") from error
        if "style" in changes and changes["style"] not in self.qualities:
            raise UsageError(f"there is no style {changes['style'][:40]!r}", hint="choose one of the gallery")
        own = {name: changes.pop(name) for name in _OWN if name in changes}
        if "max_faces" in own:
            own["still_faces"] = None  # who asks for a number means it
        changed = replace(order, look=replace(order.look, **changes), **own)
        self._check(changed)
        return changed

    def _check(self, order: Order) -> None:
        style, quality = order.look.style, order.quality
        if not 1 <= order.max_faces <= self.most_faces:
            what = f"max_faces {order.max_faces} is outside 1..{self.most_faces}"
            raise UsageError(what, hint=f"choose {self.most_faces} at most")
        background = order.look.background
        if background not in self.backgrounds and background_color(background) is None:
            raise UsageError(f"this server has no background {background!r}", hint="choose a colour")
        if quality is not Quality.AUTO and quality not in self.qualities.get(style, ()):
            raise UsageError(f"the style {style} has no {quality} network", hint="choose the quality auto")


def order_json(order: Order) -> dict[str, object]:
    """An order as the page sees it."""
    return {name: getattr(order if name in _OWN else order.look, name) for name in _PARSERS}


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


_OWN = ("max_faces", "quality")  # fields of an order that are none of its look
_PARSERS: dict[str, Callable[[Any], Any]] = {
    "style": str,
    "strength": _number,
    "scope": Scope,
    "unseen": Unseen,
    "palette": Palette,
    "background": str,
    "eyes": _number,
    "line": _number,
    "hair_tint": str,
    "size_px": _whole,
    "mirror": _switch,
    "shows_boxes": _switch,
    "max_faces": _whole,
    "quality": Quality,
}
"""The fields that a page may change. A slider of the page needs a line here and one in controls.js."""
