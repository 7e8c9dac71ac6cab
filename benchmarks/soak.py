"""Minutes of live running: does memory grow, does the delay, do frames wait longer?

    python benchmarks/soak.py --minutes 10 --json benchmarks/results/soak.json

Every few seconds the resident memory and the delay from capture to sink are noted, and how much of the delay was work.
What is left is waiting: it grows with queues, while work takes as long as the machine lets it. After the warm-up a line
is laid through each by the method of Theil and Sen, which a few outliers do not bend, with the interval in which its
slope lies by 95 %. The run fails (status 1) if even the lower end of an interval is above what is allowed, and has
grown by more than a grain: growth is then certain. If only the upper end is above it, the run was too short or too
noisy to tell.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Any

import click
from machine import Watch
from measuring import LENGTH, BenchmarkCommand, json_option, resident_mib, save, say, show
from scipy import stats

from animecam.cli.options import look_options
from animecam.drawing.networks import open_networks
from animecam.measure.spread import Spread
from animecam.run.limit import EMIT, RENDER
from animecam.run.outputs import Outputs
from animecam.run.pipeline import Figures, Pipeline
from animecam.run.session import opened_source
from animecam.settings import Settings
from animecam.sources.opening import SourceOptions
from animecam.timing import Timing, ms_since
from animecam.types import Frame

SOURCE = "pattern:1280x720@30"
CONFIDENCE = 0.95
WARM_UP_SHARE = 0.2  # of the windows: allocators and caches fill up first
FEWEST_WINDOWS = 4  # that a line is laid through
SECONDS_PER_HOUR = 3600.0
MEMORY_LIMIT_MIB = 20.0  # an hour: one leaked 720p frame every four minutes
MEMORY_GRAIN_MIB = 1.0  # within the run: allocators give and take as much at any time
DELAY_LIMIT_MS = 5.0  # an hour: nobody works long enough to notice
DELAY_GRAIN_MS = 0.5  # within the run


class Verdict(StrEnum):
    """What a slope and its interval say."""

    STEADY = "steady"
    UNSURE = "too short or too noisy to tell"
    GROWS = "grows"


@dataclass(frozen=True, slots=True)
class Window:
    """A few seconds of the run.

    Attributes:
        at_s: Since the run began.
        resident_mib: Memory at the window's end.
        delay_ms: From capture to sink.
        working_ms: Of that, while one of our threads was at it: the medians of rendering and emitting a frame.
        fps_out: Frames that arrived, a second.
        dropped: Frames so far that newer ones replaced.
    """

    at_s: float
    resident_mib: float
    delay_ms: Spread
    working_ms: float
    fps_out: float
    dropped: int

    @property
    def waiting_ms(self) -> float:
        """What of the delay was no work."""
        return self.delay_ms.p50 - self.working_ms


@dataclass(frozen=True, slots=True)
class Slope:
    """Growth an hour, the interval in which it lies by 95 %, and what that means."""

    per_hour: float
    low: float
    high: float
    limit: float
    verdict: Verdict

    def __str__(self) -> str:
        interval = f"{self.low:+.2f} to {self.high:+.2f}, {self.limit:g} allowed"
        return f"{self.per_hour:+.2f} an hour ({interval}): {self.verdict}"


class DelaySink:
    """Takes frames, keeps none, notes how old each was; one thread writes, another takes the notes."""

    def __init__(self) -> None:
        self.uri = "null:"
        self._delays_ms: list[float] = []
        self._noting = threading.Lock()

    def write(self, frame: Frame) -> None:
        """As `Sink.write`."""
        with self._noting:
            self._delays_ms.append(ms_since(frame.captured_ns))

    def close(self, *, complete: bool) -> None:
        """As `Sink.close`."""

    def take(self) -> list[float]:
        """The delays since the last call, in milliseconds."""
        with self._noting:
            taken, self._delays_ms = self._delays_ms, []
        return taken


class Work(Timing):
    """Notes how long frames were worked at; two threads add, another takes the notes."""

    def __init__(self) -> None:
        super().__init__()
        self._noting = threading.Lock()
        self._took_ms: dict[str, list[float]] = {RENDER: [], EMIT: []}

    def add(self, name: str, duration_ms: float) -> None:
        """As `Timing.add`."""
        super().add(name, duration_ms)
        if name in self._took_ms:
            with self._noting:
                self._took_ms[name].append(duration_ms)

    def take(self) -> float:
        """Work at a frame since the last call, in milliseconds: the sum of both threads' medians."""
        with self._noting:
            taken, self._took_ms = self._took_ms, {name: [] for name in self._took_ms}
        return sum(median(took) for took in taken.values() if took)


class Log:
    """Collects the windows of a run; called many times a second."""

    def __init__(self, sink: DelaySink, work: Work, window_s: float) -> None:
        self.windows: list[Window] = []
        self._sink, self._work = sink, work
        self._window_s = window_s
        self._begun_s = self._start_s = time.monotonic()

    def __call__(self, figures: Figures) -> None:
        """Closes a window when it is time."""
        now_s = time.monotonic()
        lasted_s = now_s - self._start_s
        if lasted_s < self._window_s or not (delays_ms := self._sink.take()):
            return
        self._start_s = now_s
        spread, fps = Spread.of(delays_ms), len(delays_ms) / lasted_s
        window = Window(now_s - self._begun_s, resident_mib(), spread, self._work.take(), fps, figures.dropped)
        self.windows.append(window)


@click.command(cls=BenchmarkCommand)
@click.argument("source", default=SOURCE)
@click.option("--minutes", type=LENGTH, default=10.0, show_default=True)
@click.option("--window", "window_s", type=LENGTH, default=5.0, show_default=True, help="Seconds between two notes.")
@json_option
@look_options
def main(*, settings: Settings, source: str, minutes: float, window_s: float, report: Path | None) -> None:
    """Runs live and looks for growth."""
    if 60 * minutes * (1 - WARM_UP_SHARE) < FEWEST_WINDOWS * window_s:
        raise click.UsageError("there is nothing to lay a line through: give more --minutes, or a shorter --window")
    watch = Watch()
    sink = DelaySink()
    with (
        opened_source(source, SourceOptions()) as camera,
        open_networks(settings) as networks,
        Outputs([sink]) as outputs,
    ):
        networks.warm_up(camera.format)
        work = Work()
        log = Log(sink, work, window_s)
        pipeline = Pipeline(camera, networks.renderer(work, is_live=True), outputs, work)
        figures = pipeline.run(seconds=60 * minutes, on_tick=log)
        summary = networks.summary
    slopes = judge(log.windows)
    steady = settled(log.windows)
    show(
        f"{source}, {summary}, {figures.frames_out} frames",
        ("", "first", "last", "most"),
        [
            _cells("memory MiB", [window.resident_mib for window in steady]),
            _cells("delay p50 ms", [window.delay_ms.p50 for window in steady]),
            _cells("of that waiting", [window.waiting_ms for window in steady]),
            _cells("delay p95 ms", [window.delay_ms.p95 for window in steady]),
            _cells("fps out", [window.fps_out for window in steady]),
        ],
    )
    for name, slope in slopes.items():
        say(f"{name}: {slope}")
    content = {"source": source, "summary": summary, "dropped": figures.dropped, "frames_out": figures.frames_out}
    lines = {name: asdict(slope) for name, slope in slopes.items()}
    save(report, watch, content | {"slopes": lines, "windows": [asdict(window) for window in log.windows]})
    if any(slope.verdict is Verdict.GROWS for slope in slopes.values()):
        raise click.ClickException("it grows")


def judge(windows: Sequence[Window]) -> dict[str, Slope]:
    """Whether memory, delay and waiting grow.

    Raises:
        click.ClickException: The run was so short that there is nothing to lay a line through.
    """
    steady = settled(windows)
    if len(steady) < FEWEST_WINDOWS:
        raise click.ClickException("the run was too short: give it more minutes, or shorter windows")
    at_s = [window.at_s for window in steady]
    return {
        "memory MiB": slope_of(at_s, [window.resident_mib for window in steady], MEMORY_LIMIT_MIB, MEMORY_GRAIN_MIB),
        "delay ms": slope_of(at_s, [window.delay_ms.p50 for window in steady], DELAY_LIMIT_MS, DELAY_GRAIN_MS),
        "of that waiting": slope_of(at_s, [window.waiting_ms for window in steady], DELAY_LIMIT_MS, DELAY_GRAIN_MS),
    }


def settled(windows: Sequence[Window]) -> Sequence[Window]:
    """The windows after the warm-up."""
    return windows[round(WARM_UP_SHARE * len(windows)) :]


def slope_of(at_s: Sequence[float], values: Sequence[float], limit: float, grain: float) -> Slope:
    """The line through a series.

    Args:
        at_s: When, in seconds.
        values: What was measured.
        limit: Growth an hour that is allowed.
        grain: Growth within the series that means nothing.
    """
    line: Any = stats.theilslopes(values, at_s, CONFIDENCE)  # pyright: ignore[reportUnknownMemberType]
    slope, low, high = (SECONDS_PER_HOUR * float(number) for number in (line.slope, line.low_slope, line.high_slope))
    has_grown = low * (at_s[-1] - at_s[0]) / SECONDS_PER_HOUR > grain
    verdict = Verdict.GROWS if low > limit and has_grown else Verdict.UNSURE if high > limit else Verdict.STEADY
    return Slope(slope, low, high, limit, verdict)


def _cells(name: str, values: Sequence[float]) -> tuple[str, ...]:
    edge = max(1, len(values) // 10)
    return name, f"{median(values[:edge]):.1f}", f"{median(values[-edge:]):.1f}", f"{max(values):.1f}"


if __name__ == "__main__":
    main()
