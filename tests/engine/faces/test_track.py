"""The tracker on faces that are known: numbers, places, doubt, cost."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from animecam.faces.geometry import map_detection
from animecam.faces.track import Tracker, TrackerOptions
from animecam.types import Box, Detection


def test_nobody_yet_is_exposed_and_the_first_face_covers(world, face, track, visible, ids, middle):
    seen = track(world(visible(face(300, 200, 80), start=5)), 8)
    assert [faces.is_exposed for faces in seen] == [True] * 5 + [False] * 3
    assert [ids(faces) for faces in seen] == [[]] * 5 + [[0]] * 3
    assert middle(seen[5].faces[0]) == pytest.approx([300, 200], abs=0.1)
    assert not seen[5].faces[0].held


@pytest.mark.parametrize("rate", [15, 30, 60])
def test_the_whole_frame_is_searched_five_times_a_second_whatever_the_rate(world, face, rate, visible, track):
    scene = world(visible(face(300, 200, 80)), rate=rate)
    track(scene, 2 * rate)
    assert scene.scan.calls == pytest.approx(10, abs=1)
    assert scene.follow.calls == 2 * rate  # once a frame: the first is the second look at the newcomer


def test_every_frame_is_searched_when_asked_or_while_nobody_is_known(world, face, visible, track):
    scene = world(visible(face(300, 200, 80)))
    track(scene, 20, TrackerOptions(scan_seconds=0))
    assert scene.scan.calls == 20
    empty = world(lambda index: [])
    track(empty, 20)
    assert (empty.scan.calls, empty.follow.calls) == (20, 0)


def test_numbers_survive_a_crossing(world, face, track, middle):
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


def test_the_largest_faces_are_kept_and_sorted(world, face, track, ids):
    people = [face(80 + 120 * i, 240, size) for i, size in enumerate((50, 90, 60, 80, 70))]
    seen = track(world(lambda index: people), 12, TrackerOptions(max_faces=3))
    sizes = [face.detection.box_px.right - face.detection.box_px.left for face in seen[-1].faces]
    assert sizes == pytest.approx([90, 80, 70], rel=0.01)
    assert [sorted(ids(faces)) for faces in seen] == [[0, 1, 2]] * 12
    assert {faces.left_out for faces in seen} == {
        2
    }  # between two searches nobody looks, and they are there all the same
    assert not any(faces.is_exposed for faces in seen)


def test_whoever_there_was_no_room_for_counts_for_a_while_after_he_was_seen(world, face, track):
    people = [face(150, 240, 90), face(450, 240, 60)]
    seen = track(world(lambda index: people if index < 10 else people[:1]), 60, TrackerOptions(1, crowd_seconds=1.0))
    left_out = [faces.left_out for faces in seen]
    last = left_out.index(0)
    assert 36 <= last <= 40  # a second after a search that saw him
    assert left_out == [1] * last + [0] * (60 - last)


def test_an_equal_does_not_push_out_a_known_face_but_a_larger_one_does(world, face, track, ids):
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


def test_a_newcomer_is_found_within_the_interval(world, face, track):
    def people(index):
        return [face(150, 240, 80), *([face(450, 240, 80)] if index >= 10 else [])]

    seen = track(world(people), 20)
    assert [len(faces.faces) for faces in seen].index(2) - 10 <= 6
    assert len(seen[-1].faces) == 2


def test_one_face_seen_twice_is_one_face(world, face, track, ids):
    seen = track(world(lambda index: [face(300, 200, 80), face(312, 204, 76, score=0.9)]), 20)
    assert [ids(faces) for faces in seen] == [[0]] * 20


def with_head_from_afar(scene, detection):
    """The scene, in the small copy of which somebody's face is seen once more, with all of his hair around it."""
    detect = scene.scan.detect

    def detect_head_too(picture, min_score):
        seen = detect(picture, min_score)
        frame, region = scene.cropped
        head = map_detection(detection(frame.index), cv2.invertAffineTransform(region.to_frame))
        return (*seen, replace(head, score=0.69))

    scene.scan.detect = detect_head_too
    return scene


def test_a_known_face_that_is_seen_with_its_hair_from_afar_is_nobody_else(world, face, track, visible, ids):
    scene = with_head_from_afar(world(visible(face(300, 200, 80))), lambda index: face(330, 230, 134))
    seen = track(scene, 20)
    assert [ids(faces) for faces in seen] == [[0]] * 20


def test_whoever_is_hidden_is_not_taken_for_the_one_before_him(world, face, track, middle):
    """Both numbers stood where one face was, and the hidden one's was not held any more."""
    front, behind = face(300, 200, 80), face(360, 230, 76)
    people = world(lambda index: [front] if index >= 10 else [front, behind])
    scene = with_head_from_afar(people, lambda index: face(330, 230, 124) if index >= 10 else front)
    for faces in track(scene, 20)[10:]:
        assert {one.track_id: one.held for one in faces.faces} == {0: False, 1: True}
        assert middle(faces.faces[1]) == pytest.approx([360, 230], abs=0.1)


def test_a_flash_that_only_the_small_copy_shows_passes_without_alarm(world, face, track):
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


def test_a_doubtful_face_is_believed_after_a_second_look(world, face, visible, track):
    doubtful = world(visible(face(300, 200, 80, score=0.55)))
    assert track(doubtful, 3)[-1].faces == ()
    doubtful.follow.score = 0.9
    (seen,) = track(doubtful, 3)[-1].faces
    assert seen.detection.score == 0.9
    blurred = world(visible(face(300, 200, 80, score=0.78)))
    blurred.follow.score = 0.52
    assert len(track(blurred, 3)[0].faces) == 1


def test_what_two_looks_are_in_doubt_of_is_nobody(world, face, visible, track):
    """As a lamp on a wall is seen: likely enough from afar, and from near no more."""
    lamp = world(visible(face(300, 200, 80, score=0.6)))
    lamp.follow.score = 0.66
    assert all(not faces.faces for faces in track(lamp, 10))


@pytest.mark.parametrize(("x", "near", "is_found"), [(25, 0.8, True), (25, 0.6, False), (100, 0.8, False)])
def test_a_face_that_the_border_cuts_off_is_looked_at_from_near_though_it_is_doubtful(
    world, face, track, x, near, is_found
):
    """As whoever comes in is seen: of half a face the small copy is half as sure."""
    scene = world(lambda index: [face(450, 240, 80), face(x, 240, 80, score=0.4)])
    original = scene.follow.detect
    scene.follow.detect = lambda picture, min_score: tuple(
        replace(seen, score=near) if seen.score < 0.5 else seen for seen in original(picture, 0.0)
    )
    assert [len(faces.faces) for faces in track(scene, 8)] == [2 if is_found else 1] * 8


@pytest.mark.parametrize("pts_step", [0, -90])
def test_time_stamps_that_stand_still_or_run_back_do_not_stop_the_clock(world, face, pts_step, visible):
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
def test_two_stamps_that_nearly_agree_lose_nobody(world, face, step_s, ids):
    """Of a film's equal stamps one is put right by a tick: a face that moved meanwhile was thrown out of sight."""
    scene = world(lambda index: [face(100 + 10 * index, 240, 80)])
    tracker, seen = Tracker(scene.scan, scene.follow, scene.crop), []
    for frame in scene.frames(30):
        time_s = frame.time_s if frame.index != 10 else frame.time_s - 1 / 30 + step_s
        seen.append(tracker(replace(frame, pts=round(time_s * 1e6), time_base=Fraction(1, 1_000_000))))
    assert {tuple(ids(faces)) for faces in seen} == {(0,)}
    assert not any(faces.faces[0].held for faces in seen)


@pytest.mark.parametrize("rate", [5, 8])
def test_a_walking_face_is_followed_at_a_low_rate(world, face, rate, track, ids):
    scene = world(lambda index: [face(100 + 60 * index / rate, 240, 80)], rate=rate)
    seen = track(scene, 5 * rate)
    assert {tuple(ids(faces)) for faces in seen} == {(0,)}
    assert not any(faces.faces[0].held for faces in seen)


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


def test_a_doubtful_face_matters_once_it_lasted(world, face, track, visible, ids):
    stays, doubtful = face(500, 240, 90), face(200, 200, 80, score=0.78)
    brief = track(seen_from_afar_only(world(lambda index: [stays, doubtful] if index < 5 else [stays])), 8)
    assert [ids(faces) for faces in brief] == [[0, 1]] * 5 + [[0]] * 3
    assert not any(faces.is_exposed for faces in brief)
    lasting = track(seen_from_afar_only(world(visible(face(300, 200, 80, score=0.78), end=20))), 60)
    assert lasting[21].faces[0].held
    assert lasting[-1].is_exposed


def test_a_rolled_head_is_followed_upright(world, face, track):
    scene = world(lambda index: [face(300, 200, 80, angle=0.05 * index)])
    angles = []
    original = scene.crop

    def crop(frame, region):
        angles.append(np.arctan2(region.to_frame[1, 0], region.to_frame[0, 0]))
        return original(frame, region)

    scene.crop = crop
    track(scene, 30)
    assert angles[-1] == pytest.approx(0.05 * 28, abs=0.01)  # as it was in the frame before


def test_what_it_returned_stays_as_it_was(world, face, middle):
    scene = world(lambda index: [face(100 + 5 * index, 240, 80)])
    tracker = Tracker(scene.scan, scene.follow, scene.crop)
    first, second = (tracker(frame) for frame in scene.frames(2))
    before = middle(first.faces[0]).copy()
    tracker(next(scene.frames(1, start=2)))
    assert (middle(first.faces[0]) == before).all()
    assert middle(second.faces[0])[0] == pytest.approx(before[0] + 5, abs=0.1)


@pytest.mark.parametrize("edge", [0.0, 1.0, np.nan, np.inf])
def test_what_cannot_be_a_face_is_ignored(world, face, edge, visible, track, ids):
    points = np.full((4, 2), 10.0, dtype=np.float32)
    broken = Detection(Box(10, 10, 10 + edge * 40, 10 + edge * 40), points, 0.99)
    scene = world(visible(face(300, 200, 80)))
    scene.scan.detect = scene.follow.detect = lambda picture, min_score: (broken,)
    assert [faces.faces for faces in track(scene, 3)] == [()] * 3
    nearby = world(visible(face(300, 200, 80)))
    nearby.follow.detect = lambda picture, min_score: (broken,)
    assert [ids(faces) for faces in track(nearby, 3)] == [[0]] * 3  # from afar it is a face, in every frame
