"""Pictures of mixed sizes are drawn in batches of one."""

import numpy as np

from animecam.drawing.draw_pictures import draw_pictures


def test_pictures_of_one_size_are_drawn_together_and_come_back_in_order():
    shapes = [(8, 8, 3), (16, 8, 3), (8, 8, 3)]
    pictures = [np.full(shape, 10 * i, np.uint8) for i, shape in enumerate(shapes)]
    calls = []

    def draw(batch):
        calls.append(len(batch))
        return [picture + 1 for picture in batch]

    drawn = draw_pictures(draw, pictures)
    assert calls == [2, 1]
    assert [picture.shape for picture in drawn] == shapes
    assert [int(picture[0, 0, 0]) for picture in drawn] == [1, 11, 21]
