"""The 256 colours that a picture of a GIF gets."""

from fractions import Fraction

import numpy as np
import pytest

from animecam.sinks.palettes import Palettes, looked_at

LEAST_AWAY = 30  # in all channels together: another colour to the eye


def drawn(*pictures):
    """The pictures as a GIF shows them."""
    palettes = Palettes(Fraction(1, 100))
    ready = [frame for at, rgb in enumerate(pictures) for frame in palettes.take(rgb, at)]
    return [frame.reformat(format="rgb24").to_ndarray() for frame in (*ready, *palettes.finish())]


def colorful(height_px, width_px):
    """A picture that has colours enough for all of a palette, and white paper in its right half."""
    y, x = np.mgrid[0:height_px, 0:width_px]
    rgb = np.stack([x * 255 // width_px, y * 255 // height_px, 128 + 0 * x], axis=-1).astype(np.uint8)
    rgb[:, width_px // 2 :] = 255
    return rgb


@pytest.mark.parametrize("place", range(8))
def test_a_line_of_one_pixel_keeps_its_colour_wherever_it_lies(place):
    rgb = colorful(96, 160)
    rgb[40 + place, 84:156] = 220, 20, 20
    rgb[8:88, 120 + place] = 20, 150, 20
    (shown,) = drawn(rgb)
    away = np.abs(shown.astype(int) - rgb).sum(axis=2)
    assert away[40 + place, 84:156].mean() < LEAST_AWAY
    assert away[8:88, 120 + place].mean() < LEAST_AWAY


def test_a_fourth_of_the_pixels_is_looked_at_and_some_of_every_row_and_column():
    y, x = np.mgrid[0:8, 0:12]
    fewer = looked_at(np.stack([x, y, 0 * x], axis=-1).astype(np.uint8))
    assert fewer.shape == (8, 3, 3)
    assert set(fewer[..., 0].flat) == set(range(12))
    assert set(fewer[..., 1].flat) == set(range(8))
    assert len({(px, py) for px, py, _ in fewer.reshape(-1, 3).tolist()}) == 24


@pytest.mark.parametrize(("height_px", "width_px"), [(2, 2), (2, 6), (6, 2), (4, 4), (98, 62)])
def test_pictures_of_any_size_are_shown_as_they_are(height_px, width_px):
    pictures = [np.full((height_px, width_px, 3), color, np.uint8) for color in ((250, 10, 20), (0, 80, 160))]
    shown = drawn(*pictures)
    assert len(shown) == 2
    for before, after in zip(pictures, shown, strict=True):
        assert np.abs(before.astype(int) - after).max() <= 8
