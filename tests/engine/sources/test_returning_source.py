"""A camera that is unplugged and comes back, with a clock that the test moves."""

from dataclasses import replace
from fractions import Fraction

import pytest

from animecam.errors import SourceError
from animecam.render.placeholder import AWAY, placeholder_frame
from animecam.sources.clock import Clock
from animecam.sources.options import SourceOptions
from animecam.sources.pattern import open_pattern
from animecam.sources.returning import RETRY_SECONDS, ReturningSource


class MovedClock:
    """Goes on when somebody sleeps."""

    def __init__(self):
        self.now = 1_000_000_000

    def clock(self):
        return Clock(lambda: self.now, self.sleep)

    def sleep(self, seconds):
        self.now += round(seconds * 1e9)


@pytest.fixture
def world():
    """(opens a pattern camera by its URI, makes a returning source of one and a function that opens it again)"""
    moved = MovedClock()

    def camera(uri):
        return open_pattern(uri, SourceOptions(), moved.clock())

    def returning(uri, reopen):
        source = camera(uri)
        return ReturningSource(source, reopen, placeholder_frame(source.format, AWAY), moved.clock())

    return camera, returning


def test_while_it_is_away_a_placeholder_stands_in_and_time_goes_on(world):
    camera, returning = world
    attempts = []

    def reopen():
        attempts.append(1)
        if len(attempts) < 3:
            raise SourceError("camera 0 does not exist")
        return camera("pattern:64x48@10?unplug_at=5")

    source = returning("pattern:64x48@10?unplug_at=3", reopen)
    frames = [source.read() for _ in range(60)]
    away = [frame.is_placeholder for frame in frames]
    assert away[:4] == [False, False, False, True]
    back = away.index(False, 3)
    assert away[back : back + 5] == [False] * 5
    assert away[back + 5]  # and unplugged again
    assert [frame.index for frame in frames] == list(range(60))
    stamps = [frame.pts for frame in frames]
    assert stamps == sorted(set(stamps))
    assert {frame.time_base for frame in frames} == {Fraction(1, 10)}
    seconds_away = (stamps[back] - stamps[2]) / 10
    assert 3 * RETRY_SECONDS <= seconds_away <= 3 * RETRY_SECONDS + 1.0
    assert len(attempts) >= 3
    # What is shown never lags behind the moment it was taken.
    drift_s = [f.captured_ns / 1e9 - f.pts / 10 for f in frames]
    assert max(drift_s) - min(drift_s) < 0.3


def test_one_that_ends_ends(world):
    _, returning = world
    source = returning("pattern:64x48@10?frames=2", lambda: pytest.fail("nothing failed"))
    assert [source.read() is None for _ in range(3)] == [False, False, True]


def test_one_that_comes_back_as_another_is_an_error(world):
    camera, returning = world
    source = returning("pattern:64x48@10?unplug_at=1", lambda: camera("pattern:96x48@10"))
    with pytest.raises(SourceError, match="came back with other pictures"):
        list(iter(source.read, None))
    source.close()


def test_closing_ends_it_and_what_was_opened_meanwhile(world):
    camera, returning = world
    opened = []

    def reopen():
        source.close()  # another thread, at the worst moment
        opened.append(camera("pattern:64x48@10"))
        return opened[0]

    source = returning("pattern:64x48@10?unplug_at=1", reopen)
    frames = [source.read() for _ in range(40)]
    assert frames[-1] is None
    assert len(opened) == 1
    assert opened[0].read() is None
    source.close()
    assert source.read() is None


def test_frames_that_could_not_be_decoded_are_counted_over_all_lives(world):
    camera, _ = world
    first = camera("pattern:64x48@10?unplug_at=2")
    first.skipped = 3
    second = camera("pattern:64x48@10")
    second.skipped = 4
    source = ReturningSource(first, lambda: second, replace(placeholder_frame(first.format, AWAY)), first._clock)
    for _ in range(20):
        source.read()
    assert source.skipped == 7
