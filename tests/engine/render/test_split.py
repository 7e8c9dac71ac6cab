"""Before and after on either side of a line, and the detector's boxes, in every pixel format and turn."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from animecam.render.boxes import boxed
from animecam.render.mirror import mirrored
from animecam.render.paint import AMBER, GREEN, line_px
from animecam.render.split import split
from animecam.sinks.convert import to_rgb
from animecam.types import Box, Color, Detection, Face, Faces, Frame, PixelFormat, allocate_planes

WIDTH_PX, HEIGHT_PX = 64, 48
FILMED, DRAWN = 60, 190


def _frame(pixel_format=PixelFormat.YUV420P, level=FILMED, rotation_deg=0, full_range=True):
    planes, packed = allocate_planes(pixel_format, WIDTH_PX, HEIGHT_PX)
    for number, plane in enumerate(planes):
        plane[...] = level if number == 0 else 128
    color = Color(full_range=full_range)
    return Frame(planes, pixel_format, color, rotation_deg, 0, 0, Fraction(1, 30), 0, packed=packed)


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("pixel_format", list(PixelFormat))
def test_the_camera_is_left_of_the_line_as_it_is_seen(pixel_format, is_mirrored, rotation_deg):
    before, after = (_frame(pixel_format, level, rotation_deg) for level in (FILMED, DRAWN))
    frame = split(before, after, 0.25, is_mirrored=is_mirrored)
    seen = to_rgb(mirrored(frame) if is_mirrored else frame)[..., 1]
    cut, reach = seen.shape[1] // 4, 2 * line_px(frame) + 1  # chroma is interpolated over one pixel more
    assert np.abs(seen[:, : cut - reach].astype(int) - FILMED).max() <= 2
    assert np.abs(seen[:, cut + reach :].astype(int) - DRAWN).max() <= 2
    assert seen[:, cut - 1 : cut + 1].min() >= 250
    assert seen[:, cut - reach : cut + reach].min() <= 5
    assert (before.planes[0] == FILMED).all()
    assert (after.planes[0] == DRAWN).all()


@pytest.mark.parametrize(("at", "level"), [(0.0, DRAWN), (1.0, FILMED)])
def test_a_line_at_the_border_leaves_one_picture(at, level):
    frame = split(_frame(level=FILMED), _frame(level=DRAWN), at)
    assert (frame.planes[0][:, 8:-8] == level).all()


def test_an_odd_rgb_picture_is_split_at_any_pixel():
    before, after = (
        Frame((np.full((15, 31, 3), level, np.uint8),), PixelFormat.RGB24, Color(), 0, 0, 0, Fraction(1), 0)
        for level in (FILMED, DRAWN)
    )
    frame = split(before, after, 15 / 31)
    assert (frame.planes[0][:, :11] == FILMED).all()
    assert (frame.planes[0][:, 19:] == DRAWN).all()


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
@pytest.mark.parametrize(("held", "color"), [(False, GREEN), (True, AMBER)])
def test_boxes_are_drawn_in_colours_that_say_whether_a_face_is_seen(pixel_format, held, color):
    points_px = np.array([[24, 20], [40, 20], [32, 26], [32, 32]], np.float32)
    face = Face(0, Detection(Box(16, 12, 48, 40), points_px, 0.9), held=held)
    frame = _frame(pixel_format, full_range=False)
    marked = boxed(frame, Faces((face,)))
    picture, plain = to_rgb(marked).astype(int), to_rgb(frame).astype(int)
    for x, y in ((17, 26), (47, 26), (32, 13), (32, 39), (24, 20), (40, 20)):
        tolerance = 90 if pixel_format is not PixelFormat.YUV444P and pixel_format.is_yuv else 3  # thin lines in chroma
        assert np.abs(picture[y, x] - color).max() <= tolerance, (x, y)
    changed = (picture != plain).any(axis=2)
    assert not changed[:10].any()
    assert not changed[:, 52:].any()
    assert changed.mean() < 0.25
    assert (frame.planes[0] == FILMED).all()


def test_a_face_at_the_border_is_cut_off():
    face = Face(0, Detection(Box(-20, -10, 30, 60), np.array([[-9, -9]] * 4, np.float32), 0.9))
    marked = boxed(_frame(), Faces((face,)))
    assert (marked.planes[0][20, 28:30] != FILMED).all()
    assert (marked.planes[0][:, 34:] == FILMED).all()
    assert (replace(marked, rotation_deg=0).planes[0][20, :8] == FILMED).all()
