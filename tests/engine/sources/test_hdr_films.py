"""HDR films of every kind become SDR films, say so once, and say nothing of HDR."""

import logging

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from animecam.cuda import ffmpeg
from animecam.sinks.convert import to_rgb
from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions
from animecam.sources import pixels
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions
from animecam.sources.pixels import Unwrapper
from animecam.types import Color, ColorMatrix

PQ, HLG = 16, 18
CURVES = pytest.mark.parametrize("curve", [HLG, PQ])


@pytest.mark.parametrize(
    ("kind", "color_range"),
    [
        ("yuv420p", ColorRange.MPEG),
        ("nv12", ColorRange.MPEG),
        ("p010le", ColorRange.MPEG),
        ("yuv420p12le", ColorRange.MPEG),
        ("yuv422p10le", ColorRange.MPEG),
        ("yuv444p10le", ColorRange.MPEG),
        ("yuv420p10le", ColorRange.JPEG),
        ("gbrp10le", ColorRange.JPEG),
    ],
)
def test_every_format_is_taken(hdr, kind, color_range):
    colors = np.concatenate([hdr.SKINS, hdr.greys([0.1, 0.4, 0.8])])
    made = hdr.seen(hdr.shown_in_hdr(colors), HLG, kind=kind, color_range=color_range)
    np.testing.assert_allclose(made, 255 * colors, atol=4 if kind in {"yuv420p", "nv12"} else 2.5)


def test_transparent_parts_are_white(hdr, tmp_path):
    plain = hdr.film_frame(np.full((32, 32, 3), 0.4), HLG, "yuva444p10le")
    opacity = np.frombuffer(memoryview(plain.planes[3]), np.uint16)
    opacity[: opacity.size // 2] = 0
    made = to_rgb(hdr.read_one(hdr.write(tmp_path / "a.mkv", [plain])))
    assert made[:14].min() > 253
    assert 100 < made[18:].min() <= made[18:].max() < 125


@pytest.mark.parametrize(
    ("peak", "brightest", "light", "is_white"),
    [(1000, 0, 1000, True), (4000, 0, 4000, True), (4000, 0, 1000, False), (4000, 600, 600, True)],
)
def test_the_brightest_of_a_pq_film_is_what_it_says(hdr, tmp_path, peak, brightest, light, is_white):
    luma = hdr.read_one(hdr.mastered(tmp_path / "a.mkv", peak, brightest, light)).planes[0].mean()
    assert (luma > 234) == is_white
    assert luma > 16 + 219 * 0.93


def test_a_pq_film_that_says_nothing_ends_at_1000(hdr):
    assert hdr.seen(hdr.greys([1000, 1000]), PQ).min() > 254


@CURVES
def test_it_is_said_once_and_warns_of_nothing(hdr, tmp_path, caplog, curve):
    caplog.set_level(logging.INFO, logger="animecam")
    path = hdr.write(tmp_path / "a.mkv", [hdr.film_frame(np.full((32, 32, 3), 0.5), curve)] * 3)
    source = open_file(path, SourceOptions(threads=1))
    while source.read() is not None:
        pass
    source.close()
    assert source.format.color == hdr.SDR
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert f"is HDR ({'HLG' if curve == HLG else 'PQ'})" in record.getMessage()


def test_what_is_written_is_sdr_and_says_nothing_of_hdr(hdr, tmp_path):
    source = open_file(hdr.mastered(tmp_path / "a.mp4", 1000, 800), SourceOptions(threads=1))
    sink = FileSink(str(tmp_path / "b.mp4"), source.format, SinkOptions(threads=1))
    while (frame := source.read()) is not None:
        sink.write(frame)
    sink.close(complete=True)
    source.close()
    with av.open(str(tmp_path / "b.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        picture = next(container.decode(video=0))
    assert (picture.color_primaries, picture.color_trc, picture.colorspace, picture.color_range) == (1, 1, 1, 1)
    for kind in ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL", "DOVI_METADATA"):
        assert picture.side_data.get(kind) is None


@pytest.mark.parametrize("size_px", [(17, 31), (18, 31), (17, 32)])
def test_odd_sides(hdr, size_px):
    width_px, height_px = size_px
    made = Unwrapper("a film", 1)(hdr.film_frame(np.full((height_px, width_px, 3), 0.38), HLG))
    assert made.size == (width_px + width_px % 2, height_px + height_px % 2)
    np.testing.assert_allclose(hdr.rgb(made.planes) / 255, 0.426, atol=0.006)


def test_a_mirrored_film_is_mirrored(hdr, media, tmp_path):
    signal = np.full((32, 64, 3), 0.2)
    signal[:, :32] = 0.6
    film = hdr.write(tmp_path / "a.mov", [hdr.film_frame(signal, HLG, "yuv422p10le")], "prores_ks")
    plain = to_rgb(hdr.read_one(film))
    np.testing.assert_array_equal(to_rgb(hdr.read_one(media.set_matrix(film, (-1, 0, 0, 1)))), plain[:, ::-1])


def test_a_film_that_becomes_hdr_on_the_way_goes_on_as_it_began(hdr):
    unwrap = Unwrapper("a film", 1)
    plain = av.VideoFrame(64, 16, "nv12")
    plain.colorspace, plain.color_primaries, plain.color_trc, plain.color_range = 1, 1, 1, ColorRange.MPEG
    first = unwrap(plain)
    for curve in (HLG, PQ, HLG):
        later = unwrap(hdr.film_frame(hdr.patches(hdr.stored(hdr.greys([26, 26, 26, 26]), curve)), curve))
        assert (later.pixel_format, later.color) == (first.pixel_format, first.color)
        np.testing.assert_allclose(later.planes[0], 16 + 219 * 0.425, atol=2)


def test_a_film_on_a_gpu_leaves_it(hdr, monkeypatch):
    monkeypatch.setattr(ffmpeg, "lies_on_gpu", lambda frame: frame.format.name == "nv12")
    sdr = av.VideoFrame(64, 32, "nv12")
    assert Unwrapper("a film", 1)(sdr).on_gpu is not None
    made = Unwrapper("a film", 1)(hdr.film_frame(np.full((32, 64, 3), 0.38), HLG, "nv12"))
    assert (made.on_gpu, made.color) == (None, hdr.SDR)


@pytest.mark.parametrize("transfer", [1, 2, 6, 13, 14, 15])
@pytest.mark.parametrize("kind", ["yuv420p", "yuv420p10le"])
def test_sdr_is_left_alone(hdr, monkeypatch, transfer, kind):
    def refuse(*_):
        raise AssertionError("no HDR here")

    monkeypatch.setattr(pixels.ToSdr, "__call__", refuse)
    frame = hdr.film_frame(np.full((32, 64, 3), 0.38), transfer, kind)
    made = Unwrapper("a film", 1)(frame)
    assert made.color == Color(ColorMatrix.BT2020, full_range=False, primaries=9, transfer=transfer)
    if kind == "yuv420p":
        for mine, plane in zip(made.planes, frame.planes, strict=True):
            assert np.shares_memory(mine, np.frombuffer(memoryview(plane), np.uint8))
