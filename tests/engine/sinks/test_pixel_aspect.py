"""Films whose pixels are no squares keep their shape: DV, DVD and HDV are stored so."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from animecam.render.placeholder import placeholder_frame, placeholder_picture
from animecam.sinks import viewer
from animecam.sinks.convert import to_square_rgb, with_squares
from animecam.sinks.file import FileSink
from animecam.sinks.image import ImageSink
from animecam.sinks.options import SinkOptions
from animecam.sinks.talk import Talk
from animecam.sinks.v4l2 import YU12, V4l2Sink
from animecam.sinks.v4l2_device import DeviceFormat
from animecam.sinks.viewport import Viewport
from animecam.sinks.virtualcam import VirtualCameraSink

WIDE = Fraction(16, 11)  # PAL in widescreen
FAST = SinkOptions(threads=1, preset="ultrafast")


def _written_aspect(path, stream, make_frame, options=FAST):
    sink = FileSink(str(path), stream, options)
    for index in range(3):
        sink.write(make_frame(stream, index))
    sink.close(complete=True)
    with av.open(str(path)) as container:
        return container.streams.video[0].sample_aspect_ratio


@pytest.mark.parametrize("turn_deg", [0, 90])
@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
def test_the_shape_of_pixels_is_kept(tmp_path, stream_format, make_frame, name, turn_deg):
    stream = replace(stream_format, pixel_aspect=WIDE, rotation_deg=turn_deg)
    assert _written_aspect(tmp_path / name, stream, make_frame) == WIDE


@pytest.mark.parametrize(("turn_deg", "shape"), [(0, WIDE), (90, 1 / WIDE), (180, WIDE), (270, 1 / WIDE)])
def test_where_the_picture_is_turned_its_pixels_are_too(tmp_path, stream_format, make_frame, turn_deg, shape):
    stream = replace(stream_format, pixel_aspect=WIDE, rotation_deg=turn_deg)
    assert _written_aspect(tmp_path / "a.avi", stream, make_frame) == shape


@pytest.mark.parametrize("codec", ["libx265", "libvpx-vp9"])
def test_other_codecs_keep_it_in_mp4(tmp_path, stream_format, make_frame, codec):
    stream = replace(stream_format, pixel_aspect=WIDE)
    assert _written_aspect(tmp_path / "a.mp4", stream, make_frame, replace(FAST, codec=codec)) == WIDE


@pytest.mark.parametrize(("turn_deg", "size_px"), [(0, (140, 64)), (90, (44, 96))])
@pytest.mark.parametrize(("name", "codec"), [("a.webm", "auto"), ("a.mkv", "libvpx-vp9")])
def test_where_nothing_would_tell_of_it_pictures_are_drawn_out(
    tmp_path, stream_format, make_frame, name, codec, turn_deg, size_px
):
    stream = replace(stream_format, pixel_aspect=WIDE, rotation_deg=turn_deg)
    assert _written_aspect(tmp_path / name, stream, make_frame, replace(FAST, codec=codec)) in (1, None)
    with av.open(str(tmp_path / name)) as container:
        first = next(container.decode(video=0))
    assert (first.width, first.height, first.rotation) == (*size_px, 0)
    wanted = to_square_rgb(replace(make_frame(stream, 0), pixel_aspect=WIDE))
    assert np.abs(first.to_ndarray(format="rgb24").astype(int) - wanted).mean() < 4


def test_square_pixels_stay_square(tmp_path, stream_format, make_frame):
    assert _written_aspect(tmp_path / "a.mp4", stream_format, make_frame) == 1


@pytest.mark.parametrize(("turn_deg", "size_px"), [(0, (140, 64)), (90, (44, 96))])
def test_pictures_have_squares(tmp_path, stream_format, make_frame, turn_deg, size_px):
    stream = replace(stream_format, pixel_aspect=WIDE, rotation_deg=turn_deg)
    sink = ImageSink(str(tmp_path / "%05d.png"), stream, SinkOptions())
    sink.write(make_frame(stream, 0))
    sink.close(complete=True)
    height_px, width_px = cv2.imread(str(tmp_path / "00000.png")).shape[:2]
    assert (width_px, height_px) == size_px


class Camera:
    """Takes what it is given, as pyvirtualcam does."""

    device = "camera"

    def __init__(self, width, height, **_):
        self.size_px, self.pictures = (width, height), []

    def send(self, picture):
        self.pictures.append(picture)

    def close(self):
        pass


@pytest.mark.parametrize(("turn_deg", "size_px"), [(0, (140, 64)), (90, (44, 96))])
def test_virtual_cameras_have_squares(stream_format, make_frame, turn_deg, size_px):
    stream = replace(stream_format, pixel_aspect=WIDE, rotation_deg=turn_deg)
    frame = make_frame(stream)
    camera = VirtualCameraSink("virtualcam:", stream, SimpleNamespace(Camera=Camera))
    camera.write(frame)
    assert camera._camera.size_px == size_px
    np.testing.assert_array_equal(camera._camera.pictures[0], to_square_rgb(frame))
    assert to_square_rgb(frame).shape[1::-1] == size_px


class Loopback:
    """Takes whatever is wanted."""

    def __init__(self):
        self.pictures = []

    def can_output(self):
        return True

    def set_format(self, wanted: DeviceFormat) -> DeviceFormat:
        self.format = wanted
        return wanted

    def write(self, picture):
        self.pictures.append(picture)
        return len(picture)

    def close(self):
        pass


def test_a_loopback_camera_and_its_placeholder_have_squares(stream_format, make_frame):
    stream, device = replace(stream_format, pixel_aspect=WIDE), Loopback()
    sink = V4l2Sink("v4l2:///dev/video9", stream, lambda _: device)
    for frame in (make_frame(stream), placeholder_frame(stream, "starting")):
        sink.write(frame)
        assert len(device.pictures[-1]) == 140 * 64 * 3 // 2
    assert device.format == DeviceFormat(140, 64, YU12, 140)


def test_frames_of_squares_are_handed_on_as_they_are(stream_format, make_frame):
    frame = make_frame(stream_format)
    assert with_squares(frame) is frame


def test_the_text_of_a_placeholder_is_not_squeezed(stream_format):
    stream = replace(stream_format, width_px=160, height_px=120, pixel_aspect=Fraction(2))
    picture = to_square_rgb(placeholder_frame(stream, "starting")).astype(int)
    assert np.abs(picture - placeholder_picture(320, 120, "starting")).mean() < 4


def test_a_window_has_squares(tmp_path, stream_format, make_frame, monkeypatch):
    shown, sizes = [], []
    frame = make_frame(replace(stream_format, pixel_aspect=WIDE))
    writer = Viewport.create(tmp_path / "v", 96, 64)
    writer.put(frame)
    monkeypatch.setattr(viewer.cv2, "resizeWindow", lambda _, *size: sizes.append(size))
    monkeypatch.setattr(viewer.cv2, "imshow", lambda _, picture: shown.append(picture))
    viewer.Viewer(Viewport.attach(tmp_path / "v"), Talk.create(tmp_path / "t"), "x")._renew()
    np.testing.assert_array_equal(shown[0][..., ::-1], to_square_rgb(frame))
    assert sizes[0][0] / sizes[0][1] == pytest.approx(140 / 64, abs=0.01)
