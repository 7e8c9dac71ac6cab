"""The render thread: newest frame wins, batches over users, failures stay with whom they concern."""

import queue
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from animecam.errors import PipelineError, StyleError
from animecam.settings import Look, Quality
from animecam.web.orders import Order
from animecam.web.seat import Seat
from animecam.web.studio import Studio

WAIT_S = 5


@pytest.fixture
def studio(engine):
    with Studio(engine.open) as opened:
        yield opened


def order(style="invert"):
    return Order(Look(style), 4, Quality.AUTO)


def take_seat(studio, style="invert"):
    results = queue.SimpleQueue()
    return studio.seat(order(style), results.put, results.put), results


def test_a_frame_comes_back_drawn_in_the_middle_only(studio, fakes):
    seat, results = take_seat(studio)
    seat.put(fakes.make_frame(level=100))
    frame = results.get(timeout=WAIT_S).frame
    rows, columns = fakes.middle(64, 48)
    assert (frame.planes[0][rows, columns] == 155).all()
    assert frame.planes[0][0, 0] == 100
    assert seat.figures().frames_out == 1


def test_the_newest_frame_wins_and_drops_are_counted(studio, engine, fakes):
    seat, results = take_seat(studio)
    engine.gate.clear()
    seat.put(fakes.make_frame(index=0))
    while not engine.drawings:  # the first frame is being drawn
        threading.Event().wait(0.001)
    for index in (1, 2, 3):
        seat.put(fakes.make_frame(index=index))
    engine.gate.set()
    assert [results.get(timeout=WAIT_S).frame.index for _ in range(2)] == [0, 3]
    assert seat.figures().dropped == 2


def test_the_network_rests_for_whom_nothing_changes(studio, engine, fakes):
    """It drew every picture of somebody who sat still, and had less time for the others."""
    seat, results = take_seat(studio)
    for index, level in enumerate((100, 100, 101, 140, 140)):
        seat.put(fakes.make_frame(level=level, index=index))
        frame = results.get(timeout=WAIT_S).frame
        assert frame.index == index
        assert frame.planes[0][24, 32] == (155 if level < 140 else 115)
    assert engine.batches == [1, 1]
    figures = seat.figures()
    assert (figures.frames_out, figures.idle) == (5, 3)
    seat.order = order("flat")
    seat.put(fakes.make_frame(level=140))
    assert results.get(timeout=WAIT_S).frame.planes[0][24, 32] == 200
    seat.close()


def test_a_file_is_drawn_frame_by_frame_though_nothing_changes(studio, engine, fakes):
    with studio.rendering(order("invert")) as (render, _):
        for index in range(3):
            render(fakes.make_frame(index=index))
    assert engine.batches == [1, 1, 1]


def test_users_are_drawn_in_one_batch_and_styles_apart(studio, engine, fakes):
    first, first_results = take_seat(studio)
    others = [take_seat(studio) for _ in range(3)] + [take_seat(studio, "flat")]
    engine.gate.clear()
    first.put(fakes.make_frame())
    while not engine.drawings:
        threading.Event().wait(0.001)
    for seat, _ in others:
        seat.put(fakes.make_frame())
    engine.gate.set()
    for _, results in others:
        results.get(timeout=WAIT_S)
    assert first_results.get(timeout=WAIT_S)
    assert engine.batches == [1, 3, 1]


def test_a_failure_ends_one_seat_and_no_other(studio, fakes):
    unlucky, its_results = take_seat(studio)
    happy, results = take_seat(studio)
    for _ in range(3):
        unlucky.put(fakes.make_frame(level=13))
        happy.put(fakes.make_frame())
        assert results.get(timeout=WAIT_S).frame
    error = its_results.get(timeout=WAIT_S)
    assert isinstance(error, PipelineError)
    assert unlucky.is_closed
    assert studio.seats() == (happy,)


def test_a_style_that_breaks_says_so_to_those_who_chose_it(studio, engine, fakes):
    engine.broken.add("flat")
    seat, results = take_seat(studio, "flat")
    seat.put(fakes.make_frame())
    assert isinstance(results.get(timeout=WAIT_S), StyleError)


def test_another_picture_size_starts_with_nobody_known(studio, engine, fakes):
    seat, results = take_seat(studio)
    for width_px in (64, 64, 128):
        seat.put(fakes.make_frame(width_px=width_px))
        results.get(timeout=WAIT_S)
    assert [drawing.planned for drawing in engine.drawings] == [2, 1]


def test_a_closed_seat_leaves_nothing_behind(studio, fakes):
    seat, results = take_seat(studio)
    seat.put(fakes.make_frame())
    results.get(timeout=WAIT_S)
    seat.close()
    seat.close()
    seat.put(fakes.make_frame())
    assert studio.seats() == ()
    studio.run(lambda engine: None).result(WAIT_S)  # a whole round later
    assert results.empty()


def test_a_pipeline_shares_the_studio_with_live_users(studio, fakes):
    seat, results = take_seat(studio)
    with studio.rendering(order("flat")) as (render, _):
        for index in range(5):
            seat.put(fakes.make_frame(index=index))
            rendered = render(fakes.make_frame(index=index))
            assert rendered.frame.index == index
            rows, columns = fakes.middle(64, 48)
            assert (rendered.frame.planes[0][rows, columns] == fakes.FLAT_LEVEL).all()
    assert results.get(timeout=WAIT_S)
    assert studio.seats() == (seat,)


def test_a_file_is_drawn_as_one_and_live_users_as_live(studio, engine, fakes):
    """Drawn as live it was searched a frame late, and its cuts were not seen."""
    seat, results = take_seat(studio)
    seat.put(fakes.make_frame())
    assert results.get(timeout=WAIT_S)
    with studio.rendering(order("flat")) as (render, _):
        render(fakes.make_frame())
    assert [drawing.is_live for drawing in engine.drawings] == [True, False]


def test_an_errand_runs_in_the_render_thread_and_its_error_comes_back(studio, engine):
    assert studio.run(lambda e: e.summary).result(WAIT_S) == "a fake engine"

    def fail(engine):
        raise StyleError("no")

    with pytest.raises(StyleError):
        studio.run(fail).result(WAIT_S)
    assert studio.is_open


def test_an_engine_that_cannot_be_opened_is_reported_to_the_caller():
    def refuse():
        raise StyleError("there is no such style")

    with pytest.raises(StyleError), Studio(refuse):
        pass


def test_an_engine_that_takes_too_long_to_open_is_told_in_a_line(monkeypatch, engine):
    monkeypatch.setattr("animecam.web.studio.OPEN_SECONDS", 0.05)

    @contextmanager
    def slow():
        time.sleep(0.3)
        with engine.open() as opened:
            yield opened

    with pytest.raises(PipelineError, match="not open after"), Studio(slow):
        pass
    assert engine.is_closed


@pytest.mark.skipif(sys.platform == "win32", reason="signals reach a Windows program otherwise")
def test_a_ctrl_c_while_the_engine_opens_waits_for_its_thread(engine):
    """Python shut down around the thread, which aborted the process where that was in a compiler."""

    @contextmanager
    def slow():
        time.sleep(0.2)  # until it is waited for
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.3)  # a compiler, which knows of no Ctrl-C
        with engine.open() as opened:
            yield opened

    with pytest.raises(KeyboardInterrupt), Studio(slow):
        pass
    assert engine.is_closed
    assert "render" not in [thread.name for thread in threading.enumerate()]


def test_closing_ends_the_engine_and_tells_those_who_still_sit(engine):
    with Studio(engine.open) as studio:
        _, results = take_seat(studio)
    assert engine.is_closed
    assert isinstance(results.get(timeout=WAIT_S), PipelineError)


def test_a_look_changes_with_the_next_frame(studio, fakes):
    seat, results = take_seat(studio)
    levels = []
    for changes in ({}, {"strength": 0.0}, {"style": "flat", "strength": 1.0}):
        seat.order = replace(seat.order, look=replace(seat.order.look, **changes))
        seat.put(fakes.make_frame(level=100))
        levels.append(int(np.median(results.get(timeout=WAIT_S).frame.planes[0][24, 32])))
    assert levels == [155, 100, fakes.FLAT_LEVEL]


def test_a_cap_holds_the_newest_frame_until_it_is_due(monkeypatch, fakes):
    now_s = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    seat = Seat(threading.Condition(), order(), print, print, print, max_fps=5.0)
    taken = []
    for index in range(30):  # a second at 30 fps
        now_s = 100.0 + index / 30
        seat.put(fakes.make_frame(index=index))
        frame = seat.take()
        taken += [] if frame is None else [frame.index]
    assert taken == [0, 5, 11, 17, 23, 29]  # the first at once, the others a little early
    now_s = 200.0
    assert seat.due_in_s() == float("inf")
    seat.put(fakes.make_frame(index=30))
    assert seat.due_in_s() == 0.0
    assert seat.take().index == 30
    seat.put(fakes.make_frame(index=31))
    assert seat.take().index == 31
    seat.put(fakes.make_frame(index=32))
    assert seat.take() is None  # more of the pause is not made up for
    assert 0.1 < seat.due_in_s() < 0.2


def test_frames_beyond_the_cap_are_not_told_as_dropped(monkeypatch, fakes):
    now_s = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    seat = Seat(threading.Condition(), order(), print, print, print, max_fps=5.0)
    seat.put(fakes.make_frame())
    seat.put(fakes.make_frame())  # nobody had time for the one before
    assert seat.take()
    for _ in range(3):
        seat.put(fakes.make_frame())
    figures = seat.figures()
    assert (figures.frames_in, figures.dropped, figures.capped) == (5, 1, 2)


def test_a_held_frame_is_drawn_though_no_other_follows(engine, fakes):
    """As by WebSocket, where the page waits for an answer."""
    with Studio(engine.open, max_fps=20.0) as studio:
        seat, results = take_seat(studio)
        for index in range(4):
            seat.put(fakes.make_frame(index=index))
            assert results.get(timeout=WAIT_S).frame.index == index


def test_a_cap_holds_up_no_file_and_no_errand(engine, fakes):
    with Studio(engine.open, max_fps=1e-12) as studio:  # a frame in 30,000 years
        seat, results = take_seat(studio)
        seat.put(fakes.make_frame(index=0))
        assert results.get(timeout=WAIT_S).frame.index == 0
        seat.put(fakes.make_frame(index=1))
        with studio.rendering(order("flat")) as (render, _):
            assert [render(fakes.make_frame(index=index)).frame.index for index in range(5)] == [0, 1, 2, 3, 4]
        studio.run(lambda engine: None).result(WAIT_S)
        assert results.empty()
