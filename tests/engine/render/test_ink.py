"""Line weight: lines change, areas do not."""

import numpy as np
import pytest

from animecam.render.ink import inked
from animecam.settings import AS_DRAWN


@pytest.fixture
def drawing():
    """Skin with a line of three pixels, and a dark area."""
    picture = np.full((64, 96, 3), (220, 180, 160), np.uint8)
    picture[10:54, 30:33] = 40
    picture[10:54, 60:90] = (60, 40, 40)
    return picture


def width(picture):
    return int((picture[32, 20:45].mean(axis=1) < 130).sum())


def test_as_drawn_is_the_drawing_itself(drawing):
    assert inked(drawing, AS_DRAWN) is drawing


def test_lines_grow_and_fade_and_areas_stay(drawing):
    before = drawing.copy()
    faint, less, more, heaviest = (inked(drawing, line) for line in (0.0, 0.25, 0.75, 1.0))
    np.testing.assert_array_equal(drawing, before)
    on_line = [int(picture[32, 31].mean()) for picture in (faint, less, drawing, more)]
    assert on_line == sorted(on_line, reverse=True)
    assert on_line[0] > on_line[2] + 80
    assert on_line[0] < 200  # it is not gone: eyes and mouths are made of lines
    assert width(heaviest) == width(drawing) + 2
    assert width(drawing) <= width(more) <= width(heaviest)
    for picture in (faint, less, more, heaviest):
        np.testing.assert_array_equal(picture[32, 66:84], drawing[32, 66:84])
        np.testing.assert_array_equal(picture[32, :20], drawing[32, :20])
