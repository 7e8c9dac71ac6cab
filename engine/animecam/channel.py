"""The bounded queue between two threads: it has a stated overflow policy, an end, and no wait without a bound."""

import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

from animecam.errors import PipelineError

T = TypeVar("T")

STALL_HINT = "a smaller `size_px` is faster; if it happens again, another output or `backend` shows which part hangs"

SLICE_SECONDS = 1.0  # most that one wait counts for: a process that was stopped (Ctrl-Z) wakes up hours later
STALL_SECONDS = 60.0  # a neighbour that moves nothing for this long hangs; slower than any frame on any machine we know


class Overflow(Enum):
    """What happens to a put when the channel is full."""

    WAIT = "wait"
    DROP_OLDEST = "drop-oldest"


class ChannelEnded(Exception):  # noqa: N818 - an event, not an error
    """Nothing more comes (get) or nobody listens any more (put)."""


class Channel(Generic[T]):
    """A bounded first-in first-out queue for one producer and one consumer.

    Args:
        capacity: Most items held at a time, at least 1.
        overflow: WAIT holds the producer back; DROP_OLDEST discards the oldest item and counts it in `dropped`.
        stall_s: Longest wait for the other side, in seconds.
    """

    def __init__(self, capacity: int, overflow: Overflow, *, stall_s: float = STALL_SECONDS) -> None:
        self.dropped = 0
        self._capacity = capacity
        self._overflow = overflow
        self._stall_s = stall_s
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._finished = False
        self._aborted = False

    def put(self, item: T) -> None:
        """Hands an item over; waits for room under WAIT. One that comes after the end is dropped.

        Raises:
            ChannelEnded: The channel was aborted.
            PipelineError: The consumer took nothing for `stall_s`.
        """
        with self._changed:
            if self._finished and not self._aborted:
                self.dropped += 1
                return
            if self._overflow is Overflow.DROP_OLDEST and len(self._items) >= self._capacity:
                self._items.popleft()
                self.dropped += 1
            self._wait(lambda: len(self._items) < self._capacity, "the stage that comes next took no frame")
            if self._aborted:
                raise ChannelEnded
            self._items.append(item)
            self._changed.notify_all()

    def get(self) -> T:
        """Takes the oldest item; waits for one.

        Raises:
            ChannelEnded: The producer finished and everything was taken, or the channel was aborted.
            PipelineError: The producer gave nothing for `stall_s`.
        """
        with self._changed:
            self._wait(lambda: bool(self._items) or self._finished, "the stage before gave no frame")
            if self._aborted or not self._items:
                raise ChannelEnded
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def finish(self) -> None:
        """Nothing more comes, any thread may say: what is queued is still delivered, then `get` raises ChannelEnded."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def abort(self) -> None:
        """Ends the channel for both sides at once; what is queued is forgotten."""
        with self._changed:
            self._aborted = True
            self._items.clear()
            self._changed.notify_all()  # both sides: a producer may be full, a consumer empty

    def _wait(self, is_ready: Callable[[], bool], complaint: str) -> None:
        left_s = self._stall_s
        while not (self._aborted or is_ready()):
            if left_s <= 0:
                raise PipelineError(f"{complaint} for {self._stall_s:g} s", hint=STALL_HINT)
            slice_s, start_s = min(left_s, SLICE_SECONDS), time.monotonic()
            self._changed.wait(slice_s)
            left_s -= min(time.monotonic() - start_s, slice_s)
