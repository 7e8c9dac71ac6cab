"""A virtual camera never goes dark: before the first frame, in a pause, and when the size is another."""

import errno
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from animecam.errors import SinkError
from animecam.render.placeholder import AWAY, placeholder_frame, placeholder_picture
from animecam.sinks import standby
from animecam.sinks.convert import to_rgb, upright_size
from animecam.sinks.standby import Standby
from animecam.types import Color, ColorMatrix, PixelFormat

WAIT_SECONDS = 10.0


class FakeCamera:
    """A sink that keeps what it is shown."""

    uri = "v4l2:///dev/video9"

    def __init__(self):
        self.frames, self.closed, self.fails = [], 0, None

    def write(self, frame):
        if self.fails is not None:
            raise self.fails
        self.frames.append(frame)

    def close(self, *, complete):
        self.closed += 1


def wait_for(happens):
    deadline = time.monotonic() + WAIT_SECONDS
    while not happens():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.fixture
def camera(stream_format):
    """(what it was shown, the sink before it, its placeholder)"""
    shown, waiting = FakeCamera(), placeholder_frame(stream_format, "starting")
    sink = Standby(shown, stream_format, waiting)
    yield shown, sink, waiting
    sink.close(complete=False)
    assert shown.closed


def test_something_is_shown_before_the_first_frame_and_again_in_a_pause(camera, stream_format, make_frame, monkeypatch):
    shown, sink, waiting = camera
    wait_for(lambda: len(shown.frames) >= 2)
    assert all(frame is waiting for frame in shown.frames)
    monkeypatch.setattr(standby, "QUIET_SECONDS", 0.6)
    frame = make_frame(stream_format)
    sink.write(frame)
    assert shown.frames[-1] is frame
    time.sleep(0.35)
    assert shown.frames[-1] is frame  # a frame may be late
    wait_for(lambda: shown.frames[-1] is waiting)
    sink.write(frame)
    assert shown.frames[-1] is frame


def test_a_frame_of_another_size_is_fitted_because_the_camera_s_cannot_change(camera, stream_format, make_frame):
    shown, sink, _ = camera
    wide = replace(stream_format, width_px=192, height_px=64)
    sink.write(make_frame(wide, level=(200, 128, 128)))
    fitted = to_rgb(shown.frames[-1])
    assert fitted.shape == (stream_format.height_px, stream_format.width_px, 3)
    assert (fitted[:15] == 0).all()
    assert (fitted[-15:] == 0).all()
    assert fitted[32].min() > 150


def test_a_camera_that_goes_while_nothing_is_shown_is_an_error_of_the_next_frame(camera, stream_format, make_frame):
    shown, sink, _ = camera
    shown.fails = SinkError("there is no device", hint=str(errno.ENODEV))
    wait_for(lambda: not sink._thread.is_alive())
    with pytest.raises(SinkError, match="no device"):
        sink.write(make_frame(stream_format))


def test_closing_twice_ends_the_thread(stream_format):
    shown = FakeCamera()
    sink = Standby(shown, stream_format, placeholder_frame(stream_format, "x"))
    sink.close(complete=True)
    count = len(shown.frames)
    sink.close(complete=True)
    time.sleep(0.3)
    assert len(shown.frames) == count


def test_a_camera_that_blocks_does_not_hold_up_the_end(stream_format, monkeypatch):
    monkeypatch.setattr(standby, "JOIN_SECONDS", 0.1)
    shown, writes, may_go_on = FakeCamera(), threading.Event(), threading.Event()

    def block(_frame):
        writes.set()
        assert may_go_on.wait(WAIT_SECONDS)

    shown.write = block
    sink = Standby(shown, stream_format, placeholder_frame(stream_format, "x"))
    assert writes.wait(WAIT_SECONDS)
    with pytest.raises(SinkError, match="video9: a write hangs"):
        sink.close(complete=True)
    assert not shown.closed
    may_go_on.set()
    sink.close(complete=True)
    assert shown.closed


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
@pytest.mark.parametrize("rotation_deg", [0, 90])
def test_a_placeholder_is_a_frame_of_its_stream_and_stands_upright(stream_format, pixel_format, rotation_deg):
    stream = replace(
        stream_format,
        width_px=160,
        height_px=96,
        pixel_format=pixel_format,
        rotation_deg=rotation_deg,
        color=Color(ColorMatrix.BT601),
    )
    frame = placeholder_frame(stream, AWAY)
    assert frame.is_placeholder
    assert (frame.width_px, frame.height_px, frame.pixel_format) == (160, 96, pixel_format)
    across, down = upright_size(160, 96, rotation_deg)
    picture = to_rgb(frame).astype(int)
    difference = np.abs(picture - placeholder_picture(across, down, AWAY).astype(int))
    assert difference.mean() < 8
    assert picture.max() > 100  # it says something
    assert np.median(picture) < 60  # quietly


@pytest.mark.parametrize("size", [(32, 32), (640, 480), (1920, 1080), (240, 1000)])
def test_the_text_fits_into_any_picture(size):
    picture = placeholder_picture(*size, AWAY)
    assert picture.shape == (size[1], size[0], 3)
    if min(size) >= 200:
        assert picture[:, :3].max() < 70
        assert picture[:, -3:].max() < 70
