"""The flow of frames: order, drops, failures, Ctrl-C. Sources and sinks are fakes; the threads are real."""

import signal
import threading
import time
from fractions import Fraction

import pytest

from animecam.errors import SinkError, SourceError
from animecam.outputs import Outputs
from animecam.pipeline import Pipeline, Rendered
from animecam.sinks.base import SinkClosed
from animecam.types import Color, Face, Faces, Frame, PixelFormat, StreamFormat, allocate_planes

PROMISED_SECONDS = 2.0  # the first failure is raised within this


def _frame(index: int) -> Frame:
    planes, packed = allocate_planes(PixelFormat.RGB24, 4, 2)
    return Frame(
        planes, PixelFormat.RGB24, Color(), 0, index, index, Fraction(1, 30), time.perf_counter_ns(), 1, packed
    )


class FakeSource:
    uri = "fake:"

    def __init__(self, frames=10, *, is_live=False, fail_at=None, pause_s=0.0):
        self.format = StreamFormat(4, 2, PixelFormat.RGB24, Color(), 0, Fraction(1, 30), Fraction(30), is_live)
        self.skipped = 0
        self._frames, self._fail_at, self._pause_s, self._next = frames, fail_at, pause_s, 0

    def read(self):
        time.sleep(self._pause_s)
        index, self._next = self._next, self._next + 1
        if index == self._fail_at:
            raise SourceError("camera fake: was unplugged", hint="plug it in")
        return _frame(index) if index < self._frames else None

    def close(self):
        pass


class FakeSink:
    uri = "fake-out:"

    def __init__(self, *, raise_at=None, error=None, close_error=None, hang_s=0.0):
        self.indices, self.completes = [], []
        self._raise_at, self._error, self._close_error, self._hang_s = raise_at, error, close_error, hang_s

    def write(self, frame):
        time.sleep(self._hang_s)
        if frame.index == self._raise_at:
            raise self._error
        self.indices.append(frame.index)

    def close(self, *, complete):
        self.completes.append(complete)
        if self._close_error:
            raise self._close_error


def _plain(frame):
    return Rendered(frame, Faces())


def _run(source, sink, render=_plain, **options):
    with Outputs([sink]) as outputs:
        return Pipeline(source, render, outputs).run(**options)


def test_a_file_delivers_every_frame_in_order_to_a_slow_sink():
    sink = FakeSink(hang_s=0.002)
    figures = _run(FakeSource(40), sink)
    assert sink.indices == list(range(40))
    assert sink.completes == [True]
    assert (figures.frames_in, figures.frames_out, figures.dropped) == (40, 40, 0)


def test_a_live_source_drops_the_oldest_and_counts_it():
    sink = FakeSink(hang_s=0.01)
    figures = _run(FakeSource(200, is_live=True, pause_s=0.001), sink)
    assert sink.indices == sorted(sink.indices)
    assert figures.dropped > 0
    assert figures.frames_out + figures.dropped == figures.frames_in == 200
    assert sink.indices[-1] == 199  # the newest frame wins


def test_faces_and_stages_are_counted():
    detection = None

    def render(frame):
        return Rendered(frame, Faces((Face(0, detection),), False) if frame.index % 2 else Faces())

    figures = _run(FakeSource(10), FakeSink(), render)
    assert figures.with_faces == 5
    assert {"read", "render", "emit", "write"} <= figures.stage_ms.keys()
    assert figures.latency_ms.count == 10


class Dividing:
    """Notes who begins and who ends each frame; `meet` is called as a frame ends."""

    def __init__(self, meet=lambda _index: None):
        self.begun, self.ended, self._meet = [], [], meet

    def __call__(self, frame):
        raise AssertionError("a renderer whose work can be divided is asked for parts")

    def begin(self, frame):
        self.begun.append((frame.index, threading.current_thread().name))

        def end():
            self._meet(frame.index)
            self.ended.append((frame.index, threading.current_thread().name))
            return _plain(frame)

        return end


def test_the_last_step_of_each_frame_is_done_in_thread_emit_in_order():
    render, sink = Dividing(), FakeSink()
    _run(FakeSource(20), sink, render)
    assert render.begun == [(index, "render") for index in range(20)]
    assert render.ended == [(index, "emit") for index in range(20)]
    assert sink.indices == list(range(20))


def test_the_next_frame_is_drawn_meanwhile():
    def meet(index):  # the first frame's end waits for the second frame's beginning
        end_s = time.monotonic() + PROMISED_SECONDS
        while index == 0 and len(render.begun) < 2:
            assert time.monotonic() < end_s
            time.sleep(0.001)

    render = Dividing(meet)
    assert _run(FakeSource(3), FakeSink(), render).frames_out == 3


def test_a_failure_in_the_last_step_is_raised_in_the_caller():
    def meet(index):
        if index == 3:
            raise ZeroDivisionError("bug")

    sink = FakeSink()
    with pytest.raises(ZeroDivisionError, match="bug"):
        _run(FakeSource(100), sink, Dividing(meet))
    assert sink.indices == [0, 1, 2]


@pytest.mark.parametrize("is_live", [False, True])
def test_a_failing_source_is_raised_in_the_caller(is_live):
    sink = FakeSink()
    start_s = time.monotonic()
    with pytest.raises(SourceError, match="unplugged"):
        _run(FakeSource(1000, fail_at=5, is_live=is_live, pause_s=0.002), sink)
    assert time.monotonic() - start_s < PROMISED_SECONDS + 1
    assert sink.completes == [is_live]  # a recording ends with its camera; a conversion is not complete


def test_what_was_read_before_a_failure_is_still_written():
    sink = FakeSink(hang_s=0.02)
    with pytest.raises(SourceError, match="unplugged"):
        _run(FakeSource(1000, fail_at=3, is_live=True, pause_s=0.03), sink)
    assert sink.indices == [0, 1, 2]


def test_a_sink_that_is_too_slow_does_not_hold_a_failure_back():
    start_s = time.monotonic()
    with pytest.raises(SourceError, match="unplugged"):
        _run(FakeSource(1000, fail_at=6), FakeSink(hang_s=0.7))
    assert time.monotonic() - start_s < PROMISED_SECONDS + 1


def test_a_failing_renderer_is_raised_in_the_caller():
    def render(frame):
        if frame.index == 3:
            raise ZeroDivisionError("bug")
        return _plain(frame)

    with pytest.raises(ZeroDivisionError, match="bug"):
        _run(FakeSource(1000), FakeSink(), render)


def test_a_failing_sink_is_raised_while_the_source_blocks():
    failure = SinkError("disk full", hint="free some space")
    start_s = time.monotonic()
    with pytest.raises(SinkError, match="disk full"):
        _run(FakeSource(5, pause_s=0.5), FakeSink(raise_at=0, error=failure))
    assert time.monotonic() - start_s < PROMISED_SECONDS + 1


def test_the_first_failure_wins_over_the_one_at_closing():
    closing = SinkError("cannot finish")
    with pytest.raises(SourceError, match="unplugged") as caught:
        _run(FakeSource(fail_at=2), FakeSink(close_error=closing))
    assert any("cannot finish" in note for note in caught.value.__notes__)


def test_a_failure_at_closing_alone_is_raised_and_every_sink_is_closed():
    sinks = [FakeSink(), FakeSink(close_error=SinkError("cannot finish"))]
    with pytest.raises(SinkError, match="cannot finish"), Outputs(sinks) as outputs:
        Pipeline(FakeSource(3), _plain, outputs).run()
    assert [sink.completes for sink in sinks] == [[True], [True]]


def test_closing_the_window_ends_the_run_without_error():
    figures = _run(FakeSource(10_000, is_live=True, pause_s=0.001), FakeSink(raise_at=7, error=SinkClosed()))
    assert figures.is_interrupted


def test_stop_writes_what_was_read():
    sink = FakeSink(hang_s=0.005)
    with Outputs([sink]) as outputs:
        pipeline = Pipeline(FakeSource(10_000), _plain, outputs)
        threading.Timer(0.1, pipeline.stop).start()
        figures = pipeline.run()
    assert figures.is_interrupted
    assert sink.indices == list(range(figures.frames_in))
    assert sink.completes == [False]


def test_ctrl_c_ends_a_live_recording_properly():
    sink = FakeSink()
    timer = threading.Timer(0.1, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    figures = _run(FakeSource(100_000, is_live=True, pause_s=0.001), sink)
    assert figures.is_interrupted
    assert sink.completes == [True]


def _names_of_threads():
    return {thread.name for thread in threading.enumerate()}


def test_a_second_ctrl_c_does_not_wait_for_what_is_queued_and_leaves_no_thread_behind():
    sink = FakeSink(hang_s=0.2)
    for delay_s in (0.3, 0.5):
        threading.Timer(delay_s, signal.raise_signal, (signal.SIGINT,)).start()
    with pytest.raises(KeyboardInterrupt):
        _run(FakeSource(10_000), sink)
    assert len(sink.indices) < 6  # eight were queued
    assert not _names_of_threads() & {"capture", "render", "emit"}
    assert sink.completes == [False]


def test_a_second_ctrl_c_still_ends_a_live_recording():
    sink = FakeSink(hang_s=0.5)
    for delay_s in (0.3, 0.4):
        threading.Timer(delay_s, signal.raise_signal, (signal.SIGINT,)).start()
    with pytest.raises(KeyboardInterrupt):
        _run(FakeSource(100_000, is_live=True, pause_s=0.001), sink)
    assert sink.completes == [True]


def test_a_display_of_figures_that_fails_ends_the_threads_first():
    def broken(_figures):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        _run(FakeSource(100_000, pause_s=0.001), FakeSink(), on_tick=broken)
    assert not _names_of_threads() & {"capture", "render", "emit"}


def test_every_sink_is_closed_whatever_one_of_them_raises():
    sinks = [FakeSink(), FakeSink(close_error=ZeroDivisionError("bug")), FakeSink()]
    with pytest.raises(ZeroDivisionError), Outputs(sinks) as outputs:
        Pipeline(FakeSource(3), _plain, outputs).run()
    assert [sink.completes for sink in sinks] == [[True]] * 3


def test_a_time_limit_ends_the_run():
    figures = _run(FakeSource(100_000, is_live=True, pause_s=0.001), FakeSink(), seconds=0.2)
    assert 0.2 <= figures.seconds < 0.2 + PROMISED_SECONDS
    assert not figures.is_interrupted


def test_a_part_of_a_film_is_counted_in_its_own_time_however_fast_it_is_drawn():
    sink = FakeSink(hang_s=0.002)
    figures = _run(FakeSource(100), sink, film_s=0.5)
    assert sink.indices == list(range(15))
    assert sink.completes == [True]
    assert not figures.is_interrupted


def test_no_thread_survives_a_run():
    _run(FakeSource(5), FakeSink())
    assert not _names_of_threads() & {"capture", "render", "emit"}


def test_progress_is_told():
    seen = []
    _run(FakeSource(30, pause_s=0.01), FakeSink(), on_tick=seen.append)
    assert seen[-1].frames_out > 0


class Ahead:
    """A renderer that may have three frames under way, and notes how many it had."""

    frames_ahead = 2

    def __init__(self):
        self.under_way, self.most, self.results = 0, 0, []

    def submit(self, frame):
        self.under_way += 1
        self.most = max(self.most, self.under_way)

        def result():
            self.under_way -= 1
            self.results.append(frame.index)
            return _plain(frame)

        return result

    def __call__(self, frame):
        return self.submit(frame)()


def test_frames_of_a_file_are_sent_ahead_and_all_arrive_in_order():
    render, sink = Ahead(), FakeSink()
    figures = _run(FakeSource(10), sink, render)
    assert sink.indices == render.results == list(range(10))
    assert (figures.frames_out, render.most, render.under_way) == (10, 3, 0)


def test_a_file_shorter_than_what_may_be_under_way_arrives_whole():
    render, sink = Ahead(), FakeSink()
    _run(FakeSource(2), sink, render)
    assert sink.indices == [0, 1]


def test_a_live_frame_does_not_wait_for_the_next_one():
    render, sink = Ahead(), FakeSink()
    _run(FakeSource(5, is_live=True, pause_s=0.02), sink, render)
    assert render.most == 1


def test_a_cap_leaves_out_frames_of_a_live_source_and_delays_none():
    sink = FakeSink()
    source = FakeSource(60, is_live=True, pause_s=0.01)
    with Outputs([sink]) as outputs:
        figures = Pipeline(source, _plain, outputs, max_fps=20.0).run()
    assert figures.capped >= 30
    assert figures.frames_out + figures.dropped + figures.capped == 60
    assert figures.latency_ms.p50 < 10.0  # a frame that goes on does so at once; the cap is 50 ms


def test_a_cap_is_not_for_files():
    sink = FakeSink()
    with Outputs([sink]) as outputs:
        figures = Pipeline(FakeSource(20), _plain, outputs, max_fps=1.0).run()
    assert (figures.frames_out, figures.capped) == (20, 0)


def test_frames_for_which_the_network_rested_are_counted():
    figures = _run(FakeSource(20), FakeSink(), lambda frame: Rendered(frame, Faces(), is_idle=frame.index % 4 == 0))
    assert figures.idle == 5
    assert figures.idle_share == 0.25
