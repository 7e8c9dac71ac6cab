"""The figures of a run by a clock that the test moves: whatever the machine does meanwhile, they are exact."""

from dataclasses import replace
from fractions import Fraction

import pytest

from animecam.run.cores import CoreSeconds, CoreUse, CoreWatch
from animecam.run.tally import Tally
from animecam.timing import Timing
from animecam.types import Color, Face, Faces, Frame, PixelFormat, allocate_planes

MS = 1_000_000  # nanoseconds
SOMEBODY = Faces((Face(0, None),), is_exposed=False)


class Run:
    """A run that is counted: `at` moves its clock, in milliseconds since the run began."""

    def __init__(self):
        self.now_ns = 7_000 * MS
        self.counted = CoreSeconds(0.0, 0.0, 0.0)
        self.tally = Tally(
            Timing(), lambda: self.now_ns, lambda: CoreWatch(lambda: self.counted, lambda: self.now_ns / 1e9)
        )
        self._start_ns = self.now_ns + 500 * MS  # things are opened first
        self.at(0).tally.start()

    def at(self, ms):
        self.now_ns = self._start_ns + round(ms * MS)
        return self

    def write(self, index, captured_ms, faces=SOMEBODY, is_idle=False):
        planes, packed = allocate_planes(PixelFormat.RGB24, 4, 2)
        captured_ns = self._start_ns + round(captured_ms * MS)
        frame = Frame(
            planes, PixelFormat.RGB24, Color(), 0, index, index + 9, Fraction(1, 30), captured_ns, packed=packed
        )
        self.tally.went(frame, faces, is_idle=is_idle)

    def figures(self, *, is_closing=False):
        return self.tally.figures(dropped=3, skipped=2, is_interrupted=False, is_closing=is_closing)


@pytest.fixture
def camera():
    """A second and a half of a camera at 30 fps of which every second frame is drawn, 20 ms after it came."""
    run = Run()
    for index in range(46):
        run.at(index * 1000 / 30).tally.came()
        if index % 2 == 0:
            run.at(index * 1000 / 30 + 20).write(index, captured_ms=index * 1000 / 30)
    return run


def test_closing_rates_are_of_the_whole_run(camera):
    figures = camera.at(1600).figures(is_closing=True)
    assert (figures.frames_in, figures.frames_out) == (46, 23)
    assert figures.fps_in == pytest.approx(30)
    assert figures.fps_out == pytest.approx(15)
    assert figures.seconds == 1.6


def test_rates_under_way_are_of_the_last_second(camera):
    assert camera.at(1510).figures().fps_in == 30
    assert camera.at(2400).figures().fps_in == 4  # the camera stopped at 1500
    assert camera.at(2600).figures().fps_in == 0


def test_one_frame_makes_no_rate():
    run = Run().at(10)
    run.tally.came()
    assert run.figures(is_closing=True).fps_in == 0


def test_latency_is_from_capture_to_the_last_sink(camera):
    figures = camera.figures()
    assert figures.latency_ms.count == 23
    assert figures.latency_ms.mean == pytest.approx(20)
    assert "latency" not in figures.stage_ms


def test_latency_under_way_is_of_the_last_sixty_frames():
    """A slow start is over some seconds later, and a delay that grows shows after an hour as in the first minute."""
    run = Run()
    for index in range(100):
        run.at(index * 40 + (500 if index < 40 else 20)).write(index, captured_ms=index * 40)
    assert run.figures().latency_ms.max == pytest.approx(20)
    assert run.figures().latency_ms.count == 60
    assert run.figures(is_closing=True).latency_ms.max == pytest.approx(500)
    assert run.figures(is_closing=True).latency_ms.count == 100


def test_faces_that_are_not_drawn_are_counted():
    run = Run()
    run.write(0, captured_ms=0, faces=replace(SOMEBODY, left_out=3))
    assert (run.figures().faces, run.figures().left_out) == (1, 3)
    run.write(1, captured_ms=1, faces=SOMEBODY)
    assert run.figures().left_out == 0


def test_faces_rest_and_what_was_left_out_are_counted():
    run = Run()
    for index in range(10):
        run.at(index).tally.came()
        run.write(index, captured_ms=index, faces=Faces() if index % 5 == 4 else SOMEBODY, is_idle=index < 3)
    run.tally.left_out()
    figures = run.figures()
    assert (figures.with_faces, figures.faces, figures.idle, figures.capped) == (8, 0, 3, 1)
    assert figures.idle_share == 0.3
    assert (figures.dropped, figures.skipped) == (3, 2)
    assert figures.position_s == pytest.approx(0.3)  # the film need not begin at zero


def test_the_cores_are_told_of_the_time_that_the_rates_are_of():
    run = Run()
    assert run.at(500).figures().cores is None
    run.counted = CoreSeconds(all=2.0, busy=2.0, own=1.5)
    assert run.at(1000).figures().cores == CoreUse(own=0.75, others=0.25)
    run.counted = CoreSeconds(all=4.0, busy=4.0, own=2.0)
    assert run.at(2000).figures().cores == CoreUse(own=0.25, others=0.75)
    assert run.at(2000).figures(is_closing=True).cores == CoreUse(own=0.5, others=0.5)
