"""A blurred frame keeps large areas of colour in every pixel format, and no face."""

from contextlib import closing
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.bars import Inset
from animecam.faces.opening import open_detector
from animecam.portrait import load_portrait
from animecam.render.blur import LEFT_PX, blurred
from animecam.render.cpu import CpuImageOps
from animecam.render.scope import whole_frame_region
from animecam.render.touched import PixelBox
from animecam.types import Color, Frame, PixelFormat, allocate_planes

WIDTH_PX, HEIGHT_PX = 320, 240


def make_frame(pixel_format: PixelFormat, rotation_deg: int = 0) -> Frame:
    """Blue at the left, yellow at the right, with noise of one sample all over."""
    planes, packed = allocate_planes(pixel_format, WIDTH_PX, HEIGHT_PX)
    left, right = ((30, 60, 200), (220, 200, 40)) if not pixel_format.is_yuv else ((80, 170, 100), (180, 70, 150))
    noise = np.random.default_rng(4).integers(-25, 26, (HEIGHT_PX, WIDTH_PX, 3))
    start = 0
    for plane, layout in zip(planes, pixel_format.planes, strict=True):
        for place, levels in ((slice(0, plane.shape[1] // 2), left), (slice(plane.shape[1] // 2, None), right)):
            mine = levels[start : start + layout.channels]
            plane[:, place] = mine if layout.channels > 1 else mine[0]
        grain = noise[: plane.shape[0], : plane.shape[1], : layout.channels]
        plane[...] = plane + (grain if plane.ndim == 3 else grain[..., 0])
        start += layout.channels
    return Frame(planes, pixel_format, Color(), rotation_deg, 3, 4, Fraction(1, 30), 5, packed=packed)


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
def test_colours_stay_where_they_are_and_detail_goes(pixel_format):
    frame = make_frame(pixel_format)
    before = [plane.copy() for plane in frame.planes]
    shown = blurred(frame)
    for plane, untouched, soft in zip(frame.planes, before, shown.planes, strict=True):
        np.testing.assert_array_equal(plane, untouched)
        eighth = plane.shape[1] // 8
        for place in (slice(0, eighth), slice(-eighth, None)):
            np.testing.assert_allclose(soft[:, place].mean((0, 1)), plane[:, place].mean((0, 1)), atol=15)
        assert np.abs(np.diff(soft.astype(int), axis=0)).max() <= 3
        assert np.abs(np.diff(soft.astype(int), axis=1)).max() <= 8
    assert (shown.index, shown.pts, shown.captured_ns) == (3, 4, 5)
    assert shown.packed is not None
    assert np.shares_memory(shown.packed, shown.planes[0])


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
def test_black_bars_stay_black_and_darken_nothing(pixel_format):
    barred, filmed = make_frame(pixel_format), PixelBox(80, 0, 240, HEIGHT_PX)
    for plane, layout in zip(barred.planes, pixel_format.planes, strict=True):
        plane[...] = 16
        filmed.of(plane, layout)[...] = 120
    shown = blurred(replace(barred, inset=Inset(80, 0, 160, HEIGHT_PX)))
    for plane, before in zip(shown.planes, barred.planes, strict=True):
        np.testing.assert_array_equal(plane, before)


@pytest.mark.parametrize("size_px", [(2, 2), (6, 2), (2, 1200)])
def test_the_smallest_pictures_are_blurred_too(size_px):
    planes, packed = allocate_planes(PixelFormat.YUV420P, *size_px)
    packed[...] = 90
    frame = Frame(planes, PixelFormat.YUV420P, Color(), 0, 0, 0, Fraction(1, 30), 0, packed=packed)
    assert {int(level) for plane in blurred(frame).planes for level in plane.ravel()} == {90}


def test_a_face_that_fills_the_frame_is_left_with_fewer_pixels_than_anybody_is_known_by():
    """What survives is what a picture of that few pixels holds: brought back from one, it is the same."""
    face = np.ascontiguousarray(cv2.resize(load_portrait()[20:180, 145:305], (WIDTH_PX, WIDTH_PX)))
    frame = Frame((face,), PixelFormat.RGB24, Color(), 0, 0, 0, Fraction(1, 30), 0)
    shown = blurred(frame).planes[0]
    few = cv2.resize(shown, (2 * LEFT_PX, 2 * LEFT_PX), interpolation=cv2.INTER_AREA)
    again = cv2.resize(few, (WIDTH_PX, WIDTH_PX), interpolation=cv2.INTER_CUBIC)
    assert np.abs(shown.astype(int) - again).mean() < 4
    assert np.abs(face.astype(int) - again).mean() > 15


def test_nobody_is_found_in_it():
    portrait = load_portrait()
    frame = Frame((portrait,), PixelFormat.RGB24, Color(), 0, 0, 0, Fraction(1, 30), 0)
    region, ops = whole_frame_region(frame, 128), CpuImageOps()
    detector = open_detector("short", BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
    with closing(detector):
        assert detector.detect(ops.crop(frame, region), 0.3)
        assert not detector.detect(ops.crop(blurred(frame), region), 0.3)
