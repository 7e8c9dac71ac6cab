"""The clock that live sources go by; tests give them one that they move themselves."""

import time
from collections.abc import Callable
from dataclasses import dataclass

NS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """A monotonic clock and a way to let it go on.

    Attributes:
        now_ns: Time since some fixed moment, in nanoseconds.
        sleep: Returns after so many seconds.
    """

    now_ns: Callable[[], int] = time.perf_counter_ns
    sleep: Callable[[float], None] = time.sleep


SYSTEM_CLOCK = Clock()
