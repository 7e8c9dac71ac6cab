"""One live session, however its pictures travel: a camera comes in, drawn pictures and figures go out."""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from animecam.errors import AnimecamError, PipelineError, UsageError
from animecam.render.base import Rendered
from animecam.run.pipeline import Figures
from animecam.timing import RECENT_FRAMES, ms_since, percentiles_of
from animecam.types import Frame
from animecam.web.camera import CameraFrames
from animecam.web.messages import figures_json, problem_json, read_message
from animecam.web.options import Limits
from animecam.web.orders import Menu, Order, order_json
from animecam.web.studio import Studio

if TYPE_CHECKING:
    from av import VideoFrame

log = logging.getLogger(__name__)

CONNECT_SECONDS = 20.0  # from the offer to the first frame; a phone on a poor network needs a few
SILENT_SECONDS = 15.0  # a camera that sends nothing for this long is gone: the tab was closed, the network is down
FIGURES_SECONDS = 0.5  # how often the page's figures move
GOODBYE_SECONDS = 0.1  # the last message leaves before the transport closes
CLOSE_SECONDS = 5.0  # longest wait for the transport to say goodbye


class Link(Protocol):
    """How pictures and messages travel between a page and its session. Event loop only."""

    def send(self, message: dict[str, object]) -> None:
        """Sends a message, or leaves it out if the page does not read them."""
        ...

    def show(self, frame: Frame) -> None:
        """Offers a drawn frame."""
        ...

    async def close(self) -> None:
        """Frees the transport; may be called twice."""
        ...


class Session:
    """Ends when the page hangs up or falls silent, when its time is over, or when `end` is called.

    Args:
        studio: Draws the frames.
        limits: Of picture size and time.
        order: What is drawn, to begin with.
        menu: What may be ordered.
        link: The way to the page.
        on_end: Called once, in the event loop, when everything is freed.
    """

    def __init__(
        self,
        *,
        studio: Studio,
        limits: Limits,
        order: Order,
        menu: Menu,
        link: Link,
        on_end: Callable[["Session"], None],
    ) -> None:
        self.id = secrets.token_urlsafe(8)
        self._studio, self._limits, self._menu = studio, limits, menu
        self._link, self._on_end = link, on_end
        self._loop = asyncio.get_running_loop()
        self._convert = CameraFrames()
        self._tasks: set[asyncio.Task[None]] = set()
        self._opened_s = self._heard_s = time.monotonic()
        self._has_frames = False
        self._recent_ms: deque[float] = deque(maxlen=RECENT_FRAMES)
        self._ending: asyncio.Task[None] | None = None
        self._seat = studio.seat(order, self._deliver, self._fail)
        self._ordered, self._is_preparing = order, False
        self._frame: Frame | None = None  # the newest: for pictures of its size networks are made ready
        self.start(self._watch())

    def figures(self) -> Figures:
        """What happened in this session so far."""
        return self._seat.figures()

    def greet(self) -> None:
        """Tells the page what is drawn, once it can be told anything."""
        self._link.send({"look": order_json(self._ordered)})

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a coroutine until it ends or the session does."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._see_end)

    def take_frame(self, video_frame: "VideoFrame") -> None:
        """Takes a decoded frame of the camera.

        Raises:
            UsageError: It is larger than allowed.
        """
        width_px, height_px = video_frame.width, video_frame.height
        if not self._limits.allows_camera(width_px, height_px):
            raise UsageError(
                f"the camera sends {width_px}x{height_px}; "
                f"this server takes up to {self._limits.width_px}x{self._limits.height_px}",
                hint="choose a smaller resolution",
            )
        self._heard_s, self._has_frames = time.monotonic(), True
        self._frame = self._convert(video_frame)
        self._catch_up(self._frame)
        self._seat.put(self._frame, is_held=not self._studio.is_ready(self._seat.order, self._frame))

    def take_message(self, text: str | bytes) -> None:
        """Takes a message of the page: changes of what is drawn."""
        try:
            self._ordered = self._menu.changed(self._ordered, read_message(text))
        except UsageError as error:
            self._link.send({"problem": problem_json(error)})
            self.greet()  # the page goes back to what is true
            return
        if self._frame is None:
            self._seat.order = self._ordered
        else:
            self._catch_up(self._frame)

    def _catch_up(self, frame: Frame) -> None:
        """Has pictures like a frame drawn as ordered from now on, or once that can be."""
        if self._is_preparing:
            return  # for the newest
        if self._studio.is_ready(self._ordered, frame):
            self._seat.order = self._ordered
        else:
            self._is_preparing = True
            self.start(self._prepare(frame))

    async def _prepare(self, frame: Frame) -> None:
        """Has networks made ready beside the thread that draws, which has others to draw for. Until then pictures are
        drawn as ordered before; if not even that can be, the newest is held, as a page may wait for its answer.
        """
        while True:
            order = self._ordered
            try:
                await self._studio.prepare(order, frame)
            except AnimecamError:
                break  # it will fail again where it is drawn with, and the page be told
            made_for, frame = frame, self._frame or frame
            is_alike = (frame.width_px, frame.height_px) == (made_for.width_px, made_for.height_px)
            if order == self._ordered and (is_alike or self._studio.is_ready(order, frame)):
                break
        self._seat.order, self._is_preparing = order, False
        self._seat.release()

    async def end(self, error: AnimecamError | None = None, *, is_final: bool = True) -> None:
        """Ends the session and frees everything; may be called twice.

        Args:
            error: Why; the page is told if it still listens.
            is_final: Another session would end as this one did; False asks the page to come again.
        """
        self.end_soon(error, is_final=is_final)
        if self._ending is not None:
            await asyncio.shield(self._ending)

    def end_soon(self, error: AnimecamError | None = None, *, is_final: bool = True) -> None:
        """Begins to end the session, from one of its own tasks or events; arguments as those of `end`."""
        if self._ending is None:
            self._ending = self._loop.create_task(self._end(error, is_final=is_final))

    def _see_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("session %s failed", self.id, exc_info=error)
            self.end_soon(PipelineError("the session failed", hint="the server's log says why"))

    async def _end(self, error: AnimecamError | None, *, is_final: bool) -> None:
        self._seat.close()
        if error is not None:
            self._link.send({"problem": problem_json(error, is_final=is_final)})
            await asyncio.sleep(GOODBYE_SECONDS)
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await asyncio.wait_for(self._link.close(), CLOSE_SECONDS)
        except TimeoutError:
            log.warning("session %s did not close in time", self.id)
        except Exception:  # whatever a transport stumbles over on its way out, the session is over
            log.exception("session %s did not close as it should", self.id)
        finally:
            self._on_end(self)  # or its place would be taken for ever

    def _deliver(self, rendered: Rendered) -> None:
        """Render thread: hands a drawn frame to the event loop."""
        self._loop.call_soon_threadsafe(self._show, rendered.frame, ms_since(rendered.frame.captured_ns))

    def _show(self, frame: Frame, latency_ms: float) -> None:
        self._recent_ms.append(latency_ms)
        self._link.show(frame)

    def _fail(self, error: AnimecamError) -> None:
        """Render thread: the seat has ended."""
        self._loop.call_soon_threadsafe(self.end_soon, error)

    async def _watch(self) -> None:
        """Sends the figures and ends the session when it is over."""
        while True:
            await asyncio.sleep(FIGURES_SECONDS)
            lately = replace(self.figures(), latency_ms=percentiles_of(self._recent_ms))
            figures = figures_json(lately, self._seat.order.look)
            self._link.send({"figures": figures | {"backend": self._studio.backend}})
            now_s = time.monotonic()
            if now_s - self._opened_s > self._limits.minutes * 60:
                what = f"the session reached its limit of {self._limits.minutes:g} minutes"
                self.end_soon(UsageError(what, hint="start it again"))
                return
            if now_s - self._heard_s > (SILENT_SECONDS if self._has_frames else CONNECT_SECONDS):
                # A laptop that slept hears of this when it wakes up, and is welcome.
                silence = UsageError("no picture of the camera arrived", hint="check the network and start again")
                self.end_soon(silence, is_final=False)
                return
