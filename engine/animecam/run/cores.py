"""Who uses the processor's cores: this program, and all others."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_SECONDS = 1.0  # what is told of a run that goes on is of about the last second, as its rates are
IDLE_FIELDS = ("idle", "iowait")
COUNTED_ELSEWHERE = ("guest", "guest_nice")  # in the time of users


@dataclass(frozen=True, slots=True)
class CoreUse:
    """What was used of a time.

    Attributes:
        own: Share of all cores' time that this program used, 0 to 1.
        others: The same of other programs, and of other guests of a virtual machine's host.
    """

    own: float
    others: float


@dataclass(frozen=True, slots=True)
class CoreSeconds:
    """Seconds of processor time since some moment of the past, the same for all three.

    Attributes:
        all: Of all cores, busy or not.
        busy: That they worked.
        own: That they worked for this program and for children of it that have ended.
    """

    all: float
    busy: float
    own: float

    def use_since(self, before: "CoreSeconds") -> CoreUse | None:
        """What was used since an earlier reading; None when none has passed by the system's clock."""
        passed = self.all - before.all
        if passed <= 0.0:
            return None
        own = self.own - before.own
        others = max(0.0, self.busy - before.busy - own)  # two readings of two clocks: may be a tick apart
        return CoreUse(own / passed, others / passed)


class CoreWatch:
    """Looks at the cores from the moment it is made; one thread asks.

    Args:
        read: Reads the system's counters.
        now_s: The clock, in seconds.
    """

    def __init__(
        self, read: Callable[[], CoreSeconds] | None = None, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._now_s = read or core_seconds, now_s
        self._first = self._last = self._read()
        self._last_s = now_s()
        self._recent: CoreUse | None = None

    def whole(self) -> CoreUse | None:
        """What was used since the beginning; None when the system's clock has not moved since."""
        return self._read().use_since(self._first)

    def recent(self) -> CoreUse | None:
        """What was used in the last second that is over; None in the first."""
        now_s = self._now_s()
        if now_s - self._last_s >= WINDOW_SECONDS:
            counted = self._read()
            self._recent = counted.use_since(self._last)
            self._last, self._last_s = counted, now_s
        return self._recent


def core_seconds() -> CoreSeconds:
    """The system's counters now: of the whole machine, also in a container."""
    import psutil

    times = psutil.cpu_times()._asdict()
    counted = {name: seconds for name, seconds in times.items() if name not in COUNTED_ELSEWHERE}
    idle = sum(counted.get(name, 0.0) for name in IDLE_FIELDS)
    own = os.times()
    return CoreSeconds(
        all=sum(counted.values()),
        busy=sum(counted.values()) - idle,
        own=own.user + own.system + own.children_user + own.children_system,
    )
