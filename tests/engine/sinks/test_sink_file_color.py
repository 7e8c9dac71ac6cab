"""Video files keep pictures: their samples, what the numbers mean, and which way is up."""

from dataclasses import replace

import av
import numpy as np
import pytest

from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions
from animecam.types import Color, ColorMatrix, PixelFormat

FAST = SinkOptions(threads=1, preset="ultrafast")


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("height_px", [64, 66])  # PyAV's borrowing of memory is wrong for the second
@pytest.mark.parametrize("pixel_format", [p for p in PixelFormat if p.is_yuv])
def test_pixels_arrive_in_their_own_format(
    tmp_path, stream_format, make_frame, decode, pixel_format, height_px, packed, write_all
):
    stream = replace(stream_format, pixel_format=pixel_format, height_px=height_px)
    frame = make_frame(stream)
    if not packed:
        strided = tuple(np.repeat(plane, 2, axis=0)[::2] for plane in frame.planes)
        assert not strided[0].flags.c_contiguous
        frame = replace(frame, planes=strided, packed=None)
    write_all(FileSink(str(tmp_path / "out.mkv"), stream, replace(FAST, crf=0)), [frame])
    (picture,) = decode(tmp_path / "out.mkv")
    stored = {PixelFormat.NV12: "yuv420p"}.get(pixel_format, pixel_format.value)
    assert picture.format.name == stored
    expected = list(frame.planes)
    if pixel_format is PixelFormat.NV12:
        expected = [expected[0], expected[1][..., 0], expected[1][..., 1]]
    for plane, want in zip(picture.planes, expected, strict=True):
        got = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        np.testing.assert_array_equal(got, want)  # crf 0 is lossless


def test_encoder_may_look_ahead_while_the_caller_forgets_its_frames(tmp_path, stream_format, make_frame, decode):
    sink = FileSink(str(tmp_path / "out.mp4"), stream_format, SinkOptions(threads=1, crf=10))
    levels = [40 + 5 * i for i in range(30)]
    for i, level in enumerate(levels):
        sink.write(make_frame(stream_format, i, level=(level, 128, 128)))
        np.full((HEAP_ROWS, 96), 255, np.uint8)  # takes the memory of frames that were let go too early
    sink.close(complete=True)
    seen = [
        float(np.frombuffer(p.planes[0], np.uint8).reshape(64, -1)[:, :96].mean()) for p in decode(tmp_path / "out.mp4")
    ]
    np.testing.assert_allclose(seen, levels, atol=1.5)


HEAP_ROWS = 96  # of a 4:2:0 frame of 64 lines


@pytest.mark.parametrize("size", [(97, 65), (1, 1), (96, 64)])
def test_rgb_becomes_luma_and_chroma_of_even_size(tmp_path, stream_format, make_frame, decode, size, write_all):
    stream = replace(stream_format, pixel_format=PixelFormat.RGB24, width_px=size[0], height_px=size[1])
    frame = make_frame(stream)
    frame.planes[0][...] = (200, 40, 90)
    write_all(FileSink(str(tmp_path / "out.mkv"), stream, replace(FAST, crf=0)), [frame])
    (picture,) = decode(tmp_path / "out.mkv")
    assert (picture.width, picture.height) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert (picture.colorspace, picture.color_range) == (ColorMatrix.BT601, 1)
    rgb = picture.to_ndarray(format="rgb24", src_colorspace="ITU601", src_color_range="MPEG")
    assert np.abs(rgb.astype(int) - (200, 40, 90)).max() <= 3


@pytest.mark.parametrize("extension", ["mp4", "mkv", "webm"])
@pytest.mark.parametrize(
    "color",
    [
        Color(ColorMatrix.BT709, False, 1, 1),
        Color(ColorMatrix.BT601, True, 6, 6),
        Color(ColorMatrix.BT2020, True, 9, 14),
    ],
)
def test_meaning_of_the_numbers_is_kept(tmp_path, stream_format, make_frame, decode, color, extension, write_all):
    stream = replace(stream_format, color=color)
    write_all(FileSink(str(tmp_path / f"o.{extension}"), stream, FAST), [make_frame(stream, i) for i in range(2)])
    picture = decode(tmp_path / f"o.{extension}")[0]
    assert (picture.colorspace, picture.color_range - 1) == (color.matrix, color.full_range)
    with av.open(str(tmp_path / f"o.{extension}")) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc) == (color.primaries, color.transfer)


@pytest.mark.parametrize(
    ("primaries", "transfer", "stored"), [(22, 1, (2, 1)), (12, 3, (12, 2)), (9, 18, (9, 18)), (4, 4, (4, 4))]
)
def test_of_colours_that_libx265_does_not_know_it_is_told_nothing(
    tmp_path, stream_format, make_frame, decode, primaries, transfer, stored, write_all
):
    color = Color(ColorMatrix.BT601, primaries=primaries, transfer=transfer)
    stream = replace(stream_format, color=color)
    write_all(FileSink(str(tmp_path / "out.mkv"), stream, replace(FAST, codec="libx265")), [make_frame(stream)])
    decode(tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc) == stored
        assert context.colorspace == ColorMatrix.BT601


@pytest.mark.parametrize("pixel_format", [PixelFormat.NV12, PixelFormat.YUV422P])
def test_full_range_codes_survive_a_change_of_layout(
    tmp_path, live_format, make_frame, decode, pixel_format, write_all
):
    """VP9 knows no NV12, and what is filmed live is stored as 4:2:0."""
    stream = replace(live_format, pixel_format=pixel_format, color=Color(full_range=True))
    write_all(
        FileSink(str(tmp_path / "o.webm"), stream, replace(FAST, crf=4)),
        [make_frame(stream, level=_black_and_white(stream))],
    )
    (picture,) = decode(tmp_path / "o.webm")
    assert picture.format.name == "yuv420p"
    luma = np.frombuffer(picture.planes[0], np.uint8).reshape(picture.planes[0].height, -1)[:64, :96]
    assert luma[:, :40].max() <= 3
    assert luma[:, 56:].min() >= 252


def _black_and_white(stream):
    luma = np.zeros((stream.height_px, stream.width_px), np.uint8)
    luma[:, stream.width_px // 2 :] = 255
    return (luma, 128, 128)


@pytest.mark.parametrize("extension", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_rotation_is_noted(tmp_path, stream_format, make_frame, decode, rotation_deg, extension, write_all):
    stream = replace(stream_format, rotation_deg=rotation_deg)
    write_all(FileSink(str(tmp_path / f"o.{extension}"), stream, FAST), [make_frame(stream, i) for i in range(2)])
    picture = decode(tmp_path / f"o.{extension}")[0]
    assert picture.rotation % 360 == rotation_deg
    assert (picture.width, picture.height) == (96, 64)


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
def test_pictures_are_turned_where_rotation_cannot_be_noted(
    tmp_path, stream_format, make_frame, decode, pixel_format, write_all
):
    stream = replace(stream_format, rotation_deg=90, pixel_format=pixel_format)
    frame = make_frame(stream)
    frame.planes[0][...] = 30
    frame.planes[0][:, 48:] = 220  # bright on the right, so on top after a quarter turn against the clock
    write_all(FileSink(str(tmp_path / "o.avi"), stream, FAST), [frame])
    (picture,) = decode(tmp_path / "o.avi")
    assert (picture.width, picture.height) == (64, 96)
    luma = picture.to_ndarray(format="gray")
    assert luma[:40].mean() > luma[56:].mean() + 100


def test_camera_pictures_are_stored_so_that_every_player_takes_them(
    tmp_path, live_format, make_frame, decode, write_all
):
    stream = replace(live_format, pixel_format=PixelFormat.YUV422P, color=Color(ColorMatrix.BT601, full_range=True))
    write_all(FileSink(str(tmp_path / "o.mp4"), stream, FAST), [make_frame(stream, i, i * 33_333) for i in range(2)])
    picture = decode(tmp_path / "o.mp4")[0]
    assert picture.format.name in ("yuv420p", "yuvj420p")
    assert picture.color_range == 2
