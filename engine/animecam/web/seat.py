"""One user's place in the studio: the newest frame waits here for its turn."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from threading import Condition
from typing import Protocol

from animecam.backends.base import BackendInfo
from animecam.drawing.renderer import Draw, Plan
from animecam.errors import AnimecamError, PipelineError
from animecam.pauses import Pausing, at_once
from animecam.render.base import Rendered
from animecam.run.pacing import EARLY_SHARE
from animecam.run.pipeline import Figures
from animecam.run.tally import Tally
from animecam.settings import Controls, Look, Quality
from animecam.timing import Timing
from animecam.types import Frame, Image
from animecam.web.orders import Order

log = logging.getLogger(__name__)

Deliver = Callable[[Rendered], None]
Fail = Callable[[AnimecamError], None]


class Drawing(Protocol):
    """What the studio uses of a renderer."""

    def planning(self, frame: Frame) -> Pausing[Plan]:
        """Finds what is to be drawn of a frame; pauses where a still picture is searched for long."""
        ...

    def kept(self, plan: Plan, draw: Draw) -> Sequence[Image] | None:
        """The drawings of what looks as it did when `draw` last drew it; None where something has changed."""
        ...

    def remember(self, plan: Plan, draw: Draw, drawn: Sequence[Image]) -> None:
        """Takes what `draw` drew, for frames that look like this one."""
        ...

    def finishing(self, plan: Plan, drawn: Sequence[Image]) -> Pausing[Rendered]:
        """Puts what was drawn back into the frame; pauses as often as its heads are many."""
        ...


class Engine(Protocol):
    """What the studio uses of the networks."""

    @property
    def summary(self) -> str:
        """What runs, in one line."""
        ...

    @property
    def backend_info(self) -> BackendInfo:
        """What computes the styles now; another engine may take over when it has been built."""
        ...

    def renderer(
        self, timing: Timing, controls: Controls, *, is_live: bool, max_faces: int, still_faces: int | None
    ) -> Drawing:
        """A renderer with a memory of its own; not live, it draws each frame of a file as `convert` does."""
        ...

    def draw(self, style: str) -> Draw:
        """A style by name, with the network that the engine was opened for."""
        ...

    def draw_with(self, style: str, quality: Quality) -> Draw:
        """A style by name, with a network that somebody chose."""
        ...

    def make_ready(self, look: Look, quality: Quality, frame: Frame) -> None:
        """Makes that ready for the pictures of a frame, in another thread than the one that draws."""
        ...

    def is_ready(self, look: Look, quality: Quality, frame: Frame) -> bool:
        """Whether the pictures of a frame are drawn at once; any thread."""
        ...


class Seat:
    """Holds at most one waiting frame of one user; a newer frame replaces it and is counted.

    Args:
        changed: The studio's condition: guards the waiting frame and wakes the render thread.
        order: What is drawn, to begin with.
        deliver: Takes drawn frames; called in the render thread, so it must be quick.
        fail: Takes the failure that ended this seat, quickly as well.
        leave: Takes this seat out of the studio.
        max_fps: Most frames a second that are drawn; None draws all there is time for.
        is_live: Frames come at the world's pace; False: they are those of a file, and each is waited for.
    """

    def __init__(
        self,
        changed: Condition,
        order: Order,
        deliver: Deliver,
        fail: Fail,
        leave: Callable[["Seat"], None],
        max_fps: float | None = None,
        *,
        is_live: bool = True,
    ) -> None:
        self.order = order
        """What is drawn; another one counts from the next frame on, any one thread may set it."""
        self._controls = Controls(order.look)
        self.timing = Timing()
        self._changed, self._deliver, self._fail, self._leave = changed, deliver, fail, leave
        self.is_live = is_live
        self._waiting: Frame | None = None
        self._is_held = False
        self._step_s = 1.0 / max_fps if max_fps else 0.0
        self._due_s = time.monotonic()
        self._drawing: Drawing | None = None
        self._shape: tuple[object, ...] = ()
        self._tally = Tally(self.timing)
        self._dropped = 0
        self.is_closed = False

    def put(self, frame: Frame, *, is_held: bool = False) -> None:
        """Offers a frame; any one thread may call it. A closed seat ignores it.

        Args:
            frame: Replaces the one that waits.
            is_held: It is not drawn before `release` is called, unless a newer one is.
        """
        with self._changed:
            if self.is_closed:
                return
            self._tally.came()
            if self._waiting is not None:
                self._count_replaced()
            self._waiting, self._is_held = frame, is_held
            self._changed.notify_all()

    def release(self) -> None:
        """What waits may be drawn; the thread that puts frames."""
        with self._changed:
            self._is_held = False
            self._changed.notify_all()

    def close(self) -> None:
        """Gives the seat and its memory back; may be called twice, by any thread."""
        with self._changed:
            self.is_closed = True
            self._waiting = None
            self._leave(self)

    def take(self) -> Frame | None:
        """The waiting frame, if there is one and it is due; the caller holds the studio's condition.

        One that is not due waits on, and is not left out as in `Pipeline`: a page by WebSocket has two pictures under
        way at most, and sends nothing until one is answered.
        """
        now_s = time.monotonic()
        if self._waiting is None or self._is_held or self._left_s(now_s) > 0:
            return None
        # From when it was due, so that the rate is met on average; a camera that paused is owed one frame.
        self._due_s = max(self._due_s, now_s - self._step_s) + self._step_s
        frame, self._waiting = self._waiting, None
        return frame

    def due_in_s(self) -> float:
        """Seconds until the waiting frame is due, infinite if none waits or it is held; the caller holds the studio's
        condition.
        """
        return math.inf if self._waiting is None or self._is_held else max(0.0, self._left_s(time.monotonic()))

    def planning(self, engine: Engine, frame: Frame) -> Pausing[tuple[Plan, Draw]]:
        """Finds what is to be drawn, and by which network. Render thread only.

        A picture of another size, and with another number of faces, starts with nobody known.
        """
        order = self.order  # of one moment: not every style has every network
        self._controls.change(**{each.name: getattr(order.look, each.name) for each in fields(Look)})
        shape = (frame.width_px, frame.height_px, frame.pixel_format, order.max_faces, order.still_faces)
        if self._drawing is None or shape != self._shape:
            self._drawing = engine.renderer(
                self.timing,
                self._controls,
                is_live=self.is_live,
                max_faces=order.max_faces,
                still_faces=order.still_faces,
            )
            self._shape = shape
        plan = yield from self._drawing.planning(frame)
        return plan, engine.draw_with(order.look.style, order.quality)

    def rests(self, plan: Plan, draw: Draw) -> bool:
        """Delivers a frame in which nothing has changed with the drawings of before. Render thread only.

        Returns:
            False where something has changed: it is to be drawn, and finished.
        """
        kept = self._drawing.kept(plan, draw) if self._drawing is not None else None
        if kept is None:
            return False
        at_once(self._composing(plan, kept, is_idle=True))
        return True

    def finishing(self, plan: Plan, draw: Draw, drawn: Sequence[Image]) -> Pausing[None]:
        """Composes and delivers a frame with what was drawn of it. Render thread only."""
        if self._drawing is not None:
            self._drawing.remember(plan, draw, drawn)
        yield from self._composing(plan, drawn, is_idle=False)

    def _composing(self, plan: Plan, drawn: Sequence[Image], *, is_idle: bool) -> Pausing[None]:
        if self._drawing is None or self.is_closed:
            return
        rendered = yield from self._drawing.finishing(plan, drawn)
        self._tally.went(rendered.frame, rendered.faces, is_idle=is_idle)
        self._deliver(rendered)

    def fail(self, error: Exception) -> None:
        """Ends this seat alone. Render thread only."""
        if self.is_closed:
            return
        self.close()
        if isinstance(error, AnimecamError):
            self._fail(error)
            return
        log.error("a frame could not be drawn", exc_info=error)
        self._fail(PipelineError("a frame could not be drawn", hint="the server's log says why"))

    def figures(self) -> Figures:
        """What happened here so far; any thread."""
        return self._tally.figures(dropped=self._dropped, skipped=0, is_interrupted=False)

    def _count_replaced(self) -> None:
        """The waiting frame is not drawn: the engine had no time for it, or it was more than wanted."""
        if self._left_s(time.monotonic()) > 0:
            self._tally.left_out()
        else:
            self._dropped += 1

    def _left_s(self, now_s: float) -> float:
        """Seconds until a frame may be drawn, below 0 since when one might; a little early is in time."""
        return self._due_s - EARLY_SHARE * self._step_s - now_s
