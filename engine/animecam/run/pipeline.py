"""Three threads and two channels: capture → render → emit.

Drawings are put back into their frames in thread "emit", where the renderer allows it: meanwhile "render" has the next
frame in hand.

A file waits (every frame, in order, at its own time stamp); a live source drops the oldest (the newest frame wins and
drops are counted). The first failure in any thread ends the run and is raised in the caller.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from animecam.channel import STALL_SECONDS, Channel, ChannelEnded, Overflow
from animecam.errors import SourceError
from animecam.render.base import Dividing, Overlapping, Render, Rendered
from animecam.run.outputs import Outputs
from animecam.run.pacing import Excerpt, RateCap, longest_gap_s
from animecam.run.tally import Figures, Tally
from animecam.sinks.base import SinkClosed
from animecam.sources.base import Source
from animecam.timing import Timing
from animecam.types import Frame

LIVE_CAPACITY = 1  # one frame under way: a longer queue only adds delay
FILE_CAPACITY = 4  # enough to keep three threads busy, little enough for 4K frames
TICK_SECONDS = 0.1  # how often the caller's thread looks up while it waits
DRAIN_SECONDS = 0.9  # how long frames that were read before the source failed may take to be written
JOIN_SECONDS = 1.1  # how long a thread may take to notice that the run has ended; with the above, the promised 2 s


class Pipeline:
    """One run from a source through a renderer to the outputs.

    Args:
        source: Open; read by thread "capture" only.
        render: Called by thread "render" only, which so owns the accelerator. If it is `Overlapping`, frames of a
            file are sent ahead of those that are waited for; live frames are not, as none is to wait for the next. If
            it is `Dividing`, thread "emit" does the last step of each frame.
        outputs: Open; written by thread "emit" only.
        timing: Where the stages' times go; the renderer may share it.
        max_fps: Most frames a second of a live source; None takes what comes.
        others_s: Longest that others may hold up one frame, where `render` has more to do than these.
    """

    def __init__(
        self,
        source: Source,
        render: Render,
        outputs: Outputs,
        timing: Timing | None = None,
        *,
        max_fps: float | None = None,
        others_s: float = 0.0,
    ) -> None:
        self._source = source
        is_live = source.format.is_live
        self._submit = _submitting(render)
        self._is_divided = isinstance(render, Dividing)
        self._frames_ahead = render.frames_ahead if isinstance(render, Overlapping) and not is_live else 0
        self._outputs = outputs
        self._timing = timing or Timing()
        capacity = LIVE_CAPACITY if is_live else FILE_CAPACITY
        overflow = Overflow.DROP_OLDEST if is_live else Overflow.WAIT
        gap_s = longest_gap_s(source.format.rate, max_fps) if is_live else 0.0  # minutes, where time is lapsed
        stall_s = STALL_SECONDS + gap_s + others_s
        self._captured: Channel[Frame] = Channel(capacity, overflow, stall_s=stall_s)
        self._rendered: Channel[Callable[[], Rendered]] = Channel(capacity, Overflow.WAIT, stall_s=stall_s)
        self._cap = RateCap(max_fps) if is_live and max_fps else None
        self._excerpt = Excerpt(None)
        self._stop = threading.Event()
        self._was_stopped = False
        self._ended = threading.Event()
        self._failures: list[BaseException] = []
        self._drain_until_s = math.inf
        self._tally = Tally(self._timing)
        self._dropped_at_start: int | None = None  # None: no frame is out

    def stop(self) -> None:
        """Ends the run as if the source had ended: what was read is still written. Any thread may call it."""
        self._was_stopped = True
        self._end_reading()

    def run(
        self,
        *,
        seconds: float | None = None,
        film_s: float | None = None,
        on_tick: Callable[[Figures], None] | None = None,
    ) -> Figures:
        """Runs until the source ends, `stop` is called, a limit is reached, Ctrl-C, or something fails.

        Args:
            seconds: Wall-clock limit; None runs to the end.
            film_s: How much of a film is drawn, by its own time from its first frame; None for all of it.
            on_tick: Called in the caller's thread about ten times a second, for progress.

        Returns:
            The figures of the whole run. `Outputs.is_complete` is set when every frame arrived: always for a live
            source, whose recording ends when it ends.

        Raises:
            AnimecamError: The first failure of any thread, at most two seconds after it happened.
        """
        self._tally.start()
        self._excerpt = Excerpt(film_s)
        stages = (("capture", self._capture), ("render", self._render_all), ("emit", self._emit))
        threads = [threading.Thread(target=self._guard, args=(work,), name=name, daemon=True) for name, work in stages]
        is_live = self._source.format.is_live
        self._outputs.is_complete = is_live
        try:
            for thread in threads:
                thread.start()
            self._wait(seconds, on_tick)
        except BaseException:
            self._abort()  # whoever leaves this function closes what the threads use
            raise
        finally:
            _join(threads)
        self._outputs.is_complete = is_live or not (self._failures or self._was_stopped)
        if self._failures:
            raise self._failures.pop(0)  # held here, it would hold all that its traceback shows, decoders among it
        return self._figures(is_closing=True)

    def _wait(self, seconds: float | None, on_tick: Callable[[Figures], None] | None) -> None:
        """Waits for the end, and tells of it, too; Ctrl-C stops the run and waits on, a second Ctrl-C gives up."""
        has_ended = False
        while not has_ended:
            try:
                has_ended = self._ended.wait(TICK_SECONDS)
                if on_tick is not None:
                    on_tick(self._figures())
                if time.monotonic() > self._drain_until_s:
                    self._abort()
                if seconds is not None and self._tally.seconds >= seconds:
                    self._end_reading()
            except KeyboardInterrupt:
                if self._was_stopped:
                    raise
                self.stop()

    def _guard(self, work: Callable[[], None]) -> None:
        """Runs a thread's work; its failure, or the user closing an output, ends the whole run."""
        try:
            work()
        except ChannelEnded:
            pass
        except SinkClosed:
            self.stop()
            self._abort()
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread and raised there
            self._failures.append(error)
            self._abort()

    def _end_reading(self) -> None:
        self._stop.set()
        if self._source.format.is_live:
            self._captured.finish()  # a sender that fell silent is read for seconds, until its time-out
        self._outputs.hurry()  # what is queued may be ten frames, and the wait for each of them a second

    def _abort(self) -> None:
        self._end_reading()
        self._captured.abort()
        self._rendered.abort()
        self._ended.set()

    def _capture(self) -> None:
        try:
            while not self._stop.is_set():
                with self._timing.stage("read"):
                    frame = self._source.read()
                frame = None if frame is None else self._excerpt.part_of(frame)
                if frame is None or (self._source.format.is_live and self._stop.is_set()):
                    break
                self._tally.came()
                if self._cap is None or self._cap.admits(time.monotonic()):
                    self._captured.put(frame)
                else:
                    self._tally.left_out()
        except SourceError as error:  # what was read before is still written, as long as that ends in time
            if not self._stop.is_set():
                self._failures.append(error)
                self._drain_until_s = time.monotonic() + DRAIN_SECONDS
        self._captured.finish()

    def _render_all(self) -> None:
        waiting: deque[Callable[[], Rendered]] = deque()
        while (frame := self._next_captured()) is not None:
            with self._timing.stage("render"):
                waiting.append(self._submit(frame))
                result = self._owned(waiting.popleft()) if len(waiting) > self._frames_ahead else None
            if result is not None:
                self._rendered.put(result)
        for result in waiting:
            self._rendered.put(self._owned(result))
        self._rendered.finish()

    def _owned(self, result: Callable[[], Rendered]) -> Callable[[], Rendered]:
        """A result as thread "emit" may ask for it: what is on an accelerator is fetched here, by its owner."""
        if self._is_divided:
            return result
        rendered = result()
        return lambda: rendered

    def _next_captured(self) -> Frame | None:
        try:
            return self._captured.get()
        except ChannelEnded:
            return None

    def _emit(self) -> None:
        try:
            while True:
                result = self._rendered.get()
                with self._timing.stage("emit"):
                    rendered = result()
                    with self._timing.stage("write"):
                        self._outputs.write(rendered.frame, rendered.plain)
                if self._dropped_at_start is None:
                    self._dropped_at_start = self._captured.dropped
                self._tally.went(rendered.frame, rendered.faces, is_idle=rendered.is_idle)
        except ChannelEnded:
            self._ended.set()

    def _figures(self, *, is_closing: bool = False) -> Figures:
        return self._tally.figures(
            dropped=self._captured.dropped,
            dropped_at_start=self._captured.dropped if self._dropped_at_start is None else self._dropped_at_start,
            skipped=self._source.skipped,
            is_interrupted=self._was_stopped,
            is_closing=is_closing,
        )


def _submitting(render: Render) -> Callable[[Frame], Callable[[], Rendered]]:
    """How frames are sent to a renderer."""
    if isinstance(render, Overlapping):
        return render.submit
    if isinstance(render, Dividing):
        return render.begin

    def submit(frame: Frame) -> Callable[[], Rendered]:
        rendered = render(frame)
        return lambda: rendered

    return submit


def _join(threads: Sequence[threading.Thread]) -> None:
    """Waits until all that were started have ended, or the time for it is over."""
    deadline_s = time.monotonic() + JOIN_SECONDS
    for thread in threads:
        if thread.ident is not None:
            thread.join(max(0.0, deadline_s - time.monotonic()))
