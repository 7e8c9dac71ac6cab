"""Persons are shown to the bit, and behind them a colour, or what was there, blurred."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from animecam.bars import Inset
from animecam.errors import UsageError
from animecam.render.backdrop import Backdrop
from animecam.render.cpu import CpuImageOps
from animecam.render.touched import PixelBox
from animecam.settings import Look
from animecam.sinks.convert import to_rgb
from animecam.types import Color, ColorMatrix, Frame, PixelFormat, Region, allocate_planes

WIDTH_PX, HEIGHT_PX = 480, 320
BORDER_PX = 8  # on either side of where a person ends: a mask is coarser than a frame
GREEN = (0, 177, 64)


class Persons:
    """Sees a person in a part of the upright picture, left of half of its width."""

    def __init__(self, sure: float = 1.0, until: float = 0.5) -> None:
        self.sure, self.until, self.seen, self.forgotten = sure, until, [], 0

    def __call__(self, regions, pictures):
        self.seen.extend(pictures)
        masks = []
        for region in regions:
            columns = (np.arange(region.width_px) + 0.5) / region.width_px
            masks.append(np.tile(np.float32(self.sure) * (columns < self.until), (region.height_px, 1)))
        return tuple(masks)

    def forget(self):
        self.forgotten += 1


def _frame(pixel_format=PixelFormat.YUV420P, *, rotation_deg=0, full_range=False, seed=0) -> Frame:
    planes, packed = allocate_planes(pixel_format, WIDTH_PX, HEIGHT_PX)
    for plane in planes:
        plane[...] = np.random.default_rng(seed).integers(40, 200, plane.shape, dtype=np.uint8)
    color = Color(ColorMatrix.BT601, full_range)
    return Frame(planes, pixel_format, color, rotation_deg, 3, 4, Fraction(1, 30), 5, packed=packed)


def _upright(frame: Frame, plane: np.ndarray) -> np.ndarray:
    return np.rot90(plane, frame.rotation_deg // 90)


def _lay(frame: Frame, background="green", persons=None, regions=(), shown=None, picture=None) -> Frame:
    backdrop = Backdrop(CpuImageOps(), persons or Persons(), picture)
    return backdrop(frame, shown or frame, regions=regions, look=Look(background=background))


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_a_person_is_shown_to_the_bit_and_all_else_is_the_colour(pixel_format, rotation_deg):
    frame = _frame(pixel_format, rotation_deg=rotation_deg, full_range=rotation_deg == 90)
    before = [plane.copy() for plane in frame.planes]
    result = _lay(frame)
    for plane, untouched, laid in zip(frame.planes, before, result.planes, strict=True):
        np.testing.assert_array_equal(plane, untouched)
        inner = _upright(frame, untouched).shape[1] // 2 - BORDER_PX
        np.testing.assert_array_equal(_upright(frame, laid)[:, :inner], _upright(frame, untouched)[:, :inner])
    rgb = to_rgb(replace(result, rotation_deg=0)).astype(int)
    behind = _upright(frame, rgb)
    behind = behind[:, behind.shape[1] // 2 + BORDER_PX :]
    assert np.abs(behind - GREEN).max() <= 3
    assert (result.rotation_deg, result.index, result.pts, result.color) == (rotation_deg, 3, 4, frame.color)
    assert np.shares_memory(result.packed, result.planes[0])


@pytest.mark.parametrize("pixel_format", [PixelFormat.YUV420P, PixelFormat.NV12, PixelFormat.RGB24])
def test_where_a_person_is_unsure_both_are_seen(pixel_format):
    frame = _frame(pixel_format)
    laid, full = _lay(frame, persons=Persons(0.5, 1.0)), _lay(frame, persons=Persons(0.0))
    for mixed, shown, behind in zip(laid.planes, frame.planes, full.planes, strict=True):
        expected = (shown.astype(float) + behind.astype(float)) / 2
        assert np.abs(mixed - expected).max() <= 1.6


def test_a_blurred_background_keeps_its_light_and_no_detail_and_takes_nothing_of_the_person():
    frame = _frame(PixelFormat.RGB24)
    rows, columns = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    frame.planes[0][...] = np.where((rows // 2 + columns // 2) % 2, 160, 60)[..., None]
    frame.planes[0][:, : WIDTH_PX // 2] = (250, 0, 0)
    rgb = _lay(frame, background="blur").planes[0].astype(int)
    person, behind = rgb[:, : WIDTH_PX // 2 - BORDER_PX], rgb[:, WIDTH_PX // 2 + BORDER_PX :]
    assert (person == (250, 0, 0)).all()
    assert np.abs(behind - 110).max() <= 12
    far = behind[:, 100:]
    assert np.abs(far - far.mean()).max() <= 4


def test_a_person_who_hides_all_of_it_leaves_something_to_blur():
    frame = _frame(PixelFormat.YUV420P)
    result = _lay(frame, background="blur", persons=Persons(1.0, 1.0))
    np.testing.assert_array_equal(result.packed, frame.packed)


def test_persons_are_looked_for_in_what_was_filmed():
    filmed, drawn, persons = _frame(seed=1), _frame(seed=2), Persons(1.0, 1.0)
    result = _lay(filmed, persons=persons, shown=drawn)
    np.testing.assert_array_equal(result.packed, drawn.packed)
    (seen,) = persons.seen
    _lay(filmed, persons=(again := Persons()))
    np.testing.assert_array_equal(seen, again.seen[0])


def test_black_bars_are_background():
    frame = _frame(PixelFormat.RGB24)
    frame.planes[0][:40] = frame.planes[0][-40:] = 0
    result = _lay(replace(frame, inset=Inset(0, 40, WIDTH_PX, HEIGHT_PX - 80)), persons=Persons(1.0, 1.0))
    rgb = result.planes[0]
    assert (rgb[: 40 - BORDER_PX] == GREEN).all()
    np.testing.assert_array_equal(rgb[48:-48], frame.planes[0][48:-48])


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
def test_black_bars_beside_a_blurred_background_stay_black_and_darken_nothing(pixel_format):
    frame, filmed, inset = _frame(pixel_format), PixelBox(0, 40, WIDTH_PX, HEIGHT_PX - 40), Inset(0, 40, WIDTH_PX, 240)
    for plane, layout in zip(frame.planes, pixel_format.planes, strict=True):
        plane[...] = 16
        filmed.of(plane, layout)[...] = 120
    result = _lay(replace(frame, inset=inset), background="blur")
    for laid, plane in zip(result.planes, frame.planes, strict=True):
        np.testing.assert_allclose(laid, plane, atol=1)
    assert result.inset == inset


def test_bars_that_are_background_are_bars_no_more():
    """A print, which leaves bars alone, would leave the picture in them as it is."""
    frame = replace(_frame(PixelFormat.RGB24), inset=Inset(0, 40, WIDTH_PX, 240))
    assert _lay(frame, background="picture", picture=np.full((9, 9, 3), 90, np.uint8)).inset is None


HEAD = Region(7, 192, 192, np.array([[5 / 6, 0, 300], [0, 5 / 6, 80]]))
"""A head of 160 pixels in the right half."""


def test_a_head_that_was_found_is_shown_though_no_person_is_seen_there():
    frame = _frame(PixelFormat.RGB24)
    alone, with_head = _lay(frame), _lay(frame, regions=(HEAD,))
    np.testing.assert_array_equal(with_head.planes[0][150:200, 365:395], frame.planes[0][150:200, 365:395])
    assert (with_head.planes[0][:76] == alone.planes[0][:76]).all()
    assert (with_head.planes[0][:, 250:296] == GREEN).all()


def test_a_head_ends_where_the_person_does():
    """The drawing of a turned head is wider than the head, and has the wall beside it."""
    frame, persons = _frame(PixelFormat.RGB24), Persons(1.0, 400 / WIDTH_PX)
    np.testing.assert_array_equal(
        _lay(frame, persons=persons, regions=(HEAD,)).planes[0], _lay(frame, persons=persons).planes[0]
    )


def test_who_was_seen_is_forgotten():
    backdrop = Backdrop(CpuImageOps(), persons := Persons())
    backdrop.forget()
    assert persons.forgotten == 1


def _quadrants() -> np.ndarray:
    """A wide picture of four colours, which stand in the middle of the quarters of its middle square."""
    picture = np.zeros((200, 600, 3), np.uint8)
    picture[:100, 200:300], picture[:100, 300:400] = (200, 40, 40), (40, 200, 40)
    picture[100:, 200:300], picture[100:, 300:400] = (40, 40, 200), (200, 200, 40)
    return picture


@pytest.mark.parametrize("pixel_format", [PixelFormat.NV12, PixelFormat.RGB24, PixelFormat.YUV422P])
@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_a_picture_stands_upright_and_covers_the_frame_from_its_middle(pixel_format, rotation_deg):
    """A frame of 480 x 320 with pixels 2 / 3 as wide as high is a square as it is seen, or its inverse."""
    wide = Fraction(2, 3)
    frame = replace(_frame(pixel_format, rotation_deg=rotation_deg), pixel_aspect=wide)
    result = _lay(frame, "picture", Persons(0.0), picture=_quadrants())
    rgb = _upright(frame, to_rgb(replace(result, rotation_deg=0))).astype(int)
    height, width = rgb.shape[:2]
    places = [(height // 4, width // 4), (height // 4, 3 * width // 4), (3 * height // 4, width // 4)]
    expected = [(200, 40, 40), (40, 200, 40), (40, 40, 200)]
    for place, color in zip(places, expected, strict=True):
        assert np.abs(rgb[place] - color).max() <= 4


def test_a_picture_is_fitted_once_and_anew_for_another_kind_of_frame():
    pasted = []

    class Counting(CpuImageOps):
        def paste(self, frame, patches):
            pasted.append(frame.pixel_format)
            return super().paste(frame, patches)

    backdrop = Backdrop(Counting(), Persons(0.0), _quadrants())
    look = Look(background="picture")
    one, other, third = (
        backdrop(frame, frame, regions=(), look=look)
        for frame in (_frame(seed=1), _frame(seed=2), _frame(PixelFormat.RGB24))
    )
    np.testing.assert_array_equal(one.packed, other.packed)
    assert third.pixel_format is PixelFormat.RGB24
    assert pasted == [PixelFormat.YUV420P, PixelFormat.RGB24]


def test_without_a_picture_none_can_be_shown():
    with pytest.raises(UsageError, match="no picture for the background"):
        _lay(_frame(), "picture")


@pytest.mark.parametrize("pixel_format", [PixelFormat.NV12, PixelFormat.RGB24, PixelFormat.YUV422P])
@pytest.mark.parametrize("rotation_deg", [0, 90])
def test_a_room_that_is_cut_away_cannot_be_brought_back(pixel_format, rotation_deg):
    frame = _frame(pixel_format, rotation_deg=rotation_deg)
    result = _lay(frame, "transparent")
    opacity = _upright(frame, result.opacity)
    middle = opacity.shape[1] // 2
    assert (opacity[:, : middle - BORDER_PX] == 255).all()
    assert not opacity[:, middle + BORDER_PX :].any()
    rgb = _upright(frame, to_rgb(replace(result, rotation_deg=0)))
    assert rgb[:, middle + BORDER_PX :].max() <= 1
    for laid, was in zip(result.planes, frame.planes, strict=True):
        inner = _upright(frame, was).shape[1] // 2 - BORDER_PX
        np.testing.assert_array_equal(_upright(frame, laid)[:, :inner], _upright(frame, was)[:, :inner])
