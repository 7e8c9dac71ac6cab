"""The flow of frames: order, drops, counts. Sources and sinks are fakes; the threads are real."""

import threading
import time
from dataclasses import replace
from fractions import Fraction

import pytest

from animecam.render.base import Rendered
from animecam.run import pipeline
from animecam.run.outputs import Outputs, Viewing
from animecam.run.pipeline import Pipeline
from animecam.sinks.recorder import Recorder
from animecam.sinks.window import WindowSink
from animecam.types import Face, Faces


def test_a_file_delivers_every_frame_in_order_to_a_slow_sink(flow):
    sink = flow.FakeSink(hang_s=0.002)
    figures = flow.run(flow.FakeSource(40), sink)
    assert sink.indices == list(range(40))
    assert sink.completes == [True]
    assert (figures.frames_in, figures.frames_out, figures.dropped) == (40, 40, 0)


def test_a_live_source_drops_the_oldest_and_counts_it(flow):
    sink = flow.FakeSink(hang_s=0.01)
    figures = flow.run(flow.FakeSource(200, is_live=True, pause_s=0.001), sink)
    assert sink.indices == sorted(sink.indices)
    assert figures.dropped > 0
    assert figures.frames_out + figures.dropped == figures.frames_in == 200
    assert sink.indices[-1] == 199  # the newest frame wins


def test_what_is_dropped_while_the_first_picture_is_drawn_is_told_apart(flow):
    def render(frame):
        time.sleep(0.2 if frame.index == 0 else 0.0)
        return flow.plain(frame)

    figures = flow.run(flow.FakeSource(40, is_live=True, pause_s=0.01), flow.FakeSink(), render)
    assert 5 <= figures.dropped_at_start <= figures.dropped


def test_what_is_dropped_later_is_no_start(flow):
    figures = flow.run(flow.FakeSource(200, is_live=True, pause_s=0.001), flow.FakeSink(hang_s=0.01))
    assert figures.dropped_at_start < figures.dropped / 2


def test_faces_and_stages_are_counted(flow):
    detection = None

    def render(frame):
        return Rendered(frame, Faces((Face(0, detection),), False) if frame.index % 2 else Faces())

    figures = flow.run(flow.FakeSource(10), flow.FakeSink(), render)
    assert figures.with_faces == 5
    assert {"read", "render", "emit", "write"} <= figures.stage_ms.keys()
    assert figures.latency_ms.count == 10


def test_the_last_step_of_each_frame_is_done_in_thread_emit_in_order(flow):
    render, sink = flow.Dividing(), flow.FakeSink()
    flow.run(flow.FakeSource(20), sink, render)
    assert render.begun == [(index, "render") for index in range(20)]
    assert render.ended == [(index, "emit") for index in range(20)]
    assert sink.indices == list(range(20))


def test_the_next_frame_is_drawn_meanwhile(flow):
    def meet(index):  # the first frame's end waits for the second frame's beginning
        end_s = time.monotonic() + flow.PROMISED_SECONDS
        while index == 0 and len(render.begun) < 2:
            assert time.monotonic() < end_s
            time.sleep(0.001)

    render = flow.Dividing(meet)
    assert flow.run(flow.FakeSource(3), flow.FakeSink(), render).frames_out == 3


def test_a_part_of_a_film_is_counted_in_its_own_time_however_fast_it_is_drawn(flow):
    sink = flow.FakeSink(hang_s=0.002)
    figures = flow.run(flow.FakeSource(100), sink, film_s=0.5)
    assert sink.indices == list(range(15))
    assert sink.completes == [True]
    assert not figures.is_interrupted


def test_progress_is_told(flow):
    seen = []
    flow.run(flow.FakeSource(30, pause_s=0.01), flow.FakeSink(), on_tick=seen.append)
    assert seen[-1].frames_out > 0


def test_the_end_is_told_though_it_came_while_something_else_was_told(flow):
    """Progress bars of short films stopped at three of four frames on a busy machine."""
    seen, is_telling, are_written = [], threading.Event(), threading.Event()

    class Sink(flow.FakeSink):
        def write(self, frame):
            is_telling.wait(10)
            super().write(frame)
            if frame.index == 19:
                are_written.set()

    def tell(figures):
        seen.append(figures.frames_out)
        is_telling.set()
        are_written.wait(10)
        time.sleep(0.2 if len(seen) == 1 else 0)  # in which the run ends

    flow.run(flow.FakeSource(20), Sink(), on_tick=tell)
    assert seen[0] == 0
    assert seen[-1] == 20


def test_frames_of_a_file_are_sent_ahead_and_all_arrive_in_order(flow):
    render, sink = flow.Ahead(), flow.FakeSink()
    figures = flow.run(flow.FakeSource(10), sink, render)
    assert sink.indices == render.results == list(range(10))
    assert (figures.frames_out, render.most, render.under_way) == (10, 3, 0)


def test_a_file_shorter_than_what_may_be_under_way_arrives_whole(flow):
    render, sink = flow.Ahead(), flow.FakeSink()
    flow.run(flow.FakeSource(2), sink, render)
    assert sink.indices == [0, 1]


def test_a_live_frame_does_not_wait_for_the_next_one(flow):
    render, sink = flow.Ahead(), flow.FakeSink()
    flow.run(flow.FakeSource(5, is_live=True, pause_s=0.02), sink, render)
    assert render.most == 1


def test_a_cap_leaves_out_frames_of_a_live_source_and_delays_none(flow):
    sink = flow.FakeSink()
    source = flow.FakeSource(60, is_live=True, pause_s=0.01)
    with Outputs([sink]) as outputs:
        figures = Pipeline(source, flow.plain, outputs, max_fps=20.0).run()
    assert figures.capped >= 30
    assert figures.frames_out + figures.dropped + figures.capped == 60
    assert figures.latency_ms.p50 < 10.0  # a frame that goes on does so at once; the cap is 50 ms


@pytest.mark.parametrize(("pause_s", "rate", "max_fps"), [(0.005, 200, 4.0), (0.3, 3, None)])
def test_a_live_source_that_is_to_give_a_frame_now_and_then_does_not_hang(flow, monkeypatch, pause_s, rate, max_fps):
    """A time lapse of a picture in five minutes ended after one."""
    monkeypatch.setattr(pipeline, "STALL_SECONDS", 0.05)
    source, sink = flow.FakeSource(round(0.6 / pause_s), is_live=True, pause_s=pause_s), flow.FakeSink()
    source.format = replace(source.format, rate=Fraction(rate))
    with Outputs([sink]) as outputs:
        Pipeline(source, flow.plain, outputs, max_fps=max_fps).run()
    assert len(sink.indices) >= 2


def test_a_cap_is_not_for_files(flow):
    sink = flow.FakeSink()
    with Outputs([sink]) as outputs:
        figures = Pipeline(flow.FakeSource(20), flow.plain, outputs, max_fps=1.0).run()
    assert (figures.frames_out, figures.capped) == (20, 0)


def test_frames_for_which_the_network_rested_are_counted(flow):
    figures = flow.run(
        flow.FakeSource(20), flow.FakeSink(), lambda frame: Rendered(frame, Faces(), is_idle=frame.index % 4 == 0)
    )
    assert figures.idle == 5
    assert figures.idle_share == 0.25


@pytest.mark.parametrize("is_shared", [False, True])
def test_a_view_is_for_the_users_own_eyes_unless_it_is_shared(flow, is_shared):
    """Every second frame has one; the others are the same to all."""
    window, camera = flow.FakeSink(), flow.FakeSink()
    window.shows_view = True

    def render(frame):
        return Rendered(frame, Faces(), plain=replace(frame, index=frame.index + 100) if frame.index % 2 else None)

    with Outputs([window, camera], is_view_shared=is_shared) as outputs:
        Pipeline(flow.FakeSource(4), render, outputs).run()
    assert window.indices == [0, 1, 2, 3]
    assert camera.indices == ([0, 1, 2, 3] if is_shared else [0, 101, 2, 103])


@pytest.mark.parametrize("sink", [WindowSink, Recorder])
def test_the_window_and_what_its_keys_record_are_for_the_users_own_eyes(sink):
    assert sink.shows_view is True
    assert isinstance(sink, Viewing)
