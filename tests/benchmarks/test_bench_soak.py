"""The soak must see a leak, must not see one in noise, and must say when it cannot tell."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from animecam.measure.spread import Spread

HOUR_S = 3600.0


@pytest.fixture
def soak(bench):
    return bench("soak")


def series(growth_an_hour, noise, minutes=10.0, window_s=5.0):
    at_s = np.arange(window_s, 60 * minutes, window_s)
    values = 100 + growth_an_hour * at_s / HOUR_S + np.random.default_rng(1).normal(0, noise, at_s.size)
    return at_s.tolist(), values.tolist()


def test_a_leak_is_certain(soak):
    slope = soak.slope_of(*series(60.0, 0.5), limit=20.0, grain=1.0)
    assert slope.verdict is soak.Verdict.GROWS
    assert slope.low < 60.0 < slope.high


def test_noise_is_no_growth(soak):
    slope = soak.slope_of(*series(0.0, 0.5), limit=20.0, grain=1.0)
    assert slope.verdict is soak.Verdict.STEADY
    assert slope.low < 0.0 < slope.high


def test_too_much_noise_is_neither(soak):
    assert soak.slope_of(*series(0.0, 50.0), limit=20.0, grain=1.0).verdict is soak.Verdict.UNSURE


def test_a_grain_is_no_leak_however_steep_a_short_run_makes_it_look(soak):
    slope = soak.slope_of([0.0, 1.0, 2.0, 3.0], [100.0, 100.1, 100.2, 100.3], limit=20.0, grain=1.0)
    assert slope.per_hour == pytest.approx(360.0)
    assert slope.verdict is soak.Verdict.UNSURE


def test_a_single_outlier_bends_nothing(soak):
    at_s, values = series(0.0, 0.5)
    values[-1] += 500.0
    assert soak.slope_of(at_s, values, limit=20.0, grain=1.0).verdict is soak.Verdict.STEADY


def test_growth_during_the_warm_up_does_not_count(bench, soak):
    spread = Spread.of([20.0])
    windows = [soak.Window(5.0 * n, 100.0 + min(n, 20) * 10, spread, 15.0, 30.0, 0) for n in range(110)]
    assert soak.judge(windows)["memory MiB"].verdict is soak.Verdict.STEADY


def test_growth_ends_the_run_with_status_1(bench, soak, monkeypatch, tmp_path):
    from click.testing import CliRunner

    grown = iter(range(100, 100_000, 100))
    monkeypatch.setattr(soak, "resident_mib", lambda: float(next(grown)))
    report = tmp_path / "soak.json"
    arguments = ["pattern:160x120@60", "--minutes", "0.03", "--window", "0.1", "--style", "negative", "--size", "192"]
    result = CliRunner().invoke(soak.main, [*arguments, "--json", str(report)])
    assert result.exit_code == 1
    assert "it grows" in result.output
    assert report.exists()


def test_a_delay_is_from_capture_to_sink(soak):
    sink = soak.DelaySink()
    sink.write(SimpleNamespace(captured_ns=time.perf_counter_ns() - 30_000_000))
    (delay_ms,) = sink.take()
    assert delay_ms >= 30.0
    assert sink.take() == []


def test_work_that_takes_longer_is_no_waiting_and_a_queue_is(soak):
    """A machine that gets slower, and frames that pile up."""

    def windows(work_ms, wait_ms):
        return [
            soak.Window(5.0 * n, 100.0, Spread.of([10 + (work_ms + wait_ms) * n]), 8 + work_ms * n, 30.0, 0)
            for n in range(110)
        ]

    slower, queued = (soak.judge(windows(*grown)) for grown in ((0.05, 0.0), (0.0, 0.05)))
    assert slower["delay ms"].verdict is queued["delay ms"].verdict is soak.Verdict.GROWS
    assert slower["of that waiting"].verdict is soak.Verdict.STEADY
    assert queued["of that waiting"].verdict is soak.Verdict.GROWS


def test_work_is_that_of_both_threads_since_the_last_note(soak):
    work = soak.Work()
    for took_ms in (3.0, 5.0, 90.0):
        work.add("render", took_ms)
        work.add("draw", 2.0)  # a part of it
    work.add("emit", 4.0)
    assert work.take() == 9.0
    assert work.take() == 0.0
    work.add("emit", 7.0)
    assert work.take() == 7.0
    assert work.percentiles()["emit"].p50 > 0


def test_windows_hold_memory_delay_and_rate(written):
    windows = written("soak")["windows"]
    assert len(windows) >= 4
    assert all(window["resident_mib"] > 50 and window["delay_ms"]["p50"] > 0 for window in windows)
    assert [window["at_s"] for window in windows] == sorted(window["at_s"] for window in windows)
