"""What `--json` prints for programs: its keys are a promise, docs/scripts.md names them."""

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest

import animecam
from animecam import doctor
from animecam.cli import main
from animecam.doctor import Finding, State
from animecam.errors import SinkError
from animecam.settings import DEFAULT_STYLE
from animecam.sinks.virtual_cameras import VirtualCamera
from animecam.sources.devices import CameraInfo, CameraMode
from animecam.sources.microphones import MicrophoneInfo

PAGE = Path(__file__).resolve().parents[3] / "docs" / "scripts.md"


@pytest.fixture
def told(capfd):
    """Runs a command with --json; returns what it printed."""

    def run(*words: str, status: int = 0) -> dict:
        assert main([*words, "--json"]) == status
        printed = json.loads(capfd.readouterr().out)
        assert printed.pop("version") == animecam.__version__
        return printed

    return run


def keys(value) -> set[str]:
    """All keys of an object, those of objects in it, too."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def test_styles(told, own_folders, tmp_path):
    printed = told("styles")
    assert [style["name"] for style in printed["styles"]] == ["anime", "cel", "soft", "television", "toon"]
    assert printed["default"] == DEFAULT_STYLE
    assert printed["folder"] == str(tmp_path / "data" / "animecam" / "styles")
    cel = printed["styles"][1]
    assert (cel["title"], cel["licence"], cel["is_bundled"]) == ("Cel", "MIT", True)
    assert Path(cel["folder"], "card.json").is_file()


@pytest.fixture
def plugged(monkeypatch):
    """A camera, a virtual camera that is busy, and a microphone."""
    modes = (CameraMode("MJPG", 1280, 720, (Fraction(30), Fraction(30000, 1001))), CameraMode("YUYV", 640, 480))
    camera = CameraInfo(0, "/dev/video0", 'A "Cam" \N{SNOWMAN}', modes)
    virtual = VirtualCamera("v4l2:///dev/video9", "animecam", is_busy=True)
    monkeypatch.setattr("animecam.sources.devices.list_cameras", lambda: (camera,))
    monkeypatch.setattr("animecam.sinks.virtual_cameras.find_virtual_cameras", lambda: (virtual,))
    monkeypatch.setattr(
        "animecam.sources.microphones.list_microphones", lambda: (MicrophoneInfo("usb", "A microphone"),)
    )


def test_devices(told, plugged):
    assert told("devices") == {
        "cameras": [
            {
                "device": 0,
                "name": 'A "Cam" \N{SNOWMAN}',
                "path": "/dev/video0",
                "modes": [
                    {"format": "MJPG", "width": 1280, "height": 720, "fps": [30.0, 30000 / 1001]},
                    {"format": "YUYV", "width": 640, "height": 480, "fps": []},
                ],
            }
        ],
        "virtual_cameras": [{"output": "v4l2:///dev/video9", "name": "animecam", "is_busy": True}],
        "microphones": [{"audio": "usb", "name": "A microphone"}],
        "notes": [],
    }


def test_no_devices(told, monkeypatch):
    def none_there():
        raise SinkError("no virtual camera was found", hint="install one")

    monkeypatch.setattr("animecam.sources.devices.list_cameras", lambda: ())
    monkeypatch.setattr("animecam.sinks.virtual_cameras.find_virtual_cameras", none_there)
    monkeypatch.setattr("animecam.sources.microphones.list_microphones", lambda: ())
    printed = told("devices")
    assert [printed[kind] for kind in ("cameras", "virtual_cameras", "microphones")] == [[], [], []]
    assert "no virtual camera was found; install one" in printed["notes"]
    assert len(printed["notes"]) == 3


@pytest.mark.parametrize(("state", "word"), [(State.BROKEN, "broken"), (State.OPTIONAL, "absent")])
def test_doctor(told, monkeypatch, state, word):
    found = [Finding("machine", State.WORKS, "a [fast] one"), Finding("camera", state, "none", "plug one in")]
    monkeypatch.setattr(doctor, "examine", lambda gpu: iter(found))
    monkeypatch.setattr("animecam.cli.doctor._settings_file", lambda: Finding("settings file", State.WORKS, "none"))
    printed = told("doctor", status=int(word == "broken"))
    assert printed["is_fine"] is (word != "broken")
    assert printed["parts"][:2] == [
        {"part": "machine", "state": "works", "detail": "a [fast] one", "hint": ""},
        {"part": "camera", "state": word, "detail": "none", "hint": "plug one in"},
    ]


def test_every_key_is_documented(told, plugged, monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda gpu: iter([Finding("machine", State.WORKS, "")]))
    printed = [told("styles"), told("devices"), told("doctor")]
    assert set().union(*map(keys, printed)) <= set(re.findall(r"`([a-z_]+)`", PAGE.read_text(encoding="utf-8")))


def test_a_command_of_styles_takes_none(fails):
    assert "styles add prints no JSON" in fails("styles", "--json", "add", "x.onnx", status=2)
