"""The drawn picture's mean goes to that of its surroundings, within limits and without flicker."""

import numpy as np
import pytest

from animecam.render.masks import full_mask, head_mask
from animecam.render.match import ColorMatch, MatchOptions, part_weights, reach, ring_offsets

SIZE = 64
MASK = head_mask(SIZE, SIZE)
RING = MASK * (1 - MASK)


def flat(*rgb: int) -> np.ndarray:
    return np.full((SIZE, SIZE, 3), rgb, np.uint8)


@pytest.fixture
def region(world):
    return world.region(SIZE, (50, 50), 1.0)


def test_a_small_cast_goes_away(region):
    source, drawn = flat(120, 110, 100), flat(130, 108, 96)
    (matched,) = ColorMatch()(0.0, [region], [source], [drawn], [RING])
    assert np.abs(matched.astype(int) - source).max() <= 1


def test_only_the_ring_is_compared(region):
    source, drawn = flat(100, 100, 100), flat(100, 100, 100)
    drawn[MASK == 1] = (250, 20, 20)  # the style's own colours, where nothing filmed is beside them
    offsets = ring_offsets(source, drawn, part_weights(RING))
    assert np.abs(offsets).max() < 6
    assert np.abs(source.mean((0, 1)) - drawn.mean((0, 1))).max() > 40


def test_a_style_may_differ_beyond_the_limits(region):
    options = MatchOptions(luma_limit=10, chroma_limit=5)
    (matched,) = ColorMatch(options)(0.0, [region], [flat(40, 40, 40)], [flat(140, 140, 140)], [RING])
    assert np.abs(matched.astype(int) - 130).max() <= 1


def test_changes_are_followed_slowly(region):
    match = ColorMatch(MatchOptions(settle_s=0.25))
    drawn = flat(100, 100, 100)
    (first,) = match(0.0, [region], [flat(100, 100, 100)], [drawn], [RING])
    steps = [match(t, [region], [flat(112, 112, 112)], [drawn], [RING])[0].mean() for t in (0.04, 0.25, 2.0)]
    assert first.mean() == pytest.approx(100, abs=0.5)
    assert 100 < steps[0] < 104
    assert 106 < steps[1] < 110
    assert steps[2] == pytest.approx(112, abs=0.6)


@pytest.mark.parametrize("later_s", [-1.0, 0.04])
def test_a_new_face_or_a_clip_that_begins_anew_starts_at_its_own_offset(world, region, later_s):
    match = ColorMatch()
    drawn = flat(100, 100, 100)
    match(0.0, [region], [flat(110, 110, 110)], [drawn], [RING])
    other = region if later_s < 0 else world.region(SIZE, (50, 50), 1.0, track_id=5)
    (matched,) = match(later_s, [other], [flat(92, 92, 92)], [drawn], [RING])
    assert matched.mean() == pytest.approx(92, abs=0.6)


def test_a_face_that_was_gone_is_forgotten(region):
    match = ColorMatch()
    drawn = flat(100, 100, 100)
    match(0.0, [region], [flat(110, 110, 110)], [drawn], [RING])
    match(0.04, [], [], [], [])
    (matched,) = match(0.08, [region], [flat(92, 92, 92)], [drawn], [RING])
    assert matched.mean() == pytest.approx(92, abs=0.6)


def test_without_a_transition_nothing_moves(region):
    drawn = flat(30, 60, 90)
    full = full_mask(SIZE, SIZE)
    (matched,) = ColorMatch()(0.0, [region], [flat(200, 200, 200)], [drawn], [full * (1 - full)])
    np.testing.assert_array_equal(matched, drawn)


def test_each_side_goes_to_what_is_beside_it(region):
    """A wall that was drawn as it is stays so though hair on the other side was drawn darker."""
    source, drawn = flat(110, 110, 110), flat(110, 110, 110)
    drawn[:, SIZE // 2 :] -= 12
    (matched,) = ColorMatch()(0.0, [region], [source], [drawn], [RING])
    middle = slice(SIZE * 3 // 8, SIZE * 5 // 8)
    assert np.abs(matched[middle, : SIZE // 6].astype(int) - 110).max() <= 1
    assert np.abs(matched[middle, -SIZE // 6 :].astype(int) - 110).max() <= 1
    face = matched[middle, middle].astype(int) - drawn[middle, middle]
    assert 4 <= face.min() <= face.max() <= 8  # the middle is moved alike, by the mean of both


def test_the_side_without_a_ring_goes_with_the_rest(region):
    """Where nobody is cut out there is nothing to compare: what the others ask for holds there, too."""
    ring = RING.copy()
    ring[:, : SIZE // 2] = 0
    source, drawn = flat(110, 110, 110), flat(100, 100, 100)
    drawn[:, : SIZE // 2] = 200
    offsets = ring_offsets(source, drawn, part_weights(ring))
    np.testing.assert_allclose(offsets[:, 0], 10, atol=0.6)


def test_what_reaches_a_pixel_sums_to_one():
    np.testing.assert_allclose(reach(96, 64).sum(axis=0), 1, atol=1e-5)
