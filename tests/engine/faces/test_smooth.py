"""The One-Euro filter against what can be computed by hand."""

from math import pi

import numpy as np
import pytest

from animecam.faces.smooth import OneEuroOptions, advance, start

UNEVEN_STEPS = np.random.default_rng(7).uniform(0.005, 0.12, 400)


def run(values, times, options, unit=1.0):
    states = [start(np.atleast_1d(values[0]), times[0])]
    for value, time in zip(values[1:], times[1:], strict=True):
        states.append(advance(states[-1], np.atleast_1d(value), time, options, unit))
    return np.array([state.value for state in states])


def test_a_constant_stays_exactly():
    times = np.cumsum(UNEVEN_STEPS)
    value = np.array([3.5, -120.25])
    smooth = run([value] * len(times), times, OneEuroOptions(0.5, 10.0))
    assert (smooth == value).all()


def test_a_step_without_beta_decays_as_a_first_order_low_pass():
    cutoff_hz, step_s = 1.3, 0.04
    times = np.arange(30) * step_s
    values = np.where(times > 0, 1.0, 0.0)
    alpha = 1 / (1 + 1 / (2 * pi * cutoff_hz * step_s))
    smooth = run(values, times, OneEuroOptions(cutoff_hz, 0.0))[:, 0]
    assert smooth == pytest.approx(1 - (1 - alpha) ** np.arange(30))


@pytest.mark.parametrize("unit", [1.0, 80.0])
def test_a_ramp_lags_by_speed_over_cutoff_whatever_the_time_steps(unit):
    times = np.cumsum(UNEVEN_STEPS)
    velocity = np.array([30.0, 40.0])
    options = OneEuroOptions(min_cutoff_hz=0.8, beta=0.05, derivative_cutoff_hz=2.0)
    ramp = times[:, None] * velocity
    lag = ramp[-1] - run(ramp, times, options, unit)[-1]
    cutoff_hz = 0.8 + 0.05 * 50.0 / unit  # the velocity's length, not its components
    assert lag == pytest.approx(velocity / (2 * pi * cutoff_hz), rel=1e-6)


def test_noise_at_rest_is_damped_and_a_fast_move_is_followed():
    rng = np.random.default_rng(3)
    times = np.arange(300) / 30
    move = np.clip(times - 5, 0, 1) * 200
    smooth = run(move + rng.normal(0, 1, 300), times, OneEuroOptions(0.5, 0.1))[:, 0]
    assert smooth[60:150].std() < 0.4
    assert abs(smooth[-1] - 200) < 2
    assert abs(smooth - move).max() < 20


def test_a_sample_that_is_not_newer_changes_nothing():
    state = start(np.array([1.0]), 2.0)
    assert advance(state, np.array([9.0]), 2.0, OneEuroOptions(1.0, 0.0)) is state
    assert advance(state, np.array([9.0]), 1.0, OneEuroOptions(1.0, 0.0)) is state


def test_states_and_samples_are_not_edited():
    value = np.array([1.0, 2.0])
    first = start(value, 0.0)
    advance(first, np.array([5.0, 5.0]), 0.1, OneEuroOptions(1.0, 1.0))
    assert (first.value == [1.0, 2.0]).all()
    assert (value == [1.0, 2.0]).all()
