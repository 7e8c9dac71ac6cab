"""What the benchmarks count with must itself be right."""

import click
from click.testing import CliRunner

from animecam.errors import SourceError


def test_stage_samples_are_kept_one_by_one(bench):
    samples = bench("measuring").Samples()
    with samples.stage("draw"):
        pass
    samples.add("draw", 3.0)
    assert len(samples.ms["draw"]) == 2
    assert samples.ms["draw"][1] == 3.0
    assert samples.percentiles()["draw"].count == 2


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
