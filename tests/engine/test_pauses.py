"""Work that pauses: all of it at once, or for a while."""

import time

import pytest

from animecam.pauses import at_once, has_ended


def work(done, steps=3, step_s=0.0):
    for step in range(steps):
        time.sleep(step_s)
        done.append(step)
        yield
    return "a result"


def test_work_is_done_at_once():
    done = []
    assert at_once(work(done)) == "a result"
    assert done == [0, 1, 2]
    assert at_once(work([], steps=0)) == "a result"


def test_work_goes_on_where_it_was_left():
    done = []
    paused = work(done)
    assert not has_ended(paused, 0.0)
    assert done == [0]
    assert has_ended(paused, 1000.0)
    assert done == [0, 1, 2]


def test_a_while_ends_with_the_next_pause():
    done = []
    paused = work(done, steps=100, step_s=0.02)
    assert not has_ended(paused, 50.0)
    assert 1 <= len(done) <= 3


def test_what_goes_wrong_is_raised_to_whoever_goes_on():
    def fail():
        yield
        raise ValueError("no")

    paused = fail()
    assert not has_ended(paused, 0.0)
    with pytest.raises(ValueError, match="no"):
        has_ended(paused, 0.0)
