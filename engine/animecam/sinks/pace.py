"""The pace of a file that is played: each frame when it is due, as from a camera."""

import time
from collections.abc import Callable

from animecam.types import Frame

MOST_WAIT_SECONDS = 1.0  # longer gaps are cut short: a run that is stopped ends within two seconds


class Pace:
    """A sink that shows nothing: it holds a frame back until its time, and with it the outputs that come after.

    A frame that is late goes on at once, and those behind it keep their distance from it: nothing is hurried through.

    Args:
        now_s: A clock in seconds that does not jump.
        wait: Waits for so many seconds.

    Attributes:
        uri: For messages.
    """

    def __init__(
        self, now_s: Callable[[], float] = time.monotonic, wait: Callable[[float], object] = time.sleep
    ) -> None:
        self.uri = "pace:"
        self._now_s, self._wait = now_s, wait
        self._zero_s: float | None = None  # when the frame of time zero was due

    def write(self, frame: Frame) -> None:
        """Returns when the frame is due."""
        now_s = self._now_s()
        if self._zero_s is None:
            self._zero_s = now_s - frame.time_s
        early_s = self._zero_s + frame.time_s - now_s
        if early_s > 0:
            self._wait(min(early_s, MOST_WAIT_SECONDS))
        if not 0 <= early_s <= MOST_WAIT_SECONDS:
            self._zero_s = self._now_s() - frame.time_s

    def close(self, *, complete: bool) -> None:
        """Nothing is left to do."""
