"""Each benchmark runs on what is bundled, in seconds; what it says is checked against what the tests' style does."""

import time
from contextlib import contextmanager

import numpy as np
import pytest
from click.testing import CliRunner

from animecam.measure import turns
from animecam.measure.spread import Ratio
from animecam.run.outputs import Outputs
from animecam.settings import Look, Settings
from animecam.sinks.null import NullSink
from animecam.types import PixelFormat

STAGES = ["decode", "scan", "follow", "track", "align", "crop", "network", "calm, match, mask", "paste", "encode"]


def test_every_stage_is_timed_on_every_frame(written):
    content = written("stages")
    assert content["machine"]["cores"] >= 1
    assert [run["frame"] for run in content["runs"]] == ["160x120", "200x120"]
    for run in content["runs"]:
        assert [stage["stage"] for stage in run["stages"]] == STAGES
        assert {stage["ms"]["count"] for stage in run["stages"]} == {2}  # of four, without the warm-up
        share = run["network_share"]  # of networks so small that a call's own cost rules: it may be above one
        assert 0 < share["low"] <= share["median"] <= share["high"]
        means = {stage["stage"]: stage["ms"]["mean"] for stage in run["stages"]}
        besides = sum(means[name] for name in ("track", "align", "crop", "calm, match, mask", "paste"))
        assert run["besides_ms"] == pytest.approx(besides)


@pytest.mark.parametrize(("script", "frames"), [("stages", 2), ("flicker", 1)])
def test_too_few_frames_are_told(bench, script, frames):
    arguments = ["pattern:160x120@30?live=0", "--frames", str(frames), "--style", "negative", "--size", "192"]
    result = CliRunner().invoke(bench(script).main, arguments)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "give more" in result.output


def test_pictures_of_the_page_need_a_folder_before_anything_is_measured(bench, tmp_path):
    result = CliRunner().invoke(bench("browser").main, ["--screenshots", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "does not exist" in result.output


def test_the_network_for_one_head_is_told_as_a_share_of_the_reference(bench, clock, monkeypatch):
    """A style of 24 ms a head beside a reference of 96, by a clock that only they move."""
    stages, heads = bench("stages"), []

    class Networks:
        def draw(self, style):
            return self._draw

        def _draw(self, pictures):
            heads.extend(picture.shape for picture in pictures)
            clock.work(24)

    @contextmanager
    def reference(threads):
        yield lambda: clock.work(96)

    monkeypatch.setattr(turns, "time", clock)
    monkeypatch.setattr(stages, "opened_reference", reference)
    share = stages.network_share(Networks(), Settings(Look(size_px=192)))
    assert share == Ratio(0.25, 0.25, 0.25)
    assert set(heads) == {(192, 192, 3)}


def test_backends_are_compared_with_onnx_runtime_on_the_full_network(written):
    rows = {(row["quality"], row["backend"]): row for row in written("backends")["rows"]}
    reference = rows["full", "onnxruntime"]
    assert 0 < reference["ratio"]["median"] < 0.5  # 64 px against the reference's 256
    assert reference["to_full_db"] == 200.0
    assert rows["full", "openvino"]["to_itself_db"] > 40


def test_a_lesser_network_is_faithful_to_itself_and_not_to_the_full_one(written):
    lite = next(
        row for row in written("backends")["rows"] if (row["quality"], row["backend"]) == ("lite", "onnxruntime")
    )
    assert lite["to_itself_db"] == 200.0
    assert 20 < lite["to_full_db"] < 40  # a tenth of half the range at most


def test_every_face_of_a_crowd_is_found(written):
    rows = written("scaling")["rows"]
    crowds = [(row["value"], row["faces"]) for row in rows if row["sweep"] == "faces"]
    assert crowds == [(1, 1.0), (2, 2.0), (4, 4.0)]
    for row in rows:
        assert row["network_share"]["median"] > 0
        assert row["frame_ms"]["count"] == 2
        assert row["frame_ms"]["mean"] == pytest.approx(row["network_ms"]["mean"] + row["besides_ms"]["mean"])


def test_scopes_are_compared_with_heads_alone(written):
    rows = {row["value"]: row for row in written("scaling")["rows"] if row["sweep"] == "scope"}
    assert list(rows) == ["head", "person", "frame"]
    assert rows["head"]["frame_ratio"]["median"] == 1.0
    assert [row["faces"] for row in rows.values()] == [1.0, 1.0, 1.0]


def test_a_print_is_compared_with_colours(written):
    rows = {row["value"]: row for row in written("scaling")["rows"] if row["sweep"] == "palette"}
    assert list(rows) == ["color", "manga"]
    assert rows["color"]["frame_ratio"]["median"] == 1.0
    assert rows["manga"]["stage_ms"]["paste"] > rows["color"]["stage_ms"]["paste"]


def test_crowds_are_yuv_and_move(bench):
    first, second = bench("inputs").crowd(2, 320, 180, 2, room_for=2)
    assert first.pixel_format is PixelFormat.YUV420P
    assert not np.array_equal(first.planes[0], second.planes[0])


def test_noise_is_the_same_in_every_run(bench):
    inputs = bench("inputs")
    frame = inputs.picture_frame(np.full((64, 64, 3), 128, np.uint8))
    one, other = (inputs.with_noise(frame, 3.0).planes[0] for _ in range(2))
    assert np.array_equal(one, other)
    assert one.std() == pytest.approx(3.0, rel=0.1)


@pytest.mark.parametrize(
    ("script", "words", "told"),
    [
        ("backends", ["--style", "negative", "--size", "64", "--size", "100"], "--size 100: style negative takes mult"),
        ("backends", ["--style", "negative", "--style", "nope"], "there is no style 'nope'"),
        ("backends", ["--threads", "-1"], "--threads"),
        ("students", ["--size", "100"], "100 is no multiple of 8"),
        ("students", ["--threads", "-1"], "--threads"),
        ("soak", ["--minutes", "0.1", "--window", "3"], "give more --minutes"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is(bench, monkeypatch, script, words, told):
    def refuse(*_, **__):
        raise AssertionError("something was measured")

    monkeypatch.setattr(bench(script), "Watch", refuse)
    result = CliRunner().invoke(bench(script).main, words, catch_exceptions=False)
    assert result.exit_code in {1, 2}
    assert told in result.output


def test_live_and_converted_runs_report_what_arrived(written):
    (live,), (converted,) = written("pipeline")["rows"], written("convert")["rows"]
    assert live["frames_out"] > 0
    rounding = 5e-4 / live["reference_ms"] + 5e-5  # of the median, to a microsecond, and of the share
    share = live["stage_ms"]["draw"]["p50"] / live["reference_ms"]
    assert live["network_share"] == pytest.approx(share, abs=rounding)
    assert (converted["frames_out"], converted["dropped"], converted["encode"]) == (4, 0, True)


@pytest.mark.parametrize(
    ("script", "wrong"),
    [
        ("training", ("--size", "100")),
        ("training", ("--batch", "0")),
        ("training", ("--steps", "0")),
        ("backends", ("--size", "0")),
        ("students", ("--size", "0")),
        ("flicker", ("--noise", "-1")),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(bench, script, wrong):
    result = CliRunner().invoke(bench(script).main, wrong)
    assert result.exit_code == 2
    assert f"Invalid value for '{wrong[0]}'" in result.output


def test_the_rate_of_a_file_counts_what_the_encoder_held_back(bench, monkeypatch):
    """Forty frames into outputs that take half a second to close."""
    pipeline = bench("pipeline")

    class SlowToClose(Outputs):
        def close(self):
            if not self._is_closed:
                time.sleep(0.5)
            super().close()

    monkeypatch.setattr(pipeline, "opened_outputs", lambda *_: SlowToClose([NullSink()]))
    monkeypatch.setattr(pipeline, "time_reference", lambda _: 1.0)
    settings = Settings(Look("negative", size_px=192))
    source = "pattern:160x120@30?live=0&frames=40"
    row = pipeline.measure(source, settings, seconds=60.0, encode=True)
    assert row["frames_out"] == 40
    assert row["seconds"] > 0.5
    assert row["fps_out"] == pytest.approx(40 / row["seconds"], rel=0.01)
