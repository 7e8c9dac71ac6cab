"""Several files at a time, a process each: on the processor, as if it were several GPUs."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import av
import pytest

from animecam.cli import crew, main
from animecam.cli.jobs import plan_conversion
from animecam.settings import Look, Scope, Settings
from animecam.sinks.options import SinkOptions

SETTINGS = Settings(Look(scope=Scope.FRAME, strength=0.0), threads=1)  # nothing is drawn: quick
EMPTY_BYTES = 100  # a film without pictures has 88
START_SECONDS, END_SECONDS = 60.0, 60.0


class Told:
    """A display that keeps what it is told."""

    def __init__(self):
        self.lines, self.errors, self.bars, self.shown = [], [], [], set()

    @contextmanager
    def bar(self, name):
        self.shown.add(name)
        self.bars.append(bar := Bar(name))
        yield bar
        self.shown.remove(name)

    def note(self, text):
        self.lines.append(text)

    def error(self, message, hint):
        self.errors.append(message)


class Bar:
    def __init__(self, name):
        self.name, self.total, self.done = name, None, 0.0

    def resize(self, total):
        self.total = total

    def move(self, done, rate):
        self.done = done


def on_two(jobs, told):
    return crew.run_crew([replace(SETTINGS, gpu=gpu) for gpu in (0, 1)], jobs, told, SinkOptions())


@pytest.fixture
def clips(tmp_path, make_clip):
    def make(*names, frames=4):
        for name in names:
            make_clip(tmp_path / "in" / name, width_px=64, height_px=48, frames=frames)
        return plan_conversion([str(tmp_path / "in")], tmp_path / "out", overwrite=False).jobs

    (tmp_path / "in").mkdir()
    return make


def frames_of(path):
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


def test_whoever_is_free_takes_the_next_file(clips):
    jobs, told = clips("a.mp4", "b.mp4", "c.mp4"), Told()
    assert on_two(jobs, told) == crew.Outcome()
    assert [frames_of(job.target) for job in jobs] == [4, 4, 4]
    assert not told.errors
    assert {line.split(":")[0] for line in told.lines} == {"GPU 0", "GPU 1"}
    assert sorted(bar.name for bar in told.bars) == ["a.mp4", "b.mp4", "c.mp4"]
    assert all(bar.total == bar.done == 4 for bar in told.bars)
    assert not told.shown


def test_a_file_that_fails_is_told_and_the_others_are_made(clips, tmp_path):
    clips("a.mp4", "b.mp4")
    (tmp_path / "in" / "c.mp4").write_bytes(b"no video")
    jobs, told = clips(), Told()
    assert on_two(jobs, told) == crew.Outcome(failures=1)
    (error,) = told.errors
    assert error.startswith(f"{tmp_path / 'in' / 'c.mp4'} is no video")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.mp4", "b.mp4"]


def test_a_process_that_is_killed_costs_its_file_alone(clips, monkeypatch):
    jobs, told = clips("a.mp4", "b.mp4", "c.mp4", "d.mp4", frames=40), Told()
    killed = []

    class Mortal(crew._Member):
        def listen(self, waiting):
            super().listen(waiting)
            if self._bar is not None and self._bar.name == "b.mp4" and not killed:
                killed.append(self._gpu)
                os.kill(self._process.pid, signal.SIGKILL)

    monkeypatch.setattr(crew, "_Member", Mortal)
    assert on_two(jobs, told) == crew.Outcome(failures=1)
    (error,) = told.errors
    assert f"the process of GPU {killed[0]} ended in b.mp4" in error
    assert [job.target.exists() for job in jobs] == [True, False, True, True]


def test_a_process_that_dies_before_it_gets_a_file_costs_none(clips, monkeypatch):
    jobs, told = clips("a.mp4", "b.mp4"), Told()
    killed = []

    class Mortal(crew._Member):
        def _hand_out(self, waiting):
            if not killed:
                killed.append(self._gpu)
                os.kill(self._process.pid, signal.SIGKILL)
                self._process.join()
            super()._hand_out(waiting)

    monkeypatch.setattr(crew, "_Member", Mortal)
    assert on_two(jobs, told) == crew.Outcome()
    assert [job.target.exists() for job in jobs] == [True, True]
    assert f"the process of GPU {killed[0]} ended (exit status -9)" in told.errors[0]


@pytest.mark.parametrize("names", [["a.mp4"], ["a.mp4", "b.mp4"]])
def test_what_failed_is_not_forgotten_when_the_process_dies_later(clips, tmp_path, monkeypatch, names):
    """A GPU's driver may break a process that closes its networks; `convert` said 0 of a batch that had failed."""
    (tmp_path / "in" / "a.mp4").write_bytes(b"no video")
    jobs, told = clips(*names[1:], frames=40), Told()

    class Mortal(crew._Member):
        def _show(self, message):
            super()._show(message)
            if self._bar is not None and self._bar.name == "b.mp4":
                os.kill(self._process.pid, signal.SIGKILL)

        def _hand_out(self, waiting):
            if not waiting:
                os.kill(self._process.pid, signal.SIGKILL)
                self._process.join()
            super()._hand_out(waiting)

    monkeypatch.setattr(crew, "_Member", Mortal)
    assert crew.run_crew([SETTINGS], jobs, told, SinkOptions()) == crew.Outcome(failures=len(names))
    assert told.errors[0].startswith(f"{tmp_path / 'in' / 'a.mp4'} is no video")
    assert "ended" in told.errors[1]


def test_no_more_processes_than_files(clips):
    told = Told()
    assert on_two(clips("a.mp4"), told) == crew.Outcome()
    assert {line.split(":")[0] for line in told.lines} == {"GPU 0"}
    assert on_two((), told) == crew.Outcome()


def test_a_network_that_cannot_be_opened_fails_the_batch(clips):
    jobs, told = clips("a.mp4", "b.mp4"), Told()
    broken = replace(SETTINGS, detector="yunet:nowhere.onnx")
    outcome = crew.run_crew([broken, replace(broken, gpu=1)], jobs, told, SinkOptions())
    assert outcome == crew.Outcome(failures=2)  # the files, which nobody took
    assert len(told.errors) == 2
    assert all("nowhere.onnx" in error for error in told.errors)


def test_ctrl_c_stops_every_process_and_says_where_the_parts_are(tmp_path, make_clip, media):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    first = make_clip(source / "a.mp4", width_px=320, height_px=240, frames=900, content=media.counter)
    for name in ("b.mp4", "c.mp4"):
        shutil.copyfile(first, source / name)
    code = "import sys, animecam.cli.crew as c; c.check_gpu = print; from animecam.cli import main; sys.exit(main())"
    words = ["convert", str(source), "-o", str(out), "--gpus", "0,1", "--scope", "frame", "--threads", "1"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while sum(part.stat().st_size > EMPTY_BYTES for part in out.glob("*.mp4")) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=END_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in message
    parts = sorted(path.name for path in out.glob("*.mp4"))
    assert parts == ["a.partial.mp4", "b.partial.mp4"]
    assert all(f"stopped in {name}" in message for name in ("a.mp4", "b.mp4"))
    assert all(0 < frames_of(out / part) < 900 for part in parts)


@pytest.mark.parametrize("gpus", ["", "0,0", "one", "0,-1", "0;1"])
def test_what_is_no_list_of_gpus_is_refused(tmp_path, capfd, gpus):
    assert main(["convert", str(tmp_path), "--gpus", gpus]) == 2
    assert "no list of different GPUs" in capfd.readouterr().err


def test_a_backend_of_the_processor_is_refused(clips, tmp_path, capfd):
    clips("a.mp4")
    words = ["convert", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--gpus", "0", "--backend", "openvino"]
    assert main(words) == 2
    assert "computes on no GPU" in capfd.readouterr().err


def test_a_gpu_that_is_not_there_is_told_before_anything_is_done(clips, tmp_path, capfd, monkeypatch):
    from animecam.cuda import gpu
    from animecam.errors import BackendError

    def none(index):
        raise BackendError(f"no GPU {index}: there is no GPU", hint="nvidia-smi lists them")

    monkeypatch.setattr(gpu, "open_gpu", none)
    clips("a.mp4")
    assert main(["convert", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--gpus", "0,1"]) == 1
    assert "no GPU 0" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
