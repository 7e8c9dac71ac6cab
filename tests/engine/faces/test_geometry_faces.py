"""Maps between the frame and what the detectors see; which detection is which face."""

from dataclasses import replace
from math import pi

import numpy as np
import pytest

from animecam.bars import Inset
from animecam.faces.geometry import map_detection, overlap, overlaps, share_inside, upright_region
from animecam.faces.matching import Expected, covers, match
from animecam.types import Box

PICTURE = np.zeros((480, 640, 3), dtype=np.uint8)


def at(region, x, y):
    return tuple(region.to_frame @ (x, y, 1.0))


def test_a_small_frame_is_searched_as_it_is(frame_of):
    region = upright_region(frame_of(np.zeros((144, 176, 3), dtype=np.uint8)), 192)
    assert (region.width_px, region.height_px) == (176, 144)
    assert (region.to_frame == np.eye(2, 3)).all()


@pytest.mark.parametrize(
    ("rotation_deg", "top_left", "top_right", "size"),
    [
        (0, (0, 0), (640, 0), (192, 144)),
        (90, (640, 0), (640, 480), (144, 192)),
        (180, (640, 480), (0, 480), (192, 144)),
        (270, (0, 480), (0, 0), (144, 192)),
    ],
)
def test_the_copy_stands_upright(frame_of, rotation_deg, top_left, top_right, size):
    region = upright_region(frame_of(PICTURE, rotation_deg=rotation_deg), 192)
    assert (region.width_px, region.height_px) == size
    assert at(region, 0, 0) == pytest.approx(top_left)
    assert at(region, size[0], 0) == pytest.approx(top_right)


@pytest.mark.parametrize("size", [(1080, 1920), (480, 854), (1000, 37), (3, 4000)])
@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_the_copy_shows_all_of_the_frame_and_no_more(frame_of, size, rotation_deg):
    region = upright_region(frame_of(np.zeros((*size, 3), dtype=np.uint8), rotation_deg=rotation_deg), 192)
    sides = region.width_px, region.height_px
    assert max(sides) == 192
    assert min(sides) == max(1, round(192 * min(size) / max(size)))
    corners = np.array([at(region, x, y) for x in (0, sides[0]) for y in (0, sides[1])])
    assert corners.min(axis=0) == pytest.approx((0, 0))
    assert corners.max(axis=0) == pytest.approx(size[::-1])


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_black_bars_around_the_picture_are_not_searched(frame_of, rotation_deg):
    frame = replace(frame_of(PICTURE, rotation_deg=rotation_deg), inset=Inset(200, 40, 240, 400))
    region = upright_region(frame, 200)
    assert (region.width_px, region.height_px) == ((120, 200) if rotation_deg in (0, 180) else (200, 120))
    corners = np.array([at(region, x, y) for x in (0, region.width_px) for y in (0, region.height_px)])
    assert corners.min(axis=0) == pytest.approx((200, 40))
    assert corners.max(axis=0) == pytest.approx((440, 440))


def test_the_rotation_is_the_pictures(frame_of):
    upright = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    for quarter_turns in range(4):
        stored = np.rot90(upright, -quarter_turns)
        region = upright_region(frame_of(np.ascontiguousarray(stored), rotation_deg=90 * quarter_turns), 192)
        x, y = at(region, 10.5, 3.5)
        assert (stored[int(y), int(x)] == upright[3, 10]).all()


@pytest.mark.parametrize("angle", [0.0, 0.4, pi / 2, -pi / 2, pi])
def test_a_detection_is_mapped_with_its_points_and_its_size(face, angle):
    seen = face(64, 60, 50)
    turn = 3.0 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    mapped = map_detection(seen, np.column_stack([turn, [200, 100]]))
    assert mapped.points_px == pytest.approx(seen.points_px @ turn.T + [200, 100], abs=1e-3)
    left, top, right, bottom = mapped.box_px
    assert (right - left, bottom - top) == pytest.approx((150, 150))
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx(tuple(turn @ (64, 60) + (200, 100)))


def test_a_quarter_turn_swaps_the_boxes_sides(face):
    wide = face(64, 60, 50)
    wide = type(wide)(Box(10, 20, 70, 50), wide.points_px, wide.score)
    left, top, right, bottom = map_detection(wide, np.array([[0, -1, 100], [1, 0, 0]], dtype=float)).box_px
    assert (right - left, bottom - top) == pytest.approx((30, 60))


def test_overlap_of_boxes():
    assert overlap(Box(0, 0, 2, 2), Box(1, 0, 3, 2)) == pytest.approx(1 / 3)
    boxes = np.array([[0, 0, 2, 2], [5, 5, 6, 6], [1, 1, 1, 1]], dtype=np.float32)
    assert overlaps(Box(0, 0, 2, 2), boxes) == pytest.approx([1, 0, 0])
    assert overlap(Box(1, 1, 1, 1), Box(1, 1, 1, 1)) == 0


def test_share_inside_the_frame(frame_of):
    frame = frame_of(PICTURE)
    assert share_inside(Box(10, 10, 20, 20), frame) == pytest.approx(1)
    assert share_inside(Box(-5, 10, 5, 20), frame) == pytest.approx(0.5)
    assert share_inside(Box(-50, 10, -5, 20), frame) == 0


def test_black_bars_are_outside_of_the_frame(frame_of):
    frame = replace(frame_of(PICTURE), inset=Inset(160, 0, 320, 480))
    assert share_inside(Box(155, 10, 165, 20), frame) == pytest.approx(0.5)
    assert share_inside(Box(475, 10, 485, 20), frame) == pytest.approx(0.5)
    assert share_inside(Box(500, 10, 520, 20), frame) == 0


def expected(track_id, detection, reach=0.5):
    return Expected(track_id, detection.box_px, reach)


def test_the_nearest_pair_is_matched_first(face):
    near, far = face(99, 100, 50), face(124, 100, 50)
    left, right = expected(4, face(101, 100, 50)), expected(7, face(140, 100, 50))
    assert match([left], [far, near]) == {4: near}
    assert match([right, left], [far, near]) == {4: near, 7: far}


def test_one_face_seen_twice_goes_to_one_track_only(face):
    twice = [face(100, 100, 50), face(104, 101, 52)]
    known = [expected(0, face(100, 100, 50)), expected(1, face(110, 100, 50))]
    assert match(known, twice) == {0: twice[0]}


@pytest.mark.parametrize("other", [(160, 100, 50), (100, 100, 20), (100, 100, 120), (100, 100, 0)])
def test_too_far_or_too_different_is_no_match(face, other):
    assert match([expected(0, face(100, 100, 50))], [face(*other)]) == {}


def test_covering(face):
    assert covers([face(100, 100, 50)], face(110, 100, 50))
    assert not covers([face(100, 100, 50)], face(150, 100, 50))
    assert not covers([], face(150, 100, 50))
