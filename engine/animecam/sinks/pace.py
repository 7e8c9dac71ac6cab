"""The pace of a file that is played: each frame when it is due, as from a camera."""

import threading
import time
from collections.abc import Callable

from animecam.types import Frame

MOST_WAIT_SECONDS = 1.0  # longer gaps are cut short: a picture that stands looks like a program that hangs


class Pace:
    """A sink that shows nothing: it holds a frame back until its time, and with it the outputs that come after.

    A frame that is late goes on at once, and those behind it keep their distance from it: nothing is hurried through.

    Args:
        now_s: A clock in seconds that does not jump.
        hurried: Set by `hurry`, and waited for meanwhile.

    Attributes:
        uri: For messages.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic, hurried: threading.Event | None = None) -> None:
        self.uri = "pace:"
        self._now_s, self._hurried = now_s, hurried or threading.Event()
        self._zero_s: float | None = None  # when the frame of time zero was due

    def write(self, frame: Frame) -> None:
        """Returns when the frame is due, or at once after `hurry`."""
        now_s = self._now_s()
        if self._zero_s is None:
            self._zero_s = now_s - frame.time_s
        early_s = self._zero_s + frame.time_s - now_s
        if early_s > 0:
            self._hurried.wait(min(early_s, MOST_WAIT_SECONDS))
        if not 0 <= early_s <= MOST_WAIT_SECONDS:
            self._zero_s = self._now_s() - frame.time_s

    def hurry(self) -> None:
        """Holds back nothing from now on: the run was stopped, and what is under way is to end soon. Any thread."""
        self._hurried.set()

    def close(self, *, complete: bool) -> None:
        """Nothing is left to do."""
