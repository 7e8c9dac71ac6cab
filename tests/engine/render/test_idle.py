"""The network rests on what has not changed, and on nothing else."""

import numpy as np
import pytest

from animecam.render.idle import SAME_LEVELS, Idle
from animecam.types import Region

SIDE_PX = 256
DRAWING = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)


def region(track_id=1):
    return Region(track_id, SIDE_PX, SIDE_PX, np.eye(2, 3))


@pytest.fixture
def filmed():
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    return np.stack([60 + x // 2, 60 + y // 2, np.full_like(x, 120)], axis=2).astype(np.uint8)


def ink(pictures):
    return pictures


@pytest.fixture
def idle(filmed):
    memory = Idle()
    memory.remember(ink, [region()], [filmed], [DRAWING])
    return memory


def noisy(picture, levels, seed):
    noise = np.random.default_rng(seed).normal(0, levels, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def test_the_same_crop_keeps_its_drawing(idle, filmed):
    (kept,) = idle.kept(ink, [region()], [filmed])
    assert kept is DRAWING


@pytest.mark.parametrize("seed", range(5))
def test_camera_noise_is_no_change(filmed, seed):
    memory = Idle()
    memory.remember(ink, [region()], [noisy(filmed, 2.0, 100 + seed)], [DRAWING])
    assert memory.kept(ink, [region()], [noisy(filmed, 2.0, seed)]) is not None


def test_a_closing_eye_is_a_change(idle, filmed):
    filmed[110:118, 80:104] -= 25
    assert idle.kept(ink, [region()], [filmed]) is None


def test_a_shift_by_a_pixel_of_a_mouth_is_a_change(filmed):
    filmed[170:180, 100:150] = 30
    memory = Idle()
    memory.remember(ink, [region()], [filmed], [DRAWING])
    moved = filmed.copy()
    moved[170:180, 100:150] = np.roll(filmed, 1, axis=0)[170:180, 100:150]
    moved[180, 100:150] = 30
    assert memory.kept(ink, [region()], [moved]) is None


def test_slow_change_adds_up_until_it_is_drawn(filmed):
    """A dusk of a level every ten frames: no frame differs from the one before, but the drawing never lags far."""
    memory, drawn, lag = Idle(), 0, 0
    memory.remember(ink, [region()], [filmed], [DRAWING])
    last_level = 0
    for frame in range(300):
        now = filmed - np.uint8(frame // 10)
        if memory.kept(ink, [region()], [now]) is None:
            memory.remember(ink, [region()], [now], [DRAWING])
            drawn, last_level = drawn + 1, frame // 10
        lag = max(lag, frame // 10 - last_level)
    assert lag <= SAME_LEVELS
    assert 5 <= drawn <= 15


def test_another_style_face_or_size_is_drawn(idle, filmed):
    assert idle.kept(lambda pictures: pictures, [region()], [filmed]) is None
    assert idle.kept(ink, [region(2)], [filmed]) is None
    assert idle.kept(ink, [region()], [filmed[:192, :192]]) is None


def test_one_changed_face_of_two_has_both_drawn(idle, filmed):
    both = [region(1), region(2)]
    idle.remember(ink, both, [filmed, filmed], [DRAWING, DRAWING])
    assert idle.kept(ink, both, [filmed, filmed]) is not None
    assert idle.kept(ink, both, [filmed, 255 - filmed]) is None


def test_no_face_at_all_is_not_idle(idle):
    assert idle.kept(ink, [], []) is None
