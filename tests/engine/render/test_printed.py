"""A printed frame has no colour, ink and paper are whole, and dots stand for the tones between."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest

from animecam.bars import Inset
from animecam.render.printed import DOTS_PER_SIDE, Printer, screen
from animecam.sinks.convert import to_rgb
from animecam.types import Color, Frame, PixelFormat, allocate_planes

WIDTH_PX, HEIGHT_PX = 1280, 720
FORMATS = list(PixelFormat)
QUARTER = WIDTH_PX // 4
MIDDLE = slice(WIDTH_PX // 2 - 100, WIDTH_PX // 2 + 100)


def _frame(level: int, pixel_format: PixelFormat = PixelFormat.YUV420P, *, is_full: bool = True) -> Frame:
    """A quarter of black, a gray, a quarter of white, with chroma of a strong colour beside them."""
    gray = np.full((HEIGHT_PX, WIDTH_PX), level)
    gray[:, :QUARTER], gray[:, -QUARTER:] = 0, 255
    return _frame_of(gray, pixel_format, is_full=is_full)


def _frame_of(gray: np.ndarray, pixel_format: PixelFormat = PixelFormat.YUV420P, *, is_full: bool = True) -> Frame:
    planes, packed = allocate_planes(pixel_format, gray.shape[1], gray.shape[0])
    for plane in planes:
        plane[...] = 90
    luma = gray if is_full or not pixel_format.is_yuv else np.rint(16 + gray * (219 / 255))
    planes[0][...] = luma if pixel_format.is_yuv else gray[..., None]
    return Frame(planes, pixel_format, Color(full_range=is_full), 90, 3, 4, Fraction(1, 30), 5, packed=packed)


def _shown(frame: Frame) -> np.ndarray:
    return to_rgb(replace(frame, rotation_deg=0)).astype(int)


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("is_full", [False, True])
def test_no_colour_is_left_and_the_frame_is_as_it_was(pixel_format, is_full):
    frame = _frame(100, pixel_format, is_full=is_full)
    before = [plane.copy() for plane in frame.planes]
    result = Printer()(frame)
    for plane, untouched in zip(frame.planes, before, strict=True):
        np.testing.assert_array_equal(plane, untouched)
    rgb = _shown(result)
    assert np.abs(rgb - rgb.mean(axis=2, keepdims=True)).max() <= 2
    assert (result.pixel_format, result.rotation_deg, result.index, result.pts) == (pixel_format, 90, 3, 4)
    assert np.shares_memory(result.packed, result.planes[0])


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("is_full", [False, True])
def test_ink_and_paper_are_whole(pixel_format, is_full):
    rgb = _shown(Printer()(_frame(100, pixel_format, is_full=is_full)))
    assert rgb[:, : QUARTER - 8].max() <= 1
    assert rgb[:, 8 - QUARTER :].min() >= 254


@pytest.mark.parametrize("is_full", [False, True])
def test_the_lighter_the_more_paper(is_full):
    light = [_shown(Printer()(_frame(level, is_full=is_full)))[:, MIDDLE].mean() for level in range(0, 256, 15)]
    assert light == sorted(light)
    assert (light[0], light[-1]) == (0, 255)
    assert sum(10 < one < 245 for one in light) >= 5


def test_a_middle_tone_is_dots_of_ink_on_paper():
    luma = Printer()(_frame(100)).planes[0][:, MIDDLE].astype(int)
    assert (luma < 30).mean() > 0.1
    assert (luma > 225).mean() > 0.4
    row = luma[HEIGHT_PX // 2] - luma[HEIGHT_PX // 2].mean()
    strongest = int(np.argmax(np.abs(np.fft.rfft(row)))) / row.size  # waves a pixel
    assert 1 / strongest == pytest.approx(2 * HEIGHT_PX / DOTS_PER_SIDE, rel=0.05)


@pytest.mark.parametrize(("level", "tone"), [(8, 0), (20, 0), (140, 255), (235, 255)])
def test_a_frame_of_one_tone_is_what_its_tone_is(level, tone):
    """Not stretched to black and white: a wall has no dark and no light of its own."""
    assert (Printer()(_frame_of(np.full((90, 160), level))).planes[0] == tone).all()


def test_a_frame_in_poor_light_is_printed_like_one_in_good_light():
    good = np.tile(np.linspace(20, 220, 640), (360, 1))
    one, other = (Printer()(_frame_of(np.rint(light))).planes[0] for light in (good, 5 + good * 0.5))
    assert abs(one.mean() - other.mean()) < 12


@pytest.mark.parametrize("size_px", [(640, 360), (1920, 1080), (3840, 2160)])
def test_faint_lines_are_ink(size_px):
    gray = np.full((size_px[1], size_px[0]), 220)
    wide_px = max(round(size_px[1] / 240), 2)
    gray[:, size_px[0] // 2 : size_px[0] // 2 + wide_px] -= 60
    luma = Printer()(_frame_of(gray)).planes[0]
    middle = luma[:, size_px[0] // 2 - wide_px : size_px[0] // 2 + 2 * wide_px]
    assert middle.min(axis=1).max() < 60
    assert (luma == 255).mean() > 0.95


@pytest.mark.parametrize("size_px", [(2, 2), (6, 2), (2, 1200), (7680, 64)])
def test_frames_of_any_size_are_printed(size_px):
    assert (Printer()(_frame_of(np.full(size_px[::-1], 255))).planes[0] == 255).all()


def test_noise_moves_dots_less_from_frame_to_frame():
    random = np.random.default_rng(2)
    still = _frame(100).planes[0].astype(float)
    frames = [_frame_of(np.clip(still + random.normal(0, 4, still.shape), 0, 255)) for _ in range(12)]

    def moved(prints):
        return np.mean([np.abs(one - other).mean() for one, other in pairwise(prints)])

    print_ = Printer()
    calm = [print_(frame).planes[0].astype(int) for frame in frames][4:]
    alone = [Printer()(frame).planes[0].astype(int) for frame in frames][4:]
    assert moved(calm) < 0.6 * moved(alone)


@pytest.mark.parametrize("was", [97, 103])
def test_what_is_gone_leaves_nothing(was):
    """In whole levels a difference of one would stay for ever, and show in the dots."""
    print_, frame = Printer(), _frame(100)
    print_(_frame(was))
    for _ in range(20):
        last = print_(frame).planes[0]
    np.testing.assert_array_equal(last, Printer()(frame).planes[0])


@pytest.mark.parametrize("size_px", [(1280, 720), (1921, 1083)])
def test_each_threshold_of_a_screen_is_as_frequent_as_others(size_px):
    levels = screen(*size_px)
    below = [(levels < level).mean() for level in (60, 85, 127.5, 170, 195)]
    assert levels.min() > 40
    assert levels.max() < 215
    even = [(level - 42.5) / 170 for level in (60, 85, 127.5, 170, 195)]
    assert np.abs(np.subtract(below, even)).max() < 0.06  # the pixels between two rows are few


@pytest.mark.parametrize("aspect", [4 / 3, 10 / 11])
def test_dots_are_round_where_pixels_are_no_squares(aspect):
    stored = screen(round(1920 / aspect), 1080, aspect).astype(np.uint8)
    shown = cv2.resize(stored, (1920, 1080), interpolation=cv2.INTER_CUBIC).astype(int)
    assert np.abs(shown - screen(1920, 1080)).mean() < 6
    assert np.abs(cv2.resize(screen(round(1920 / aspect), 1080), (1920, 1080)) - screen(1920, 1080)).mean() > 30
    frame = replace(_frame(100), pixel_aspect=Fraction(aspect))
    assert not np.array_equal(Printer()(frame).planes[0], Printer()(replace(frame, pixel_aspect=1)).planes[0])


def test_what_was_forgotten_counts_for_nothing():
    frames = [_frame(level) for level in (100, 103)]
    print_ = Printer()
    before = print_(frames[0]).planes[0]
    print_(frames[1])
    print_.forget()
    np.testing.assert_array_equal(print_(frames[0]).planes[0], before)


def test_what_changes_is_printed_at_once():
    print_ = Printer()
    print_(_frame(60))
    now, alone = (one(_frame(140)).planes[0][:, MIDDLE] for one in (print_, Printer()))
    np.testing.assert_array_equal(now, alone)
    other = _frame_of(np.full((90, 160), 235))
    assert (print_(other).planes[0] == 255).all()  # another size, too


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("is_full", [False, True])
def test_a_frame_between_black_bars_is_printed_as_by_itself(pixel_format, is_full):
    """Bars counted as the dark of it: what was a gray between became paper, and its edges light."""
    dim = np.random.default_rng(7).normal(70, 12, (HEIGHT_PX, 400)).clip(20, 140)
    dim[200:500] += 40
    barred = np.zeros((HEIGHT_PX, WIDTH_PX))
    barred[:, 440:840] = dim
    alone = _shown(Printer()(_frame_of(dim, pixel_format, is_full=is_full)))
    inset = Inset(440, 0, 400, HEIGHT_PX)
    frame = replace(_frame_of(barred, pixel_format, is_full=is_full), inset=inset)
    shown = _shown(Printer()(frame))
    np.testing.assert_array_equal(shown[:, 440:840], alone)
    assert max(shown[:, :440].max(), shown[:, 840:].max()) <= 1
