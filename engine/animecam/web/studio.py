"""One render thread that serves everybody: in each round one frame of each user, drawn together in batches."""

import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, InvalidStateError
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from animecam.channel import STALL_SECONDS
from animecam.errors import AnimecamError, PipelineError
from animecam.render.base import Render, Rendered
from animecam.timing import Timing
from animecam.types import Frame
from animecam.web.orders import Order
from animecam.web.preparer import Preparer
from animecam.web.rounds import Drawer
from animecam.web.seat import Deliver, Engine, Fail, Seat

SLICE_SECONDS = 0.2  # between two looks at whether a file's frame is still wanted
OPEN_SECONDS = 300.0  # the first start compiles networks; slower than any machine we know
GIVE_UP_SECONDS = 60.0  # longest wait for networks that are still being opened, which nothing can hurry
OTHERS_SECONDS = 600.0  # that live users may hold up one picture of a file: a group of 64, on a slow machine
JOIN_SECONDS = 10.0  # longest wait for the round in progress when the studio closes

T = TypeVar("T")


class _Errand(NamedTuple):
    """Something to do with the networks, and who waits for it."""

    do: Callable[[Engine], None]
    future: Future[Any]


@dataclass(frozen=True, slots=True)
class _Round:
    """What the render thread does next: a frame a seat, then at most one errand."""

    frames: tuple[tuple[Seat, Frame], ...]
    live: int  # users who are live, whether a frame of theirs has come or not
    errand: _Errand | None


class Studio:
    """Owns the networks and the thread that uses them; a context manager.

    Args:
        open_engine: Opens the networks; called, used and closed in the render thread only.
        max_fps: Most frames a second that are drawn of each live user; None draws all there is time for.

    Raises:
        AnimecamError: On entry: the networks could not be opened.
    """

    def __init__(
        self, open_engine: Callable[[], AbstractContextManager[Engine]], *, max_fps: float | None = None
    ) -> None:
        self._open_engine, self._max_fps = open_engine, max_fps
        self._changed = threading.Condition()
        self._seats: list[Seat] = []
        self._errands: deque[_Errand] = deque()
        self._drawer = Drawer()
        self._is_closing = False
        self._opened: Future[str] = Future()
        self._thread = threading.Thread(target=self._work, name="render", daemon=True)
        self._engine: Engine | None = None
        self.prepare = Preparer(self.make_ready, self.is_ready)
        """Makes ready what live users are drawn with, in a thread that all of them share."""
        self.summary = ""
        """What runs, in one line, known once the studio is open."""

    def __enter__(self) -> "Studio":
        self._thread.start()
        try:
            self.summary = self._opened.result(OPEN_SECONDS)
        except BaseException as error:  # Ctrl-C, too: Python must not shut down around a thread that compiles
            is_late = isinstance(error, TimeoutError) and not self._opened.done()
            self._close(GIVE_UP_SECONDS)
            if is_late:
                hint = "another `backend` shows whether one runtime hangs"
                raise PipelineError(f"the networks were not open after {OPEN_SECONDS:g} s", hint=hint) from error
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close(JOIN_SECONDS)

    def _close(self, join_s: float) -> None:
        self.prepare.close()
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(join_s)

    def seat(self, order: Order, deliver: Deliver, fail: Fail) -> Seat:
        """A place for one live user; whoever took it closes it.

        Args:
            order: What is drawn, to begin with.
            deliver: Takes drawn frames, in the render thread.
            fail: Takes the failure that ended the seat, in the render thread.

        Raises:
            PipelineError: Nothing is drawn here any more.
        """
        return self._seat(order, deliver, fail, self._max_fps, is_live=True)

    @property
    def is_open(self) -> bool:
        """Whether frames are being drawn."""
        return self._thread.is_alive() and not self._is_closing

    @property
    def backend(self) -> str:
        """The runtime, its precision and the device in a few words, as of now."""
        if self._engine is None:
            return ""
        return str(self._engine.backend_info)

    def seats(self) -> tuple[Seat, ...]:
        """Those that are taken now."""
        with self._changed:
            return tuple(self._seats)

    @contextmanager
    def rendering(
        self, order: Order, is_unwanted: Callable[[], bool] = lambda: False
    ) -> Generator[tuple[Render, Timing]]:
        """A renderer for a file's pipeline in threads of its own: each call waits for its turn among the others.

        A network that nobody has drawn with yet is made ready in the file's own time, which may take a second. As live
        users come first, a frame may take OTHERS_SECONDS longer than by itself.

        Args:
            order: What is drawn.
            is_unwanted: Asked while a frame is waited for; a call then fails, and the rest of its frame is not drawn.
        """
        results: SimpleQueue[Rendered | AnimecamError] = SimpleQueue()
        seat = self._seat(order, results.put, results.put, None, is_live=False)  # a file waits for each of its frames

        def render(frame: Frame) -> Rendered:
            self.make_ready(order, frame)
            seat.put(frame)
            result = _awaited(results, is_unwanted)
            if isinstance(result, AnimecamError):
                raise result
            return result

        try:
            yield render, seat.timing
        finally:
            seat.close()

    def make_ready(self, order: Order, frame: Frame) -> None:
        """Opens what an order is drawn with and makes it ready for pictures like a frame; not in the thread that draws.

        Raises:
            AnimecamError: It cannot be drawn with.
        """
        if self._engine is not None:
            self._engine.make_ready(order.look, order.quality, frame)

    def is_ready(self, order: Order, frame: Frame) -> bool:
        """Whether `make_ready` has nothing to do; any thread."""
        return self._engine is None or self._engine.is_ready(order.look, order.quality, frame)

    def run(self, errand: Callable[[Engine], T]) -> Future[T]:
        """Does something with the networks between two rounds, in the render thread.

        Raises:
            PipelineError: Nothing is drawn here any more; who waits when the studio closes gets it from the future.
        """
        future: Future[T] = Future()

        def do(engine: Engine) -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(errand(engine))
                except Exception as error:  # noqa: BLE001 - raised where the result is asked for
                    future.set_exception(error)

        with self._changed:
            self._require_open()
            self._errands.append(_Errand(do, future))
            self._changed.notify_all()
        return future

    def _seat(self, order: Order, deliver: Deliver, fail: Fail, max_fps: float | None, *, is_live: bool) -> Seat:
        with self._changed:
            self._require_open()
            seat = Seat(self._changed, order, deliver, fail, self._remove, max_fps, is_live=is_live)
            self._seats.append(seat)
            return seat

    def _require_open(self) -> None:
        if not self.is_open:
            raise _stopped()

    def _remove(self, seat: Seat) -> None:
        if seat in self._seats:
            self._seats.remove(seat)

    def _work(self) -> None:
        try:
            with self._open_engine() as engine:
                self._engine = engine
                self._opened.set_result(engine.summary)
                while (turn := self._next_round()) is not None:
                    self._drawer.draw(engine, turn.frames, turn.live)
                    if turn.errand is not None:
                        turn.errand.do(engine)
                        self._errands.popleft()
        except BaseException as error:
            if not self._opened.done():
                self._opened.set_exception(error)
                return
            raise
        finally:
            self._end_all()

    def _next_round(self) -> _Round | None:
        """Waits for something to do; None when the studio closes."""
        with self._changed:
            while not self._is_closing:
                free = [seat for seat in self._seats if not self._drawer.is_about(seat)]
                frames = tuple((seat, frame) for seat in free if (frame := seat.take()) is not None)
                errand = self._errands[0] if self._errands else None  # taken out once it is done
                if frames or errand is not None or self._drawer.has_begun:
                    return _Round(frames, sum(seat.is_live for seat in self._seats), errand)
                self._changed.wait(min((threading.TIMEOUT_MAX, *(seat.due_in_s() for seat in self._seats))))
        return None

    def _end_all(self) -> None:
        """Tells everybody who waits for this thread, which does nothing more, and lets nobody else come."""
        with self._changed:
            self._is_closing = True
            errands = tuple(self._errands)
            self._errands.clear()
        for errand in errands:
            with suppress(InvalidStateError):  # nobody waits for it any more
                errand.future.set_exception(_stopped())
        for seat in self.seats():
            seat.fail(_stopped())


def _awaited(results: "SimpleQueue[T]", is_unwanted: Callable[[], bool]) -> T:
    """What comes of a file's frame; waited for in slices, so that it can be given up.

    Raises:
        PipelineError: Nobody wants it any more, or it took too long.
    """
    longest_s = left_s = STALL_SECONDS + OTHERS_SECONDS
    while not is_unwanted():
        try:
            return results.get(timeout=min(left_s, SLICE_SECONDS))
        except Empty as error:
            left_s -= SLICE_SECONDS
            if left_s <= 0:
                raise PipelineError(f"the studio gave no frame for {longest_s:g} s") from error
    raise PipelineError("nobody waits for the frame any more")


def _stopped() -> PipelineError:
    return PipelineError("the server was stopped")
