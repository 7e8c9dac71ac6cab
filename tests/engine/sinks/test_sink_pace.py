"""A file that is played: each frame when it is due, by a clock that the test turns."""

import threading
from dataclasses import replace
from fractions import Fraction

import pytest

from animecam.sinks.pace import MOST_WAIT_SECONDS, Pace

MILLISECONDS = Fraction(1, 1000)


class Turning(threading.Event):
    """An event that turns a clock while it is waited for, as long as it is not set."""

    now_s = 0.0

    def wait(self, timeout=None):
        self.now_s += 0.0 if self.is_set() else timeout
        return self.is_set()


@pytest.fixture
def hurried():
    return Turning()


@pytest.fixture
def pace(hurried):
    pace = Pace(lambda: hurried.now_s, hurried)
    yield pace
    pace.close(complete=True)
    pace.close(complete=False)


@pytest.fixture
def show(stream_format, make_frame, hurried, pace):
    """Shows a frame of a time in ms, which came at another: gives when it was shown, in ms."""

    def show(time_ms, comes_ms):
        hurried.now_s = max(hurried.now_s, comes_ms / 1000)
        pace.write(replace(make_frame(stream_format), pts=time_ms, time_base=MILLISECONDS))
        return round(hurried.now_s * 1000)

    return show


def test_frames_that_come_too_soon_wait_for_their_time(show):
    # A file's stamps need not begin at zero nor be even.
    assert [show(time_ms, 50) for time_ms in (5000, 5033, 5040, 5140)] == [50, 83, 90, 190]


def test_waits_do_not_add_up_to_a_delay(show):
    shown = [show(40 * index, 7 + 40 * index - (20 if index else 0)) for index in range(200)]
    assert shown == [7 + 40 * index for index in range(200)]


def test_a_late_frame_goes_on_at_once_and_those_behind_it_keep_their_distance(show):
    assert [show(0, 0), show(40, 500), show(80, 501), show(120, 502)] == [0, 500, 540, 580]


def test_a_long_gap_is_cut_short(show):
    longest_ms = round(1000 * MOST_WAIT_SECONDS)
    assert [show(0, 0), show(60_000, 1), show(60_040, 2)] == [0, 1 + longest_ms, 41 + longest_ms]


def test_nothing_is_held_back_once_the_run_is_stopped(show, pace):
    assert [show(0, 0), show(1000, 1)] == [0, 1000]
    pace.hurry()
    assert [show(1000 * index, 1001) for index in range(2, 12)] == [1001] * 10
