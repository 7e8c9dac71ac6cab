"""What is counted in a run, and the figures that come of it."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from animecam.run.cores import CoreUse, CoreWatch
from animecam.timing import RECENT_FRAMES, Percentiles, Rate, Timing, percentiles_of
from animecam.types import Faces, Frame

LATENCY = "latency"  # the stage of a `Timing` that is no thread's work


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run did so far.

    Attributes:
        frames_in: Frames read from the source.
        frames_out: Frames written to the outputs.
        dropped: Live frames that were replaced by newer ones.
        dropped_at_start: Those of them that were before the first frame was out, while things warm up.
        skipped: Frames that could not be decoded.
        capped: Live frames left out because more were not wanted.
        idle: Frames out for which the network rested, as nothing had changed.
        with_faces: Frames out that showed at least one face.
        faces: Faces in the newest frame.
        left_out: How many more were seen lately than are drawn.
        passed: Frames that were read before all these, as an earlier run has written them.
        position_s: Presentation time of the newest frame out, from the first, in seconds.
        fps_in: Frames read per second: over the last second, or the whole run in the closing report.
        fps_out: Frames written per second, likewise.
        latency_ms: From capture to the last sink: of the last sixty frames, or the whole run in the closing report.
        stage_ms: Stage → how long it took.
        seconds: Wall-clock length of the run.
        cores: How much of all cores' time the program and others used, over the same time as the rates; None in the
            first second.
        is_interrupted: The caller stopped the run before the source ended.
    """

    frames_in: int = 0
    frames_out: int = 0
    dropped: int = 0
    dropped_at_start: int = 0
    skipped: int = 0
    capped: int = 0
    idle: int = 0
    with_faces: int = 0
    faces: int = 0
    left_out: int = 0
    passed: int = 0
    position_s: float = 0.0
    fps_in: float = 0.0
    fps_out: float = 0.0
    latency_ms: Percentiles = field(default_factory=Percentiles)
    stage_ms: dict[str, Percentiles] = field(default_factory=dict[str, Percentiles])
    seconds: float = 0.0
    cores: CoreUse | None = None
    is_interrupted: bool = False

    @property
    def idle_share(self) -> float:
        """Part of the frames out for which the network rested, 0 to 1."""
        return self.idle / max(self.frames_out, 1)

    def after(self, before: "Figures") -> "Figures":
        """The same of a run before which frames of its source were passed by."""
        return replace(self, passed=before.passed, position_s=before.position_s + self.position_s)


class Tally:
    """Counts what happens in one run: one thread tells what comes in, one what goes out, any thread reads.

    Args:
        timing: Holds the stages' times; the latency goes there, too.
        now_ns: The clock that stamps frames, `time.perf_counter_ns` but in tests.
        watch: Begins to look at the cores, likewise.
    """

    def __init__(
        self,
        timing: Timing,
        now_ns: Callable[[], int] = time.perf_counter_ns,
        watch: Callable[[], CoreWatch] = CoreWatch,
    ) -> None:
        self._timing, self._now_ns, self._watch = timing, now_ns, watch
        self._cores: CoreWatch | None = None
        self._start_ns = now_ns()
        self._rate_in, self._rate_out = Rate(), Rate()
        self._recent_ms = deque[float](maxlen=RECENT_FRAMES)
        self._capped = self._idle = self._with_faces = self._faces = self._more_faces = 0
        self._first_time_s = self._position_s = 0.0

    @property
    def seconds(self) -> float:
        """How long the run has lasted."""
        return (self._now_ns() - self._start_ns) / 1e9

    def start(self) -> None:
        """The run begins now."""
        self._start_ns = self._now_ns()
        self._cores = self._watch()

    def came(self) -> None:
        """A frame was read."""
        self._rate_in.tick(self._now_ns())

    def left_out(self) -> None:
        """The frame that came last is not drawn, as no more are wanted."""
        self._capped += 1

    def went(self, frame: Frame, faces: Faces, *, is_idle: bool) -> None:
        """A frame was written.

        Args:
            frame: What was written.
            faces: Who is in it.
            is_idle: The network rested.
        """
        now_ns = self._now_ns()
        latency_ms = (now_ns - frame.captured_ns) / 1e6
        self._timing.add(LATENCY, latency_ms)
        self._recent_ms.append(latency_ms)
        if self._rate_out.count == 0:
            self._first_time_s = frame.time_s
        self._position_s = frame.time_s - self._first_time_s
        self._faces, self._more_faces = len(faces.faces), faces.left_out
        self._with_faces += self._faces > 0
        self._idle += is_idle
        self._rate_out.tick(now_ns)

    def figures(
        self, *, dropped: int, dropped_at_start: int = 0, skipped: int, is_interrupted: bool, is_closing: bool = False
    ) -> Figures:
        """The figures so far.

        Args:
            dropped: See `Figures`, as are the others.
            dropped_at_start: Likewise.
            skipped: Likewise.
            is_interrupted: Likewise.
            is_closing: The run is over: rates and latency are of all of it, not of the last second and frames.
        """
        stage_ms = self._timing.percentiles()
        of_the_run_ms = stage_ms.pop(LATENCY, Percentiles())
        now_ns = self._now_ns()
        fps_in, fps_out = (
            rate.mean() if is_closing else rate.per_second(now_ns) for rate in (self._rate_in, self._rate_out)
        )
        return Figures(
            frames_in=self._rate_in.count,
            frames_out=self._rate_out.count,
            dropped=dropped,
            dropped_at_start=dropped_at_start,
            skipped=skipped,
            capped=self._capped,
            idle=self._idle,
            with_faces=self._with_faces,
            faces=self._faces,
            left_out=self._more_faces,
            position_s=self._position_s,
            fps_in=fps_in,
            fps_out=fps_out,
            latency_ms=of_the_run_ms if is_closing else percentiles_of(self._recent_ms.copy()),
            stage_ms=stage_ms,
            seconds=self.seconds,
            cores=self._core_use(is_closing),
            is_interrupted=is_interrupted,
        )

    def _core_use(self, is_closing: bool) -> CoreUse | None:
        if self._cores is None:
            return None
        return self._cores.whole() if is_closing else self._cores.recent()
