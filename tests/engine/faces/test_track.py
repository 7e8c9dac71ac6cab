"""The tracker on faces that are known: numbers, holding, loss, exposure, cost."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from animecam.faces.track import Tracker, TrackerOptions
from animecam.types import Box, Detection


def track(scene, count, options=None):
    """What the tracker says of each frame."""
    tracker = Tracker(scene.scan, scene.follow, scene.crop, options)
    return [tracker(frame) for frame in scene.frames(count)]


def ids(faces):
    return [face.track_id for face in faces.faces]


def middle(face):
    return face.detection.points_px.mean(axis=0)


def visible(face, start=0, end=10**9):
    return lambda index: [face] if start <= index < end else []


def gone_between(face, start, end):
    return lambda index: [] if start <= index < end else [face]


def test_nobody_yet_is_exposed_and_the_first_face_covers(world, face):
    seen = track(world(visible(face(300, 200, 80), start=5)), 8)
    assert [faces.is_exposed for faces in seen] == [True] * 5 + [False] * 3
    assert [ids(faces) for faces in seen] == [[]] * 5 + [[0]] * 3
    assert middle(seen[5].faces[0]) == pytest.approx([300, 200], abs=0.1)
    assert not seen[5].faces[0].held


@pytest.mark.parametrize("rate", [15, 30, 60])
def test_the_whole_frame_is_searched_five_times_a_second_whatever_the_rate(world, face, rate):
    scene = world(visible(face(300, 200, 80)), rate=rate)
    track(scene, 2 * rate)
    assert scene.scan.calls == pytest.approx(10, abs=1)
    assert scene.follow.calls == 2 * rate  # once a frame: the first is the second look at the newcomer


def test_every_frame_is_searched_when_asked_or_while_nobody_is_known(world, face):
    scene = world(visible(face(300, 200, 80)))
    track(scene, 20, TrackerOptions(scan_seconds=0))
    assert scene.scan.calls == 20
    empty = world(lambda index: [])
    track(empty, 20)
    assert (empty.scan.calls, empty.follow.calls) == (20, 0)


def test_a_lost_face_is_held_and_keeps_its_number(world, face):
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


def test_a_face_lost_inside_the_picture_exposes_until_it_is_found_again(world, face):
    scene = world(gone_between(face(300, 200, 80), 10, 60))
    seen = track(scene, 70)
    assert ids(seen[23]) == [0]  # held for half a second
    assert [ids(faces) for faces in seen[26:60]] == [[]] * 34
    assert [faces.is_exposed for faces in seen[26:60]] == [True] * 34
    assert [ids(faces) for faces in seen[60:]] == [[1]] * 10  # a new number: nobody knows whether it is the same
    assert not any(faces.is_exposed for faces in seen[60:])


def test_at_no_time_is_a_face_bare(world, face):
    """Whatever happens to the detections, there is a face or the whole frame is drawn."""
    rng = np.random.default_rng(2)
    shows = rng.random(300) < 0.5
    shows[40:90] = False
    seen = track(world(lambda index: [face(300, 200, 80)] if shows[index] else []), 300)
    assert all(faces.is_exposed or faces.faces for faces in seen)


def test_the_exposure_ends_after_its_time(world, face):
    options = TrackerOptions(lost_seconds=0.2, exposed_seconds=1.0)
    seen = track(world(visible(face(300, 200, 80), end=10)), 60, options)
    exposed = [index for index, faces in enumerate(seen) if faces.is_exposed]
    assert exposed == list(range(exposed[0], exposed[0] + 30))
    assert 15 <= exposed[0] <= 16


def test_someone_else_far_away_does_not_end_the_exposure(world, face):
    def faces(index):
        return [face(120, 240, 60)] if index < 10 else [face(560, 240, 60)] if index >= 40 else []

    seen = track(world(faces), 60)
    assert seen[50].is_exposed
    assert ids(seen[50]) == [1]


def test_a_face_that_jumped_and_was_found_at_once_is_not_missed_when_it_is_given_up(world, face):
    """Found half a second later it would end the exposure; found sooner, it must not begin one."""
    seen = track(world(lambda index: [face(300 if index < 10 else 440, 200, 80)]), 60)
    assert ids(seen[10]) == [0, 1]
    assert ids(seen[59]) == [1]
    assert not any(faces.is_exposed for faces in seen[1:])


def test_a_face_that_leaves_over_the_border_does_not_expose(world, face):
    def leaving(index):
        x = 500 + 8 * index
        return [face(x, 240, 80)] if x < 630 else []

    seen = track(world(leaving), 60)
    assert ids(seen[14]) == [0]
    assert seen[-1].faces == ()
    assert not any(faces.is_exposed for faces in seen)


def test_a_fast_face_that_vanishes_exposes_at_once(world, face):
    def dashing(index):
        return [face(100 + 16 * index, 240, 80)] if index < 15 else []

    seen = track(world(dashing), 22)
    assert not any(faces.is_exposed for faces in seen[:15])
    assert seen[21].is_exposed  # 0.2 s at 480 px/s: its last place no longer covers it
    assert ids(seen[21]) == [0]


def test_numbers_survive_a_crossing(world, face):
    def crossing(index):
        front, back = face(150 + 7 * index, 240, 90), face(490 - 7 * index, 236, 80)
        is_hidden = abs(front.box_px.left - back.box_px.left) < 50
        return [front] if is_hidden else [front, back]

    seen = track(world(crossing), 50)
    first, last = ({face.track_id: middle(face)[0] for face in faces.faces} for faces in (seen[0], seen[-1]))
    assert set(first) == set(last) == {0, 1}
    rightward = 0 if first[0] < first[1] else 1
    assert last[rightward] > last[1 - rightward]
    assert last[rightward] == pytest.approx(150 + 7 * 49, abs=1)
    assert not any(faces.is_exposed for faces in seen)


def test_the_largest_faces_are_kept_and_sorted(world, face):
    people = [face(80 + 120 * i, 240, size) for i, size in enumerate((50, 90, 60, 80, 70))]
    seen = track(world(lambda index: people), 12, TrackerOptions(max_faces=3))
    sizes = [face.detection.box_px.right - face.detection.box_px.left for face in seen[-1].faces]
    assert sizes == pytest.approx([90, 80, 70], rel=0.01)
    assert [sorted(ids(faces)) for faces in seen] == [[0, 1, 2]] * 12
    assert seen[0].left_out == 2
    assert {faces.left_out for faces in seen} == {0, 2}  # between two searches nobody looks
    assert not any(faces.is_exposed for faces in seen)


def test_an_equal_does_not_push_out_a_known_face_but_a_larger_one_does(world, face):
    def people(index):
        return [
            face(150, 240, 80),
            *([face(350, 240, 85)] if index >= 10 else []),
            *([face(550, 240, 120)] if index >= 30 else []),
        ]

    seen = track(world(people), 50, TrackerOptions(max_faces=1))
    assert {tuple(ids(faces)) for faces in seen[:30]} == {(0,)}
    assert ids(seen[-1]) == [1]
    assert not any(faces.is_exposed for faces in seen)


def test_a_newcomer_is_found_within_the_interval(world, face):
    def people(index):
        return [face(150, 240, 80), *([face(450, 240, 80)] if index >= 10 else [])]

    seen = track(world(people), 20)
    assert [len(faces.faces) for faces in seen].index(2) - 10 <= 6
    assert len(seen[-1].faces) == 2


def test_one_face_seen_twice_is_one_face(world, face):
    seen = track(world(lambda index: [face(300, 200, 80), face(312, 204, 76, score=0.9)]), 20)
    assert [ids(faces) for faces in seen] == [[0]] * 20


def test_a_flash_that_only_the_small_copy_shows_passes_without_alarm(world, face):
    scene = world(
        lambda index: [face(120, 120, 60, score=0.78), face(500, 300, 80)] if index == 6 else [face(500, 300, 80)]
    )
    scene.follow.score = None
    original = scene.follow.detect
    scene.follow.detect = lambda picture, min_score: tuple(
        seen for seen in original(picture, min_score) if seen.score > 0.78
    )
    seen = track(scene, 30)
    assert [len(faces.faces) for faces in seen[7:]] == [1] * 23
    assert not any(faces.is_exposed for faces in seen)


def test_a_doubtful_face_is_believed_after_a_second_look(world, face):
    doubtful = world(visible(face(300, 200, 80, score=0.55)))
    assert track(doubtful, 3)[-1].faces == ()
    doubtful.follow.score = 0.9
    (seen,) = track(doubtful, 3)[-1].faces
    assert seen.detection.score == 0.9
    blurred = world(visible(face(300, 200, 80, score=0.78)))
    blurred.follow.score = 0.52
    assert len(track(blurred, 3)[0].faces) == 1


def test_what_two_looks_are_in_doubt_of_is_nobody(world, face):
    """As a lamp on a wall is seen: likely enough from afar, and from near no more."""
    lamp = world(visible(face(300, 200, 80, score=0.6)))
    lamp.follow.score = 0.66
    assert all(not faces.faces for faces in track(lamp, 10))


@pytest.mark.parametrize("pts_step", [0, -90])
def test_time_stamps_that_stand_still_or_run_back_do_not_stop_the_clock(world, face, pts_step):
    scene = world(visible(face(300, 200, 80), end=10))
    tracker = Tracker(scene.scan, scene.follow, scene.crop)
    for frame in scene.frames(60):
        frozen = type(frame)(
            frame.planes,
            frame.pixel_format,
            frame.color,
            0,
            frame.index,
            1000 + pts_step * frame.index,
            frame.time_base,
            0,
        )
        seen = tracker(frozen)
    assert seen.faces == ()  # it is not held for ever
    assert seen.is_exposed


@pytest.mark.parametrize("step_s", [1e-6, 65e-6, 1e-3])
def test_two_stamps_that_nearly_agree_lose_nobody(world, face, step_s):
    """Of a film's equal stamps one is put right by a tick: a face that moved meanwhile was thrown out of sight."""
    scene = world(lambda index: [face(100 + 10 * index, 240, 80)])
    tracker, seen = Tracker(scene.scan, scene.follow, scene.crop), []
    for frame in scene.frames(30):
        time_s = frame.time_s if frame.index != 10 else frame.time_s - 1 / 30 + step_s
        seen.append(tracker(replace(frame, pts=round(time_s * 1e6), time_base=Fraction(1, 1_000_000))))
    assert {tuple(ids(faces)) for faces in seen} == {(0,)}
    assert not any(faces.faces[0].held for faces in seen)


def test_a_fast_face_in_slow_motion_that_vanishes_exposes_at_once(world, face):
    scene = world(lambda index: [face(100 + 1.5 * index, 200, 80)] if index < 110 else [], rate=240)
    seen = track(scene, 140)  # an eighth of a second after it was seen last
    assert not any(faces.is_exposed for faces in seen[1:110])
    assert seen[-1].is_exposed


def test_a_gap_in_time_gives_up_what_is_not_found_again(world, face):
    scene = world(visible(face(300, 200, 80), end=10))
    tracker = Tracker(scene.scan, scene.follow, scene.crop)
    for frame in scene.frames(10):
        tracker(frame)
    (later,) = scene.frames(1, start=900)
    assert tracker(later).faces == ()


@pytest.mark.parametrize("rate", [5, 8])
def test_a_walking_face_is_followed_at_a_low_rate(world, face, rate):
    scene = world(lambda index: [face(100 + 60 * index / rate, 240, 80)], rate=rate)
    seen = track(scene, 5 * rate)
    assert {tuple(ids(faces)) for faces in seen} == {(0,)}
    assert not any(faces.faces[0].held for faces in seen)


def test_a_face_that_moved_while_it_was_lost_keeps_its_number(world, face):
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


def test_a_moving_face_is_looked_for_where_it_should_be(world, face):
    scene = world(lambda index: [face(100 + 10 * index, 240, 80)])
    places = []
    original = scene.crop

    def crop(frame, region):
        places.append((region.to_frame @ (region.width_px / 2, region.height_px / 2, 1))[0])
        return original(frame, region)

    scene.crop = crop
    tracker = Tracker(scene.scan, scene.follow, crop)
    for frame in scene.frames(15):
        places.clear()
        tracker(frame)
    assert places[0] == pytest.approx(100 + 10 * 14, abs=1)  # not 230, where it was


def seen_from_afar_only(scene):
    scene.follow.smallest = 1.0
    return scene


def test_a_doubtful_face_matters_once_it_lasted(world, face):
    brief = track(seen_from_afar_only(world(visible(face(300, 200, 80, score=0.78), end=5))), 8)
    assert [ids(faces) for faces in brief] == [[0]] * 5 + [[]] * 3
    assert not any(faces.is_exposed for faces in brief)
    lasting = track(seen_from_afar_only(world(visible(face(300, 200, 80, score=0.78), end=20))), 60)
    assert lasting[21].faces[0].held
    assert lasting[-1].is_exposed


def test_a_rolled_head_is_followed_upright(world, face):
    scene = world(lambda index: [face(300, 200, 80, angle=0.05 * index)])
    angles = []
    original = scene.crop

    def crop(frame, region):
        angles.append(np.arctan2(region.to_frame[1, 0], region.to_frame[0, 0]))
        return original(frame, region)

    scene.crop = crop
    track(scene, 30)
    assert angles[-1] == pytest.approx(0.05 * 28, abs=0.01)  # as it was in the frame before


def test_what_it_returned_stays_as_it_was(world, face):
    scene = world(lambda index: [face(100 + 5 * index, 240, 80)])
    tracker = Tracker(scene.scan, scene.follow, scene.crop)
    first, second = (tracker(frame) for frame in scene.frames(2))
    before = middle(first.faces[0]).copy()
    tracker(next(scene.frames(1, start=2)))
    assert (middle(first.faces[0]) == before).all()
    assert middle(second.faces[0])[0] == pytest.approx(before[0] + 5, abs=0.1)


@pytest.mark.parametrize("edge", [0.0, 1.0, np.nan, np.inf])
def test_what_cannot_be_a_face_is_ignored(world, face, edge):
    points = np.full((4, 2), 10.0, dtype=np.float32)
    broken = Detection(Box(10, 10, 10 + edge * 40, 10 + edge * 40), points, 0.99)
    scene = world(visible(face(300, 200, 80)))
    scene.scan.detect = scene.follow.detect = lambda picture, min_score: (broken,)
    assert [faces.faces for faces in track(scene, 3)] == [()] * 3
    nearby = world(visible(face(300, 200, 80)))
    nearby.follow.detect = lambda picture, min_score: (broken,)
    assert [ids(faces) for faces in track(nearby, 3)] == [[0]] * 3  # from afar it is a face, in every frame
