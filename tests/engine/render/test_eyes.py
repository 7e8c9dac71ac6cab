"""Larger eyes: magnified where they are, nowhere else, and steady."""

import numpy as np
import pytest

from animecam.render.eyes import MOST_SHRINK, REACH, Bulge, EyeEnlarger, magnified
from animecam.types import WHOLE_FRAME, Box, Detection, Face, Faces, Region

SIZE = 128
EYES = np.array([[44.0, 60.0], [84.0, 60.0]], np.float32)
REST = np.array([[64, 80], [64, 96]], np.float32)
IDENTITY = np.array([[1.0, 0, 0], [0, 1.0, 0]])
HEAD = Region(0, SIZE, SIZE, IDENTITY)


def face(shift=(0.0, 0.0), track_id=0, held=False):
    points = np.concatenate([EYES, REST]) + np.float32(shift)
    return Face(track_id, Detection(Box(30, 40, 100, 110), points.astype(np.float32), 0.9), held)


def eyes_picture(radius_px=6.0, shift=(0.0, 0.0)):
    """White, with a black disc at each eye."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    away = np.min([np.hypot(x - ex - shift[0], y - ey - shift[1]) for ex, ey in EYES], axis=0)
    level = np.clip((away - radius_px + 0.5) * 255, 0, 255)
    return np.repeat(level[..., None], 3, axis=2).astype(np.uint8)


def dark_width(picture, row=60, centre=44):
    return int((picture[row, centre - 25 : centre + 25, 0] < 128).sum())


@pytest.mark.parametrize("amount", [0.5, 1.0])
def test_eyes_grow_by_what_was_asked_and_nothing_else_moves(amount):
    picture = eyes_picture()
    (larger,) = EyeEnlarger()(0.0, Faces((face(),)), (HEAD,), (picture,), amount)
    assert dark_width(picture) == 12
    most = 12 / (1 - amount * MOST_SHRINK)
    assert 12 * (1 + 0.3 * amount) < dark_width(larger) <= most + 1
    assert dark_width(larger, centre=84) == dark_width(larger)
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    away = np.min([np.hypot(x - ex, y - ey) for ex, ey in EYES], axis=0)
    np.testing.assert_array_equal(larger[away > REACH * 40 + 1], picture[away > REACH * 40 + 1])
    columns = np.flatnonzero(larger[60, 20:68, 0] < 128) + 20.5
    assert columns.mean() == pytest.approx(EYES[0, 0], abs=0.6)  # where it was


def test_nothing_is_done_at_nought_and_to_nobody():
    picture = eyes_picture()
    enlarge = EyeEnlarger()
    assert enlarge(0.0, Faces((face(),)), (HEAD,), (picture,), 0.0)[0] is picture
    assert enlarge(0.1, Faces(()), (HEAD,), (picture,), 1.0)[0] is picture
    assert enlarge(0.2, Faces((face(track_id=5),)), (HEAD,), (picture,), 1.0)[0] is picture  # another's crop


def test_the_whole_frame_has_everybody_s_eyes_and_crops_have_them_in_their_own_pixels():
    picture = eyes_picture()
    whole = Region(WHOLE_FRAME, SIZE, SIZE, IDENTITY)
    half = Region(0, SIZE // 2, SIZE // 2, IDENTITY * 2.0)
    small = np.ascontiguousarray(picture[::2, ::2])
    enlarged = EyeEnlarger()(0.0, Faces((face(),)), (whole, half), (picture, small), 1.0)
    assert dark_width(enlarged[0]) > 15
    assert int((enlarged[1][30, 10:36, 0] < 128).sum()) >= 8


def test_neither_eye_of_a_tilted_head_is_cut_by_the_square_around_the_other():
    picture = np.random.default_rng(4).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    eyes = [Bulge(44.0, 44.0, REACH * 56), Bulge(44.0 + 56 * 0.5**0.5, 44.0 + 56 * 0.5**0.5, REACH * 56)]
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    for eye in eyes:
        at = np.hypot(x - eye.x_px, y - eye.y_px) < eye.radius_px
        np.testing.assert_array_equal(magnified(picture, eyes, 1.0)[at], magnified(picture, [eye], 1.0)[at])


def test_trembling_points_do_not_make_the_eyes_tremble_and_a_moving_head_keeps_them():
    chance = np.random.default_rng(2)
    enlarge, middles = EyeEnlarger(), []
    for index in range(60):
        noisy = face(shift=chance.normal(0, 0.8, 2))
        (larger,) = enlarge(index / 30, Faces((noisy,)), (HEAD,), (eyes_picture(),), 1.0)
        columns = np.flatnonzero(larger[60, 20:68, 0] < 128)
        middles.append(columns.mean())
    assert np.std(np.diff(middles[20:])) < 0.6
    enlarge = EyeEnlarger()
    for index in range(30):
        shift = (0.0, 0.8 * index)  # 24 px a second, half an eye distance
        (larger,) = enlarge(index / 30, Faces((face(shift),)), (HEAD,), (eyes_picture(shift=shift),), 1.0)
    column = larger[:, 44, 0] < 128
    assert np.flatnonzero(column).mean() == pytest.approx(60 + 0.8 * 29, abs=2.0)


def test_eyes_are_where_they_are_when_time_stands_still_or_begins_anew():
    for time_s in (1.0, 0.0):
        enlarge = EyeEnlarger()
        enlarge(1.0, Faces((face(),)), (HEAD,), (eyes_picture(),), 1.0)
        moved = eyes_picture(shift=(0.0, 20.0))
        (larger,) = enlarge(time_s, Faces((face((0.0, 20.0)),)), (HEAD,), (moved,), 1.0)
        assert int((larger[..., 0] < 128).sum()) > 1.7 * int((moved[..., 0] < 128).sum())


def test_held_faces_and_eyes_at_the_border():
    picture = eyes_picture()
    enlarge = EyeEnlarger()
    enlarge(0.0, Faces((face(),)), (HEAD,), (picture,), 1.0)
    (held,) = enlarge(0.5, Faces((face(shift=(30, 0), held=True),)), (HEAD,), (picture,), 1.0)
    assert dark_width(held) > 15  # where they were last seen
    cut = magnified(picture, [Bulge(2.0, 60.0, 18.0), Bulge(-90.0, 60.0, 18.0)], 1.0)
    assert cut.shape == picture.shape
