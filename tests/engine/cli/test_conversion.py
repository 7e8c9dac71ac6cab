"""What a conversion shows while it goes on, and what one that is stopped says of what it leaves behind."""

import io
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from rich.console import Console

from animecam import session
from animecam.cli import main
from animecam.cli.conversion import convert_jobs
from animecam.cli.jobs import Job
from animecam.sinks.options import SinkOptions


class _Told:
    """A `Display` that remembers failures."""

    def __init__(self):
        self.messages = []

    @contextmanager
    def bar(self, name):
        yield None

    def error(self, message, hint):
        self.messages.append(message)


@pytest.mark.parametrize(
    ("target", "left", "said"),
    [
        ("out.mp4", "out.partial.mp4", "; what is done plays: {folder}/out.partial.mp4"),
        ("out.mp4", None, ""),  # stopped before the first frame
        ("%05d.png", "00000.png", "; what is done is in {folder}"),
        ("%05d.png", None, ""),
    ],
)
def test_a_stopped_conversion_names_nothing_that_does_not_exist(tmp_path, monkeypatch, target, left, said):
    def stopped(*_, **__):
        if left is not None:
            (tmp_path / left).write_bytes(b"x")
        return SimpleNamespace(is_interrupted=True)

    monkeypatch.setattr(session, "convert_file", stopped)
    display = _Told()
    job = Job(tmp_path / "in.mp4", tmp_path / target)
    assert convert_jobs([job], None, None, display, SinkOptions(), is_only_one=True).is_interrupted
    assert display.messages == ["stopped in in.mp4" + said.format(folder=tmp_path)]


@pytest.mark.usefixtures("own_folders")
def test_the_bar_shows_a_name_as_it_is(people, tmp_path, monkeypatch):
    clip = people.rename(tmp_path / "[draft] people.mp4")  # of a kind that a terminal could take for a colour
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=120)
    monkeypatch.setattr("animecam.cli.convert.messages", console)
    assert main(["convert", str(clip)]) == 0
    assert "[draft] people.mp4 " in shown.getvalue()
