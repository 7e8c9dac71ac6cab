"""The live path with a camera that nobody had to plug in, as the user starts it."""

import json
import sys

import av
import cv2
import numpy as np
import pytest

from animecam import doctor
from animecam.cli import main
from animecam.run.tally import Figures
from animecam.settings import DEFAULT_STYLE
from animecam.timing import Percentiles


def test_a_live_run_ends_on_time_and_shows_its_figures(capfd):
    assert main(["--input", "pattern:640x480@30", "--output", "null:", "--seconds", "1.5", "--size", "192"]) == 0
    shown = capfd.readouterr().err
    assert shown.startswith(f"{DEFAULT_STYLE} (lite) at 192 px by openvino ")  # a pipe gets no line that renews itself
    for word in ("track", "draw", "paste", "capture to sink", "fps out", "dropped"):
        assert word in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "83% of the frames were dropped; the limit: the network, 80% of a frame's time (160.0 ms); try "),
        (["--quality", "full"], "try --target-fps 30, --quality lite or a smaller --size"),
    ],
)
def test_a_live_run_that_dropped_frames_says_why_and_what_to_try(monkeypatch, capfd, words, told):
    stages = {"read": 33.0, "render": 200.0, "draw": 160.0, "emit": 5.0}
    stage_ms = {name: Percentiles(mean=ms, count=15) for name, ms in stages.items()}
    figures = Figures(frames_in=90, frames_out=15, dropped=75, fps_in=30.0, fps_out=5.0, stage_ms=stage_ms)
    monkeypatch.setattr("animecam.run.session.run_live", lambda *_: figures)
    for command in (["--input", "pattern:640x480@30", "--output", "null:"], ["demo"]):
        assert main([*command, *words]) == 0
        assert told in " ".join(capfd.readouterr().err.split())


@pytest.mark.parametrize(
    ("words", "is_shared"),
    [
        (["--output", "window:"], True),
        (["--output", "window:", "--output", "me.mp4"], False),
        (["--output", "window:", "--output", "me.mp4", "--share-view"], True),
        (["--output", "me.mp4"], True),
    ],
)
def test_others_share_the_windows_view_when_they_are_told_to(monkeypatch, words, is_shared):
    asked = []
    monkeypatch.setattr("animecam.run.session.run_live", lambda options, *_: asked.append(options) or Figures())
    assert main(["--input", "pattern:640x480@30", *words]) == 0
    assert [options.is_view_shared for options in asked] == [is_shared]


@pytest.mark.parametrize("display", [None, ":0"])
def test_a_demo_is_written_as_it_is_shown(monkeypatch, display):
    """With --mirror the file was mirrored where there was no display, and not where there was one."""
    asked = []
    monkeypatch.setattr("animecam.sinks.display.find_display", lambda *_: display)
    monkeypatch.setattr("animecam.sinks.display.is_answered", lambda: True)
    monkeypatch.setattr("animecam.run.session.run_live", lambda options, *_: asked.append(options) or Figures())
    assert main(["demo", "--mirror"]) == 0
    assert [options.is_view_shared for options in asked] == [True]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a screen has no name that can be stale")
def test_a_demo_where_nobody_answers_at_the_display_is_written_alone(monkeypatch, capfd):
    asked = []
    monkeypatch.setenv("DISPLAY", ":4321")
    monkeypatch.setattr("animecam.run.session.run_live", lambda options, *_: asked.append(options) or Figures())
    assert main(["demo"]) == 0
    assert asked[0].outputs == ("animecam-demo.mp4",)
    assert "DISPLAY=:4321 is set, but nobody answers there" in " ".join(capfd.readouterr().err.split())
    assert next(doctor._display()).state is doctor.State.OPTIONAL


def test_a_view_that_no_window_has_cannot_be_shared(capfd):
    assert main(["--input", "pattern:640x480@30", "--output", "null:", "--share-view"]) == 2
    assert "there is none" in " ".join(capfd.readouterr().err.split())


def test_bench_writes_the_figures_that_scripts_read(tmp_path, capfd):
    """How fast this machine is does not matter here: test_tally.py holds the rates to a clock of its own."""
    report = tmp_path / "figures.json"
    words = ["bench", "--seconds", "1.5", "--source", "pattern:640x480@30", "--size", "192", "--json", str(report)]
    assert main(words) == 0
    figures = json.loads(report.read_text())
    assert 1 <= figures["frames_in"] <= 30 * figures["seconds"] + 1  # the camera keeps to its schedule
    assert figures["frames_out"] + figures["dropped"] == figures["frames_in"]
    assert figures["with_faces"] == figures["frames_out"] >= 1
    for rate, frames in (("fps_in", "frames_in"), ("fps_out", "frames_out")):
        assert figures[rate] >= (figures[frames] - 1) / figures["seconds"] - 0.01  # the run is longer than its frames
    for name in ("p50", "p95", "p99", "max"):
        assert figures["latency_ms"][name] > 0
    assert {"read", "track", "crop", "draw", "paste", "write"} <= figures["stage_ms"].keys()
    assert (figures["backend"], figures["style"], figures["size"]) == ("openvino", DEFAULT_STYLE, 192)
    assert "the limit: " in capfd.readouterr().out


def test_bench_of_a_report_that_cannot_be_written(tmp_path, capfd):
    words = ["bench", "--seconds", "0.3", "--size", "192", "--json", str(tmp_path / "no" / "figures.json")]
    assert main(words) == 1
    assert "figures.json" in capfd.readouterr().err


def test_several_outputs_get_the_same_frames(tmp_path, stamps_of):
    outputs = [tmp_path / "a.mp4", tmp_path / "b.mkv"]
    words = ["--input", "pattern:160x120@30?frames=40", "--size", "192"]
    assert main([*words, "--output", str(outputs[0]), "--output", str(outputs[1])]) == 0
    counts = {len(stamps_of(path)) for path in outputs}
    assert len(counts) == 1
    assert counts.pop() > 0


@pytest.fixture
def film(tmp_path):
    """A second of a picture with a tone beside it."""
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10, width=160, height=120, pix_fmt="yuv420p")
        sound = container.add_stream("aac", rate=16_000, layout="mono")
        for _ in range(10):
            container.mux(video.encode(av.VideoFrame(160, 120, "yuv420p")))
        for start in range(0, 16_000, 1000):
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 1000), np.float32), format="fltp", layout="mono")
            tone.sample_rate, tone.pts = 16_000, start
            container.mux(sound.encode(tone))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    return path


def test_a_film_keeps_its_sound(film, tmp_path):
    out = tmp_path / "out.mp4"
    assert main(["--input", str(film), "--output", str(out), "--output", "null:", "--size", "192"]) == 0
    with av.open(str(out)) as container:
        assert len(container.streams.audio) == 1
        assert float(container.streams.audio[0].duration * container.streams.audio[0].time_base) > 0.9


def test_the_sound_of_a_part_ends_with_its_pictures(tmp_path):
    film, out = tmp_path / "film.mkv", tmp_path / "out.mkv"
    with av.open(str(film), "w") as container:
        video = container.add_stream("libx264", rate=1, width=160, height=120, pix_fmt="yuv420p")
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for second in range(600):
            container.mux(video.encode(av.VideoFrame(160, 120, "yuv420p")))
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            tone.sample_rate, tone.pts = 8000, 8000 * second
            container.mux(sound.encode(tone))
        container.mux(video.encode(None))
    words = ["--input", str(film), "--output", str(out), "--seconds", "0.5", "--size", "192"]
    assert main(words) == 0
    with av.open(str(out)) as container:
        stamps = {kind: [] for kind in ("video", "audio")}
        for packet in container.demux():
            if packet.pts is not None:
                stamps[packet.stream.type].append(float(packet.pts * packet.time_base))
    assert max(stamps["video"]) < 500
    assert max(stamps["audio"]) < max(stamps["video"]) + 2.5  # in packets of a second


def test_the_time_of_a_film_is_its_own(film, tmp_path, stamps_of):
    """However fast it is drawn: it was the clock on the wall, and nobody knew where a film would end."""
    out = tmp_path / "out.mp4"
    assert main(["--input", str(film), "--output", str(out), "--seconds", "0.3", "--size", "192"]) == 0
    assert len(stamps_of(out)) == 3
    with av.open(str(out)) as container:
        video, sound = (float(stream.duration * stream.time_base) for stream in container.streams)
    assert video == pytest.approx(0.3)
    assert sound == pytest.approx(0.3, abs=1024 / 16_000)  # in packets of so many samples


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_an_output_that_is_the_input_is_refused(film, capfd, prefix):
    """With --overwrite the film was replaced by its drawing."""
    before = film.read_bytes()
    assert main(["--input", prefix + str(film), "--output", str(film), "--overwrite"]) == 2
    assert "would overwrite the input" in capfd.readouterr().err
    assert film.read_bytes() == before


def test_a_source_of_another_kind_is_no_camera(tmp_path, capfd):
    """Who followed the hint of a machine without a camera typed a pattern there, and was told to try a pattern."""
    clip = tmp_path / "clip.mp4"
    clip.touch()
    for words in ("pattern:640x480@30", "rtsp://me:secret@door/1", str(clip), str(tmp_path)):
        assert main(["--device", words]) == 2
        told = capfd.readouterr().err
        shown = words.replace("me:secret@", "")
        assert f"{shown} is no camera" in told.replace("\n", "")
        assert f"--input {shown}" in told.replace("\n", "")


def test_a_picture_is_not_shown_for_a_moment(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("my face.png", np.zeros((64, 64, 3), np.uint8))
    assert main(["--input", "my face.png", "--size", "192"]) == 2
    told = " ".join(capfd.readouterr().err.split())
    assert "my face.png is one picture: a window would be gone at once" in told
    assert "animecam convert 'my face.png'" in told
    assert main(["--input", "my face.png", "--output", "out.png", "--size", "192"]) == 0


def test_pictures_are_not_drawn_over(tmp_path, capfd):
    shot = tmp_path / "00000.png"
    cv2.imwrite(str(shot), np.zeros((64, 64, 3), np.uint8))
    patterns = tmp_path / "*.png", tmp_path.parent / f"{tmp_path.name[:-1]}?" / "*.png", tmp_path / "**" / "*.png"
    for source in (tmp_path, *patterns):
        for output in ("%05d.png", "00000.png"):
            words = ["--input", str(source), "--output", str(tmp_path / output), "--overwrite", "--size", "192"]
            assert main(words) == 2
            assert "would overwrite the input" in capfd.readouterr().err


def test_demo_writes_a_video(tmp_path, capfd, monkeypatch, stamps_of):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    out = tmp_path / "demo.mp4"
    assert main(["demo", "--seconds", "1.5", "-o", str(out), "--size", "192"]) == 0
    assert len(stamps_of(out)) > 0
    assert "fps out" in capfd.readouterr().out


def test_a_recording_with_sound_has_both_and_sound_needs_a_recording(tmp_path, capfd):
    out = tmp_path / "me.mp4"
    words = ["--input", "pattern:160x120@30", "--size", "192", "--audio", "tone:440"]
    assert main([*words, "--output", str(out), "--seconds", "3"]) == 0
    with av.open(out) as container:
        lengths_s = [float(stream.duration * stream.time_base) for stream in container.streams]
        kinds = [stream.type for stream in container.streams]
    assert kinds == ["video", "audio"]
    assert lengths_s[1] == pytest.approx(lengths_s[0], abs=0.2)
    assert main([*words, "--output", "null:"]) == 2
    assert "no output records" in capfd.readouterr().err
    assert main(["--input", "pattern:160x120@30?live=0", "--output", str(out), "--overwrite", "--audio", "tone:1"]) == 2
    assert "no live source" in capfd.readouterr().err
