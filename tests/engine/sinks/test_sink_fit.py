"""A picture that changes its size: outputs keep theirs, and it lies in there in its own shape and colours."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from animecam.color import rgb_to_yuv_matrix
from animecam.cuda.pixels import DevicePixels
from animecam.sinks.convert import to_rgb
from animecam.sinks.file import FileSink
from animecam.sinks.fit import fitted, letterboxed
from animecam.sinks.options import SinkOptions
from animecam.types import Color, ColorMatrix, Frame, PixelFormat, allocate_planes

FAST = SinkOptions(threads=1, preset="ultrafast", crf=0)  # without loss
RGB = (200, 60, 90)
NARROW, FULL = "MPEG", "JPEG"
MATRICES = {ColorMatrix.BT601: "ITU601", ColorMatrix.BT709: "ITU709", ColorMatrix.BT2020: "BT2020"}


@pytest.fixture
def plain(make_frame):
    """`plain(stream, index, rgb=RGB)`: a frame of one colour."""

    def make(stream, index=0, rgb=RGB):
        codes = np.rint(rgb_to_yuv_matrix(stream.color, stream.height_px) @ (*rgb, 1))
        frame = make_frame(stream, index)
        if stream.pixel_format is PixelFormat.RGB24:
            levels = [rgb]
        elif stream.pixel_format is PixelFormat.NV12:
            levels = [codes[0], codes[1:]]
        else:
            levels = codes
        for plane, level in zip(frame.planes, levels, strict=True):
            plane[...] = level
        return frame

    return make


def rgb_of(picture):
    """Decoded by what the file says of its colours."""
    matrix = MATRICES.get(picture.colorspace, "ITU601")
    source_range = FULL if picture.color_range == 2 else NARROW
    return picture.to_ndarray(
        format="rgb24", src_colorspace=matrix, src_color_range=source_range, dst_color_range=FULL
    ).astype(int)


@pytest.mark.parametrize("size", [(64, 64), (192, 64), (96, 192), (41, 31), (2, 2), (1920, 1080)])
@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.avi"])
def test_a_frame_of_another_size_lies_in_the_middle_in_its_own_colour(
    tmp_path, stream_format, make_frame, decode, plain, name, size
):
    sink = FileSink(str(tmp_path / name), stream_format, FAST)
    other = replace(stream_format, width_px=size[0], height_px=size[1], pixel_format=PixelFormat.RGB24)
    for index in range(6):
        sink.write(plain(other, index) if 2 <= index < 5 else make_frame(stream_format, index))
    sink.close(complete=True)
    pictures = decode(tmp_path / name)
    assert [(picture.width, picture.height) for picture in pictures] == [(96, 64)] * 6
    steps_s = [later.time - earlier.time for earlier, later in pairwise(pictures)]
    assert steps_s == pytest.approx([1 / 30] * 5, abs=1.1e-3)  # Matroska rounds to milliseconds
    scale = min(96 / size[0], 64 / size[1])
    left, top = (96 - round(size[0] * scale)) // 2, (64 - round(size[1] * scale)) // 2
    for picture in pictures[2:5]:
        shown = rgb_of(picture)
        assert np.abs(shown[top + 4 : 60 - top, left + 4 : 92 - left] - RGB).max() <= 3
        assert shown[:, : max(left - 4, 0)].max(initial=0) <= 3
        assert shown[: max(top - 4, 0)].max(initial=0) <= 3


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
@pytest.mark.parametrize(
    "color",
    [
        Color(),
        Color(ColorMatrix.BT709, full_range=False, primaries=1, transfer=1),
        Color(ColorMatrix.BT601, full_range=True, primaries=6, transfer=6),
        Color(ColorMatrix.BT2020, full_range=False, primaries=9, transfer=14),
    ],
)
@pytest.mark.parametrize("other_color", [Color(), Color(ColorMatrix.BT709, full_range=True)])
def test_its_colour_is_that_of_the_file_whatever_its_numbers_meant(
    tmp_path, stream_format, decode, plain, pixel_format, color, other_color
):
    stream = replace(stream_format, pixel_format=pixel_format, color=color)
    other = replace(stream_format, width_px=64, height_px=96, color=other_color)
    sink = FileSink(str(tmp_path / "out.mkv"), stream, FAST)
    for index in range(4):
        sink.write(plain(other if index % 2 else stream, index))
    sink.close(complete=True)
    for picture in decode(tmp_path / "out.mkv"):
        assert np.abs(rgb_of(picture)[8:56, 42:54] - RGB).max() <= 3


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("later_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("name", ["out.mp4", "out.avi"])
def test_a_frame_that_is_turned_otherwise_stands_upright(
    tmp_path, stream_format, make_frame, decode, name, rotation_deg, later_deg
):
    """The file notes one turn, that of its first frame: a phone's picture that was turned later lay on its side."""
    stream = replace(stream_format, rotation_deg=rotation_deg)
    later = replace(stream_format, rotation_deg=later_deg)
    sink = FileSink(str(tmp_path / name), stream, FAST)
    frames = [make_frame(stream, 0), make_frame(later, 1)]
    for plane in frames[1].planes:
        plane[:, plane.shape[1] // 2 :] = plane[0, 0]  # all four sides differ
    for frame in frames:
        sink.write(frame)
    sink.close(complete=True)
    wanted = letterboxed(to_rgb(frames[1]), *to_rgb(frames[0]).shape[1::-1]).astype(int)
    picture = decode(tmp_path / name)[1]
    shown = np.rot90(rgb_of(picture), 0 if name.endswith("avi") else rotation_deg // 90)
    assert shown.shape == wanted.shape
    assert np.abs(shown - wanted).mean() < 4


def test_it_is_told_once_and_not_where_nothing_is_lost(tmp_path, stream_format, make_frame, caplog):
    sink = FileSink(str(tmp_path / "out.mp4"), stream_format, FAST)
    sink.write(make_frame(stream_format, 0))
    sink.write(make_frame(replace(stream_format, rotation_deg=180), 1))
    assert not caplog.messages
    for index in range(2, 6):
        sink.write(make_frame(replace(stream_format, width_px=64 * index), index))
    sink.close(complete=True)
    assert caplog.messages == ["the picture changed from 96x64 to 128x64 pixels: it is fitted into the first size"]


def test_sound_goes_on_and_ends_with_the_pictures(tmp_path, stream_format, make_frame, make_clip, read_packets, decode):
    source = make_clip(tmp_path / "in.mp4", frames=30, audio=True)
    sink = FileSink(str(tmp_path / "out.mp4"), stream_format, replace(FAST, audio_from=source))
    tall = replace(stream_format, width_px=64, height_px=96)
    for index in range(30):
        sink.write(make_frame(tall if index >= 15 else stream_format, index))
    sink.close(complete=True)
    assert read_packets(tmp_path / "out.mp4", "audio") == read_packets(source, "audio")
    assert [picture.time for picture in decode(tmp_path / "out.mp4")] == pytest.approx([i / 30 for i in range(30)])


def test_pictures_on_a_gpu_are_fitted_in_the_host_s_memory(stream_format):
    planes, _ = allocate_planes(PixelFormat.NV12, 64, 96)
    planes[0][...], planes[1][...] = 145, 128
    pixels = DevicePixels(*planes, 64, 96)  # as on a GPU, in memory of the host
    frame = Frame((), PixelFormat.NV12, Color(), 0, 3, 7, Fraction(1, 30), 11, duration=1, on_gpu=pixels)
    made = fitted(frame, 96, 64)
    assert made.on_gpu is None
    assert (made.index, made.pts, made.duration, made.captured_ns) == (3, 7, 1, 11)
    assert np.abs(to_rgb(made)[:, 28:68].astype(int) - 150).max() <= 1
    assert to_rgb(made)[:, :25].max() == 0


def test_letterboxes_are_exact():
    picture = np.full((10, 20, 3), 9, np.uint8)
    boxed = letterboxed(picture, 20, 20)
    assert (boxed[5:15] == 9).all()
    assert (boxed[:5] == 0).all()
    np.testing.assert_array_equal(letterboxed(picture, 20, 10), picture)
