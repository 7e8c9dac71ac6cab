"""Detectors that take turns while every known face is in sight, and all of them where somebody is missing."""

from dataclasses import replace

import pytest

from animecam.faces.blazeface import EitherRange
from animecam.faces.opening import glances_of
from animecam.faces.track import Tracker


def glances(scene):
    """A far-sighted and a near-sighted detector of a world."""
    return replace(scene.scan, calls=0, largest=0.3), replace(scene.scan, calls=0, smallest=0.3)


def track(scene, detectors, count):
    tracker = Tracker(scene.scan, scene.follow, scene.crop, glances=detectors)
    return [tracker(frame) for frame in scene.frames(count)]


def test_they_take_turns_and_the_whole_search_rests(world, face):
    scene = world(lambda index: [face(300, 200, 80)])
    far, near = glances(scene)
    track(scene, (far, near), 60)
    assert scene.scan.calls == 1  # while nobody was known
    assert far.calls + near.calls == pytest.approx(9, abs=1)  # five times a second, as it was
    assert abs(far.calls - near.calls) <= 1


def test_all_search_at_once_while_somebody_is_missing(world, face):
    scene = world(lambda index: [] if 20 <= index < 26 else [face(300, 200, 80)])
    far, near = glances(scene)
    track(scene, (far, near), 20)
    before = scene.scan.calls, far.calls + near.calls
    track(scene, (far, near), 26)
    assert scene.scan.calls - before[0] == 1 + 6  # the first frame, and each without the face
    assert far.calls + near.calls - before[1] == before[1]


@pytest.mark.parametrize("size", [60, 250])
@pytest.mark.parametrize("came_at", [7, 10, 13, 16])
def test_a_newcomer_whom_one_of_them_sees_is_found_in_two_turns(world, face, size, came_at):
    scene = world(lambda index: [face(120, 120, 80), *([face(450, 300, size)] if index >= came_at else [])])
    seen = track(scene, glances(scene), 40)
    first = next(index for index, faces in enumerate(seen) if len(faces.faces) == 2)
    assert came_at <= first <= came_at + 12  # of 30 frames a second: 0.4 s


def test_only_what_has_parts_is_parted(short):
    both = EitherRange(short, short)
    assert glances_of(both) == (short, short)
    assert glances_of(short) == (short,)
