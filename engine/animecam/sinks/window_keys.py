"""The keys of a window: the one table behind what they do, the help in the window and the documentation."""

from dataclasses import dataclass
from enum import Enum, auto


class Action(Enum):
    """What a key does."""

    STYLE = auto()
    WEAKER = auto()
    STRONGER = auto()
    MIRROR = auto()
    SPLIT = auto()
    EYES = auto()
    LINE = auto()
    HAIR = auto()
    SCOPE = auto()
    PALETTE = auto()
    UNSEEN = auto()
    BACKGROUND = auto()
    FIGURES = auto()
    RECORD = auto()
    SNAPSHOT = auto()
    KEEP = auto()
    FREEZE = auto()
    BOXES = auto()
    FULL_SCREEN = auto()
    HELP = auto()
    QUIT = auto()


@dataclass(frozen=True, slots=True)
class Binding:
    """Keys that do one thing.

    Attributes:
        keys: As `key_of` names them: the character, or "F11" or "Esc".
        label: How a person reads them.
        action: What they do.
        help: The same in words.
    """

    keys: tuple[str, ...]
    label: str
    action: Action
    help: str


BINDINGS: tuple[Binding, ...] = (
    Binding(tuple("123456789"), "1-9", Action.STYLE, "style, in the order of: animecam styles"),
    Binding(("[", "-"), "[ or -", Action.WEAKER, "weaker: more of the camera"),
    Binding(("]", "+"), "] or +", Action.STRONGER, "stronger: more of the style"),
    Binding(("m",), "m", Action.MIRROR, "mirror"),
    Binding(("b",), "b", Action.SPLIT, "before and after; drag the line"),
    Binding(("e",), "e", Action.EYES, "larger eyes, step by step, and back"),
    Binding(("l",), "l", Action.LINE, "heavier lines, step by step, then faint ones"),
    Binding(("t",), "t", Action.HAIR, "tint of the hair, one after the other, then none"),
    Binding(("o",), "o", Action.SCOPE, "what is drawn: heads, persons, everything"),
    Binding(("p",), "p", Action.PALETTE, "palette: colours, or ink and dots as in a manga"),
    Binding(("u",), "u", Action.UNSEEN, "unseen faces: frames drawn whole, as filmed, or blurred"),
    Binding(("g",), "g", Action.BACKGROUND, "background: as filmed, blurred, one colour after the other, your picture"),
    Binding(("f",), "f", Action.FIGURES, "figures"),
    Binding(("r",), "r", Action.RECORD, "record, and stop recording"),
    Binding(("s",), "s", Action.SNAPSHOT, "snapshot"),
    Binding(("k",), "k", Action.KEEP, "keep this look for the next start"),
    Binding((" ",), "space", Action.FREEZE, "freeze, and go on"),
    Binding(("d",), "d", Action.BOXES, "what the detector sees"),
    Binding(("w", "F11"), "w or F11", Action.FULL_SCREEN, "full screen"),
    Binding(("h",), "h", Action.HELP, "this help"),
    Binding(("q", "Esc"), "q or Esc", Action.QUIT, "quit"),
)

VIEWER_ACTIONS = frozenset({Action.FULL_SCREEN, Action.QUIT})
"""What the window's own process does; all else it passes on."""

_ACTIONS = {key: binding.action for binding in BINDINGS for key in binding.keys}
_SPECIAL_CODES = {
    27: "Esc",
    0xFFC8: "F11",  # X11's and Wayland's keysym
    0x7A0000: "F11",  # Windows
    0xF70B: "F11",  # macOS
}
_MODIFIERS_FROM_BIT = 16  # GTK puts shift, control and num lock above the key


def action_of(key: str) -> Action | None:
    """What a key does; None for keys without a meaning."""
    return _ACTIONS.get(key)


def key_of(code: int) -> str | None:
    """The name of a key from what OpenCV reports, which differs between systems; None where there is none."""
    if code < 0:
        return None
    code = code if code in _SPECIAL_CODES else code & ((1 << _MODIFIERS_FROM_BIT) - 1)
    if code in _SPECIAL_CODES:
        return _SPECIAL_CODES[code]
    character = chr(code)
    return character.lower() if character.isascii() and character.isprintable() else None


def help_lines() -> tuple[str, ...]:
    """The table for the window, a line a binding."""
    return tuple(f"{binding.label}: {binding.help}" for binding in BINDINGS)
