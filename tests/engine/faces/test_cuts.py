"""Cuts: another picture is another shot, whatever its light; motion, noise and fades are none."""

from dataclasses import replace

import numpy as np
import pytest

from animecam.bars import Inset
from animecam.faces.cuts import CutFinder
from animecam.faces.track import Tracker, TrackerOptions
from animecam.types import PixelFormat


def nobody(*_):
    raise AssertionError("the pixels are at hand")


def picture(seed: int, height: int = 180, width: int = 320) -> np.ndarray:
    """Soft shapes, another for each seed."""
    waves = np.random.default_rng(seed).uniform(-1, 1, (4, 3))
    y, x = np.mgrid[:height, :width] / height
    tones = sum(np.sin(7 * a * x + 9 * b * y + 3 * c) for a, b, c in waves)
    return np.repeat((127 + 25 * tones).astype(np.uint8)[..., None], 3, axis=2)


def is_cut(frame_of, first, second) -> bool:
    finder = CutFinder(nobody)
    assert not finder(frame_of(first))
    return finder(frame_of(second, 1))


def test_another_picture_is_a_cut(frame_of):
    assert all(is_cut(frame_of, picture(seed), picture(seed + 1)) for seed in range(0, 12, 2))


def test_the_same_scene_is_none(frame_of):
    scene = picture(0)
    noisy = np.clip(scene + np.random.default_rng(1).normal(0, 12, scene.shape), 0, 255).astype(np.uint8)
    for later in (noisy, np.roll(scene, 8, axis=1), scene // 3, 255 - (255 - scene) // 2, np.full_like(scene, 90)):
        assert not is_cut(frame_of, scene, later)


@pytest.mark.parametrize("grain", [0, 3, 12])
@pytest.mark.parametrize("after", [0, 1])
def test_a_plain_picture_is_none_and_what_comes_after_it_is_compared_with_what_was_before(frame_of, grain, after):
    """No two frames of grain are alike: black, or fog, was a cut with each of them."""
    rng = np.random.default_rng(2)
    black = [np.clip(40 + rng.normal(0, grain, (180, 320, 3)), 0, 255).astype(np.uint8) for _ in range(8)]
    finder = CutFinder(nobody)
    cuts = [finder(frame_of(shown, index)) for index, shown in enumerate([picture(0), *black, picture(after)])]
    assert cuts == [False] * 9 + [after != 0]


@pytest.mark.parametrize("side", [16, 33, 2000])
def test_pictures_of_any_size_are_compared(frame_of, side):
    assert not is_cut(frame_of, picture(0, side, side), picture(0, side, side))


def test_luma_is_compared_where_there_is_one(frame_of):
    frames = [
        replace(frame_of(picture(0)), planes=(picture(seed)[..., 0],), pixel_format=PixelFormat.YUV420P)
        for seed in (0, 0, 1)
    ]
    finder = CutFinder(nobody)
    assert [finder(frame) for frame in frames] == [False, False, True]


def test_other_black_bars_are_a_cut_and_the_same_are_none(frame_of):
    """The picture may look alike, but nothing is where it was."""
    finder = CutFinder(nobody)
    insets = [None, None, Inset(80, 0, 160, 180), Inset(80, 0, 160, 180), None]
    cuts = [finder(replace(frame_of(picture(0), index), inset=inset)) for index, inset in enumerate(insets)]
    assert cuts == [False, False, True, False, True]


def barred(shown: np.ndarray, black: int, rows: int, columns: int) -> np.ndarray:
    """A picture that a film has between black bars, without a word about them."""
    film = np.full((180, 320, 3), black, np.uint8)
    film[rows : 180 - rows, columns : 320 - columns] = shown[rows : 180 - rows, columns : 320 - columns]
    return film


@pytest.mark.parametrize("black", [0, 16])
@pytest.mark.parametrize(("rows", "columns"), [(22, 0), (0, 40), (30, 0)])
def test_what_lies_between_black_bars_is_compared(frame_of, black, rows, columns):
    """All pictures between the same bars are alike by those: with a quarter of the height most cuts were missed."""
    shots = [barred(picture(seed), black, rows, columns) for seed in range(12)]
    assert all(is_cut(frame_of, *shots[first : first + 2]) for first in range(0, 12, 2))
    panned = barred(np.roll(picture(0), 4, axis=1), black, rows, columns)
    assert not is_cut(frame_of, shots[0], panned)


@pytest.mark.parametrize("after", [0, 1])
def test_a_plain_picture_between_black_bars_is_none(frame_of, after):
    film = [barred(shown, 16, 22, 0) for shown in (picture(0), np.full_like(picture(0), 235), picture(after))]
    finder = CutFinder(nobody)
    assert [finder(frame_of(shown, index)) for index, shown in enumerate(film)] == [False, False, after != 0]


def test_a_light_in_the_dark_may_move(frame_of):
    """Hardly anything of the picture is no bar."""
    first, second = np.zeros((2, 180, 320, 3), np.uint8)
    first[80:90, 100:120] = second[80:90, 103:123] = 200
    assert not is_cut(frame_of, first, second)


class Film:
    """Shots of a film: what is seen and who is in it."""

    def __init__(self, world, frame_of, shots):
        self.scene = world(lambda index: shots[self.shot(index)][1])
        self.frame_of, self.shots = frame_of, shots
        self.pictures = [picture(seed, 480, 640) for seed, _ in shots for _ in range(10)]

    def shot(self, index):
        return min(index // 10, len(self.shots) - 1)

    def track(self, **options):
        tracker = Tracker(self.scene.scan, self.scene.follow, self.scene.crop, TrackerOptions(**options))
        return [tracker(self.frame_of(one, index)) for index, one in enumerate(self.pictures)]


def test_nobody_is_held_across_a_cut(world, frame_of, face):
    film = Film(world, frame_of, [(0, [face(300, 200, 80)]), (1, []), (2, [face(310, 205, 80)])])
    seen = film.track(sees_cuts=True)
    assert [[one.track_id for one in faces.faces] for faces in seen] == [[0]] * 10 + [[]] * 10 + [[1]] * 10
    assert not any(one.held for faces in seen for one in faces.faces)
    # Where nobody is found after a cut somebody may be there all the same.
    assert [faces.is_exposed for faces in seen] == [False] * 10 + [True] * 10 + [False] * 10


def test_whoever_is_at_the_same_place_after_a_cut_is_somebody_else(world, frame_of, face):
    film = Film(world, frame_of, [(0, [face(300, 200, 80)]), (1, [face(300, 200, 80)])])
    assert [faces.faces[0].track_id for faces in film.track(sees_cuts=True)] == [0] * 10 + [1] * 10
    assert {faces.faces[0].track_id for faces in film.track()} == {0}  # cameras have no cuts


def test_a_camera_s_picture_that_jumps_covers_nobody_who_is_held(world, frame_of, face):
    """A camera that is turned over, or a program that switches scenes: the last place means nothing any more."""
    film = Film(world, frame_of, [(0, [face(300, 200, 80)]), (1, []), (1, [face(310, 205, 80)])])
    seen = film.track()
    assert [[one.track_id for one in faces.faces] for faces in seen] == [[0]] * 30
    assert [faces.is_exposed for faces in seen] == [False] * 10 + [True] * 10 + [False] * 10
    assert not any(faces.is_new_shot for faces in seen)


def test_a_camera_s_picture_that_jumps_leaves_those_alone_who_are_found(world, frame_of, face):
    film = Film(world, frame_of, [(0, [face(300, 200, 80)]), (1, [face(300, 200, 80)]), (1, [])])
    seen = film.track(lost_seconds=10.0)
    assert not any(faces.is_exposed for faces in seen)  # the last ten are held in a picture that did not change


def test_a_false_cut_uncovers_nobody(world, frame_of, face):
    """Somebody who is followed, but would not be believed if he came now, must stay covered."""
    dim = face(480, 200, 80, score=0.62)
    film = Film(world, frame_of, [(0, [face(200, 200, 80), face(480, 200, 80)]), (0, [face(200, 200, 80), dim])])
    film.pictures[10] = picture(1, 480, 640)  # one odd frame: a flash, a hand, a camera that is thrown round
    seen = film.track(sees_cuts=True)
    assert [faces.is_new_shot for faces in seen].count(True) == 2
    assert all(len(faces.faces) == 2 or faces.is_exposed for faces in seen)
    assert [len(faces.faces) for faces in seen[12:]] == [2] * 8


def test_who_comes_with_a_cut_is_found_in_its_first_frame(world, frame_of, face):
    """Where all who were there seemed to be there still, the others of a shot were bare until a search was due."""
    one, other = face(200, 200, 80), face(480, 200, 80)
    film = Film(world, frame_of, [(0, [one]), (1, [one, other])])
    seen = film.track(sees_cuts=True, scan_seconds=0.3)  # so that the last search is that of the frame before
    assert [len(faces.faces) for faces in seen] == [1] * 10 + [2] * 10


def test_who_is_missing_after_a_cut_may_be_there(world, frame_of, face):
    two = [face(200, 200, 80), face(480, 200, 80)]
    seen = Film(world, frame_of, [(0, two), (1, two[:1])]).track(sees_cuts=True, cut_seconds=0.2)
    assert [faces.is_exposed for faces in seen] == [False] * 10 + [True] * 6 + [False] * 4


def test_who_was_lost_before_a_cut_is_forgotten_too(world, frame_of, face):
    lost = Film(world, frame_of, [(0, [face(200, 200, 80)]), (0, []), (0, []), (1, [face(480, 200, 80)])])
    seen = lost.track(sees_cuts=True)
    assert seen[29].is_exposed
    assert not any(faces.is_exposed for faces in seen[30:])


def test_pictures_that_come_seldom_may_differ_more(frame_of):
    first, second = picture(0), picture(0)
    second[:, 110:] = picture(3)[:, 110:]
    near, later = CutFinder(nobody), CutFinder(nobody)
    assert [near(frame_of(first)), near(frame_of(second, 1))] == [False, True]
    assert [later(frame_of(first)), later(frame_of(second, 3))] == [False, False]
