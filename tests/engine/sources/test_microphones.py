"""The list of microphones, of a machine that the test plays."""

import errno
import sys
from dataclasses import replace

import av.error
import pytest
from av.device import DeviceInfo

from animecam.cli import main
from animecam.errors import SourceError
from animecam.sources import microphones
from animecam.sources.microphone import SoundSystem, open_microphone
from animecam.sources.microphones import MicrophoneInfo, SoundDevices, ask_program, list_microphones

PACTL = """Source #0
\tState: SUSPENDED
\tName: alsa_output.pci-0000_00_1f.3.analog-stereo.monitor
\tDescription: Monitor of Built-in Audio Analog Stereo
Source #1
\tState: RUNNING
\tName: alsa_input.usb-Blue_Yeti-00.analog-stereo
\tDescription: Yeti: Stereo Microphone
\tPorts:
\t\tanalog-input-mic: Microphone (type: Mic, priority: 8700)
"""
PCM = """00-00: ALC257 Analog : ALC257 Analog : playback 1 : capture 1
00-03: HDMI 0 : HDMI 0 : playback 1
02-00: USB Audio : USB Audio : capture 1
"""
YETI = MicrophoneInfo("alsa_input.usb-Blue_Yeti-00.analog-stereo", "Yeti: Stereo Microphone")
CARDS = (MicrophoneInfo("plughw:0,0", "ALC257 Analog"), MicrophoneInfo("plughw:2,0", "USB Audio"))


@pytest.fixture
def linux(tmp_path):
    (tmp_path / "pcm").write_text(PCM)
    return SoundDevices("linux", lambda name: f"/usr/bin/{name}", lambda command: PACTL, tmp_path / "pcm")


def has(*programs):
    return lambda name: f"/usr/bin/{name}" if name in programs else None


def test_a_sound_server_names_its_sources_but_not_what_loudspeakers_play(linux):
    assert list_microphones(linux) == (YETI,)


@pytest.mark.parametrize(
    ("programs", "answer", "found"),
    [
        (("pactl", "parec", "arecord"), "", CARDS),  # no server runs
        (("pactl", "arecord"), PACTL, CARDS),  # nothing that could hear the server's
        (("arecord",), PACTL, CARDS),
        (("pactl", "parec"), "", ()),
        ((), PACTL, ()),
    ],
)
def test_what_is_listed_is_what_can_be_heard(linux, programs, answer, found):
    assert list_microphones(replace(linux, find_program=has(*programs), ask=lambda command: answer)) == found


def test_a_machine_without_sound(linux, tmp_path):
    silent = replace(linux, ask=lambda command: "", alsa=tmp_path / "missing")
    assert list_microphones(silent) == ()


@pytest.mark.parametrize("name", [YETI.name, CARDS[1].name])
def test_what_is_listed_is_what_audio_takes(name):
    said = []

    def run(_, command):
        said.extend(command)
        raise SourceError("this is a test")

    with pytest.raises(SourceError, match="this is a test"):
        open_microphone(name, SoundSystem("linux", has("parec", "arecord"), run))
    assert name in said[-1]
    assert said[0] == ("parec" if name == YETI.name else "arecord")


def test_other_systems_list_through_pyav():
    found = [
        DeviceInfo("@device_cm_2", "Headset", False, ["audio"]),
        DeviceInfo("@device_pnp_1", "Integrated Camera", True, ["video"]),
    ]
    for platform in ("darwin", "win32"):
        assert list_microphones(SoundDevices(platform, list=lambda _: found)) == (MicrophoneInfo("Headset", ""),)


def test_systems_that_cannot_list():
    def refuse(_):
        raise av.error.OSError(errno.EIO, "failed")

    with pytest.raises(SourceError, match="cannot list dshow devices"):
        list_microphones(SoundDevices("win32", list=refuse))
    with pytest.raises(SourceError, match="cannot be listed on plan9"):
        list_microphones(SoundDevices("plan9"))


def test_a_program_that_fails_hangs_or_is_not_there_says_nothing(monkeypatch):
    monkeypatch.setattr(microphones, "ASK_SECONDS", 0.2)
    assert ask_program([sys.executable, "-c", "print('heard')"]) in ("heard\n", "")  # a slow start is a hang, too
    assert ask_program([sys.executable, "-c", "import time; time.sleep(9)"]) == ""
    assert ask_program(["/no/such/program"]) == ""
    monkeypatch.setattr(microphones, "ASK_SECONDS", 30.0)
    assert ask_program([sys.executable, "-c", "print('heard')"]) == "heard\n"
    assert ask_program([sys.executable, "-c", "print('x'); raise SystemExit(1)"]) == ""


def test_the_command_lists_cameras_and_microphones(monkeypatch, capfd):
    from animecam.sources import devices

    camera = devices.CameraInfo(0, "/dev/video0", "Desk Cam", (devices.CameraMode("MJPG", 640, 480, ()),))
    monkeypatch.setattr(devices, "list_cameras", lambda: (camera,))
    monkeypatch.setattr(microphones, "list_microphones", lambda: (YETI,))
    assert main(["devices"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "cameras (--device N)"
    assert lines[1] == "  0  Desk Cam  (/dev/video0)"
    assert lines[-2:] == ["microphones (--audio NAME)", f"  {YETI.name}  {YETI.description}"]
    monkeypatch.setattr(devices, "list_cameras", tuple)
    monkeypatch.setattr(microphones, "list_microphones", tuple)
    assert main(["devices"]) == 0
    told = capfd.readouterr().err
    assert "no camera was found" in told
    assert "no microphone was found" in told
