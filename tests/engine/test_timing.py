"""Percentiles against numpy, rates against arithmetic."""

import numpy as np
import pytest

from animecam.timing import Durations, Percentiles, Rate, Timing


def test_percentiles_agree_with_numpy_to_one_per_cent():
    rng = np.random.default_rng(7)
    sample_ms = rng.lognormal(mean=2.0, sigma=1.0, size=20_000)
    durations = Durations()
    for value in sample_ms:
        durations.add(float(value))
    got = durations.percentiles()
    for q, value in ((50, got.p50), (95, got.p95), (99, got.p99)):
        assert value == pytest.approx(np.percentile(sample_ms, q, method="inverted_cdf"), rel=0.01)
    assert got.max == sample_ms.max()
    assert got.count == 20_000


def test_no_percentile_exceeds_the_maximum():
    durations = Durations()
    durations.add(5.0)
    got = durations.percentiles()
    assert got.p50 == got.p99 == pytest.approx(5.0, rel=0.01)
    assert got.p99 <= got.max == 5.0


def test_nothing_measured_is_zero():
    assert Durations().percentiles() == Percentiles()


def test_rate_counts_the_last_second_and_the_whole_run():
    rate = Rate()
    for i in range(91):
        rate.tick(1 + i * 33_333_333)
    assert rate.per_second(1 + 90 * 33_333_333) == pytest.approx(31, abs=1)
    assert rate.per_second(1 + 90 * 33_333_333 + 2_000_000_000) == 0
    assert rate.mean() == pytest.approx(30.0, rel=1e-4)


def test_a_stage_that_raises_is_not_counted():
    timing = Timing()
    with timing.stage("ok"):
        pass
    with pytest.raises(ValueError, match="x"), timing.stage("bad"):
        raise ValueError("x")
    assert list(timing.percentiles()) == ["ok"]


def test_the_mean_is_exact():
    durations = Durations()
    for duration_ms in (1.0, 2.0, 6.0):
        durations.add(duration_ms)
    assert durations.percentiles().mean == 3.0
