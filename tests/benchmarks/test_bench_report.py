"""The report is written from what the scripts really write."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

MEMORY = {
    "source": "pattern:1280x720@30",
    "options": ["--style", "negative"],
    "cold_ms": 3000.0,
    "bare_ms": 300.0,
    "warm_ms": {"mean": 1.0, "p50": 1234.0, "p95": 1.0, "p99": 1.0, "max": 1300.0, "count": 5},
    "peaks": [{"output": "none", "peak_mib": 321.0}],
}
BASELINE = {
    "source": "clip.mp4",
    "summary": "negative at 192 px",
    "size_px": 192,
    "rows": [
        {"way": way, "fps": 1.0, "times_slower": {"median": m, "low": m, "high": m}, "keeps_sound": None}
        for way, m in (("animecam, lite network in f32", 1.0), ("loop, full network in f32, frame as it is", 17.5))
    ],
}


STUDENTS = {
    "reference": "the reference",
    "size_px": 256,
    "rows": [
        {
            "name": name,
            "parameters": 450_000,
            "backend": "openvino",
            "precision": "f32",
            "size_px": 256,
            "ms": {"p50": 20.0, "p95": 21.0},
            "ratio": {"median": ratio, "low": ratio, "high": ratio},
            "figures": figures,
        }
        for name, ratio, figures in (("wide", 0.08, {"squeeze_distance_to_full": 0.07}), ("narrow", 0.04, {}))
    ],
}


PAGE = {
    "engine": "negative at 192 px",
    "resolution": "640x480",
    "rows": [
        {
            "case": "WebSocket",
            "connect_ms": 900,
            "delay_ms": {"p50": 91.0, "p95": 110.0, "max": 130.0, "count": 150},
            "fps": 25,
            "engine_ms": "40 / 52 ms",
        }
    ],
}


@pytest.fixture
def results(written, tmp_path):
    """A folder with a result of every benchmark."""
    names = ("pipeline", "convert", "stages", "backends", "scaling", "soak", "flicker")
    contents = {name: written(name) for name in names}
    machine = contents["stages"]["machine"] | {"others_share": 0.01}
    contents |= {"memory": MEMORY, "baseline": BASELINE, "students": STUDENTS, "page": PAGE}
    for name, content in contents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content | {"machine": machine}), encoding="utf-8")
    return tmp_path


@pytest.fixture
def no_pictures(report, monkeypatch):
    """Drawing takes a second, which most tests need not spend."""
    monkeypatch.setattr(report, "_plots", lambda: lambda contents, folder: [])


def write(report, results, *options):
    result = CliRunner().invoke(report.main, ["--folder", str(results), *options], catch_exceptions=False)
    return result, results / "README.md"


def test_every_benchmark_has_its_section_and_every_picture_is_there(report, results):
    pytest.importorskip("matplotlib", reason="needs the extra bench")
    result, page = write(report, results, "--from-results")
    assert result.exit_code == 0, result.output
    text = page.read_text(encoding="utf-8")
    sections = [line for line in text.splitlines() if line.startswith("## ")]
    assert len(sections) == 1 + len(report.SECTIONS)  # the machine's, too
    assert "**17.5 times**" in text
    assert "first drawn frame 1234 ms" in text
    assert "| 0.070 |" in text
    assert re.search(r"stage by stage, \*\*\d+\.\d ms\*\* at 160x120, \*\*\d+\.\d ms\*\* at 200x120\.", text)
    assert "| WebSocket | 91 | 110 | 130 | 25 | 40 / 52 ms | 900 ms |" in text
    assert "no trial" in text
    assert "**The reference** is ONNX Runtime float32 on the full network" in text
    pictures = [line.split("(")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert len(pictures) == 6
    assert all((results / picture).stat().st_size > 5000 for picture in pictures)
    assert "not quiet" not in text


def test_tables_are_whole(report, results, no_pictures):
    _, page = write(report, results, "--from-results")
    tables = page.read_text(encoding="utf-8").split("\n\n")
    for table in (part for part in tables if part.startswith("|")):
        assert len({row.count(" | ") for row in table.splitlines()}) == 1, table


def test_a_machine_that_was_not_quiet_is_named(report, results, no_pictures):
    content = json.loads((results / "stages.json").read_text(encoding="utf-8"))
    content["machine"]["others_share"] = 0.4
    (results / "stages.json").write_text(json.dumps(content), encoding="utf-8")
    _, page = write(report, results, "--from-results")
    text = page.read_text(encoding="utf-8")
    assert "stages 40%" in text
    assert "The machine was not quiet" in text


def test_one_machine_and_commit_are_told_once(report, results, no_pictures):
    """The first result that is written makes the checkout of all the others "dirty"."""
    content = json.loads((results / "soak.json").read_text(encoding="utf-8"))
    content["machine"]["commit"] = content["machine"]["commit"].removesuffix("-dirty") + "-dirty"
    (results / "soak.json").write_text(json.dumps(content), encoding="utf-8")
    _, page = write(report, results, "--from-results")
    text = page.read_text(encoding="utf-8")
    assert text.count("; commit ") == 1
    assert "Measured elsewhere" not in text


@pytest.mark.parametrize("other", [{"cpu": "Other 9000"}, {"cores": 96}, {"commit": "fedcba9876"}])
def test_sections_of_another_machine_or_commit_are_named_with_it(report, results, no_pictures, other):
    for name in ("pipeline", "soak"):  # the report's first section among them
        content = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
        content["machine"] |= other | {"date": "2001-02-03"}
        (results / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    _, page = write(report, results, "--from-results")
    here, elsewhere = (line for line in page.read_text(encoding="utf-8").splitlines() if "; commit " in line)
    assert elsewhere.startswith("**Measured elsewhere, or with other code: pipeline, soak.** ")
    assert str(next(iter(other.values()))) in elsewhere
    assert "2001-02-03" in elsewhere
    assert "2001-02-03" not in here


def test_the_baseline_says_which_network_each_side_draws_with(report, results, no_pictures):
    _, page = write(report, results, "--from-results")
    text = page.read_text(encoding="utf-8")
    assert (
        "A plain loop, full network in f32, frame as it is: **17.5 times** the time a frame of animecam, lite" in text
    )
    assert "| animecam, lite network in f32 |" in text


@pytest.mark.parametrize(("idle", "told"), [(0.098, True), (0.004, False)])
def test_a_rate_of_frames_that_were_not_all_drawn_says_so(report, results, no_pictures, idle, told):
    file = results / "pipeline.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["rows"][0]["idle"] = idle
    file.write_text(json.dumps(content), encoding="utf-8")
    _, page = write(report, results, "--from-results")
    text = page.read_text(encoding="utf-8")
    assert ("the network rested in 10% of the frames" in text) is told
    assert f"| {idle:.0%} |" in text


def test_nothing_to_report_is_an_error(report, tmp_path, no_pictures):
    result, page = write(report, tmp_path, "--from-results")
    assert result.exit_code == 1
    assert "no results" in result.output
    assert not page.exists()


@pytest.mark.parametrize("content", [b"", b'{"machine": {}, "rows": [', b"\xff", b"[]", b'{"rows": []}'])
def test_a_damaged_result_is_named_in_one_line(report, tmp_path, no_pictures, content):
    (tmp_path / "soak.json").write_bytes(content)
    result, page = write(report, tmp_path, "--from-results")
    assert result.exit_code == 1
    assert (
        result.output == f"Error: {tmp_path / 'soak.json'} is damaged: delete it, or measure it anew with --only soak\n"
    )
    assert not page.exists()


@pytest.mark.parametrize(
    "content", ['{"machine": {}}', '{"machine": {}, "windows": []}', '{"machine": 3, "slopes": {}}']
)
def test_a_result_that_lacks_something_is_named_in_one_line(report, tmp_path, no_pictures, content):
    (tmp_path / "soak.json").write_text(content, encoding="utf-8")
    result, page = write(report, tmp_path, "--from-results")
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {tmp_path / 'soak.json'} is damaged, or of another version (")
    assert result.output.endswith("measure it anew with --only soak\n")
    assert result.output.count("\n") == 1
    assert not page.exists()


def test_a_result_that_cannot_be_plotted_is_named(report, results, monkeypatch):
    file = results / "soak.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    del content["windows"][0]["resident_mib"]
    file.write_text(json.dumps(content), encoding="utf-8")
    result, _ = write(report, results, "--from-results")
    assert result.exit_code == 1
    assert "soak.json is damaged, or of another version (KeyError: 'resident_mib')" in result.output


@pytest.mark.parametrize("has_browser", [True, False])
def test_every_planned_script_exists_and_has_a_section(report, monkeypatch, has_browser):
    monkeypatch.setattr(report, "_has_browser", lambda: has_browser)
    steps = report.plan(report.QUICK, "negative", (), "clip.mp4", 1.0)
    assert {step.name for step in steps} == set(report.SECTIONS) - (set() if has_browser else {"page"})
    assert all((report.HERE / step.script).is_file() for step in steps)


def test_a_failed_benchmark_is_told_and_the_others_are_reported(report, results, monkeypatch, no_pictures):
    monkeypatch.setattr(report, "_recorded", lambda frames, folder: "clip.mp4")
    monkeypatch.setattr(report, "run", lambda step, results: step.name != "soak")
    result, page = write(report, results)
    assert result.exit_code == 1
    assert "failed: soak" in result.output
    assert page.exists()


class FailingProcess:
    """Stands for the module `subprocess`: notes which results lie there when a benchmark begins, and lets it fail."""

    def __init__(self):
        self.found = {}
        self.returncode = 1

    def run(self, command, check):
        target = Path(command[command.index("--json") + 1])
        self.found[target.stem] = target.exists()
        return self


def test_a_full_run_leaves_no_figures_of_an_earlier_one(report, results, monkeypatch, no_pictures):
    processes = FailingProcess()
    monkeypatch.setattr(report, "_recorded", lambda frames, folder: "clip.mp4")
    monkeypatch.setattr(report, "_has_browser", lambda: False)  # the page is skipped
    monkeypatch.setattr(report, "subprocess", processes)
    result, _ = write(report, results)
    assert "the page cannot be measured here" in result.output
    assert "there are no results" in result.output
    assert set(processes.found) == set(report.SECTIONS) - {"page"}
    assert not any(processes.found.values())


def test_a_part_that_fails_anew_leaves_none_and_the_others_stay(report, results, monkeypatch, no_pictures):
    processes = FailingProcess()
    monkeypatch.setattr(report, "_recorded", lambda frames, folder: "clip.mp4")
    monkeypatch.setattr(report, "_has_browser", lambda: False)
    monkeypatch.setattr(report, "subprocess", processes)
    result, page = write(report, results, "--only", "soak")
    assert "failed: soak" in result.output
    assert processes.found == {"soak": False}
    assert {file.stem for file in results.glob("*.json")} == set(report.SECTIONS) - {"soak"}
    assert "## The page" in page.read_text(encoding="utf-8")


def test_the_page_alone_is_an_error_where_it_cannot_be_measured(report, results, monkeypatch, no_pictures):
    monkeypatch.setattr(report, "_has_browser", lambda: False)
    result, page = write(report, results, "--only", "page")
    assert result.exit_code == 1
    assert "pip install -e '.[web]'" in result.output
    assert not page.exists()
