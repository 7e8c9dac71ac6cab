"""Words over a picture: legible at any size, and nowhere beyond it."""

import numpy as np
import pytest

from animecam.sinks.caption import LINE_PX, captioned
from animecam.sinks.window_keys import help_lines


@pytest.mark.parametrize("size", [(120, 160), (480, 640), (1080, 1920), (17, 31)])
def test_a_caption_is_legible_at_any_size_and_touches_nothing_else(size):
    picture = np.full((*size, 3), 255, np.uint8)
    assert captioned(picture, "") is picture
    drawn = captioned(picture, "30 fps in\nlatency")
    assert (picture == 255).all()
    assert drawn.shape[0] >= 480
    assert drawn.shape[0] / size[0] == drawn.shape[1] / size[1]
    ground = drawn[: drawn.shape[0] // 5, : drawn.shape[1] // 4]
    assert (ground == 89).mean() > 0.1  # 255 * SHADE
    assert (drawn[drawn.shape[0] // 4 :] == 255).all()


@pytest.mark.parametrize("size", [(480, 640), (1364, 720), (640, 360), (144, 176)])
def test_a_caption_that_is_long_or_has_many_lines_stays_on_the_picture(size):
    picture = np.full((*size, 3), 128, np.uint8)
    failure = f"cannot write /home/me/{'very-long-' * 12}/animecam-20261128-071152.mp4: the disk is full"
    for text in (failure, "\n".join((*help_lines(), *help_lines(), failure))):
        drawn = captioned(picture, text)
        for border in (drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]):
            assert (border == 128).all()
        assert (drawn == 255).any()


@pytest.mark.parametrize("size", [(1364, 720), (1920, 1080), (720, 404)])
def test_figures_leave_the_middle_of_a_tall_picture_free(size):
    figures = "\n".join(
        ["drawn: heads, in color, unseen: draw"] * 7 + ["cel (lite) at 256 px by a runtime (int8) on a CPU"]
    )
    drawn = captioned(np.full((*size, 3), 128, np.uint8), figures)
    rows = np.flatnonzero((drawn != 128).any(axis=(1, 2)))
    assert rows[-1] < 0.3 * drawn.shape[0]  # they reached to 0.5
    assert rows[-1] / len(figures.split("\n")) * (720 / drawn.shape[0]) > LINE_PX  # legible in the first window


def test_a_caption_shows_the_end_of_a_long_line():
    picture = np.full((480, 640, 3), 128, np.uint8)
    begun = captioned(picture, "a " * 60 + "and more words that no line of a picture has room for")
    ended = captioned(picture, "a " * 60 + "and more words that no line of a picture has room fox")
    assert not np.array_equal(begun, ended)
