"""Calming: still places keep their drawing, moved places do not lag, faces do not mix."""

from itertools import pairwise

import numpy as np
import pytest

from animecam.render.calm import NEAR_LEVELS, Calm, CalmOptions
from animecam.types import Region

SIDE_PX = 64


def _region(track_id: int, side_px: int = SIDE_PX) -> Region:
    return Region(track_id, side_px, side_px, np.eye(2, 3))


def _flat(level: int, side_px: int = SIDE_PX):
    return np.full((side_px, side_px, 3), level, np.uint8)


def test_a_still_crop_keeps_most_of_its_last_drawing():
    calm = Calm(CalmOptions(keep=0.7))
    calm("cel", [_region(1)], [_flat(100)], [_flat(146)])
    (drawn,) = calm("cel", [_region(1)], [_flat(100)], [_flat(150)])
    np.testing.assert_allclose(drawn, 0.7 * 146 + 0.3 * 150, atol=1)


def test_noise_is_calmed_and_motion_does_not_lag():
    rng = np.random.default_rng(5)
    calm = Calm()
    filmed = rng.integers(80, 160, (SIDE_PX, SIDE_PX, 3)).astype(np.uint8)
    moved = filmed.copy()
    moved[:, SIDE_PX // 2 :] = np.roll(filmed, 7, axis=0)[:, SIDE_PX // 2 :]  # the right half moves
    calm("cel", [_region(1)], [filmed], [_flat(146)])
    noisy = (moved.astype(int) + rng.integers(-1, 2, moved.shape)).astype(np.uint8)
    (drawn,) = calm("cel", [_region(1)], [noisy], [_flat(150)])
    reach = CalmOptions().spread_px
    assert drawn[:, : SIDE_PX // 2 - reach].max() < 148
    assert drawn[:, SIDE_PX // 2 + reach :].min() == 150


def test_flicker_of_a_still_scene_shrinks():
    rng = np.random.default_rng(6)
    filmed, calm = _flat(120), Calm()
    drawings = [rng.integers(100, 140, (SIDE_PX, SIDE_PX, 3)).astype(np.uint8) for _ in range(12)]
    calmed = [calm("cel", [_region(1)], [filmed], [drawing])[0].astype(float) for drawing in drawings]

    def flicker(frames):
        return np.mean([np.abs(a - b).mean() for a, b in pairwise(frames[2:])])

    assert flicker(calmed) < 0.5 * flicker([drawing.astype(float) for drawing in drawings])


@pytest.mark.parametrize("second", [_region(2), _region(1, 48)], ids=["another face", "another size"])
def test_nothing_is_carried_over_to(second):
    calm = Calm()
    calm("cel", [_region(1)], [_flat(100)], [_flat(50)])
    (drawn,) = calm("cel", [second], [_flat(100, second.width_px)], [_flat(150, second.width_px)])
    assert (drawn == 150).all()


def test_another_style_shows_at_once():
    calm = Calm()
    calm("cel", [_region(1)], [_flat(100)], [_flat(50)])
    (drawn,) = calm("ink", [_region(1)], [_flat(100)], [_flat(150)])
    assert (drawn == 150).all()


def test_a_face_that_was_away_begins_anew():
    calm = Calm()
    calm("cel", [_region(1)], [_flat(100)], [_flat(50)])
    calm("cel", [], [], [])
    (drawn,) = calm("cel", [_region(1)], [_flat(100)], [_flat(150)])
    assert (drawn == 150).all()


def _head(shift_px: float = 0.0, mouth: int = 90):
    """Soft blobs that can be moved, and a mouth that can open."""
    y, x = np.mgrid[:256, :256].astype(float)
    x = x - shift_px
    picture = (
        120
        + 50 * np.sin(x / 9) * np.sin(y / 11)
        - 60 * np.exp(-((x - 128) ** 2 + (y - 190) ** 2) / 300) * (mouth != 90)
    )
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _lines(shift_px: float = 0.0):
    x = np.arange(256) - shift_px
    row = np.where(np.abs((x % 32) - 16) < 2, 20, 220).astype(np.uint8)
    return np.repeat(np.tile(row, (256, 1))[..., None], 3, axis=2)


def _off_after_motion(side_px: int):
    """How far lines that follow a head by three pixels are off where they should be then, and off where they were."""
    start = (256 - side_px) // 2
    crop, region = (slice(start, start + side_px),) * 2, _region(1, side_px)
    calm = Calm()
    calm("cel", [region], [_head()[crop].copy()], [_lines()[crop].copy()])
    stripes = np.where(np.arange(256) % 4 < 2, 20, 220).astype(np.uint8)[:, None, None]  # have every tone everywhere
    drawing = np.broadcast_to(stripes, (256, 256, 3))[crop].copy()
    (drawn,) = calm("cel", [region], [_head(3.0)[crop].copy()], [drawing])
    inner = (slice(side_px // 4, -side_px // 4),) * 2
    keep = CalmOptions().keep
    shown = (drawn[inner] - (1.0 - keep) * drawing[inner]) / keep
    return [np.abs(shown - lines[crop][inner]).mean() for lines in (_lines(3.0), _lines())]


def test_the_last_drawing_is_carried_along_the_motion():
    """What moves by three pixels keeps its lines three pixels on, and not where they were: no second image."""
    off, behind = _off_after_motion(256)
    assert off < 0.02 * behind


def test_motion_of_a_small_crop_is_found_at_its_own_detail():
    """Its half, enlarged to the copy in which motion is looked for, had steps: lines were off by half a level."""
    off, _ = _off_after_motion(192)
    assert off < 0.2


def test_lines_do_not_stay_where_the_drawing_has_none():
    """On a plain wall nothing tells that the head before it has turned: its outline was left there, and faded."""
    calm, region = Calm(), _region(1, 256)
    calm("cel", [region], [_flat(100, 256)], [_lines()])
    (drawn,) = calm("cel", [region], [_flat(100, 256)], [_flat(220, 256)])
    assert drawn.min() >= 220 - NEAR_LEVELS


def test_what_opens_is_shown_at_once():
    calm, region = Calm(), _region(1, 256)
    calm("cel", [region], [_head()], [_flat(146, 256)])
    (drawn,) = calm("cel", [region], [_head(mouth=0)], [_flat(150, 256)])
    assert drawn[180:200, 118:138].min() >= 149
    assert drawn[20:60, 20:60].max() < 148


def test_lines_that_are_carried_for_long_stay_sharp():
    calm, region = Calm(), _region(1, 256)
    for index in range(30):
        (drawn,) = calm("cel", [region], [_head(0.3 * index)], [_lines(0.3 * index)])
    sharp = np.abs(np.diff(_lines(0.3 * 29).astype(float)[100:156, 64:192], axis=1)).mean()
    assert np.abs(np.diff(drawn.astype(float)[100:156, 64:192], axis=1)).mean() > 0.8 * sharp
