"""A file that is played: each frame when it is due, by a clock that the test turns."""

from dataclasses import replace
from fractions import Fraction

import pytest

from animecam.sinks.pace import MOST_WAIT_SECONDS, Pace

MILLISECONDS = Fraction(1, 1000)


@pytest.fixture
def show(stream_format, make_frame):
    """Shows a frame of a time in ms, which came at another: gives when it was shown, in ms."""
    now = [0.0]
    pace = Pace(lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))

    def show(time_ms, comes_ms):
        now[0] = max(now[0], comes_ms / 1000)
        pace.write(replace(make_frame(stream_format), pts=time_ms, time_base=MILLISECONDS))
        return round(now[0] * 1000)

    yield show
    pace.close(complete=True)
    pace.close(complete=False)


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
