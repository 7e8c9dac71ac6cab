"""Pictures of any size and light reach a style as it knows them, and its drawings come back as they were filmed."""

import numpy as np

from animecam.drawing.draw_pictures import draw_pictures
from animecam.sources.portrait import load_portrait


def test_pictures_of_one_size_are_drawn_together_and_come_back_in_order():
    shapes = [(8, 8, 3), (16, 8, 3), (8, 8, 3)]
    pictures = [np.full(shape, 200 + 10 * i, np.uint8) for i, shape in enumerate(shapes)]
    calls = []

    def draw(batch):
        calls.append(len(batch))
        return [picture + 1 for picture in batch]

    drawn = draw_pictures(draw, pictures)
    assert calls == [2, 1]
    assert [picture.shape for picture in drawn] == shapes
    assert [int(picture[0, 0, 0]) for picture in drawn] == [201, 211, 221]


def test_a_style_sees_dim_pictures_in_good_light_and_draws_them_dim():
    lit = load_portrait()[::2, ::2]
    dim = (0.3 * lit).astype(np.uint8)
    seen = []
    (drawn,) = draw_pictures(lambda batch: seen.extend(batch) or batch, [dim])
    assert 2.5 < seen[0].mean() / dim.mean() < 3.4, "nearly as light as it was"
    assert np.abs(drawn.astype(int) - dim).max() <= 2


def test_a_style_sees_lit_pictures_as_they_are():
    lit = load_portrait()
    seen = []
    draw_pictures(lambda batch: seen.extend(batch) or batch, [lit])
    assert seen[0] is lit


def test_what_is_black_stays_nearly_black_whatever_a_style_paints_of_it():
    (drawn,) = draw_pictures(lambda batch: [np.full_like(p, 24) for p in batch], [np.zeros((64, 64, 3), np.uint8)])
    assert drawn.max() <= 3


def test_what_has_no_colour_is_drawn_without():
    portrait = load_portrait()
    gray = np.repeat(portrait[..., 1:2], 3, axis=2)
    warm = np.array([30, 0, -30])

    def redden(batch):
        return [np.clip(picture.astype(int) + warm, 0, 255).astype(np.uint8) for picture in batch]

    without, with_colour = draw_pictures(redden, [gray, portrait])
    assert np.ptp(without, axis=2).max() == 0
    assert np.ptp(with_colour, axis=2).max() > 30
