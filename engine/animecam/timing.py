"""Durations as percentiles, in constant memory however long the run."""

import math
import time
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass

SMALLEST_MS = 0.001  # everything shorter counts as this
GROWTH = 1.01  # width of a bin: percentiles are right to one per cent
RECENT_FRAMES = 60  # whose delay is told while a run lasts: a change shows in two seconds at 30 fps
RATE_WINDOW_NS = 1_000_000_000  # a rate is what happened in the last second


def ms_since(start_ns: int) -> float:
    """Milliseconds that passed since a moment of `time.perf_counter_ns`."""
    return (time.perf_counter_ns() - start_ns) / 1e6


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Durations in milliseconds; all zero when nothing was measured."""

    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    max: float = 0.0
    count: int = 0
    mean: float = 0.0


class Durations:
    """A histogram of durations with logarithmic bins; one thread adds, any thread reads."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._count = 0
        self._max_ms = 0.0
        self._sum_ms = 0.0

    def add(self, duration_ms: float) -> None:
        """Counts one duration, in milliseconds."""
        index = math.floor(math.log(max(duration_ms, SMALLEST_MS) / SMALLEST_MS) / math.log(GROWTH))
        self._counts[index] = self._counts.get(index, 0) + 1
        self._count += 1
        self._max_ms = max(self._max_ms, duration_ms)
        self._sum_ms += duration_ms

    def percentiles(self) -> Percentiles:
        """The percentiles so far: nearest rank, right to one per cent; maximum and mean are exact."""
        bins = sorted(self._counts.copy().items())
        count = sum(n for _, n in bins)
        if count == 0:
            return Percentiles()
        p50, p95, p99 = (self._quantile(bins, count, q) for q in (0.50, 0.95, 0.99))
        return Percentiles(p50, p95, p99, self._max_ms, count, mean=self._sum_ms / count)

    def _quantile(self, bins: list[tuple[int, int]], count: int, q: float) -> float:
        rank = math.ceil(q * count)
        for index, n in bins:
            rank -= n
            if rank <= 0:
                centre_ms = SMALLEST_MS * GROWTH ** (index + 0.5)
                return min(centre_ms, self._max_ms)
        return self._max_ms


def percentiles_of(durations_ms: Iterable[float]) -> Percentiles:
    """Percentiles of a few durations, in milliseconds."""
    durations = Durations()
    for duration_ms in durations_ms:
        durations.add(duration_ms)
    return durations.percentiles()


class Rate:
    """Events per second over the last second; one thread ticks, any thread reads."""

    def __init__(self) -> None:
        self._ticks_ns: deque[int] = deque()
        self.count = 0
        self.first_ns = 0
        self.last_ns = 0

    def tick(self, now_ns: int) -> None:
        """Counts one event, at a moment of `time.perf_counter_ns`."""
        self.first_ns = self.first_ns or now_ns
        self.last_ns = now_ns
        self.count += 1
        self._ticks_ns.append(now_ns)
        while self._ticks_ns[0] < now_ns - RATE_WINDOW_NS:
            self._ticks_ns.popleft()

    def per_second(self, now_ns: int) -> float:
        """Events in the second before a moment, per second."""
        return float(sum(1 for t in self._ticks_ns.copy() if t >= now_ns - RATE_WINDOW_NS))

    def mean(self) -> float:
        """Events per second between the first and the last one; 0 with fewer than two."""
        span_ns = self.last_ns - self.first_ns
        return (self.count - 1) * 1e9 / span_ns if span_ns > 0 else 0.0


class Timing:
    """Named stages and how long they took."""

    def __init__(self) -> None:
        self._stages: dict[str, Durations] = {}

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """Times a block as stage `name`; a block that raises is not counted."""
        start_ns = time.perf_counter_ns()
        yield
        self.add(name, ms_since(start_ns))

    def add(self, name: str, duration_ms: float) -> None:
        """Counts a duration of stage `name`, in milliseconds."""
        self._stages.setdefault(name, Durations()).add(duration_ms)

    def percentiles(self) -> dict[str, Percentiles]:
        """Stage → percentiles in milliseconds, in the order the stages first ran."""
        return {name: durations.percentiles() for name, durations in self._stages.copy().items()}
