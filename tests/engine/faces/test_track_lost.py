"""The tracker on faces that are lost: held, searched for and given up, and at no time is one bare."""

from dataclasses import replace

import numpy as np
import pytest

from animecam.bars import Inset
from animecam.faces.track import Tracker


def gone_between(face, start, end):
    return lambda index: [] if start <= index < end else [face]


def test_a_lost_face_is_held_and_keeps_its_number(world, face, track, ids, middle):
    scene = world(gone_between(face(300, 200, 80), 10, 20))
    seen = track(scene, 25)
    assert [ids(faces) for faces in seen] == [[0]] * 25
    assert [faces.faces[0].held for faces in seen] == [False] * 10 + [True] * 10 + [False] * 5
    assert middle(seen[19].faces[0]) == pytest.approx([300, 200], abs=0.1)
    assert not any(faces.is_exposed for faces in seen)


def test_a_missing_face_is_searched_for_in_the_very_frame(world, face):
    scene = world(gone_between(face(300, 200, 80), 3, 9))
    tracker = Tracker(scene.scan, scene.follow, scene.crop)
    calls = []
    for frame in scene.frames(9):
        tracker(frame)
        calls.append(scene.scan.calls)
    assert calls == [1, 1, 1, 2, 3, 4, 5, 6, 7]


def test_a_face_lost_inside_the_picture_exposes_until_it_is_found_again(world, face, track, ids):
    scene = world(gone_between(face(300, 200, 80), 10, 60))
    seen = track(scene, 70)
    assert ids(seen[23]) == [0]  # held for half a second
    assert [ids(faces) for faces in seen[26:60]] == [[]] * 34
    assert [faces.is_exposed for faces in seen[26:60]] == [True] * 34
    assert [ids(faces) for faces in seen[60:]] == [[1]] * 10  # a new number: nobody knows whether it is the same
    assert not any(faces.is_exposed for faces in seen[60:])


def test_at_no_time_is_a_face_bare(world, face, track):
    """Whatever happens to the detections, there is a face or the whole frame is drawn."""
    rng = np.random.default_rng(2)
    shows = rng.random(300) < 0.5
    shows[40:90] = False
    seen = track(world(lambda index: [face(300, 200, 80)] if shows[index] else []), 300)
    assert all(faces.is_exposed or faces.faces for faces in seen)


def test_whoever_does_not_come_back_exposes_without_an_end(world, face, track, visible):
    seen = track(world(visible(face(300, 200, 80), end=10)), 1200)
    assert all(faces.is_exposed for faces in seen[25:])


@pytest.fixture
def beside(face):
    """Somebody who stays at the right, and others."""
    return lambda others: lambda index: [face(560, 240, 60), *others(index)]


@pytest.mark.parametrize(("seconds", "waits_s"), [(3, 60), (1, 5)])
def test_beside_others_somebody_is_waited_for_a_minute_and_a_brief_face_is_not(
    world, face, track, beside, seconds, waits_s
):
    """A passer-by who turns his back would draw the room whole for hours, a mistake of the detector's for a minute."""
    lost = round(seconds * 30)
    seen = track(world(beside(lambda index: [face(120, 240, 60)] if index < lost else [])), lost + 30 * waits_s + 30)
    exposed = [index for index, faces in enumerate(seen) if faces.is_exposed]
    assert exposed[0] in (lost + 14, lost + 15)
    assert exposed == list(range(exposed[0], exposed[0] + 30 * waits_s))


@pytest.mark.parametrize("come_back", [1, 2])
def test_after_a_while_the_lost_may_have_come_back_anywhere_and_each_newcomer_is_one_of_them(
    world, face, track, beside, come_back
):
    places = [(60, 60), (60, 420)], [(360, 60), (360, 420)]

    def people(index):
        now = places[0] if index < 90 else places[1][:come_back] if index >= 150 else []
        return [face(*place, 50) for place in now]

    seen = track(world(beside(people)), 420)
    assert seen[0].faces
    assert all(faces.is_exposed for faces in seen[106:254])
    assert {faces.is_exposed for faces in seen[256:]} == {come_back < 2}


def test_the_whole_picture_is_not_searched_for_ever_for_somebody_who_went_away(world, face, beside):
    scene = world(beside(lambda index: [face(120, 240, 60)] if index < 90 else []))
    tracker, calls = Tracker(scene.scan, scene.follow, scene.crop), []
    for frame in scene.frames(360):
        assert tracker(frame).faces
        calls.append(scene.scan.calls)
    assert calls[250] - calls[91] == 250 - 91
    assert calls[359] - calls[269] == 90 / 6


def test_someone_else_far_away_does_not_end_the_exposure(world, face, track, ids):
    def faces(index):
        return [face(120, 240, 60)] if index < 10 else [face(560, 240, 60)] if index >= 40 else []

    seen = track(world(faces), 60)
    assert seen[50].is_exposed
    assert ids(seen[50]) == [1]


def test_a_face_that_jumped_and_was_found_at_once_is_not_missed_when_it_is_given_up(world, face, track, ids):
    """Found half a second later it would end the exposure; found sooner, it must not begin one."""
    seen = track(world(lambda index: [face(300 if index < 10 else 440, 200, 80)]), 60)
    assert ids(seen[10]) == [0, 1]
    assert ids(seen[59]) == [1]
    assert not any(faces.is_exposed for faces in seen[1:])


def test_a_face_that_leaves_over_the_border_exposes_nobody_beside_others(world, face, track, ids):
    def leaving(index):
        x = 500 + 8 * index
        return [face(200, 240, 90), *([face(x, 240, 80)] if x < 630 else [])]

    seen = track(world(leaving), 60)
    assert ids(seen[14]) == [0, 1]
    assert ids(seen[-1]) == [0]
    assert not any(faces.is_exposed for faces in seen)


def test_a_face_that_leaves_over_black_bars_exposes_nobody_beside_others(world, face):
    """The whole picture was drawn for a minute, for somebody who had walked out of it."""
    scene = world(lambda index: [face(240, 240, 90), *([face(360 + 6 * index, 240, 80)] if index < 15 else [])])
    tracker = Tracker(scene.scan, scene.follow, scene.crop)
    seen = [tracker(replace(frame, inset=Inset(160, 0, 320, 480))) for frame in scene.frames(60)]
    assert [len(faces.faces) for faces in (seen[14], seen[-1])] == [2, 1]
    assert not any(faces.is_exposed for faces in seen)


def test_a_fast_face_that_vanishes_exposes_at_once(world, face, track, ids):
    def dashing(index):
        return [face(100 + 16 * index, 240, 80)] if index < 15 else []

    seen = track(world(dashing), 22)
    assert not any(faces.is_exposed for faces in seen[:15])
    assert seen[21].is_exposed  # 0.2 s at 480 px/s: its last place no longer covers it
    assert ids(seen[21]) == [0]


def test_a_fast_face_in_slow_motion_that_vanishes_exposes_at_once(world, face, track):
    scene = world(lambda index: [face(100 + 1.5 * index, 200, 80)] if index < 110 else [], rate=240)
    seen = track(scene, 140)  # an eighth of a second after it was seen last
    assert not any(faces.is_exposed for faces in seen[1:110])
    assert seen[-1].is_exposed


def test_a_gap_in_time_gives_up_what_is_not_found_again(world, face, visible):
    scene = world(visible(face(300, 200, 80), end=10))
    tracker = Tracker(scene.scan, scene.follow, scene.crop)
    for frame in scene.frames(10):
        tracker(frame)
    (later,) = scene.frames(1, start=900)
    assert tracker(later).faces == ()


def test_a_face_that_moved_while_it_was_lost_keeps_its_number(world, face, track, ids, middle):
    def jumping(index):
        return [face(300, 200, 80)] if index < 10 else [face(380, 200, 80)] if index >= 22 else []

    seen = track(world(jumping), 26)
    assert ids(seen[-1]) == [0]
    assert middle(seen[-1].faces[0]) == pytest.approx([380, 200], abs=0.1)


def test_while_somebody_is_missing_every_frame_is_searched(world, face):
    def people(index):
        return [face(150, 240, 80), *([face(450, 240, 80)] if index < 10 or index >= 60 else [])]

    scene = world(people)
    tracker, calls = Tracker(scene.scan, scene.follow, scene.crop), []
    for frame in scene.frames(60):
        tracker(frame)
        calls.append(scene.scan.calls)
    assert set(np.diff(calls[10:])) == {1}
    assert len(tracker(next(scene.frames(1, start=60))).faces) == 2
