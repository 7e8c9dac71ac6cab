"""Recordings that begin and end during a run, fail alone, and survive the program."""

import errno
import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from animecam.errors import SinkError
from animecam.sinks.opening import open_sink
from animecam.sinks.recorder import Recorder
from animecam.sound import SoundChunk

FILMED_FRAMES, KEPT_SECONDS = 50, 4.0  # five seconds, of which the last may be lost
CAMERA = "pattern:160x120@10?format=yuv422p"  # slow, so that an encoder that waits for frames loses much


@pytest.fixture
def make_recorder(live_format, tmp_path):
    made = []

    def make(opener=open_sink, stream=live_format):
        made.append(Recorder(stream, tmp_path, opener))
        return made[-1]

    yield make
    for recorder in made:
        recorder.close(complete=False)


def feed(recorder, stream, make_frame, first, count):
    for index in range(first, first + count):
        recorder.write(make_frame(stream, index, pts=round(index / 30 / stream.time_base)))


def test_each_recording_is_a_file_of_its_own_that_starts_at_zero(
    make_recorder, live_format, make_frame, tmp_path, decode
):
    recorder = make_recorder()
    feed(recorder, live_format, make_frame, 0, 3)
    for first, count in ((3, 10), (20, 5)):
        recorder.toggle()
        feed(recorder, live_format, make_frame, first, count)
        assert recorder.seconds == pytest.approx((count - 1) / 30, abs=1e-3)
        recorder.toggle()
        feed(recorder, live_format, make_frame, first + count, 1)
        assert recorder.seconds is None
        assert recorder.news.startswith("saved animecam-")
    files = sorted(tmp_path.iterdir(), key=os.path.getmtime)
    assert [path.suffix for path in files] == [".mp4", ".mp4"]
    frames = [decode(path) for path in files]
    assert [len(each) for each in frames] == [10, 5]
    assert [each[0].time for each in frames] == [0, 0]
    assert frames[1][-1].time == pytest.approx(4 / 30, abs=1e-3)


def test_a_recording_of_a_file_that_is_shown_starts_at_zero_too(
    make_recorder, stream_format, make_frame, tmp_path, decode
):
    recorder = make_recorder(stream=stream_format)
    feed(recorder, stream_format, make_frame, 0, 5)
    recorder.toggle()
    feed(recorder, stream_format, make_frame, 5, 4)
    recorder.close(complete=False)
    recorder.close(complete=False)
    (path,) = tmp_path.iterdir()  # the end of the run, however it comes, is the end of the recording
    assert [frame.time for frame in decode(path)] == pytest.approx([0, 1 / 30, 2 / 30, 3 / 30])


def test_nothing_is_written_without_being_asked(make_recorder, live_format, make_frame, tmp_path):
    recorder = make_recorder()
    feed(recorder, live_format, make_frame, 0, 5)
    recorder.toggle()
    recorder.toggle()
    feed(recorder, live_format, make_frame, 5, 5)
    recorder.close(complete=True)
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_fails_ends_and_the_run_goes_on(make_recorder, live_format, make_frame, tmp_path):
    class Breaking:
        def __init__(self, *how):
            self._sink, self.close, self.frames = (sink := open_sink(*how)), sink.close, 0

        def write(self, frame):
            self.frames += 1
            if self.frames > 5:
                raise SinkError("the disk is full")
            self._sink.write(frame)

    recorder = make_recorder(Breaking)
    recorder.toggle()
    feed(recorder, live_format, make_frame, 0, 6)
    assert recorder.news == "the disk is full"
    assert recorder.seconds is None
    feed(recorder, live_format, make_frame, 6, 3)
    assert [".partial" in path.name for path in tmp_path.iterdir()] == [True]


def test_a_recording_goes_on_where_the_picture_changes_its_size(
    make_recorder, live_format, make_frame, tmp_path, decode
):
    recorder = make_recorder()
    recorder.toggle()
    feed(recorder, live_format, make_frame, 0, 5)
    feed(recorder, replace(live_format, width_px=64, height_px=96), make_frame, 5, 5)
    recorder.toggle()
    feed(recorder, live_format, make_frame, 10, 1)
    assert recorder.news.startswith("saved animecam-")
    (path,) = tmp_path.iterdir()
    assert [(picture.width, picture.height) for picture in decode(path)] == [(96, 64)] * 10


def test_a_folder_that_is_gone_is_told(live_format, make_frame, tmp_path):
    recorder = Recorder(live_format, tmp_path / "gone", open_sink)
    recorder.toggle()
    feed(recorder, live_format, make_frame, 0, 2)
    assert "does not exist" in recorder.news
    recorder.news = ""
    recorder.snapshot(make_frame(live_format))
    assert "does not exist" in recorder.news


def test_the_folder_of_the_program_may_be_deleted_while_it_runs(live_format, make_frame, tmp_path, monkeypatch):
    folder = tmp_path / "started here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    recorder = Recorder(live_format, Path(), open_sink)
    folder.rmdir()
    recorder.snapshot(make_frame(live_format))
    assert recorder.news == "the folder that this program was started in is gone"
    recorder.news = ""
    recorder.toggle()
    feed(recorder, live_format, make_frame, 0, 2)
    assert recorder.news == "the folder that this program was started in is gone"
    assert recorder.seconds is None


def test_a_disk_that_was_pulled_out_is_told(make_recorder, live_format, make_frame, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    recorder = make_recorder()
    monkeypatch.setattr(Path, "exists", fail)
    recorder.snapshot(make_frame(live_format))
    assert "Input/output error" in recorder.news
    recorder.news = ""
    recorder.toggle()
    feed(recorder, live_format, make_frame, 0, 2)
    assert "Input/output error" in recorder.news


@pytest.mark.parametrize(("hint", "told"), [("free some", "it is full (free some)"), ("", "it is full")])
def test_a_failure_is_logged_with_its_hint_if_there_is_one(make_recorder, live_format, make_frame, caplog, hint, told):
    def fail(*_):
        raise SinkError("it is full", hint=hint)

    make_recorder(fail).snapshot(make_frame(live_format))
    assert caplog.messages == [told]


def test_snapshots_of_one_second_have_different_names(make_recorder, live_format, make_frame, tmp_path):
    recorder = make_recorder()
    for index in range(3):
        recorder.snapshot(make_frame(live_format, index))
    assert len(list(tmp_path.glob("animecam-*.png"))) == 3
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("name", ["killed.mp4", "killed.mkv"])
def test_what_was_filmed_plays_after_the_program_was_killed(name, tmp_path, decode):
    script = f"""
import sys
from animecam.sinks.opening import open_sink
from animecam.sources.opening import open_source
from animecam.sources.options import SourceOptions

camera = open_source({CAMERA!r}, SourceOptions())
sink = open_sink({str(tmp_path / name)!r}, camera.format)
for index in range({FILMED_FRAMES}):
    sink.write(camera.read())
print("filmed", flush=True)
sys.stdin.read()
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout.readline().strip() == b"filmed"
        program.kill()
    times_s = [frame.time for frame in decode(tmp_path / name.replace(".", ".partial."))]
    assert times_s[0] == 0
    assert times_s[-1] + float(Fraction(1, 10)) >= KEPT_SECONDS
    assert not (tmp_path / name).exists()


def test_every_recording_has_the_microphone_s_sound_from_its_own_beginning(
    live_format, make_frame, tmp_path, read_packets
):
    class Microphone:
        def since(self, number):
            chunks = [SoundChunk(index / 50, np.full(960, 0.25, np.float32)) for index in range(150)]
            return tuple(chunks[number:]), len(chunks)

    recorder = Recorder(live_format, tmp_path, open_sink, Microphone())
    for first in (0, 45):  # the second begins in the middle of the sound
        recorder.toggle()
        for index in range(first, first + 30):
            frame = make_frame(live_format, index, pts=round(index / 30 / live_format.time_base))
            recorder.write(replace(frame, captured_ns=round(index / 30 * 1e9)))
        recorder.toggle()
        recorder.write(make_frame(live_format, first + 30))
    files = sorted(tmp_path.glob("*.mp4"))
    assert len(files) == 2
    for path in files:
        (sound,) = read_packets(path, "audio")
        assert float(max(sound.times_s) + sound.lengths_s[-1]) == pytest.approx(1.0, abs=0.12)
