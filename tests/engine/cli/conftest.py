"""What the tests of the command line share: one that must fail, what it is given, and what it wrote."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from animecam.cli import main
from animecam.errors import BackendError

RUN_TIME_ERROR = 1


@pytest.fixture
def own_folders(tmp_path, monkeypatch):
    """The user's styles are none of the developer's; the cache stays, or every test compiles the networks anew."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def fails(capfd):
    """Runs the command line; checks the status and the form of the message; returns the message."""

    def run(*words: object, status: int = RUN_TIME_ERROR) -> str:
        assert main([str(word) for word in words]) == status
        lines = capfd.readouterr().err.strip().splitlines()
        assert "Traceback" not in "".join(lines)
        assert sum(line.startswith("animecam: ") for line in lines) == 1
        assert lines[-1].startswith("hint: ")
        return "\n".join(lines)

    return run


@pytest.fixture
def people(tmp_path, make_clip, media) -> Path:
    return make_clip(tmp_path / "people.mp4", width_px=160, height_px=160, frames=4, content=media.portrait, audio=True)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder of inputs, and of what is none: a note, a drawing and a part that an earlier run left."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("b.mp4", "a.MOV", "c.jpg", "notes.txt", "b-anime.mp4", "x.partial.mp4", "d.wmv"):
        (folder / name).write_bytes(b"x")
    return folder


@pytest.fixture
def stamps_of() -> Callable[[Path], list[int]]:
    """`stamps_of(path)`: when each picture of a film is shown, in units of its own."""
    return _stamps_of


def _stamps_of(path: Path) -> list[int]:
    with av.open(path) as container:
        return [frame.pts for frame in container.decode(video=0)]


@pytest.fixture
def write(settings_file):
    """`write(text)`: the settings file; returns its path."""

    def write(text):
        settings_file.parent.mkdir(parents=True, exist_ok=True)
        settings_file.write_text(text, encoding="utf-8")
        return settings_file

    return write


@pytest.fixture
def asked(monkeypatch):
    """What the three commands were about to do, in place of doing it: options and settings."""
    asked = []

    def convert(jobs, settings, display, options, **_):
        asked.append((options, settings))
        raise BackendError("nothing is converted in this test", hint="none")

    monkeypatch.setattr(
        "animecam.run.session.run_live", lambda options, settings, *_: asked.append((options, settings))
    )
    monkeypatch.setattr("animecam.cli.live.figure_table", lambda *_: "")
    monkeypatch.setattr("animecam.run.limit.slowness", lambda *_: "")
    monkeypatch.setattr("animecam.cli.convert._convert_here", convert)
    monkeypatch.setattr("animecam.cli.serve._serve", lambda options, settings, **_: asked.append((options, settings)))
    return asked
