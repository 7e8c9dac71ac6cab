"""What the benchmarks count with must itself be right."""

import click
import pytest
from click.testing import CliRunner

from animecam.errors import SourceError


def test_percentiles_are_exact_and_of_the_nearest_rank(bench):
    spread = bench("measuring").Spread.of([float(n) for n in range(100, 0, -1)])
    assert (spread.p50, spread.p95, spread.p99, spread.max, spread.mean) == (50.0, 95.0, 99.0, 100.0, 50.5)


def test_ratio_is_of_pairs_so_that_a_slow_round_does_not_count(bench):
    # The machine was ten times slower in the second round, for both.
    ratio = bench("measuring").Ratio.of([5.0, 50.0, 5.0], [10.0, 100.0, 10.0])
    assert (ratio.median, ratio.low, ratio.high) == (0.5, 0.5, 0.5)


def test_cases_take_turns_in_alternating_order(bench):
    calls = []
    cases = {name: lambda name=name: calls.append(name) for name in ("a", "b")}
    times_ms = bench("measuring").interleave(cases, 2, pause_s=0.0)
    assert "".join(calls) == "aabb" + "bbaa"
    assert {name: len(times) for name, times in times_ms.items()} == {"a": 2, "b": 2}


def test_stage_samples_are_kept_one_by_one(bench):
    samples = bench("measuring").Samples()
    with samples.stage("draw"):
        pass
    samples.add("draw", 3.0)
    assert len(samples.ms["draw"]) == 2
    assert samples.ms["draw"][1] == 3.0
    assert samples.percentiles()["draw"].count == 2


def test_share_of_others_leaves_out_what_was_our_own(bench, monkeypatch):
    machine = bench("machine")
    clocks = iter([(10.0, 20.0), (14.0, 30.0)])
    own = iter([1.0, 2.0])
    monkeypatch.setattr(machine, "_cpu_seconds", lambda: next(clocks))
    monkeypatch.setattr(machine, "_own_cpu_seconds", lambda: next(own))
    assert machine.Watch().report()["others_share"] == pytest.approx(0.3)


def test_errors_of_the_product_end_a_benchmark_with_their_hint(bench):
    @click.command(cls=bench("measuring").BenchmarkCommand)
    def main():
        raise SourceError("no such camera", hint="plug it in")

    result = CliRunner().invoke(main)
    assert result.exit_code == 1
    assert "no such camera (plug it in)" in result.output


def test_resident_memory_sees_what_is_allocated(bench):
    measuring = bench("measuring")
    before_mib = measuring.resident_mib()
    block = bytearray(b"x" * (50 << 20))
    assert measuring.resident_mib() - before_mib > 40
    assert len(block) == 50 << 20
