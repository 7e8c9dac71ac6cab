"""Microphones: through a recording program, through FFmpeg's devices, and a tone; what can be wrong with each."""

import os
import stat
import sys
import threading
import time
from dataclasses import replace

import av
import numpy as np
import pytest

from animecam.errors import SourceError
from animecam.sound import SOUND_RATE_HZ
from animecam.sources import captures
from animecam.sources.captures import ProgramCapture
from animecam.sources.microphone import Microphone, SoundSystem, open_microphone

WAIT_SECONDS = 10.0
LINUX = SoundSystem(platform="linux", find_program=lambda name: f"/usr/bin/{name}")


def wait_for(happens):
    deadline = time.monotonic() + WAIT_SECONDS
    while not happens():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


class FakeCapture:
    """Gives chunks as told; then ends, fails or waits to be stopped."""

    def __init__(self, chunks=(), fails=None, waits=False):
        self.chunks, self.fails, self.waits = list(chunks), fails, waits
        self.stopped, self.closed = threading.Event(), 0

    def read(self):
        if self.chunks:
            return self.chunks.pop(0)
        if self.waits:
            assert self.stopped.wait(WAIT_SECONDS)
        if self.fails is not None:
            raise self.fails
        return None

    def stop(self):
        self.stopped.set()

    def close(self):
        self.closed += 1


def test_chunks_are_placed_by_their_samples_and_not_by_when_they_happened_to_arrive():
    arrivals = iter([10.02, 10.055, 10.06, 10.11])
    capture = FakeCapture([np.full(960, level, np.float32) for level in (1, 2, 3, 4)], waits=True)
    with Microphone("fake", capture, lambda: next(arrivals)) as feed:
        wait_for(lambda: feed.since(0)[1] == 4)
        chunks, count = feed.since(0)
        assert [chunk.start_s for chunk in chunks] == pytest.approx([10.0, 10.02, 10.04, 10.06])
        assert [float(chunk.samples[0]) for chunk in chunks] == [1, 2, 3, 4]
        assert feed.since(3)[0] == chunks[3:]
        assert feed.since(count) == ((), 4)
    feed.close()
    assert capture.closed == 1


def test_old_sound_is_forgotten_and_what_is_asked_for_too_late_is_left_out():
    second = np.zeros(SOUND_RATE_HZ, np.float32)
    arrivals = iter(range(1, 100))
    with Microphone("fake", FakeCapture([second] * 30, waits=True), lambda: float(next(arrivals))) as feed:
        wait_for(lambda: feed.since(0)[1] == 30)
        chunks, _ = feed.since(0)
        assert len(chunks) == 11
        assert chunks[-1].start_s == 29


@pytest.mark.parametrize("fails", [SourceError("it was unplugged"), None])
def test_a_microphone_that_fails_is_told_once_and_gives_what_it_gave(caplog, fails):
    capture = FakeCapture([np.zeros(960, np.float32)], fails)
    with Microphone("microphone x", capture) as feed:
        wait_for(lambda: capture.closed)
        assert feed.since(0)[1] == 1
    assert ["goes on without sound" in record.message for record in caplog.records] == [True]


def test_closing_leaves_no_thread_and_no_complaint(caplog):
    feed = Microphone("fake", FakeCapture(fails=SourceError("stopped"), waits=True))
    feed.close()
    feed.close()
    assert "microphone" not in [thread.name for thread in threading.enumerate()]
    assert caplog.records == []


@pytest.mark.parametrize(
    ("device", "programs", "command"),
    [
        ("default", ("parec", "arecord"), ("parec", "--raw")),
        ("default", ("arecord",), ("arecord", "default")),
        ("usb.mono", ("parec",), ("parec", "--device=usb.mono")),
        ("hw:1", ("parec", "arecord"), ("arecord", "hw:1")),
    ],
)
def test_linux_hears_through_the_program_that_is_there(device, programs, command):
    said = []

    def run(name, words):
        said.extend(words)
        return FakeCapture()

    system = replace(LINUX, find_program=lambda name: name if name in programs else None, run=run)
    open_microphone(device, system).close()
    assert (said[0], said[-1] if command[1] != "--raw" else "--raw") == command
    assert any(str(SOUND_RATE_HZ) in word for word in said)


def test_linux_without_such_a_program_says_what_to_install():
    with pytest.raises(SourceError, match="no program that records sound") as raised:
        open_microphone("default", replace(LINUX, find_program=lambda name: None))
    assert "pulseaudio-utils" in raised.value.hint


def program(folder, text):
    path = folder / "recorder"
    path.write_text(f"#!{sys.executable}\nimport sys, time\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return [str(path)]


needs_pipes = pytest.mark.skipif(os.name == "nt", reason="programs are heard through pipes on Linux only")


@needs_pipes
def test_what_a_program_writes_is_heard_even_when_cut_in_the_middle_of_a_sample(tmp_path):
    text = "for part in (b'\\x00', b'\\x40\\x00\\xc0\\xff', b'\\x7f'):\n"
    text += "    sys.stdout.buffer.write(part); sys.stdout.flush(); time.sleep(0.05)\ntime.sleep(60)"
    capture = ProgramCapture("x", program(tmp_path, text))
    heard = np.zeros(0, np.float32)
    while len(heard) < 3:
        heard = np.concatenate([heard, capture.read()])
    np.testing.assert_allclose(heard, [0.5, -0.5, 1.0], atol=1e-4)
    threading.Timer(0.1, capture.stop).start()
    assert capture.read() is None
    capture.close()
    capture.close()


@needs_pipes
def test_ctrl_c_in_the_terminal_does_not_reach_the_program(tmp_path):
    """It goes to the whole group of the process before the terminal; the program says whether it leads its own."""
    text = "import os\nis_apart = os.getpgrp() == os.getpid()\n"
    text += "sys.stdout.buffer.write(b'\\x00\\x40' if is_apart else bytes(2)); sys.stdout.flush(); time.sleep(60)"
    capture = ProgramCapture("x", program(tmp_path, text))
    assert capture.read().tolist() == [0.5]
    capture.close()


@needs_pipes
def test_ctrl_c_before_the_first_sound_ends_the_program(tmp_path, monkeypatch):
    started: list[ProgramCapture] = []

    def interrupted(capture, _):
        started.append(capture)
        raise KeyboardInterrupt

    monkeypatch.setattr(ProgramCapture, "_more", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ProgramCapture("x", program(tmp_path, "time.sleep(60)"))
    (capture,) = started
    assert capture._process.poll() is not None


@needs_pipes
def test_a_program_that_says_much_goes_on_and_is_quoted_all_the_same(tmp_path):
    """Sound servers warn of each gap; a pipe holds 64 KiB."""
    text = "sys.stderr.write('gap\\n' * 50_000); sys.stdout.buffer.write(bytes(48_000)); sys.exit('unplugged')"
    capture = ProgramCapture("x", program(tmp_path, text))
    heard = 0
    while heard < 24_000:
        heard += len(capture.read())
    with pytest.raises(SourceError, match=r"x gives no sound: unplugged$"):
        capture.read()
    capture.close()
    capture.close()


@needs_pipes
def test_a_program_that_ends_is_quoted_and_one_that_says_nothing_is_not_waited_for(tmp_path, monkeypatch):
    with pytest.raises(SourceError, match="Connection refused"):
        ProgramCapture("x", program(tmp_path, "sys.exit('Connection failure: Connection refused')"))
    with pytest.raises(SourceError, match="No such file"):
        ProgramCapture("x", [str(tmp_path / "missing")])
    monkeypatch.setattr(captures, "OPEN_SECONDS", 0.3)
    with pytest.raises(SourceError, match=r"gave no sound for 0.3 s"):
        ProgramCapture("x", program(tmp_path, "time.sleep(60)"))
    text = "sys.stdout.buffer.write(bytes(64)); sys.stdout.flush(); time.sleep(0.2); sys.exit('the card is gone')"
    monkeypatch.setattr(captures, "OPEN_SECONDS", 5.0)
    capture = ProgramCapture("x", program(tmp_path, text))
    assert len(capture.read()) == 32
    with pytest.raises(SourceError, match="the card is gone"):
        capture.read()
    capture.close()


def device(name, *media):
    return type("Device", (), {"name": name, "description": f"The {name}", "media_types": media})()


DEVICES = [device("cam", "video"), device("mic one", "audio"), device("mic two", "audio")]


@pytest.mark.parametrize(
    ("platform", "wanted", "path", "device_format"),
    [
        ("darwin", "default", ":default", "avfoundation"),
        ("darwin", "1", ":1", "avfoundation"),
        ("darwin", "TWO", ":mic two", "avfoundation"),
        ("win32", "default", "audio=mic one", "dshow"),
        ("win32", "1", "audio=mic two", "dshow"),
        ("win32", "two", "audio=mic two", "dshow"),
    ],
)
def test_other_systems_are_asked_through_ffmpeg_by_name(platform, wanted, path, device_format):
    asked = []

    def opened(name, *, format, container_options, timeout):
        asked.append((name, format, container_options["fflags"]))
        return av.open("sine=frequency=440", format="lavfi")

    open_microphone(wanted, SoundSystem(platform=platform, open=opened, list=lambda _: DEVICES)).close()
    assert asked == [(path, device_format, "+4")]


def test_a_microphone_that_is_not_there_is_told_with_those_that_are():
    system = SoundSystem(platform="win32", list=lambda _: DEVICES)
    with pytest.raises(SourceError, match="microphone three does not exist") as raised:
        open_microphone("three", system)
    assert "The mic one; The mic two" in raised.value.hint

    def refused(*_, **__):
        raise av.error.PermissionError(1, "Operation not permitted")

    with pytest.raises(SourceError, match="cannot be opened") as raised:
        open_microphone("one", replace(system, open=refused))
    assert "privacy" in raised.value.hint
    with pytest.raises(SourceError, match="cannot be opened on haiku"):
        open_microphone("one", SoundSystem(platform="haiku"))


def test_a_device_that_has_no_sound_yet_is_asked_again_and_one_that_never_has_is_given_up(monkeypatch):
    tone = av.open("sine=frequency=440", format="lavfi")
    silent = [3]

    class Hesitant:
        streams = tone.streams

        def decode(self, audio):
            def frames():
                if silent[0]:
                    silent[0] -= 1
                    raise av.error.BlockingIOError(11, "Resource temporarily unavailable")
                yield from tone.decode(audio=0)

            return frames()

        def close(self):
            tone.close()

    capture = captures.DeviceCapture("x", Hesitant(), sleep=lambda _: None)
    samples = capture.read()
    assert samples.dtype == np.float32
    assert 0.05 < np.abs(samples).max() <= 1.0
    silent[0] = 1_000_000
    monkeypatch.setattr(captures, "READ_SECONDS", 0.05)
    capture = captures.DeviceCapture("x", Hesitant(), sleep=lambda _: None)
    with pytest.raises(SourceError, match="gave no sound"):
        capture.read()
    capture.close()


def test_a_tone_is_heard_at_its_own_pace_and_pitch():
    with open_microphone("tone:440") as feed:
        wait_for(lambda: feed.since(0)[1] >= 30)
        chunks, _ = feed.since(0)
    sound = np.concatenate([chunk.samples for chunk in chunks])
    crossings = np.sum((sound[:-1] < 0) & (sound[1:] >= 0))
    assert crossings == pytest.approx(440 * len(sound) / SOUND_RATE_HZ, rel=0.02)
    seconds = chunks[-1].start_s - chunks[5].start_s
    assert seconds == pytest.approx(sum(len(chunk.samples) for chunk in chunks[5:-1]) / SOUND_RATE_HZ, abs=0.1)
    with pytest.raises(SourceError, match="no frequency"):
        open_microphone("tone:high")
