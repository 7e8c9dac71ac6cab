"""The sides of a picture: what comes over them is seen at once, what stays or trembles is not."""

from dataclasses import replace

import numpy as np
import pytest

from animecam.bars import Inset
from animecam.faces.sides import Sides
from animecam.faces.track import Tracker

ROOM = np.repeat(np.linspace(60, 180, 640, dtype=np.uint8)[None, :, None], 480, axis=0).repeat(3, axis=2)


def have_changed(frame_of, before, after, **turned) -> bool:
    sides = Sides()
    assert not sides.have_changed(frame_of(before, **turned))  # nothing was searched yet
    sides.remember(frame_of(before, **turned))
    return sides.have_changed(frame_of(after, 1, **turned))


def with_block(top: int, left: int, side: int = 80) -> np.ndarray:
    picture = ROOM.copy()
    picture[top : top + side, left : left + side] = 20
    return picture


@pytest.mark.parametrize("left", [0, 560])
@pytest.mark.parametrize("top", [0, 120, 240])
def test_what_comes_over_a_side_is_seen(frame_of, left, top):
    assert have_changed(frame_of, ROOM, with_block(top, left))
    assert have_changed(frame_of, with_block(top, left), ROOM)


@pytest.mark.parametrize("left", [160, 400])
def test_the_sides_of_what_lies_between_black_bars_count(frame_of, left):
    def barred(picture, index):
        picture = picture.copy()
        picture[:, :160] = picture[:, -160:] = 0
        return replace(frame_of(picture, index), inset=Inset(160, 0, 320, 480))

    sides = Sides()
    sides.remember(barred(ROOM, 0))
    assert sides.have_changed(barred(with_block(120, left), 1))
    assert not sides.have_changed(barred(ROOM, 1))


def test_what_moves_in_the_middle_or_below_grain_and_flicker_are_not(frame_of):
    grain = np.random.default_rng(1).normal(0, 5, ROOM.shape)
    noisy = np.clip(ROOM + grain, 0, 255).astype(np.uint8)
    for later in (ROOM, noisy, ROOM + np.uint8(3), with_block(200, 240), with_block(400, 0)):
        assert not have_changed(frame_of, ROOM, later)


def test_a_slow_motion_adds_up_until_it_is_searched(frame_of):
    sides = Sides()
    sides.remember(frame_of(ROOM))
    steps = [sides.have_changed(frame_of(ROOM + np.uint8(step))) for step in range(16)]
    assert steps == [False] * 12 + [True] * 4


@pytest.mark.parametrize("rotation_deg", [90, 180, 270])
def test_the_sides_are_those_of_the_upright_picture(frame_of, rotation_deg):
    def stored(picture):
        return np.ascontiguousarray(np.rot90(picture, -rotation_deg // 90))

    for top, left, is_seen in ((0, 0, True), (0, 560, True), (0, 280, False), (400, 0, False), (400, 280, False)):
        block = stored(with_block(top, left))
        assert have_changed(frame_of, stored(ROOM), block, rotation_deg=rotation_deg) == is_seen


@pytest.mark.parametrize("size", [1, 2, 13])
def test_small_pictures_are_compared_too(frame_of, size):
    picture = np.full((size, size, 3), 90, np.uint8)
    assert not have_changed(frame_of, picture, picture)
    assert have_changed(frame_of, picture, picture + np.uint8(40))


def test_a_newcomer_over_the_side_is_found_in_the_next_frame_and_not_at_the_next_turn(world, face):
    came_at = 8  # searched in frames 0, 6 and 12 where nothing moves

    def people(index):
        return [face(450, 240, 80), *([face(60, 240, 80)] if index >= came_at else [])]

    def first_with_two(picture_of) -> int:
        scene = world(people)
        tracker = Tracker(scene.scan, scene.follow, scene.crop)
        frames = (replace(frame, planes=(picture_of(frame.index),)) for frame in scene.frames(20))
        return next(frame.index for frame in frames if len(tracker(frame).faces) == 2)

    assert first_with_two(lambda index: ROOM) == 12
    assert first_with_two(lambda index: ROOM if index < came_at else with_block(200, 20)) == came_at


def test_sides_that_never_rest_have_every_second_frame_searched(world, face):
    scene, searched = world(lambda index: [face(450, 240, 80)]), []
    original = scene.scan.detect
    scene.scan.detect = lambda *args: searched.append(1) or original(*args)
    tracker = Tracker(scene.scan, scene.follow, scene.crop)
    for frame in scene.frames(41):
        tracker(replace(frame, planes=(with_block(100, 0) if frame.index % 2 else with_block(20, 560),)))
    assert 13 <= len(searched) <= 21
