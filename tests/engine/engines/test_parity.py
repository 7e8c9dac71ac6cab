"""How near pictures are, and on which that is measured."""

import math

import numpy as np
import pytest

from animecam.engines.parity import psnr_db, trial_pictures

RAMP = np.linspace(-1, 1, 48, dtype=np.float32).reshape(3, 4, 4)


def test_the_same_is_infinitely_near_and_noise_is_measured_against_the_span():
    assert psnr_db(RAMP, RAMP) == math.inf
    assert psnr_db(RAMP, RAMP + np.float32(0.02)) == pytest.approx(40, abs=1e-3)
    assert psnr_db(10 * RAMP, 10 * (RAMP + np.float32(0.02))) == pytest.approx(40, abs=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("is_expected", [True, False])
def test_what_is_not_finite_is_as_far_as_can_be(bad, is_expected):
    other = RAMP.copy()
    other[1, 2, 3] = bad
    nearness = psnr_db(*((other, RAMP) if is_expected else (RAMP, other)))
    assert min(50.0, nearness) == -math.inf


def test_the_portrait_comes_first_where_pictures_are_shaped_as_ours():
    pictures = trial_pictures((2, 3, 24, 32))
    assert pictures.dtype == np.float32
    assert -1 <= pictures.min() < pictures.max() <= 1
    noise = trial_pictures((2, 4, 24, 32))
    rough = [np.abs(np.diff(picture, axis=2)).mean() for picture in (pictures[0], pictures[1], noise[0])]
    assert rough[0] < 0.3 < min(rough[1:])
