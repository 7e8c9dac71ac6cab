"""Films whose pixels are no squares keep their shape: DV, DVD and HDV are stored so."""

from dataclasses import replace
from fractions import Fraction

import av
import cv2
import pytest

from animecam.sinks import opening
from animecam.sinks.file import FileSink
from animecam.sinks.image import ImageSink
from animecam.sinks.null import NullSink
from animecam.sinks.options import SinkOptions
from animecam.sinks.paths import OutputKind

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


@pytest.mark.parametrize("shape", [WIDE, Fraction(1)])
def test_a_window_that_shows_squares_says_so(stream_format, monkeypatch, caplog, shape):
    monkeypatch.setitem(opening._OPENERS, OutputKind.WINDOW, lambda uri, *_: NullSink(uri))
    opening.open_sink("window:", replace(stream_format, pixel_aspect=shape)).close(complete=True)
    told = "window: shows pixels as squares, and they are 16:11: what is seen there is out of shape; files keep it"
    assert [record.getMessage() for record in caplog.records] == ([told] if shape == WIDE else [])
