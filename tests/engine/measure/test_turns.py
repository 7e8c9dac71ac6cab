"""Cases take turns, percentiles are exact, and ratios are of pairs."""

import pytest

from animecam.measure import machine
from animecam.measure.spread import Ratio, Spread
from animecam.measure.turns import interleave
from animecam.run.cores import CoreSeconds, CoreWatch


def test_percentiles_are_exact_and_of_the_nearest_rank():
    spread = Spread.of([float(n) for n in range(100, 0, -1)])
    assert (spread.p50, spread.p95, spread.p99, spread.max, spread.mean) == (50.0, 95.0, 99.0, 100.0, 50.5)


def test_ratio_is_of_pairs_so_that_a_slow_round_does_not_count():
    # The machine was ten times slower in the second round, for both.
    ratio = Ratio.of([5.0, 50.0, 5.0], [10.0, 100.0, 10.0])
    assert (ratio.median, ratio.low, ratio.high) == (0.5, 0.5, 0.5)


def test_cases_take_turns_in_alternating_order():
    calls = []
    cases = {name: lambda name=name: calls.append(name) for name in ("a", "b")}
    times_ms = interleave(cases, 2, pause_s=0.0)
    assert "".join(calls) == "aabb" + "bbaa"
    assert {name: len(times) for name, times in times_ms.items()} == {"a": 2, "b": 2}


def test_time_that_is_over_ends_the_rounds_but_not_before_the_least():
    assert len(interleave({"a": lambda: None}, 50, pause_s=0.0, budget_s=-1.0, least_rounds=3)["a"]) == 3


def test_the_share_of_others_goes_into_the_description():
    readings = iter([CoreSeconds(all=20.0, busy=10.0, own=1.0), CoreSeconds(all=30.0, busy=14.0, own=2.0)])
    told = machine.Watch({"cpu": "any"}, CoreWatch(lambda: next(readings))).report()
    assert told == {"cpu": "any", "others_share": pytest.approx(0.3)}


def test_the_machine_is_described_by_what_explains_a_time():
    told = machine.describe()
    assert told["cores"] >= 1
    assert told["cpu"]
    assert isinstance(told["vector_units"], list)
    assert told["packages"]["numpy"]
