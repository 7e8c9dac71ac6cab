"""What the keys of a window do, and the text that it shows over the picture."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from animecam.backgrounds import AS_FILMED, BACKGROUNDS
from animecam.drawing.crowd import told_of_crowd
from animecam.errors import AnimecamError
from animecam.named_colors import HAIR_TINTS
from animecam.run.cores import CoreUse
from animecam.run.pipeline import Figures
from animecam.settings import Controls, Look, Palette, Scope, Unseen
from animecam.sinks.recorder import Recorder
from animecam.sinks.talk import Drag, Event
from animecam.sinks.window_keys import Action, action_of, help_lines
from animecam.types import Frame
from animecam.wording import in_options

Choice = TypeVar("Choice")

log = logging.getLogger(__name__)

STRENGTH_STEP = 0.1
CONTROL_STEP = 0.25  # of eyes and lines: five steps, of which each can be told from the next
MIDDLE = 0.5  # of the width: where the line between before and after begins
NOTE_SECONDS = 3.0  # how long a message stays
_SCOPES = {Scope.HEAD: "heads", Scope.PERSON: "persons", Scope.FRAME: "everything"}
_UNSEEN = {Unseen.DRAW: "frames are drawn whole", Unseen.KEEP: "frames as filmed", Unseen.BLUR: "frames are blurred"}
ADVISE_AFTER_SECONDS = 10.0  # of a run: a size that is compiled or a governor has settled then
ADVICE_SECONDS = 10.0  # how long advice stays: it is a line to read


class LivePanel:
    """The state of one window; `sinks.talk.Panel` says who calls what.

    Args:
        controls: Holds the look that the keys change.
        styles: Names by number, the first at key 1.
        why_not: What keeps a style from being drawn at once, in a few words; None when nothing does.
        recorder: Takes recordings and snapshots.
        drawn_by: Says what draws a look now; something faster may take over while the window is open.
        advise: Says what makes the run slow and what to try, once; empty where it is not slow.
        keep: Keeps a look for the next start.
        backgrounds: Those that are offered.
        is_view_shared: Whether others see mirror, before and after, and boxes, too.
    """

    def __init__(
        self,
        controls: Controls,
        styles: Sequence[str],
        why_not: Callable[[str], str | None],
        recorder: Recorder,
        drawn_by: Callable[[Look], str],
        advise: Callable[[Figures], str] = lambda _: "",
        *,
        keep: Callable[[Look], None],
        backgrounds: Sequence[str] = BACKGROUNDS,
        is_view_shared: bool = True,
    ) -> None:
        self._controls, self._styles, self._why_not = controls, tuple(styles), why_not
        self._recorder, self._drawn_by, self._advise = recorder, drawn_by, advise
        self._is_view_shared, self._keep, self._backgrounds = is_view_shared, keep, tuple(backgrounds)
        self._figures = Figures()
        self._frame: Frame | None = None
        self._shows_figures = self._shows_help = self._is_frozen = self._is_advised = False
        self._news, self._crowd = recorder.news, ""
        self._note, self._note_until_s = "", 0.0
        self._say("h: help")
        self._do: dict[Action, Callable[[str], None]] = {
            Action.STYLE: self._choose_style,
            Action.WEAKER: lambda _: self._strengthen(-STRENGTH_STEP),
            Action.STRONGER: lambda _: self._strengthen(STRENGTH_STEP),
            Action.MIRROR: lambda _: self._change_view(mirror=not controls.look.mirror),
            Action.SPLIT: lambda _: self._change_view(split=MIDDLE if controls.look.split is None else None),
            Action.EYES: lambda _: self._step_on("eyes", controls.look.eyes),
            Action.LINE: lambda _: self._step_on("line", controls.look.line),
            Action.HAIR: lambda _: self._next_hair(),
            Action.SCOPE: lambda _: self._next_scope(),
            Action.PALETTE: lambda _: self._next_palette(),
            Action.UNSEEN: lambda _: self._next_unseen(),
            Action.BACKGROUND: lambda _: self._next_background(),
            Action.BOXES: lambda _: self._change_view(shows_boxes=not controls.look.shows_boxes),
            Action.FIGURES: self._toggle_figures,
            Action.HELP: self._toggle_help,
            Action.FREEZE: self._toggle_freeze,
            Action.RECORD: lambda _: recorder.toggle(),
            Action.SNAPSHOT: self._snapshot,
            Action.KEEP: self._keep_look,
        }

    def post(self, figures: Figures) -> None:
        """Takes the newest figures; any thread may call it."""
        self._figures = figures

    def take(self, event: Event) -> None:
        """Does what a key or the mouse asks for."""
        if isinstance(event, Drag):
            if self._controls.look.split is not None:
                self._change(split=event.across)
            return
        action = action_of(event.key)
        if action in self._do:
            self._do[action](event.key)

    def shown(self, frame: Frame) -> Frame:
        """The frame, or the one at which the window was frozen."""
        if not self._is_frozen or self._frame is None:
            self._frame = frame
        return self._frame

    @property
    def text(self) -> str:
        """Lines to show over the picture."""
        if self._recorder.news != self._news:
            self._news = self._recorder.news
            self._say(self._news)
        crowd = in_options(told_of_crowd(self._figures.faces, self._figures.left_out, self._controls.look))
        if crowd and not self._crowd:
            self._say(crowd)
        self._crowd = crowd
        self._advise_once()
        lines: list[str] = []
        seconds = self._recorder.seconds
        if seconds is not None:
            lines.append(f"REC {int(seconds) // 60}:{int(seconds) % 60:02}")
        if self._is_frozen:
            lines.append("frozen, space goes on")
        if self._shows_figures:
            lines.extend(self._figure_lines())
        if self._shows_help:
            lines.extend(help_lines())
        if time.monotonic() < self._note_until_s:
            lines.append(self._note)
        return "\n".join(lines)

    def _advise_once(self) -> None:
        figures = self._figures
        if self._is_advised or figures.seconds < ADVISE_AFTER_SECONDS:
            return
        self._is_advised = True
        if advice := self._advise(figures):
            self._say(advice, ADVICE_SECONDS)

    def _figure_lines(self) -> list[str]:
        figures, look = self._figures, self._controls.look
        faces = "1 face" if figures.faces == 1 else f"{figures.faces} faces"
        more = f", {figures.left_out} more" if figures.left_out else ""
        background = f", background: {look.background}" if look.hides_background else ""
        return [
            f"{figures.fps_in:.0f} fps in, {figures.fps_out:.0f} fps out",
            f"latency {figures.latency_ms.p50:.0f} ms, p95 {figures.latency_ms.p95:.0f} ms",
            f"{faces}{more}, {figures.dropped} dropped, network idle {figures.idle_share:.0%}",
            f"{look.style} at {look.size_px} px, strength {look.strength:.1f}",
            f"drawn: {_SCOPES[look.scope]}, in {look.palette}, unseen: {look.unseen}{background}",
            f"eyes {look.eyes:.2f}, line {look.line:.2f}, hair {look.hair_tint or 'as drawn'}",
            *_core_lines(figures.cores),
            self._drawn_by(look),
        ]

    def _choose_style(self, key: str) -> None:
        number = int(key)
        if number > len(self._styles):
            self._say(f"there is no style {number}")
            return
        style = self._styles[number - 1]
        obstacle = self._why_not(style)
        if obstacle is not None:
            self._say(f"{style} {obstacle}")
            return
        self._change(style=style)
        self._say(f"style {style}")

    def _strengthen(self, step: float) -> None:
        strength = min(max(round(self._controls.look.strength + step, 1), 0.0), 1.0)
        self._change(strength=strength)
        self._say(f"strength {strength:.1f}")

    def _step_on(self, name: str, value: float) -> None:
        """The next step of a control, after the last one the first again."""
        stepped = round(value / CONTROL_STEP + 1) * CONTROL_STEP
        stepped = stepped if stepped <= 1.0 else 0.0
        self._change(**{name: stepped})
        self._say(f"{name} {stepped:.2f}")

    def _next_hair(self) -> None:
        tint = _next(("", *HAIR_TINTS), self._controls.look.hair_tint)
        self._change(hair_tint=tint)
        self._say(f"hair {tint or 'as drawn'}")

    def _next_scope(self) -> None:
        scope = _next(tuple(Scope), self._controls.look.scope)
        self._change(scope=scope)
        self._say(f"what is drawn: {_SCOPES[scope]}")

    def _next_palette(self) -> None:
        palette = _next(tuple(Palette), self._controls.look.palette)
        self._change(palette=palette)
        self._say(f"palette {palette}")

    def _next_unseen(self) -> None:
        unseen = _next(tuple(Unseen), self._controls.look.unseen)
        self._change(unseen=unseen)
        self._say(f"while no face is seen: {_UNSEEN[unseen]}")

    def _next_background(self) -> None:
        background = _next(self._backgrounds, self._controls.look.background)
        self._change(background=background)
        self._say(f"background {'as filmed' if background == AS_FILMED else background}")

    def _change(self, **changes: object) -> None:
        self._controls.change(**changes)

    def _change_view(self, **changes: object) -> None:
        """Changes what is done to a frame once it is drawn, and says who sees it."""
        self._change(**changes)
        if any(changes.values()) and not self._is_view_shared:
            self._say("in this window alone")

    def _toggle_figures(self, _: str) -> None:
        self._shows_figures = not self._shows_figures

    def _toggle_help(self, _: str) -> None:
        self._shows_help = not self._shows_help

    def _toggle_freeze(self, _: str) -> None:
        self._is_frozen = not self._is_frozen

    def _snapshot(self, _: str) -> None:
        if self._frame is not None:
            self._recorder.snapshot(self._frame)

    def _keep_look(self, _: str) -> None:
        try:
            self._keep(self._controls.look)
        except AnimecamError as error:
            self._say(f"not kept: {error.message}")
            log.warning("this look is not kept: %s (%s)", error.message, error.hint)
        else:
            self._say("this look is kept for the next start")

    def _say(self, note: str, seconds: float = NOTE_SECONDS) -> None:
        self._note, self._note_until_s = note, time.monotonic() + seconds


def _next(choices: Sequence[Choice], now: Choice) -> Choice:
    """The choice after that of now; after the last one, and what is no choice, the first."""
    return choices[(choices.index(now) + 1) % len(choices)] if now in choices else choices[0]


def _core_lines(cores: CoreUse | None) -> list[str]:
    return [] if cores is None else [f"processor: {cores.own:.0%} here, {cores.others:.0%} others"]
