"""What the user asked for, checked once: the look, which may change while it runs, and the machinery, which may not."""

import math
import threading
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from animecam.backends.base import BackendChoice
from animecam.backgrounds import AS_FILMED, BACKGROUNDS, PICTURE, background_color, is_background
from animecam.errors import FieldError, UsageError
from animecam.file_address import as_path
from animecam.named_colors import HAIR_TINTS, Rgb, color_of, plain_color

DEFAULT_STYLE = "cel"
SMALLEST_PX = 192  # below this eyes and mouth dissolve
LARGEST_PX = 512  # above this the networks have never been trained
GOVERNED_SIZES_PX = (192, 224, 256, 320, 384, 448, 512)  # each takes 1.3 to 1.6 times the last one's pixels
AS_DRAWN = 0.5  # weight of lines that are left as the style draws them
SIZE_STEP_PX = 8  # the generators halve three times
STILL_FACES = 64  # of a still picture, unless another number is asked for: a school class with its parents
MOST_THREADS = 1024  # more than any machine has cores; runtimes fail in ways of their own at numbers beyond 32 bits


class Scope(StrEnum):
    """How much of the picture is drawn anew."""

    HEAD = "head"
    PERSON = "person"  # as the whole frame, within the outlines of persons; heads on top, each by itself
    FRAME = "frame"  # the whole frame; heads on top, each by itself


class Unseen(StrEnum):
    """What is shown while somebody may be in view whose head is not drawn: nobody is found, or not everybody."""

    DRAW = "draw"  # the whole frame, drawn
    KEEP = "keep"  # the frame as filmed, with the heads that are seen drawn
    BLUR = "blur"  # the frame blurred beyond recognition, with the heads that are seen drawn


class Palette(StrEnum):
    """In what a whole frame is shown, what is drawn of it and what is not."""

    COLOR = "color"  # in its own colours
    MANGA = "manga"  # in black ink on white paper, with screens of dots


class Quality(StrEnum):
    """Which network of a style draws: only `auto` may choose."""

    AUTO = "auto"
    FULL = "full"
    LITE = "lite"


class HeadEdge(StrEnum):
    """How a drawn head ends: it fades into whatever is behind it, or leaves the background as filmed."""

    SOFT = "soft"
    PERSON = "person"


NO_TINT = "none"  # what takes a tint away where an empty word is hard to write


@dataclass(frozen=True, slots=True)
class Look:
    """What the picture is to look like; a new one takes effect with the next frame.

    Raises:
        UsageError: A value is out of its range.
    """

    style: str = DEFAULT_STYLE
    strength: float = 1.0  # 0: the camera's picture, 1: the style alone
    scope: Scope = Scope.HEAD
    size_px: int = 256  # side of a head's crop; shorter side of the picture of a whole frame
    mirror: bool = False
    split: float | None = None  # left of this part of the width the camera's picture is shown; None: nowhere
    eyes: float = 0.0  # how much larger the eyes are: 0 as filmed, 1 the most
    line: float = AS_DRAWN  # weight of the drawing's lines: 0 the faintest, 1 the heaviest
    hair_tint: str = ""  # a name of HAIR_TINTS, #rrggbb or #rgb; empty, "none" or None: as drawn
    shows_boxes: bool = False  # draw what the detector sees
    palette: Palette = Palette.COLOR
    unseen: Unseen = Unseen.DRAW  # where no face is seen; the other scopes draw such frames anyway, unless it is `blur`
    background: str = AS_FILMED  # behind persons: or another one of `backgrounds`, #rrggbb or #rgb

    def __post_init__(self) -> None:
        _take(self, "scope", Scope)
        _take(self, "unseen", Unseen)
        _take(self, "palette", Palette)
        object.__setattr__(self, "hair_tint", _plain_tint(self.hair_tint))
        object.__setattr__(self, "background", _plain(self.background))
        for name, kind, wanted in _KINDS_OF_LOOK:
            _refuse_other_kind(name, getattr(self, name), kind, wanted)
        for name in ("strength", "eyes", "line", "size_px"):
            _refuse_no_number(name, getattr(self, name))
        if self.split is not None:
            _refuse_no_number("split", self.split)
        if self.split is not None and not 0.0 <= self.split <= 1.0:
            raise FieldError("split", f"{self.split:g} is outside 0..1", hint="0.5 is the middle of the picture")
        if not 0.0 <= self.strength <= 1.0:
            raise FieldError(
                "strength", f"{self.strength:g} is outside 0..1", hint="1 is the style alone, 0 the camera"
            )
        if not 0.0 <= self.eyes <= 1.0:
            raise FieldError("eyes", f"{self.eyes:g} is outside 0..1", hint="0 leaves them as filmed, 1 is the largest")
        if not 0.0 <= self.line <= 1.0:
            hint = "0.5 is as drawn, 0 the faintest, 1 the heaviest"
            raise FieldError("line", f"{self.line:g} is outside 0..1", hint=hint)
        if self.hair_tint and self.hair_rgb is None:
            hint = f"give #rrggbb or one of {', '.join(HAIR_TINTS)}; none leaves it as drawn"
            raise FieldError("hair_tint", f"{self.hair_tint[:40]!r} is no colour", hint=hint)
        if not is_background(self.background):
            hint = f"give #rrggbb, {', '.join(BACKGROUNDS)}; {AS_FILMED} leaves it as filmed"
            raise FieldError("background", f"{self.background[:40]!r} is no colour", hint=hint)
        if not SMALLEST_PX <= self.size_px <= LARGEST_PX:
            problem = f"{self.size_px} is outside {SMALLEST_PX}..{LARGEST_PX}"
            raise FieldError("size_px", problem, hint="256 is a good start")
        if self.size_px % SIZE_STEP_PX:
            nearest_px = round(self.size_px / SIZE_STEP_PX) * SIZE_STEP_PX
            problem = f"{self.size_px} is no multiple of {SIZE_STEP_PX}"
            raise FieldError("size_px", problem, hint=f"{nearest_px:g} is the nearest")
        object.__setattr__(self, "size_px", int(self.size_px))  # 256.0 is one, too

    @property
    def is_retouched(self) -> bool:
        """Whether a drawing is changed after it was drawn."""
        return self.line != AS_DRAWN or bool(self.hair_tint)

    @property
    def is_printed(self) -> bool:
        """Whether a frame is shown in another palette than its own: at no strength it is the camera's."""
        return self.palette is not Palette.COLOR and self.strength > 0.0

    @property
    def hair_rgb(self) -> Rgb | None:
        """The colour of hair; None leaves it as drawn."""
        return color_of(self.hair_tint, HAIR_TINTS)

    @property
    def hides_background(self) -> bool:
        """Whether something else is seen behind persons than what was filmed or drawn there, whatever the strength."""
        return self.background != AS_FILMED

    @property
    def background_rgb(self) -> Rgb | None:
        """The colour behind persons; None where it is none."""
        return background_color(self.background)


@dataclass(frozen=True, slots=True)
class Settings:
    """The look to begin with, and how it is computed.

    Raises:
        UsageError: A value is out of its range.
    """

    look: Look = field(default_factory=Look)
    max_faces: int = 4
    still_faces: int | None = None  # the same of a still picture, where more hold up nothing; None: max_faces
    head_edge: HeadEdge = HeadEdge.SOFT  # `person` costs a network more a face, about 7 ms on one core
    backend: BackendChoice = BackendChoice.AUTO
    detector: str = "auto"  # auto, short, full, yunet:FILE, insightface:PACK
    threads: int = 0  # CPU threads of the networks, 0: the runtime's choice
    gpu: int = 0  # index of the GPU for the runtimes that use one
    quality: Quality = Quality.AUTO  # auto: full on a GPU, else lite; a live run changes to full where that is cheap
    target_fps: float | None = None  # frame rate to hold by choosing size and network; None: they are as asked for
    max_fps: float | None = None  # most frames a second of a live source; None: all that come
    backdrop: Path | None = None  # what the background "picture" shows: a picture, or the first one of a film

    def __post_init__(self) -> None:
        for name, kind in (("head_edge", HeadEdge), ("backend", BackendChoice), ("quality", Quality)):
            _take(self, name, kind)
        for name in ("max_faces", "threads", "gpu"):
            _refuse_other_kind(name, getattr(self, name), Integral, "whole number")
        _refuse_other_kind("look", self.look, Look, "Look")
        _refuse_other_kind("detector", self.detector, str, "text")
        rates = {"target_fps": "30 is what most cameras deliver", "max_fps": "15 halves the work of most cameras"}
        for name, hint in rates.items():
            if (fps := getattr(self, name)) is not None:
                _refuse_no_number(name, fps)
                if not 0 < fps < math.inf:
                    raise FieldError(name, f"{fps:g} is no frame rate", hint=hint)
        if self.still_faces is not None:
            _refuse_other_kind("still_faces", self.still_faces, Integral, "whole number")
        for name, faces in (("max_faces", self.max_faces), ("still_faces", self.still_faces)):
            if faces is not None and faces < 1:
                raise FieldError(name, f"{faces} is below 1", hint="leave it out for the usual number")
        if not 0 <= self.threads <= MOST_THREADS:
            is_what = "below 0" if self.threads < 0 else f"above {MOST_THREADS}"
            raise FieldError("threads", f"{self.threads} is {is_what}", hint="0 lets the runtime choose")
        if self.gpu < 0:
            raise FieldError("gpu", f"{self.gpu} is below 0", hint="0 is the first one")
        if self.backdrop is not None:
            object.__setattr__(self, "backdrop", as_path(self.backdrop))
        if self.look.background == PICTURE and self.backdrop is None:
            raise FieldError("background", "is a picture, and there is none", hint='name it: `backdrop="room.jpg"`')

    @property
    def backgrounds(self) -> tuple[str, ...]:
        """The backgrounds that have a name."""
        return (*BACKGROUNDS, PICTURE) if self.backdrop is not None else BACKGROUNDS

    def check_rates(self, uri: str, *, is_live: bool) -> None:
        """Refuses a rate for a source that waits until each of its frames is drawn.

        Args:
            uri: The source.
            is_live: Its frames come at the world's pace.

        Raises:
            UsageError: A rate is asked for, and the source is not live.
        """
        if is_live:
            return
        hint = "leave it out: every frame is drawn, at its own time; a smaller size or the quality lite draws faster"
        for name in ("target_fps", "max_fps"):
            if getattr(self, name) is not None:
                raise FieldError(name, f"is for live sources, and {uri} is none", hint=hint)


def _take(settings: "Look | Settings", name: str, kind: type[StrEnum]) -> None:
    """Turns the word of a field into its choice, so that scripts may give either.

    Raises:
        UsageError: It is none of the choices.
    """
    value = getattr(settings, name)
    try:
        object.__setattr__(settings, name, kind(value))
    except ValueError as error:
        listed = ", ".join(choice.value for choice in kind)
        hint = f'for example {name}="{next(iter(kind))}"'
        raise FieldError(name, f"{value!r} is none of {listed}", hint=hint) from error


def _plain_tint(tint: object) -> object:
    """A tint in the one way it is kept in."""
    plain = _plain(tint)
    return "" if plain in (None, NO_TINT) else plain


def _plain(color: object) -> object:
    """A colour in its one spelling; what is no text stays what it is, to be refused."""
    return plain_color(color) if isinstance(color, str) else color


_KINDS_OF_LOOK = (
    ("style", str, "text"),
    ("hair_tint", str, "text"),
    ("background", str, "text"),
    ("mirror", bool, "truth value"),
    ("shows_boxes", bool, "truth value"),
)


def _refuse_no_number(name: str, value: object) -> None:
    _refuse_other_kind(name, value, Real, "number")  # NumPy's numbers are real ones, too


def _refuse_other_kind(name: str, value: object, kind: type, wanted: str) -> None:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise FieldError(name, f"{value!r} is no {wanted}", hint=f"{name} takes a {wanted}")


class Controls:
    """Holds the look while a run lasts: keys, a page or a script change it, the renderer reads it once a frame."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._changing = threading.Lock()

    @property
    def look(self) -> Look:
        """The newest look."""
        return self._look

    def change(self, **changes: Any) -> Look:
        """Replaces fields of the look; returns the new one.

        Raises:
            UsageError: There is no such field, or a value is out of its range; the look stays as it was.
        """
        known = [field.name for field in fields(Look)]
        for name in changes:
            if name not in known:
                is_machinery = name in (field.name for field in fields(Settings))
                hint = f"Settings({name}=…) has it" if is_machinery else f"it has {', '.join(known)}"
                raise UsageError(f"a look has no {name}", hint=hint)
        with self._changing:  # two changes at a time must not lose one
            self._look = replace(self._look, **changes)
            return self._look
