"""How the flow of frames ends: failures, limits, Ctrl-C. Sources and sinks are fakes; the threads are real."""

import signal
import threading
import time

import pytest

from animecam.errors import SinkError, SourceError
from animecam.run.outputs import Outputs
from animecam.run.pipeline import Pipeline
from animecam.sinks.base import SinkClosed


def test_a_failure_in_the_last_step_is_raised_in_the_caller(flow):
    def meet(index):
        if index == 3:
            raise ZeroDivisionError("bug")

    sink = flow.FakeSink()
    with pytest.raises(ZeroDivisionError, match="bug"):
        flow.run(flow.FakeSource(100), sink, flow.Dividing(meet))
    assert sink.indices == [0, 1, 2]


@pytest.mark.parametrize("is_live", [False, True])
def test_a_failing_source_is_raised_in_the_caller(is_live, flow):
    sink = flow.FakeSink()
    start_s = time.monotonic()
    with pytest.raises(SourceError, match="unplugged"):
        flow.run(flow.FakeSource(1000, fail_at=5, is_live=is_live, pause_s=0.002), sink)
    assert time.monotonic() - start_s < flow.PROMISED_SECONDS + 1
    assert sink.completes == [is_live]  # a recording ends with its camera; a conversion is not complete


def test_what_was_read_before_a_failure_is_still_written(flow):
    sink = flow.FakeSink(hang_s=0.02)
    with pytest.raises(SourceError, match="unplugged"):
        flow.run(flow.FakeSource(1000, fail_at=3, is_live=True, pause_s=0.03), sink)
    assert sink.indices == [0, 1, 2]


def test_a_sink_that_is_too_slow_does_not_hold_a_failure_back(flow):
    start_s = time.monotonic()
    with pytest.raises(SourceError, match="unplugged"):
        flow.run(flow.FakeSource(1000, fail_at=6), flow.FakeSink(hang_s=0.7))
    assert time.monotonic() - start_s < flow.PROMISED_SECONDS + 1


def test_a_failing_renderer_is_raised_in_the_caller(flow):
    def render(frame):
        if frame.index == 3:
            raise ZeroDivisionError("bug")
        return flow.plain(frame)

    with pytest.raises(ZeroDivisionError, match="bug"):
        flow.run(flow.FakeSource(1000), flow.FakeSink(), render)


def test_a_failing_sink_is_raised_while_the_source_blocks(flow):
    failure = SinkError("disk full", hint="free some space")
    start_s = time.monotonic()
    with pytest.raises(SinkError, match="disk full"):
        flow.run(flow.FakeSource(5, pause_s=0.5), flow.FakeSink(raise_at=0, error=failure))
    assert time.monotonic() - start_s < flow.PROMISED_SECONDS + 1


def test_the_first_failure_wins_over_the_one_at_closing(flow):
    closing = SinkError("cannot finish")
    with pytest.raises(SourceError, match="unplugged") as caught:
        flow.run(flow.FakeSource(fail_at=2), flow.FakeSink(close_error=closing))
    assert any("cannot finish" in note for note in caught.value.__notes__)


def test_a_failure_at_closing_alone_is_raised_and_every_sink_is_closed(flow):
    sinks = [flow.FakeSink(), flow.FakeSink(close_error=SinkError("cannot finish"))]
    with pytest.raises(SinkError, match="cannot finish"), Outputs(sinks) as outputs:
        Pipeline(flow.FakeSource(3), flow.plain, outputs).run()
    assert [sink.completes for sink in sinks] == [[True], [True]]


def test_closing_the_window_ends_the_run_without_error(flow):
    figures = flow.run(
        flow.FakeSource(10_000, is_live=True, pause_s=0.001), flow.FakeSink(raise_at=7, error=SinkClosed())
    )
    assert figures.is_interrupted


def test_stop_writes_what_was_read(flow):
    sink = flow.FakeSink(hang_s=0.005)
    with Outputs([sink]) as outputs:
        pipeline = Pipeline(flow.FakeSource(10_000), flow.plain, outputs)
        threading.Timer(0.1, pipeline.stop).start()
        figures = pipeline.run()
    assert figures.is_interrupted
    assert sink.indices == list(range(figures.frames_in))
    assert sink.completes == [False]


def test_ctrl_c_ends_a_live_recording_properly(flow):
    sink = flow.FakeSink()
    timer = threading.Timer(0.1, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    figures = flow.run(flow.FakeSource(100_000, is_live=True, pause_s=0.001), sink)
    assert figures.is_interrupted
    assert sink.completes == [True]


@pytest.mark.parametrize("is_silent", [True, False])
def test_ctrl_c_ends_a_live_run_whose_sender_fell_silent_or_fails_then(flow, is_silent):
    """It waited for the sender's time-out, and told that nothing came."""
    is_over, sink = threading.Event(), flow.FakeSink()
    source = flow.FakeSource(5, is_live=True, pause_s=0.01)
    read = source.read

    def read_or_wait():
        frame = read()
        if frame is None:
            is_over.wait(10 if is_silent else 0.5)
            raise SourceError("nothing came for 5 s", hint="check that it is on")
        return frame

    source.read = read_or_wait
    threading.Timer(0.4, signal.raise_signal, (signal.SIGINT,)).start()
    start_s = time.monotonic()
    figures = flow.run(source, sink)
    assert time.monotonic() - start_s < 0.4 + flow.PROMISED_SECONDS
    assert figures.is_interrupted
    assert len(sink.indices) == figures.frames_out > 0
    assert sink.completes == [True]
    is_over.set()


def _names_of_threads():
    return {thread.name for thread in threading.enumerate()}


def test_a_second_ctrl_c_does_not_wait_for_what_is_queued_and_leaves_no_thread_behind(flow):
    sink = flow.FakeSink(hang_s=0.2)
    for delay_s in (0.3, 0.5):
        threading.Timer(delay_s, signal.raise_signal, (signal.SIGINT,)).start()
    with pytest.raises(KeyboardInterrupt):
        flow.run(flow.FakeSource(10_000), sink)
    assert len(sink.indices) < 6  # eight were queued
    assert not _names_of_threads() & {"capture", "render", "emit"}
    assert sink.completes == [False]


def test_a_second_ctrl_c_still_ends_a_live_recording(flow):
    sink = flow.FakeSink(hang_s=0.5)
    for delay_s in (0.3, 0.4):
        threading.Timer(delay_s, signal.raise_signal, (signal.SIGINT,)).start()
    with pytest.raises(KeyboardInterrupt):
        flow.run(flow.FakeSource(100_000, is_live=True, pause_s=0.001), sink)
    assert sink.completes == [True]


def test_a_display_of_figures_that_fails_ends_the_threads_first(flow):
    def broken(_figures):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        flow.run(flow.FakeSource(100_000, pause_s=0.001), flow.FakeSink(), on_tick=broken)
    assert not _names_of_threads() & {"capture", "render", "emit"}


def test_every_sink_is_closed_whatever_one_of_them_raises(flow):
    sinks = [flow.FakeSink(), flow.FakeSink(close_error=ZeroDivisionError("bug")), flow.FakeSink()]
    with pytest.raises(ZeroDivisionError), Outputs(sinks) as outputs:
        Pipeline(flow.FakeSource(3), flow.plain, outputs).run()
    assert [sink.completes for sink in sinks] == [[True]] * 3


def test_a_time_limit_ends_the_run(flow):
    figures = flow.run(flow.FakeSource(100_000, is_live=True, pause_s=0.001), flow.FakeSink(), seconds=0.2)
    assert 0.2 <= figures.seconds < 0.2 + flow.PROMISED_SECONDS
    assert not figures.is_interrupted


def test_no_thread_survives_a_run(flow):
    flow.run(flow.FakeSource(5), flow.FakeSink())
    assert not _names_of_threads() & {"capture", "render", "emit"}
