"""The networks of a run: detectors open beside the style, and their faults reach whoever needs them."""

import threading
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import pytest

from animecam.backends.opening import open_backend
from animecam.cli import main
from animecam.drawing.networks import open_networks
from animecam.errors import BackendError, UsageError
from animecam.faces.blazeface import BlazeFace, EitherRange
from animecam.run.session import opened_source
from animecam.settings import Look, Settings
from animecam.sources.opening import SourceOptions
from animecam.timing import Timing
from animecam.types import Color, PixelFormat, StreamFormat

SETTINGS = Settings(Look(size_px=192), threads=1)


def test_detectors_are_opened_in_the_thread_that_searches_with_them(monkeypatch):
    """The one whose places crops hang on computes exactly; the other only says where to look."""
    opened = []

    def open_detector(choice, backend, options):
        opened.append((choice, options.allow_bf16, threading.current_thread().name))
        return Closing()

    class Closing:
        closed = 0

        def close(self):
            Closing.closed += 1

    monkeypatch.setattr("animecam.drawing.networks.open_detector", open_detector)
    monkeypatch.setattr("animecam.faces.opening.open_detector", open_detector)  # through it the other one comes
    with open_networks(SETTINGS) as networks:
        assert len(networks.require_detectors()) == 2
    assert [what for *what, _ in opened] == [["auto", True], ["short", False]]
    assert all(name.startswith("detect") for *_, name in opened)
    assert Closing.closed == 2


def test_both_detectors_search_a_run_s_first_frame_and_then_take_turns(monkeypatch):
    searches = []
    whole, part = EitherRange.detect, BlazeFace.detect
    monkeypatch.setattr(EitherRange, "detect", lambda self, *given: searches.append("both") or whole(self, *given))
    monkeypatch.setattr(BlazeFace, "detect", lambda self, *given: searches.append(self) or part(self, *given))
    with (
        open_networks(SETTINGS) as networks,
        opened_source("pattern:426x240@30?frames=30&live=0", SourceOptions()) as film,  # wide: its sides rest
    ):
        render = networks.renderer(Timing(), is_live=False)
        while (frame := film.read()) is not None:
            assert render.plan(frame).faces.faces
        scan, follow = networks.require_detectors()
    assert searches.count("both") == 1
    assert [searches.count(part) for part in scan.parts] == [3, 3]  # with the first, and every sixth frame in turns
    assert searches.count(follow) == 30


def test_a_file_is_searched_at_once_and_by_the_thread_that_live_runs_search_with(monkeypatch):
    """The studio draws both in one run, and a detector is used by one thread at a time."""
    threads = []
    find = BlazeFace.detect

    def detect(self, *given):
        threads.append((self, threading.current_thread().name))
        return find(self, *given)

    monkeypatch.setattr(BlazeFace, "detect", detect)
    with (
        open_networks(SETTINGS) as networks,
        opened_source("pattern:320x240@30?frames=8&live=0", SourceOptions()) as film,
    ):
        live, filmed = networks.renderer(Timing()), networks.renderer(Timing(), is_live=False)
        while (frame := film.read()) is not None:
            assert live.plan(frame).faces.faces
            assert filmed.plan(frame).faces.faces
        scan, _ = networks.require_detectors()
    searching = {name for detector, name in threads if detector in scan.parts}
    assert len(searching) == 1
    assert searching.pop().startswith("detect")


def test_a_run_that_ends_before_they_are_open_closes_them_all_the_same(monkeypatch):
    may_open, closed = threading.Event(), []

    class Slow:
        def close(self):
            closed.append(self)

    def open_detector(*_):
        may_open.wait(10.0)
        return Slow()

    monkeypatch.setattr("animecam.drawing.networks.open_detector", open_detector)
    monkeypatch.setattr("animecam.faces.opening.open_detector", open_detector)
    with open_networks(SETTINGS):
        threading.Timer(0.2, may_open.set).start()
    assert len(closed) == 2


def test_there_is_no_renderer_without_them():
    with (
        open_networks(Settings(Look(size_px=192), threads=1, detector="nobody")) as networks,
        pytest.raises(UsageError, match="no face detector"),
    ):
        networks.renderer(Timing())


def test_a_batch_with_a_wrong_detector_is_refused_once(tmp_path, capsys):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"")
    assert main(["convert", str(tmp_path), "-o", str(tmp_path / "out"), "--detector", "nobody"]) == 2
    assert capsys.readouterr().err.count("no face detector") == 1


class Slow:
    """A style whose network is built when it first draws, until it is told to end."""

    info = SimpleNamespace(precision="f32")

    def __init__(self):
        self.is_building, self.is_ended = threading.Event(), threading.Event()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __call__(self, pictures):
        self.is_building.set()
        assert self.is_ended.wait(10.0)
        raise BackendError("it was told to end")

    def end(self):
        self.is_ended.set()


def test_a_network_that_is_being_built_is_not_waited_for(monkeypatch):
    stream = StreamFormat(64, 64, PixelFormat.RGB24, Color(), 0, Fraction(1, 30), Fraction(30), is_live=True)
    slow, outcome = Slow(), []
    with open_networks(SETTINGS) as networks:
        networks.end_preparing()  # nothing is: nothing happens
        monkeypatch.setattr("animecam.drawing.style_networks.open_style", lambda *_: slow)
        networks.prepare("soft", stream, lambda: True)
        assert not slow.is_building.is_set()

        def prepare():
            try:
                networks.prepare("soft", stream, lambda: False)
            except BackendError as error:
                outcome.append(error.message)

        thread = threading.Thread(target=prepare, daemon=True)
        thread.start()
        assert slow.is_building.wait(10.0)
        networks.end_preparing()
        thread.join(10.0)
        assert outcome == ["it was told to end"]
        assert not networks.is_prepared("soft")


class Closable(Slow):
    """A style that cannot draw any more once it is closed, and draws for as long as that is waited for."""

    def __init__(self, *, fails=False):
        super().__init__()
        self.is_closed, self._fails = threading.Event(), fails

    def __exit__(self, *_):
        self.is_closed.set()

    def __call__(self, pictures):
        self.is_building.set()
        if self.is_closed.wait(0.2) or self._fails:
            raise BackendError("it is closed")


def test_a_renderer_draws_as_many_faces_as_it_is_told():
    uri = "pattern:426x240@30?frames=2&live=0&faces=2"
    with open_networks(SETTINGS) as networks, opened_source(uri, SourceOptions()) as film:
        frame = film.read()
        for max_faces, counts in ((None, (2, 0)), (1, (1, 1))):
            faces = networks.renderer(Timing(), is_live=False, max_faces=max_faces).plan(frame).faces
            assert (len(faces.faces), faces.left_out) == counts


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_that_ends_while_a_network_is_prepared_closes_it_afterwards_and_says_nothing(monkeypatch, caplog, fails):
    network = Closable(fails=fails)
    with open_networks(SETTINGS) as networks:
        monkeypatch.setattr("animecam.drawing.style_networks.open_style", lambda *_: network)
        networks.prepare_later("soft", "full", 192)
        assert network.is_building.wait(10.0)
    assert network.is_closed.is_set()
    assert not caplog.records


class Sized:
    """A style that keeps the sizes of what it draws."""

    def __init__(self, precision):
        self.info, self.sizes_px = SimpleNamespace(precision=precision), set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __call__(self, pictures):
        self.sizes_px |= {picture.shape[1::-1] for picture in pictures}
        return pictures


@pytest.mark.parametrize(
    ("scope", "precision", "has_whole"),
    [("head", "f32", False), ("head", "int8", True), ("person", "f32", True), ("frame", "f32", True)],
)
def test_what_nearly_all_frames_need_is_drawn_once_before_the_first(monkeypatch, scope, precision, has_whole):
    stream = StreamFormat(320, 240, PixelFormat.RGB24, Color(), 0, Fraction(1, 30), Fraction(30), is_live=True)
    style = Sized(precision)
    with open_networks(Settings(Look(size_px=192, scope=scope), threads=1)) as networks:
        monkeypatch.setattr("animecam.drawing.style_networks.open_style", lambda *_: style)
        networks.prepare("soft", stream, lambda: False)
    assert style.sizes_px == {(192, 192)} | ({(256, 192)} if has_whole else set())


@pytest.mark.parametrize(
    ("look", "edge", "is_open"),
    [
        ({}, "soft", False),
        ({}, "person", True),
        ({"scope": "person"}, "soft", True),
        ({"background": "blur"}, "soft", True),
        ({"hair_tint": "blue"}, "soft", True),
        ({"hair_tint": "none", "scope": "frame"}, "soft", False),
    ],
)
def test_what_finds_persons_is_open_before_the_first_frame_where_a_look_needs_it(monkeypatch, look, edge, is_open):
    """A sixth of a second of the thread that draws."""
    opened = []
    monkeypatch.setattr(
        "animecam.drawing.person_network.open_backend", lambda *given: opened.append(given) or open_backend(*given)
    )
    stream = StreamFormat(320, 240, PixelFormat.RGB24, Color(), 0, Fraction(1, 30), Fraction(30), is_live=True)
    with open_networks(replace(SETTINGS, look=replace(SETTINGS.look, **look), head_edge=edge)) as networks:
        assert not opened
        networks.warm_up(stream)
        assert len(opened) == is_open


@pytest.mark.parametrize(("precision", "whole"), [("int8", [(256, 456)]), ("f32", [])])
def test_a_network_is_changed_to_once_it_has_drawn_as_it_will_be_needed(monkeypatch, precision, whole):
    """Quantised, it is compiled for each size: heads, and the frame in which a face is lost."""
    stream = StreamFormat(1280, 720, PixelFormat.RGB24, Color(), 0, Fraction(1, 30), Fraction(30), is_live=True)
    drawn = []

    class Net(Slow):
        info = SimpleNamespace(precision=precision)

        def __call__(self, pictures):
            assert not networks.is_prepared("soft", "full"), "a frame would wait for it"
            drawn.extend(picture.shape[:2] for picture in pictures)

    with open_networks(SETTINGS) as networks:
        networks.warm_up(stream)
        monkeypatch.setattr("animecam.drawing.style_networks.open_style", lambda *_: Net())
        networks.prepare_later("soft", "full", 256)
        networks._preparing.join(10.0)
        assert networks.is_prepared("soft", "full")
    assert sorted(drawn) == [(256, 256), *whole]
