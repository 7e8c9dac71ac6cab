"""A cap on the rate: met on average, with jitter too, without a wait and without a debt."""

import numpy as np
import pytest

from animecam.pacing import RateCap


def admitted(times_s, max_fps):
    cap = RateCap(max_fps)
    return [time_s for time_s in times_s if cap.admits(time_s)]


@pytest.mark.parametrize("jitter_s", [0.0, 0.004])
@pytest.mark.parametrize("max_fps", [5.0, 12.5, 15.0, 20.0, 24.0])
def test_the_rate_is_met_and_not_exceeded(max_fps, jitter_s):
    times_s = np.arange(0, 20, 1 / 30) + np.random.default_rng(2).uniform(-jitter_s, jitter_s, 600)
    assert len(admitted(times_s, max_fps)) == pytest.approx(20 * max_fps, rel=0.02)


@pytest.mark.parametrize("max_fps", [30.0, 60.0])
def test_a_source_within_the_cap_is_left_alone(max_fps):
    times_s = np.arange(0, 10, 1 / 30) + np.random.default_rng(2).uniform(-0.004, 0.004, 300)
    assert len(admitted(times_s, max_fps)) == 300


def test_a_pause_is_not_made_up_for():
    before_s, after_s = np.arange(0, 2, 1 / 30), np.arange(60, 62, 1 / 30)
    assert len(admitted([*before_s, *after_s], 10.0)) == pytest.approx(40, abs=3)
