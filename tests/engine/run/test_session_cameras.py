"""Whole live runs into a virtual camera that lives in memory: it shows something from before the start to the end."""

import importlib
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

import animecam.run.session as session_module
from animecam.errors import SourceError, UsageError
from animecam.render.placeholder import AWAY, STARTING, placeholder_picture
from animecam.run.live_options import LiveOptions
from animecam.run.session import run_live
from animecam.settings import Look, Settings
from animecam.sinks import opening
from animecam.sinks.null import NullSink
from animecam.sinks.paths import OutputKind
from animecam.sinks.talk import Press
from animecam.sinks.v4l2 import V4l2Sink
from animecam.sinks.window import WindowSink
from animecam.sources import opening as opening_of_sources
from animecam.sources.camera import asked_format
from animecam.sources.options import SourceOptions
from animecam.sources.reader import open_decoded

DEVICE = "v4l2:///dev/video9"
FILE_FPS, FILE_FRAMES = 4, 8  # slow, so that a busy machine can draw as fast
SETTINGS = Settings(Look(size_px=192), threads=1)


@pytest.fixture
def devices(monkeypatch):
    """The devices of tests/engine/sinks/test_sink_v4l2.py that were opened, in the order of opening."""
    path = Path(__file__).parents[1] / "sinks" / "test_sink_v4l2.py"
    spec = importlib.util.spec_from_file_location("animecam_fake_v4l2_devices", path)
    fakes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fakes)
    opened = []

    def open_device(_path):
        opened.append(fakes.FakeDevice())
        return opened[-1]

    monkeypatch.setitem(
        opening._OPENERS, OutputKind.V4L2, lambda uri, format, options: V4l2Sink(uri, format, open_device)
    )
    return opened, fakes.shown


def is_like(picture, text):
    expected = placeholder_picture(picture.shape[1], picture.shape[0], text)
    return np.abs(picture.astype(int) - expected.astype(int)).mean() < 8


def seen(device, shown):
    """All pictures that the device was given, RGB."""
    pictures = []
    for data in device.pictures:
        pictures.append(shown(type("Device", (), {"pictures": [data], "format": device.format})))
    return pictures


def test_an_unplugged_camera_leaves_the_virtual_one_alive_and_is_looked_for(devices, caplog):
    opened, shown = devices
    options = LiveOptions("pattern:160x120@30?unplug_at=20", (DEVICE,), seconds=5.0)
    figures = run_live(options, SETTINGS, lambda _: nullcontext(lambda figures: None))
    (device,) = opened
    assert device.closed == 1
    pictures = seen(device, shown)
    assert is_like(pictures[0], STARTING)  # before the networks were open
    away = [is_like(picture, AWAY) for picture in pictures]
    assert any(away)
    last_away = len(away) - 1 - away[::-1].index(True)
    filmed = [i for i, picture in enumerate(pictures) if not (away[i] or is_like(picture, STARTING))]
    assert filmed
    assert any(i < last_away for i in filmed)
    assert figures.frames_out > 0
    assert any("is looked for until it is back" in record.message for record in caplog.records)


def test_a_camera_that_takes_its_time_to_open_is_waited_for_with_something_to_show(devices, monkeypatch):
    opened, shown = devices
    before = []

    def slow(uri, options):
        time.sleep(1.0)
        before.append(len(opened[0].pictures))
        raise SourceError("camera 0 does not exist", hint="plug one in")

    monkeypatch.setattr(session_module, "open_source", slow)
    with pytest.raises(SourceError, match="camera 0 does not exist"):
        run_live(LiveOptions("camera:0", (DEVICE,), resolution_px=(320, 240)), SETTINGS, nullcontext)
    (device,) = opened
    assert before[0] >= 3
    assert (device.format.width_px, device.format.height_px, device.closed) == (320, 240, 1)
    assert all(is_like(picture, STARTING) for picture in seen(device, shown))
    assert "standby" not in [thread.name for thread in threading.enumerate()]


def test_what_a_camera_is_asked_for_is_known_before_it_is_open():
    usual, asked = asked_format(SourceOptions()), asked_format(SourceOptions(width_px=1280, height_px=720, fps=15))
    assert (usual.width_px, usual.height_px, usual.rate) == (640, 480, 30)
    assert (asked.width_px, asked.height_px, asked.rate) == (1280, 720, 15)


def test_an_unplugged_camera_leaves_the_window_open_too(monkeypatch):
    windows = []

    def open_window(_uri, _format, options):
        windows.append(ToldWindow(options.panel, ""))
        return windows[-1]

    monkeypatch.setitem(opening._OPENERS, OutputKind.WINDOW, open_window)
    options = LiveOptions("pattern:160x120@30?unplug_at=20", ("window:", "null:"), seconds=5.0)
    run_live(options, SETTINGS, lambda _: nullcontext(lambda figures: None))
    assert not windows[0].stood_in[0]
    assert any(windows[0].stood_in)


def test_a_camera_that_comes_back_with_another_size_is_fitted(monkeypatch, make_clip, tmp_path, caplog):
    """It ended the run; a phone's stream that was broken off is often turned when it is back."""
    clip = make_clip(
        tmp_path / "b.mp4", width_px=96, height_px=128, content=lambda *_: np.full((128, 96, 3), 200, "u1")
    )
    opened = []

    def open_it(uri, options):
        opened.append(options)
        if len(opened) == 1:
            return opening_of_sources.open_source(uri, options)
        return open_decoded("it", av.open(str(clip)), SourceError, options, is_live=True)

    monkeypatch.setattr(session_module, "open_source", open_it)
    monkeypatch.setitem(
        opening._OPENERS, OutputKind.WINDOW, lambda _uri, _format, options: ToldWindow(options.panel, "")
    )
    out = tmp_path / "out.mp4"
    settings = replace(SETTINGS, look=replace(SETTINGS.look, strength=0.0))
    options = LiveOptions("pattern:160x120@30?unplug_at=9", ("window:", str(out)))
    run_live(options, settings, lambda _: nullcontext(lambda figures: None))
    with av.open(str(out)) as container:
        pictures = [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)]
    assert {picture.shape for picture in pictures} == {(120, 160, 3)}
    assert pictures[-1][10:110, 38:122].min() > 180
    assert pictures[-1][:, :30].max() < 20
    assert pictures[-1][:, -30:].max() < 20
    assert sum("changes from 160x120 to 96x128 pixels" in message for message in caplog.messages) == 1


def test_where_nobody_looks_an_unplugged_camera_still_ends_the_run():
    with pytest.raises(SourceError, match="unplugged"):
        run_live(
            LiveOptions("pattern:160x120@30?unplug_at=10", ("null:",), seconds=20.0),
            SETTINGS,
            lambda _: nullcontext(lambda figures: None),
        )


def test_a_file_is_played_to_a_virtual_camera_at_its_own_pace(devices, monkeypatch):
    opened, _ = devices
    shown_s = []
    write = V4l2Sink.write

    def note(sink, frame):
        if not frame.is_placeholder:
            shown_s.append(time.monotonic())
        write(sink, frame)

    monkeypatch.setattr(V4l2Sink, "write", note)
    options = LiveOptions(f"pattern:160x120@{FILE_FPS}?live=0&frames={FILE_FRAMES}", (DEVICE,))
    run_live(options, SETTINGS, lambda _: nullcontext(lambda figures: None))
    assert opened[0].closed == 1
    assert len(shown_s) == FILE_FRAMES
    steps_s = np.diff(shown_s)
    assert steps_s.sum() > (FILE_FRAMES - 1) / FILE_FPS - 0.05
    assert np.median(steps_s) > 0.8 / FILE_FPS


def test_a_file_that_nobody_watches_is_not_held_up(monkeypatch):
    def refuse(pace, frame):
        raise AssertionError("it was held up")

    monkeypatch.setattr(session_module.Pace, "write", refuse)
    options = LiveOptions("pattern:160x120@30?live=0&frames=3", ("null:",))
    assert run_live(options, SETTINGS, lambda _: nullcontext(lambda figures: None)).frames_out == 3


class ToldWindow(NullSink):
    """A window that presses keys, and keeps what it is shown."""

    shows_view = WindowSink.shows_view

    def __init__(self, panel, keys) -> None:
        super().__init__()
        self.shown, self.stood_in = [], []
        for key in keys:
            panel.take(Press(key))

    def write(self, frame):
        self.shown.append(frame.planes[0].copy())
        self.stood_in.append(frame.is_placeholder)


@pytest.mark.parametrize("is_shared", [False, True])
def test_before_and_after_are_for_the_window_and_not_for_the_meeting(devices, monkeypatch, is_shared):
    opened, shown = devices
    windows = []

    def open_window(_uri, _format, options):
        windows.append(ToldWindow(options.panel, "" if windows else "m"))
        return windows[-1]

    monkeypatch.setitem(opening._OPENERS, OutputKind.WINDOW, open_window)
    source = "pattern:160x120@10?live=0&frames=4"
    settings = replace(SETTINGS, look=replace(SETTINGS.look, strength=0.0))
    for _ in range(2):
        options = LiveOptions(source, ("window:", DEVICE), share_view=is_shared)
        run_live(options, settings, lambda _: nullcontext(lambda figures: None))
    pressed, plain = (
        [picture for picture in seen(device, shown) if not is_like(picture, STARTING)][-1] for device in opened
    )
    flipped = np.abs(pressed.astype(int) - plain[:, ::-1]).mean()
    same = np.abs(pressed.astype(int) - plain).mean()
    assert (flipped < 2 < same) if is_shared else (same < 2 < flipped)
    np.testing.assert_array_equal(windows[0].shown[-1], windows[1].shown[-1][:, ::-1])


def test_what_there_is_no_window_for_cannot_be_shared():
    with pytest.raises(UsageError, match="there is none"):
        LiveOptions("camera:0", (DEVICE,), share_view=True)
    assert LiveOptions("camera:0", (DEVICE,)).is_view_shared
    assert LiveOptions("camera:0", ("window:",)).is_view_shared
    assert LiveOptions("camera:0", ("window:", "null:")).is_view_shared  # nobody else looks
    assert not LiveOptions("camera:0", ("window:", "me.mp4")).is_view_shared
