"""What a conversion shows while it goes on, and what one that is stopped says of what it leaves behind."""

import errno
import io
import os
from contextlib import contextmanager
from types import SimpleNamespace

import cv2
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


@pytest.mark.usefixtures("own_folders")
@pytest.mark.parametrize("name", ["me.mp4", "me.jpg"])
def test_a_result_has_the_time_of_its_source(tmp_path, make_clip, media, name):
    taken_s, source = 1_000_000_000, tmp_path / name
    if name == "me.mp4":
        make_clip(source, width_px=64, height_px=48, frames=2)
    else:
        cv2.imwrite(str(source), media.portrait(0, 64, 64))
    os.utime(source, (taken_s, taken_s))
    main(["convert", str(source), "--strength", "0"])  # nobody is in the film: its whole frames are kept all the same
    assert source.with_stem("me-anime").stat().st_mtime == taken_s


@pytest.mark.usefixtures("own_folders")
def test_a_time_that_cannot_be_set_spoils_nothing(people, monkeypatch, caplog):
    def refused(*_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("animecam.cli.conversion.os.utime", refused)
    assert main(["convert", str(people)]) == 0
    assert people.with_stem("people-anime").exists()
    assert "has the time of its conversion: Operation not permitted" in caplog.text
