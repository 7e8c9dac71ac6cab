"""What a conversion shows while it goes on, and what one that is stopped says of what it leaves behind."""

import errno
import io
import os
import re
import shutil
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from rich.console import Console

from animecam.cli import conversion, main
from animecam.cli.conversion import convert_jobs
from animecam.cli.jobs import Job
from animecam.errors import SinkError, SourceError
from animecam.run import session
from animecam.run.tally import Figures
from animecam.settings import Settings
from animecam.sinks.options import SinkOptions


class _Told:
    """A `Display` that remembers failures."""

    def __init__(self):
        self.messages, self.hints, self.notes = [], [], []

    @contextmanager
    def bar(self, name):
        yield None

    def note(self, text):
        self.notes.append(text)

    def error(self, message, hint):
        self.messages.append(message)
        self.hints.append(hint)


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


@pytest.mark.parametrize(
    ("ending", "is_only_one", "existing", "hint"),
    [
        ("mp4", True, ["part", "key frames"], "start it again to go on from near there"),
        ("mov", False, ["part", "key frames"], "start it again to go on from near there: what is done is skipped"),
        ("mp4", True, ["part"], "start it again to convert it from its beginning"),
        ("mov", False, ["part"], "start it again to go on: what is done is skipped, "),
        ("mp4", True, [], "start it again to convert it from its beginning"),
        ("mkv", True, ["part"], "start it again to convert it from its beginning"),
        ("avi", False, ["part"], "start it again to go on: what is done is skipped, "),
        (
            *("mp4", True, ["part", "key frames", "overwrite"]),
            "start it again without --overwrite to go on from near there",
        ),
        ("mkv", False, ["part", "overwrite"], "start it again without --overwrite to go on: what is done is skipped, "),
        ("mp4", True, ["part", "overwrite", "old"], "start it again to convert it from the beginning"),
        ("mp4", False, ["part", "overwrite", "old"], "start it again to convert all from the beginning"),
    ],
)
def test_a_stopped_conversion_says_what_becomes_of_its_file(tmp_path, monkeypatch, ending, is_only_one, existing, hint):
    def stopped(*_, **__):
        if "part" in existing:
            (tmp_path / f"a-anime.partial.{ending}").write_bytes(b"x")
        return SimpleNamespace(is_interrupted=True)

    monkeypatch.setattr(session, "convert_file", stopped)
    monkeypatch.setattr(conversion, "goes_on", lambda *_: "key frames" in existing)
    jobs = [Job(tmp_path / f"{name}.{ending}", tmp_path / f"{name}-anime.{ending}") for name in "ab"]
    if "old" in existing:
        jobs[0].target.write_bytes(b"x")
    display, options = _Told(), SinkOptions(overwrite="overwrite" in existing)
    assert convert_jobs(jobs, None, None, display, options, is_only_one=is_only_one).is_interrupted
    rest = "this file is converted from its beginning" if hint.endswith(", ") else ""
    assert display.hints == [hint + rest]


@pytest.mark.parametrize(("kind", "is_told"), [(SourceError, True), (SinkError, False)])
def test_a_film_that_breaks_off_says_where_its_beginning_is(tmp_path, monkeypatch, kind, is_told):
    def broken(*_, **__):
        (tmp_path / "out.partial.mp4").write_bytes(b"x")
        raise kind("it is cut off", hint="copy it again")

    monkeypatch.setattr(session, "convert_file", broken)
    display, job = _Told(), Job(tmp_path / "in.mp4", tmp_path / "out.mp4")
    told = f"it is cut off; what is done plays: {tmp_path}/out.partial.mp4" if is_told else "it is cut off"
    assert convert_jobs([job], None, None, display, SinkOptions(overwrite=True)).failures == 1
    assert (display.messages, display.hints) == ([f"in.mp4: {told}"], ["copy it again"])
    with pytest.raises(kind) as raised:
        convert_jobs([job], None, None, display, SinkOptions(overwrite=True), is_only_one=True)
    assert raised.value.message == told


@pytest.mark.parametrize(
    ("frames", "skipped", "told"),
    [(1, 1, "1 frame; 1 damaged frame was left out"), (2, 2, "2 frames, 1.0 a second; 2 damaged frames were left out")],
)
def test_what_was_written_is_counted(tmp_path, monkeypatch, frames, skipped, told):
    figures = Figures(frames_out=frames, skipped=skipped, with_faces=1, seconds=frames)
    monkeypatch.setattr(session, "convert_file", lambda *_, **__: figures)
    display, job = _Told(), Job(tmp_path / "in.mp4", tmp_path / "out.mp4")
    convert_jobs([job], None, Settings(), display, SinkOptions())
    assert display.notes == [f"wrote {job.target}: {told}"]


@pytest.fixture
def shown(monkeypatch):
    """What a terminal gets."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=120)
    monkeypatch.setattr("animecam.cli.convert.messages", console)
    return written


@pytest.mark.usefixtures("own_folders")
def test_the_bar_shows_a_name_as_it_is(people, tmp_path, shown):
    clip = people.rename(tmp_path / "[draft] people.mp4")  # of a kind that a terminal could take for a colour
    assert main(["convert", str(clip)]) == 0
    assert "[draft] people.mp4 " in shown.getvalue()
    assert "file 1 of" not in shown.getvalue()


@pytest.mark.usefixtures("own_folders")
def test_the_bar_shows_how_far_a_batch_is(people, tmp_path, shown):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("b.mp4", "c.mp4"):
        shutil.copy(people, tmp_path / name)
    (out / "b.mp4").write_bytes(b"of the last run")
    assert main(["convert", str(tmp_path / "*.mp4"), "-o", str(out)]) == 0
    assert re.findall(r"file \d of \d · \S+", shown.getvalue())[0] == "file 2 of 3 · c.mp4"
    assert "file 3 of 3 · people.mp4" in shown.getvalue()


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


@pytest.mark.usefixtures("own_folders")
@pytest.mark.parametrize(("seconds", "frames"), [("0.1", 3), ("60", 30), ("inf", 30)])
def test_the_beginning_of_a_film_with_its_sound(tmp_path, make_clip, seconds, frames):
    source, out = make_clip(tmp_path / "a.mp4", width_px=64, height_px=48, frames=30, audio=True), tmp_path / "try.mp4"
    words = ["convert", str(source), "-o", str(out), "--scope", "frame", "--strength", "0", "--seconds", seconds]
    assert main(words) == 0
    with av.open(out) as container:
        assert sum(1 for _ in container.decode(video=0)) == frames
        ends = {stream.type: float(stream.duration * stream.time_base) for stream in container.streams}
    assert ends["audio"] == pytest.approx(frames / 30, abs=0.05)


class _Bar:
    def __init__(self):
        self.total, self.places = None, []

    def resize(self, total):
        self.total = total

    def move(self, done, rate):
        self.places.append(done)


@pytest.mark.parametrize(("seconds", "total", "done"), [(2.0, 2.0, 1.5), (20.0, 300, 45), (None, 300, 45)])
def test_the_bar_of_a_beginning_is_as_long_as_that(tmp_path, monkeypatch, seconds, total, done):
    bar, display = _Bar(), _Told()
    display.bar = lambda _: nullcontext(bar)

    def convert(source, target, networks, show, options, **_):
        figures = Figures(frames_out=45, position_s=1.5, fps_out=30.0, is_interrupted=True)
        show(SimpleNamespace(frames=300, duration_s=10.0))(figures)
        return figures

    monkeypatch.setattr(session, "convert_file", convert)
    convert_jobs([Job(tmp_path / "a.mp4", tmp_path / "b.mp4", seconds=seconds)], None, None, display, SinkOptions())
    assert (bar.total, bar.places) == (total, [done])


def test_a_film_with_more_faces_than_are_drawn_is_named(tmp_path, make_clip, media, monkeypatch, capfd):
    def two(index, width_px, height_px):
        return np.hstack([media.portrait(index, width_px // 2, height_px)] * 2)

    for name, content in (("one.mp4", media.portrait), ("two.mp4", two)):
        make_clip(tmp_path / name, width_px=640, height_px=320, frames=6, content=content)
    monkeypatch.chdir(tmp_path)
    words = ["convert", "one.mp4", "two.mp4", "-o", "out", "--max-faces", "1", "--size", "192", "--threads", "1"]
    assert main(words) == 0
    told = " ".join(capfd.readouterr().err.split())
    assert "two.mp4: 1 more face in the picture is not drawn: --max-faces 2 draws all" in told
    assert told.count("more face") == 1


@pytest.mark.usefixtures("own_folders")
@pytest.mark.parametrize(("words", "quality"), [([], "full"), (["--quality", "lite"], "lite")])
def test_a_file_which_nothing_waits_for_is_drawn_with_the_full_network(people, words, quality, capfd):
    assert main(["convert", str(people), "--backend", "onnxruntime", *words]) == 0
    assert f"cel ({quality}) at 256 px by onnxruntime" in capfd.readouterr().err
