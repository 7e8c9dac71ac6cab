"""A conversion that was stopped goes on where it was, if it is the same one."""

import json
import os
import shutil
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import av
import pytest

from animecam.cli import main
from animecam.cli.conversion import convert_jobs
from animecam.cli.jobs import Job, plan_conversion
from animecam.cli.resuming import with_begun
from animecam.drawing.networks import open_networks
from animecam.settings import Look, Settings, Unseen
from animecam.sinks.begun import WARM_UP_FRAMES
from animecam.sinks.claim import Claim
from animecam.sinks.options import SinkOptions
from animecam.sinks.paths import Target, earlier, key_file

FRAMES = 160
WIDTH_PX, HEIGHT_PX = 160, 120
STOP_AT = 100
LOOK = Look(strength=0.0, unseen=Unseen.KEEP)  # nothing is drawn, which is quick
SETTINGS = Settings(look=LOOK, detector="short", threads=1)


class _Stopping:
    """A `Display` before which the user stops the run once so many frames are written; None: never."""

    def __init__(self, stop_at=None):
        self.stop_at, self.notes, self.errors, self.moves, self.rates = stop_at, [], [], [], set()

    @contextmanager
    def bar(self, _name):
        yield self

    def resize(self, total):
        self.total = total

    def move(self, done, rate):
        self.moves.append(done)
        self.rates.add(rate)
        if self.stop_at is not None and done >= self.stop_at:
            self.stop_at = None
            raise KeyboardInterrupt

    def note(self, text):
        self.notes.append(text)

    def error(self, message, hint):
        self.errors.append((message, hint))


@pytest.fixture(scope="module")
def made(tmp_path_factory, make_clip, media):
    """A clip of 160 frames, of which every picture is told by its level, with sound."""
    path = tmp_path_factory.mktemp("made") / "film.mp4"
    return make_clip(path, width_px=WIDTH_PX, height_px=HEIGHT_PX, frames=FRAMES, content=media.counter, audio=True)


@pytest.fixture
def film(tmp_path, made):
    return Path(shutil.copyfile(made, tmp_path / "film.mp4"))


@pytest.fixture(scope="module")
def run():
    """`run(job, stop_at=None, settings=SETTINGS, **options)`: a run, its outcome and what was shown of it."""
    with open_networks(SETTINGS) as usual:

        def run_once(job, stop_at=None, settings=SETTINGS, **options):
            display = _Stopping(stop_at)
            with nullcontext(usual) if settings is SETTINGS else open_networks(settings) as networks:
                outcome = convert_jobs([job], networks, settings, display, SinkOptions(**options))
            return outcome, display

        yield run_once


def levels(path, media):
    with av.open(str(path)) as container:
        return [media.counter_index(frame.to_ndarray()[:HEIGHT_PX]) for frame in container.decode(video=0)]


@pytest.fixture
def stopped(tmp_path, film, run, monkeypatch):
    """A job that was stopped half-way."""
    job = Job(film, tmp_path / "out.mp4")
    with monkeypatch.context() as patch:
        patch.setattr("animecam.run.pipeline.TICK_SECONDS", 0.001)  # the user is quick, too
        outcome, display = run(job, STOP_AT)
    assert outcome.is_interrupted
    assert display.errors[0][1] == "start it again to go on from near there: what is done is skipped"
    return job


def test_it_goes_on_where_it_was(stopped, run, media, tmp_path):
    outcome, display = run(stopped)
    assert not outcome.is_interrupted
    assert "film.mp4: going on at " in display.notes[0]
    assert f"{FRAMES} frames" in display.notes[1]
    assert "no face" not in display.notes[1]  # who was in the first part is not known any more
    assert outcome.faceless == 0
    assert levels(stopped.target, media) == [index % 24 for index in range(FRAMES)]
    assert display.total == FRAMES
    assert display.moves[-1] <= FRAMES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "out.mp4"]


@pytest.mark.parametrize(("codec", "rate"), [("auto", 120), ("libsvtav1", 30)])
def test_one_that_cannot_be_gone_on_with_says_so_at_its_stop(tmp_path, make_clip, run, monkeypatch, codec, rate):
    """In its first seconds no second key frame is kept, and pictures of AV1 are not copied."""
    monkeypatch.setattr("animecam.run.pipeline.TICK_SECONDS", 0.001)
    job = Job(make_clip(tmp_path / "film.mp4", frames=FRAMES, rate=rate), tmp_path / "out.mp4")
    _, display = run(job, STOP_AT, codec=codec)
    told = "start it again to go on: what is done is skipped, this file is converted from its beginning"
    assert display.errors == [(f"stopped in film.mp4; what is done plays: {Target.of(job.target).partial}", told)]
    _, display = run(job, codec=codec)
    assert "begun anew" in display.notes[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("style", "as since its stop the style changed"),
        ("look", "as since its stop the options changed"),
        ("crf", "as since its stop the options changed"),
        ("source", "as since its stop the source changed"),
        ("version", "as since its stop the style and the version of animecam changed"),
        ("overwrite", None),  # who gave that knows it
        ("seconds", "as --seconds asks for its beginning"),
        ("note", "as nothing tells what its part is made of"),
        ("short", "as what was done of it is too short, or of a kind that cannot be gone on with"),
    ],
)
def test_another_conversion_begins_anew_and_says_why(stopped, run, media, monkeypatch, change, told):
    settings, options, job = SETTINGS, {}, stopped
    if change == "style":
        settings = replace(SETTINGS, look=replace(LOOK, style="soft"))
    elif change == "look":
        settings = replace(SETTINGS, look=replace(LOOK, mirror=True))
    elif change == "crf":
        options = {"crf": 30}
    elif change == "version":
        settings = replace(SETTINGS, look=replace(LOOK, style="soft"))
        monkeypatch.setattr("animecam.__version__", "0")
    elif change == "source":
        os.utime(job.source, (1.0, 1.0))
    elif change == "overwrite":
        options = {"overwrite": True}
    elif change == "note":
        key_file(Target.of(job.target).partial).unlink()
    elif change == "short":
        Target.of(job.target).partial.write_bytes(b"power cut")
    else:
        job = Job(job.source, job.target, seconds=100.0)
    outcome, display = run(job, settings=settings, **options)
    assert not outcome.failures
    lines = [] if told is None else [f"film.mp4: begun anew, {told}; out.partial.mp4 is replaced"]
    assert display.notes[:-1] == lines
    assert levels(job.target, media) == [index % 24 for index in range(FRAMES)]
    assert not key_file(Target.of(job.target).partial).exists()


def test_another_picture_of_the_same_name_behind_persons_makes_another_film(tmp_path, film):
    room = tmp_path / "room.png"

    def making(picture):
        room.write_bytes(picture)
        settings = replace(SETTINGS, backdrop=room)
        return with_begun(Job(film, tmp_path / "out.mp4"), settings, SinkOptions()).making

    made_of = making(b"a room")
    assert making(b"another room") != made_of


@pytest.mark.parametrize("kind", ["mkv", "gif", "webp"])
def test_a_part_of_another_kind_of_file_is_not_replaced_without_a_word(tmp_path, film, run, kind):
    job = Job(film, tmp_path / f"out.{kind}")
    part = Target.of(job.target).partial
    part.write_bytes(b"power cut")
    with closing(Claim(part, job.target)):
        outcome, display = run(job)
    assert outcome.failures == 1
    assert "is being written by another run" in display.errors[0][0]
    assert display.notes == []
    _, display = run(job)
    told = f"film.mp4: begun anew, as .{kind} files cannot be gone on with; out.partial.{kind} is replaced"
    assert display.notes[0] == told
    assert not part.exists()


def test_another_worker_of_a_batch_may_go_on_with_it(stopped, run):
    outcome, display = run(stopped, settings=replace(SETTINGS, gpu=1, threads=2))
    assert not outcome.failures
    assert "going on" in display.notes[0]


def test_another_encoder_begins_anew_by_itself(stopped, run, media):
    """That of a GPU, which is busy by now: a batch must not stand still because of it."""
    note = key_file(Target.of(stopped.target).partial)
    key, _ = json.loads(note.read_text())
    note.write_text(json.dumps([key, "another head"]))
    outcome, display = run(stopped)
    assert not outcome.failures
    assert "begun anew" in display.notes[1]
    assert levels(stopped.target, media) == [index % 24 for index in range(FRAMES)]


@pytest.mark.parametrize(
    "where",
    [
        "animecam.sinks.begun._examine",  # its packets are looked at
        "animecam.run.session.open_source",
        "animecam.sinks.encoder.Encoder._mux",  # they are copied
        "animecam.run.session.pass_by",
    ],
)
def test_stopped_again_before_anything_new_it_keeps_what_it_had(stopped, run, monkeypatch, where):
    partial = Target.of(stopped.target).partial
    before = partial.read_bytes()

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(where, stop)
        outcome, display = run(stopped)
    assert outcome.is_interrupted
    assert display.errors == [
        (
            f"stopped in film.mp4; what is done plays: {partial}",
            "start it again to go on from near there: what is done is skipped",
        )
    ]
    assert partial.read_bytes() == before
    assert not earlier(partial).exists()
    _, display = run(stopped)
    assert "going on" in display.notes[0]


def test_what_is_passed_by_is_shown_and_may_be_stopped(stopped, run):
    partial = Target.of(stopped.target).partial
    before = partial.read_bytes()
    outcome, display = run(stopped, stop_at=2)
    assert outcome.is_interrupted
    assert 0 < display.moves[-1] < STOP_AT - WARM_UP_FRAMES
    assert display.rates == {"drawn already"}
    assert display.errors == [
        (
            f"stopped in film.mp4; what is done plays: {partial}",
            "start it again to go on from near there: what is done is skipped",
        )
    ]
    assert partial.read_bytes() == before


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])  # a bar counts frames, or seconds where their number is not known
def test_the_bar_never_moves_back(tmp_path, run, make_clip, media, monkeypatch, ending):
    monkeypatch.setattr("animecam.run.pipeline.TICK_SECONDS", 0.001)
    path = tmp_path / f"film{ending}"
    source = make_clip(path, width_px=WIDTH_PX, height_px=HEIGHT_PX, frames=FRAMES, content=media.counter)
    job = Job(source, tmp_path / "out.mp4")
    run(job, STOP_AT if ending == ".mp4" else STOP_AT / 30)
    _, display = run(job)
    assert "going on" in display.notes[0]
    assert display.moves == sorted(display.moves)
    assert display.moves[-1] <= display.total
    assert display.total == (FRAMES if ending == ".mp4" else pytest.approx(FRAMES / 30, abs=0.1))


def test_a_part_is_no_input_of_the_next_batch(tmp_path, film):
    part = Target.of(tmp_path / "film-anime.mp4").partial
    for path in (part, earlier(part)):
        path.write_bytes(film.read_bytes())
    plan = plan_conversion([str(film), str(part), str(earlier(part))], None, overwrite=False)
    assert [job.source for job in plan.jobs] == [film]


def test_a_source_that_ends_sooner_is_told(stopped, run, make_clip, media, tmp_path):
    """It has the size and the date of before, and is another one all the same."""
    before = stopped.source.stat()
    short = make_clip(tmp_path / "short.mp4", width_px=WIDTH_PX, height_px=HEIGHT_PX, frames=4, content=media.counter)
    content = short.read_bytes()
    assert len(content) < before.st_size
    stopped.source.write_bytes(content + bytes(before.st_size - len(content)))
    os.utime(stopped.source, ns=(before.st_atime_ns, before.st_mtime_ns))
    outcome, display = run(stopped)
    assert outcome.failures == 1
    assert "is shorter than it was" in display.errors[0][0]
    assert "`overwrite=True`" in display.errors[0][1]


def test_the_command_goes_on_and_says_so(stopped, capfd):
    words = ["--strength", "0", "--detector", "short"]
    assert main(["convert", str(stopped.source), "-o", str(stopped.target), *words]) == 0
    assert f"{FRAMES} frames" in "".join(capfd.readouterr().err.split("\n"))
