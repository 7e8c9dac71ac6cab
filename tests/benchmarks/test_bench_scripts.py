"""Each benchmark runs on what is bundled, in seconds; what it says is checked against what the tests' style does."""

import json
import time
from contextlib import contextmanager
from dataclasses import replace

import click
import numpy as np
import pytest
from click.testing import CliRunner

from animecam.measure import turns
from animecam.measure.spread import Ratio
from animecam.render.person import PersonMasker
from animecam.run.outputs import Outputs
from animecam.settings import Look, Settings
from animecam.sinks.null import NullSink
from animecam.types import PixelFormat

BLINK = 8  # levels up and down
STAGES = ["decode", "scan", "follow", "track", "align", "crop", "network", "calm, match, mask", "paste", "encode"]


class BlinkingNetworks:
    """Draws what it gets with a grid that changes its sign from picture to picture."""

    def __init__(self):
        self.sign = 1

    def draw(self, style):
        return self._blink

    def persons(self):
        return PersonMasker(lambda: pytest.fail("a head with a soft edge needs no outline"))

    def _blink(self, pictures):
        self.sign = -self.sign
        grid = np.where(np.indices(pictures[0].shape).sum(axis=0) // 16 % 2, BLINK, -BLINK)
        return [np.clip(picture.astype(int) + self.sign * grid, 0, 255).astype(np.uint8) for picture in pictures]


class HandClock:
    """Stands for the module `time`: passes when somebody works or sleeps."""

    def __init__(self):
        self._now_ns = 0

    def work(self, ms):
        self._now_ns += ms * 1_000_000

    def sleep(self, seconds):
        self._now_ns += round(seconds * 1e9)

    def perf_counter_ns(self):
        return self._now_ns

    def monotonic(self):
        return self._now_ns / 1e9


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


def test_the_network_for_one_head_is_told_as_a_share_of_the_reference(bench, monkeypatch):
    """A style of 24 ms a head beside a reference of 96, by a clock that only they move."""
    stages, clock, heads = bench("stages"), HandClock(), []

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


def test_baseline_loses_the_sound_that_is_kept_here(run_script, spoken_clip):
    arguments = ("--rounds", "1", "--whole-frames", "2", "--style", "negative", "--size", "192")
    ours, *loops = run_script("baseline", str(spoken_clip), *arguments)["rows"]
    assert ours["keeps_sound"] is True
    assert ours["times_slower"]["median"] == 1.0
    assert [loop["keeps_sound"] for loop in loops] == [False] * 4
    assert all(loop["fps"] > 0 for loop in loops)
    assert ours["way"].startswith("animecam, lite network in ")
    networks = [loop["way"].partition(", frame")[0] for loop in loops]
    assert networks == ["loop, lite network in f32"] * 2 + ["loop, full network in f32"] * 2  # ours first


def test_loops_with_ours_network_come_once_when_that_is_the_full_one(run_script, spoken_clip):
    arguments = ("--rounds", "1", "--whole-frames", "1", "--style", "negative", "--size", "192", "--quality", "full")
    rows = run_script("baseline", str(spoken_clip), *arguments)["rows"]
    assert [row["way"].split()[1] for row in rows] == ["full"] * 3


def test_ways_of_the_baseline_take_turns_after_an_untimed_call_each(bench, monkeypatch, tmp_path):
    """Every second call takes twice as long as the untimed one before it, by a clock that only they move."""
    baseline, clock, calls = bench("baseline"), HandClock(), []

    def way(name, ms, frames):
        def convert(target):
            is_timed = calls[-1:] == [name] and len(calls) % 2 == 1
            calls.append(name)
            clock.work(2 * ms if is_timed else ms)
            return frames

        return convert

    monkeypatch.setattr(turns, "time", clock)
    ways = {"ours": way("ours", 10, 2), "loop": way("loop", 30, 1)}
    ours, loop = baseline.measure(ways, 2, tmp_path, has_sound=False)
    assert calls == ["ours", "ours", "loop", "loop", "loop", "loop", "ours", "ours"]
    assert (ours.fps, loop.fps) == pytest.approx((100.0, 1000 / 60))
    assert loop.times_slower == Ratio(6.0, 6.0, 6.0)


def test_baseline_draws_the_whole_frame(bench):
    baseline = bench("baseline")
    style = baseline.find_style("negative")
    frame = np.full((48, 64, 3), (10, 60, 200), np.uint8)
    drawn = baseline.Loop(style.card, baseline.verified_model(style), None).draw(frame)
    assert drawn.shape == frame.shape
    assert np.abs(drawn.astype(int) - (245, 195, 55)).max() <= 2


class Reader:
    """Stands for OpenCV's reader of a clip that it can open or not; gives no frame."""

    def __init__(self, is_opened):
        self._is_opened = is_opened

    def isOpened(self):  # noqa: N802 - as OpenCV calls it
        return self._is_opened

    def get(self, _property):
        return 0.0

    def read(self):
        return False, None

    def release(self):
        pass


class ClosedWriter(Reader):
    """Stands for its writer without an encoder."""

    def __init__(self, *_):
        super().__init__(is_opened=False)

    @staticmethod
    def fourcc(*_):
        return 0


@pytest.mark.parametrize(("reads", "told"), [(True, "cannot write mp4v"), (False, "reads no frame")])
def test_a_loop_that_reads_or_writes_nothing_is_not_timed(bench, monkeypatch, tmp_path, reads, told):
    baseline = bench("baseline")
    style = baseline.find_style("negative")
    loop = baseline.Loop(style.card, baseline.verified_model(style), None)
    monkeypatch.setattr(baseline.cv2, "VideoCapture", lambda _: Reader(reads))
    monkeypatch.setattr(baseline.cv2, "VideoWriter", ClosedWriter)
    with pytest.raises(click.ClickException, match=told):
        loop(tmp_path / "clip.mp4", 3, tmp_path / "out.mp4")


def test_a_clip_that_is_no_video_is_told_in_a_line(bench, tmp_path):
    (tmp_path / "clip.mp4").write_text("no video")
    result = CliRunner().invoke(bench("baseline").main, [str(tmp_path / "clip.mp4"), "--style", "negative"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "clip.mp4 cannot be read" in result.output


def test_flicker_of_every_variant_is_compared_with_no_smoothing(written):
    rows = {row["variant"]: row for row in written("flicker")["rows"]}
    assert list(rows) == ["neither", "One-Euro", "calm", "both"]
    assert rows["neither"]["change"] == rows["neither"]["difference"] == 0.0
    assert rows["both"]["difference"] > 0.0
    assert all(row["source"] == rows["neither"]["source"] > 0.0 for row in rows.values())


def test_a_blinking_style_flickers_and_calming_shows(bench, monkeypatch):
    """A film that stands still, drawn lighter and darker in turn."""
    flicker, inputs = bench("flicker"), bench("inputs")
    found = flicker.face_windows  # they are on whole pixels: one that lies between two may go from one to the other
    monkeypatch.setattr(flicker, "face_windows", lambda *given: (dict.fromkeys(range(6), found(*given)[0][5]), ()))
    _, (frame,) = inputs.read_frames("pattern:160x120@30?live=0", 1)
    film = [replace(frame, index=n, pts=n) for n in range(6)]
    settings = Settings(Look(size_px=192))
    with flicker._opened(settings) as detectors:
        rows = flicker.measure("still", film, BlinkingNetworks(), detectors, settings)
    change = {row.variant: row.change for row in rows}
    assert rows[0].source < 0.2  # the flow is not exactly none
    assert rows[0].styled == pytest.approx(2 * BLINK, rel=0.25)  # less at the window's corners, which fade out
    assert change["One-Euro"] == pytest.approx(0.0, abs=0.02)
    assert change["calm"] < -0.3


def test_what_lies_over_a_cut_is_left_out_and_each_shot_has_its_face(bench):
    """The film, and after it mirrored, as is nothing in a film that goes on."""
    flicker, inputs = bench("flicker"), bench("inputs")
    _, film = inputs.read_frames("pattern:160x120@30?live=0", 3)
    aside = [tuple(np.ascontiguousarray(plane[:, ::-1]) for plane in frame.planes) for frame in film]
    cut = [*film, *(replace(film[n], index=n + 3, pts=n + 3, planes=aside[n], packed=None) for n in range(3))]
    settings = Settings(Look(size_px=192))
    with flicker._opened(settings) as detectors:
        windows, cuts = flicker.face_windows(cut, detectors.tracker())
        rows = flicker.measure("cut", cut, BlinkingNetworks(), detectors, settings)
    assert (list(windows), cuts) == (list(range(6)), {3})
    middles = [columns.start + columns.stop for _, columns in windows.values()]
    assert middles[3:] == pytest.approx([2 * 160 - middle for middle in middles[:3]], abs=6)
    assert {(row.frames, row.cuts) for row in rows} == {(4, 1)}


def test_a_shot_without_a_face_is_left_out(bench):
    flicker, inputs = bench("flicker"), bench("inputs")
    _, film = inputs.read_frames("pattern:160x120@30?live=0", 2)
    upside_down = [tuple(np.ascontiguousarray(plane[::-1]) for plane in frame.planes) for frame in film]
    wall = [replace(film[n], index=n + 2, pts=n + 2, planes=upside_down[n], packed=None) for n in range(2)]
    again = [replace(film[n], index=n + 4, pts=n + 4) for n in range(2)]
    with flicker._opened(Settings()) as detectors:
        windows, cuts = flicker.face_windows([*film, *wall, *again], detectors.tracker())
    assert (list(windows), cuts) == ([0, 1, 4, 5], {2})


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


def test_the_loop_takes_as_many_threads_as_ours(bench, monkeypatch, tmp_path):
    """It took all cores, whatever --threads said of ours."""
    baseline, seen = bench("baseline"), []

    def open_session(model, options, providers):
        seen.append(options.intra_op_num_threads)
        return opened(model, options, providers=providers)

    opened = baseline.onnxruntime.InferenceSession
    monkeypatch.setattr(baseline.onnxruntime, "InferenceSession", open_session)
    settings = Settings(Look(style="negative", size_px=192), threads=3)
    assert len(baseline.loops(baseline.find_style("negative"), "full", settings, tmp_path / "clip.mp4", (1, 1))) == 2
    assert seen == [3, 3]


def test_contrast_is_that_of_neighbouring_pixels(bench):
    flicker = bench("flicker")
    soft = np.zeros((8, 8, 3), np.uint8)
    soft[:, 1::2] = 10
    assert flicker._contrast([soft * 3, soft * 3]) == pytest.approx(3 * flicker._contrast([soft]))
    assert flicker._contrast([np.full((8, 8, 3), 200, np.uint8)]) == 0.0


def test_face_windows_are_of_one_size_and_inside_the_frame(bench):
    flicker, inputs = bench("flicker"), bench("inputs")
    settings = Settings()
    _, frames = inputs.read_frames("pattern:160x120@30?live=0", 6)
    with flicker._opened(settings) as detectors:
        found, cuts = flicker.face_windows(frames, detectors.tracker())
    windows = list(found.values())
    assert (list(found), cuts) == (list(range(6)), frozenset())
    assert {(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in windows} == {
        (windows[0][0].stop - windows[0][0].start,) * 2
    }
    assert all(rows.start >= 0 and columns.start >= 0 for rows, columns in windows)
    assert all(rows.stop <= 120 and columns.stop <= 160 for rows, columns in windows)


def test_live_and_converted_runs_report_what_arrived(written):
    (live,), (converted,) = written("pipeline")["rows"], written("convert")["rows"]
    assert live["frames_out"] > 0
    rounding = 5e-4 / live["reference_ms"] + 5e-5  # of the median, to a microsecond, and of the share
    share = live["stage_ms"]["draw"]["p50"] / live["reference_ms"]
    assert live["network_share"] == pytest.approx(share, abs=rounding)
    assert (converted["frames_out"], converted["dropped"], converted["encode"]) == (4, 0, True)


def test_training_takes_a_file_as_the_others_do(bench, run_script, monkeypatch):
    monkeypatch.setattr(bench("training"), "make_cases", lambda size_px, batch, precision: [])
    content = run_script("training", "--batch", "2")
    assert content["results"] == []
    assert content["settings"]["batch"] == 2
    assert "report" not in content["settings"]


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


def test_steps_of_the_training_are_told_by_nearest_rank_without_the_warm_up(bench, monkeypatch):
    """Ten steps of 1 to 10 ms after two of a second, by a clock that only they move."""
    training, clock, steps_ms = bench("training"), HandClock(), [1000, 1000, *range(1, 11)]

    class Method:
        def __init__(self, recipe, device):
            pass

        def train_step(self, batch, step):
            clock.work(steps_ms[step])

    monkeypatch.setattr(training, "PairMethod", Method)
    monkeypatch.setattr(training, "perf_counter", clock.monotonic)
    result = training.measure(training.make_cases(64, 1, "fp32")[0], 10, 0)
    assert (result.step_p50_ms, result.step_p95_ms, result.steps_per_second) == pytest.approx((5.0, 10.0, 200.0))


def test_students_are_timed_in_every_runtime_beside_the_reference(bench):
    students = bench("students")
    narrow = {"widths": (8, 12, 16)}
    candidates = (
        students.Student("narrow", narrow),
        students.Student("bare", narrow | {"norm": "none", "separable": True}),
    )
    rows = students.measure(candidates, 64, rounds=2)
    assert [(row.name, row.backend) for row in rows] == [
        (name, backend) for name in ("narrow", "bare") for backend in ("openvino", "onnxruntime")
    ]
    assert all(row.ratio.median > 0 for row in rows)
    assert rows[0].parameters > rows[2].parameters
    assert [row.figures for row in rows] == [{}] * 4


def test_every_student_is_another_network_and_every_trial_is_of_one(bench):
    from animecam_training.models.lite import LiteGenerator

    script = bench("students")
    students = script.STUDENTS
    trials = json.loads(script.TRIALS.read_text("utf-8"))["rows"]
    assert len(trials) >= 4
    assert trials.keys() <= {student.name for student in students}
    assert all(0 < figures["squeeze_distance_to_full"] < 1 for figures in trials.values())
    assert len(students) >= 4
    counts = {}
    for student in students:
        generator = LiteGenerator(**student.options)
        counts[student.name] = sum(weights.numel() for weights in generator.parameters())
    assert len(counts) == len(students)
