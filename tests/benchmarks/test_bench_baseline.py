"""The loop that the product is compared with: what it draws and keeps, and that both are timed fairly."""

import click
import numpy as np
import pytest
from click.testing import CliRunner

from animecam.measure import turns
from animecam.measure.spread import Ratio
from animecam.settings import Look, Settings


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


def test_ways_of_the_baseline_take_turns_after_an_untimed_call_each(bench, clock, monkeypatch, tmp_path):
    """Every second call takes twice as long as the untimed one before it, by a clock that only they move."""
    baseline, calls = bench("baseline"), []

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
