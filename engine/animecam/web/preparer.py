"""Makes networks ready for live users, beside the thread that draws for all: one thing after the other."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from animecam.errors import PipelineError
from animecam.types import Frame
from animecam.web.orders import Order

MakeReady = Callable[[Order, Frame], None]

REST_TIMES = 3.0
"""For so many times what the last thing took nothing is made ready: whoever changes the shape of his pictures all the
time, in however many sessions, has a quarter of one core for it, and those who are drawn have the others."""

MOST_REST_SECONDS = 5.0  # an engine for a GPU takes minutes, once: who waits for another one need not rest as long


class Preparer:
    """Has one thread, and in it at most one thing of each session: who wants more waits until that is done.

    Args:
        make_ready: Makes what an order is drawn with ready for pictures like a frame; called in that thread.
        is_ready: Whether it has nothing to do for those; any thread.
    """

    def __init__(self, make_ready: MakeReady, is_ready: Callable[[Order, Frame], bool]) -> None:
        self._make_ready, self._is_ready = make_ready, is_ready
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="prepare")
        self._is_closing = Event()
        self._rests_until_s = 0.0

    async def __call__(self, order: Order, frame: Frame) -> None:
        """Waits until pictures like a frame can be drawn as ordered; cancelled in time, nothing is made ready.

        Raises:
            AnimecamError: It cannot be drawn with.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._prepare, order, frame)

    def close(self) -> None:
        """Begins nothing more; does not wait for what goes on. May be called twice."""
        self._is_closing.set()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _prepare(self, order: Order, frame: Frame) -> None:
        if self._is_ready(order, frame):  # somebody else wanted the same
            return
        if self._is_closing.wait(max(0.0, self._rests_until_s - time.monotonic())):
            raise PipelineError("the server was stopped")
        start_s = time.monotonic()
        try:
            self._make_ready(order, frame)
        finally:
            end_s = time.monotonic()
            self._rests_until_s = end_s + min(REST_TIMES * (end_s - start_s), MOST_REST_SECONDS)
