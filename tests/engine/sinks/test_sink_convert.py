"""Whole-frame conversions against exact arithmetic in floats."""

from dataclasses import replace

import numpy as np
import pytest

from animecam.color import yuv_to_rgb_matrix
from animecam.sinks.convert import to_rgb, to_yuv420, upright
from animecam.types import Color, ColorMatrix, PixelFormat

COLORS = [
    Color(matrix, full_range)
    for matrix in (ColorMatrix.BT601, ColorMatrix.BT709, ColorMatrix.BT2020, ColorMatrix.UNSPECIFIED)
    for full_range in (False, True)
]
YUV = [p for p in PixelFormat if p.is_yuv]


def exact_rgb(frame):
    """By the matrix in floats, for frames whose chroma is the same everywhere."""
    luma = frame.planes[0].astype(float)
    chroma = frame.planes[1:] if len(frame.planes) == 3 else (frame.planes[1][..., 0], frame.planes[1][..., 1])
    codes = np.stack([luma, *(np.full(luma.shape, float(c[0, 0])) for c in chroma), np.ones(luma.shape)])
    rgb = np.tensordot(yuv_to_rgb_matrix(frame.color, frame.height_px), codes, axes=1)
    return np.clip(np.moveaxis(rgb, 0, -1), 0, 255)


@pytest.mark.parametrize("pixel_format", YUV)
@pytest.mark.parametrize("color", COLORS)
def test_rgb_is_within_one_level(stream_format, make_frame, color, pixel_format):
    stream = replace(stream_format, color=color, pixel_format=pixel_format)
    for blue, red in ((128, 128), (90, 200), (220, 40)):
        chroma = (blue, red) if pixel_format is not PixelFormat.NV12 else ((blue, red),)
        frame = make_frame(stream, level=(np.arange(96)[None] * 2 + 30, *chroma))
        assert np.abs(to_rgb(frame) - exact_rgb(frame)).max() <= 1.01


def test_matrix_of_an_unnamed_hd_stream_differs(stream_format, make_frame):
    small = make_frame(replace(stream_format, width_px=4, height_px=64), level=(100, 90, 200))
    large = make_frame(replace(stream_format, width_px=4, height_px=720), level=(100, 90, 200))
    assert to_rgb(small)[0, 0].tolist() != to_rgb(large)[0, 0].tolist()


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_upright(stream_format, make_frame, pixel_format, rotation_deg):
    stream = replace(stream_format, pixel_format=pixel_format, rotation_deg=rotation_deg)
    frame = make_frame(stream)
    turned = upright(frame)
    assert turned.rotation_deg == 0
    expected = np.rot90(to_rgb(frame, upright=False), rotation_deg // 90)
    np.testing.assert_array_equal(to_rgb(frame), expected)
    loss = 3 if pixel_format.is_yuv else 0  # chroma is interpolated along rows first, now along former columns
    if pixel_format is PixelFormat.YUV422P:
        loss = 12  # its chroma is halved once more
    assert np.abs(to_rgb(turned).astype(int) - expected.astype(int)).max() <= loss


@pytest.mark.parametrize("pixel_format", YUV)
def test_420_keeps_luma_and_averages_chroma(stream_format, make_frame, pixel_format):
    frame = make_frame(replace(stream_format, pixel_format=pixel_format, color=Color(ColorMatrix.BT709, True)))
    small = to_yuv420(frame)
    assert small.color == frame.color
    np.testing.assert_array_equal(small.planes[0], frame.planes[0])
    chroma = frame.planes[1] if pixel_format is not PixelFormat.NV12 else frame.planes[1][..., 0]
    step_y, step_x = chroma.shape[0] // 32, chroma.shape[1] // 48
    mean = chroma.reshape(32, step_y, 48, step_x).mean(axis=(1, 3))
    assert np.abs(small.planes[1] - mean).max() <= 0.51
    assert small.packed.shape == (96, 96)
    assert np.shares_memory(small.packed, small.planes[2])


def test_420_is_the_frame_itself_when_nothing_is_to_do(stream_format, make_frame):
    frame = make_frame(replace(stream_format, color=Color(ColorMatrix.BT601)))
    assert to_yuv420(frame, Color(ColorMatrix.BT601)) is frame
    assert to_yuv420(make_frame(stream_format), Color(ColorMatrix.BT601)).color.matrix is not None


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
@pytest.mark.parametrize("color", COLORS[:4])
def test_changing_the_meaning_keeps_the_light(stream_format, make_frame, pixel_format, color):
    level = ((180, 90, 60),) if pixel_format is PixelFormat.RGB24 else (150, 100, 150)
    if pixel_format is PixelFormat.NV12:
        level = (150, (100, 150))
    source = make_frame(
        replace(stream_format, pixel_format=pixel_format, color=Color(ColorMatrix.BT2020, True)), level=level
    )
    changed = to_yuv420(source, color)
    assert changed.color == color
    assert np.abs(to_rgb(changed).astype(int) - to_rgb(source).astype(int)).max() <= 3
