"""What the benchmarks count with must itself be right."""

import sys
import time

import click
import pytest
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


def test_a_value_that_makes_no_sense_has_the_status_of_the_product(bench, monkeypatch):
    pipeline = bench("pipeline")
    monkeypatch.setattr(pipeline, "measure", lambda *_, **__: pytest.fail("it measures already"))
    result = CliRunner().invoke(pipeline.main, ["pattern:160x120@30", "--size", "192", "--size", "7"])
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")


@pytest.mark.skipif(sys.platform == "win32", reason="reads what processes that ended have used")
def test_other_programs_are_busy_until_they_are_no_longer_needed(bench):
    import resource

    with bench("others").others(2):
        time.sleep(1.0)
        before_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    # What a child has used is counted when it has been waited for.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime > before_s + 0.2


def test_figures_are_not_cut_beside_a_long_cell(bench, capsys):
    """As pipeline.py has one: the medians of eight stages."""
    pipeline = bench("pipeline")
    names = ("read", "track", "crop", "draw", "render", "paste", "write", "emit")
    stages = " ".join(f"{name} 1234.5" for name in names)
    row = (
        "pattern:1280x720@30",
        "1280x720",
        "2",
        "starter full",
        "onnxruntime f32",
        "256",
        "30.1",
        "12%",
        "1234",
        "15",
        "20",
    )
    bench("measuring").show("title", pipeline.HEADS, [(*row, "24", "0.043", stages)])
    shown = capsys.readouterr().out
    for cell in (*row, "0.043", *stages.split()):
        assert cell in shown


def test_resident_memory_sees_what_is_allocated(bench):
    measuring = bench("measuring")
    before_mib = measuring.resident_mib()
    block = bytearray(b"x" * (50 << 20))
    assert measuring.resident_mib() - before_mib > 40
    assert len(block) == 50 << 20


@pytest.mark.parametrize(
    "script", ["pipeline", "stages", "backends", "scaling", "memory", "soak", "baseline", "flicker", "training"]
)
def test_a_place_that_takes_no_figures_is_refused_before_anything_is_measured(bench, script, tmp_path, monkeypatch):
    module = bench(script)
    monkeypatch.setattr(module, "Watch", lambda: pytest.fail("it measures already"))
    sources = ["pattern:160x120@30"] if script == "pipeline" else []
    for place in (tmp_path / "missing" / "report.json", tmp_path):
        result = CliRunner().invoke(module.main, [*sources, "--json", str(place)])
        assert result.exit_code == 2
        assert "Invalid value for '--json'" in result.output


@pytest.mark.parametrize(
    ("script", "option"),
    [
        ("stages", "--frames"),
        ("backends", "--rounds"),
        ("students", "--rounds"),
        ("scaling", "--frames"),
        ("baseline", "--whole-frames"),
        ("memory", "--starts"),
        ("flicker", "--frames"),
        ("soak", "--minutes"),
        ("report", "--minutes"),
    ],
)
def test_nothing_is_measured_in_no_time(bench, script, option):
    for value in ("0", "-1"):
        result = CliRunner().invoke(bench(script).main, [option, value])
        assert result.exit_code == 2
        assert f"Invalid value for '{option}'" in result.output


def test_a_quick_run_takes_the_place_of_no_report(bench, monkeypatch):
    report = bench("report")
    monkeypatch.setattr(report, "run", lambda *_: pytest.fail("it measures"))
    monkeypatch.setattr(report, "forget", lambda *_: pytest.fail("it removes figures"))
    result = CliRunner().invoke(report.main, ["--quick"])
    assert result.exit_code == 2
    assert "give a --folder" in result.output


def test_a_folder_that_cannot_be_made_ends_a_report_with_a_line(bench, tmp_path):
    (tmp_path / "file").touch()
    result = CliRunner().invoke(bench("report").main, ["--from-results", "--folder", str(tmp_path / "file" / "report")])
    assert result.exit_code == 1
    assert "cannot make the folder" in result.output
