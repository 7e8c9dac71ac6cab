"""The window's process, without a screen: how large it opens, and which of the shared pictures it takes."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from animecam.errors import SinkError
from animecam.sinks import viewer
from animecam.sinks.convert import to_rgb
from animecam.sinks.talk import Talk
from animecam.sinks.viewport import PLACES, Viewport, WindowState
from animecam.types import Color, ColorMatrix, PixelFormat


@pytest.mark.parametrize(
    ("picture_px", "window_px"),
    [((176, 144), (704, 576)), ((640, 480), (640, 480)), ((1000, 10), (1280, 13)), ((3840, 2160), (1280, 720))],
)
def test_a_window_is_large_enough_to_read_its_text_and_small_enough_for_a_laptop(picture_px, window_px):
    assert viewer.first_size(*picture_px) == window_px


@pytest.mark.parametrize(
    ("picture_px", "window_px", "expected"),
    [
        ((640, 480), (1280, 720), (107, 0)),
        ((480, 640), (700, 650), (105, 0)),
        ((640, 480), (700, 650), (0, 57)),
        ((640, 480), (320, 240), (0, 0)),
        ((640, 480), (0, 0), (0, 0)),  # not known
        ((640, 480), (5, 900), (0, 0)),  # more bars than picture
    ],
)
def test_a_window_of_another_shape_has_bars(picture_px, window_px, expected):
    assert viewer.bars(picture_px, window_px) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no room is kept for pictures")
def test_viewport_has_the_room_for_all_its_pictures(tmp_path):
    Viewport.create(tmp_path / "v", 640, 480)
    about = (tmp_path / "v").stat()
    assert about.st_blocks * 512 >= about.st_size > 3 * 640 * 480


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
def test_viewport_gives_the_newest_picture(tmp_path, stream_format, make_frame, pixel_format):
    stream = replace(stream_format, pixel_format=pixel_format, rotation_deg=180, color=Color(ColorMatrix.BT709, True))
    writer = Viewport.create(tmp_path / "v", 96, 64)
    reader = Viewport.attach(tmp_path / "v")
    for index in range(5):
        writer.put(make_frame(stream, index))
    frame = reader.newest()
    for got, want in zip(frame.planes, make_frame(stream, 4).planes, strict=True):
        np.testing.assert_array_equal(got, want)
    assert (frame.pixel_format, frame.rotation_deg, frame.color) == (pixel_format, 180, Color(ColorMatrix.BT709, True))
    writer.put(make_frame(stream, 5))
    assert not reader.was_overtaken(frame)
    writer.put(make_frame(stream, 6))
    assert reader.was_overtaken(frame)
    with pytest.raises(SinkError, match="grew"):
        writer.put(make_frame(replace(stream, width_px=960)))
    reader.tell(WindowState.CLOSED)
    assert writer.state is WindowState.CLOSED


@pytest.fixture
def overtaken(tmp_path, stream_format, make_frame):
    """A viewport that holds a bright picture, and what overtakes it with dark ones."""
    writer = Viewport.create(tmp_path / "v", 96, 64)
    writer.put(make_frame(stream_format, level=(200, 128, 128)))

    def overtake():
        for index in range(PLACES):
            writer.put(make_frame(stream_format, index, level=(20, 128, 128)))

    return Viewport.attach(tmp_path / "v"), overtake


def test_a_writer_that_is_faster_than_the_conversion_does_not_keep_the_window_black(
    tmp_path, overtaken, stream_format, make_frame, monkeypatch
):
    reader, overtake = overtaken
    shown = []

    def slow_to_rgb(frame):
        overtake()
        return to_rgb(frame)

    monkeypatch.setattr(viewer, "to_square_rgb", slow_to_rgb)
    monkeypatch.setattr(viewer.cv2, "resizeWindow", lambda *_: None)
    monkeypatch.setattr(viewer.cv2, "imshow", lambda title, picture: shown.append(picture))
    viewer.Viewer(reader, Talk.create(tmp_path / "t"), "x")._renew()
    (picture,) = shown
    np.testing.assert_array_equal(picture[..., ::-1], to_rgb(make_frame(stream_format, level=(200, 128, 128))))


def test_a_picture_that_is_overwritten_while_it_is_copied_is_not_taken(overtaken, monkeypatch):
    reader, overtake = overtaken
    newest = Viewport.newest

    def slow_newest(viewport):
        frame = newest(viewport)
        overtake()
        return frame

    monkeypatch.setattr(Viewport, "newest", slow_newest)
    assert reader.copy_newest() is None
    monkeypatch.undo()
    assert int(reader.copy_newest().planes[0].max()) == 20


def test_viewer_never_loads_pyav():
    """OpenCV's first window hangs in a process that has loaded PyAV."""
    script = "import sys, animecam.sinks.viewer; print('av' in sys.modules)"
    search = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": search}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
