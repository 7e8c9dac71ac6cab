"""What the tests of wrong requests share: a command line that must fail, and a clip."""

from pathlib import Path

import pytest

from animecam.cli import main

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
