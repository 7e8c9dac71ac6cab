"""Searches that run beside the frames: one frame of lag for who comes, none for who is known, nobody bare."""

import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest

from animecam.errors import FaceError
from animecam.faces import queued
from animecam.faces.track import Tracker, TrackerOptions

EVERY_FRAME = TrackerOptions(scan_seconds=0)


class Inline(Executor):
    """Works at once: what it gives counts a frame later all the same, and every run is the same."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def track(scene, count, options=None, beside=None):
    tracker = Tracker(scene.scan, scene.follow, scene.crop, options, beside)
    return [tracker(frame) for frame in scene.frames(count)]


def places(seen):
    return [{face.track_id: face.detection.points_px.mean(axis=0).tolist() for face in faces.faces} for faces in seen]


def test_a_known_face_is_followed_without_any_lag(world, face):
    def moving(index):
        return [face(200 + 4 * index, 200 + 30 * np.sin(index / 3), 80)]

    assert places(track(world(moving), 60, beside=Inline())) == places(track(world(moving), 60))


def test_the_first_face_is_found_in_its_first_frame(world, face):
    seen = track(world(lambda index: [face(300, 200, 80)] if index >= 5 else []), 8, beside=Inline())
    assert [faces.is_exposed for faces in seen] == [True] * 5 + [False] * 3


@pytest.mark.parametrize("came_at", [7, 8, 9, 10])
def test_a_newcomer_beside_a_known_face_is_found_one_frame_later_at_most(world, face, came_at):
    def faces(index):
        return [face(150, 200, 80), *([face(450, 200, 80)] if index >= came_at else [])]

    def first(seen):
        return next(index for index, faces in enumerate(seen) if len(faces.faces) == 2)

    at_once = first(track(world(faces), 30, EVERY_FRAME))
    beside = first(track(world(faces), 30, EVERY_FRAME, Inline()))
    assert at_once == came_at
    assert beside - at_once == 1


def test_a_newcomer_stands_where_it_is_now_and_not_where_it_was_searched(world, face):
    def faces(index):
        return [face(150, 200, 80), *([face(400 + 6 * index, 200, 80)] if index >= 2 else [])]

    seen = track(world(faces), 4, EVERY_FRAME, Inline())
    assert [len(faces.faces) for faces in seen] == [1, 1, 1, 2]
    assert places(seen)[3][1][0] == pytest.approx(400 + 6 * 3, abs=0.5)


@pytest.mark.parametrize("seed", range(4))
def test_at_no_time_is_a_face_bare(world, face, seed):
    shows = np.random.default_rng(seed).random(300) < 0.5
    shows[40:90] = False
    scene = world(lambda index: [face(300, 200, 80)] if shows[index] else [])
    seen = track(scene, 300, beside=Inline())
    assert all(faces.is_exposed or faces.faces for faces in seen)


def test_a_face_that_jumps_is_found_in_the_very_frame(world, face):
    """It runs at 1200 px a second and is somewhere else in the next frame: its crop no longer covers it."""

    def faces(index):
        return [face(100 + 40 * index, 200, 80)] if index < 6 else [face(560, 200, 80)]

    seen = track(world(faces), 14, beside=Inline())
    for index, found in enumerate(seen):
        is_covered = any(
            abs(place[0] - (100 + 40 * index if index < 6 else 560)) < 60 for place in places([found])[0].values()
        )
        assert is_covered or found.is_exposed, f"bare in frame {index}"


def test_the_search_runs_in_its_own_thread_and_the_result_is_the_same_every_time(frame_of, short, astronaut):
    names = set()

    class Noted:
        name = "noted"

        def detect(self, picture, min_score):
            names.add(threading.current_thread().name)
            return short.detect(picture, min_score)

    from animecam.render.cpu import CpuImageOps

    def run():
        with ThreadPoolExecutor(1, thread_name_prefix="detect") as beside:
            tracker = Tracker(Noted(), short, CpuImageOps().crop, TrackerOptions(scan_px=128), beside)
            return places([tracker(frame_of(np.roll(astronaut, 2 * index, axis=1), index)) for index in range(12)])

    first = run()
    assert all(len(faces) == 1 for faces in first)
    assert first == run()
    assert names == {"detect_0"}


def test_a_search_that_hangs_is_an_error(world, face, monkeypatch):
    monkeypatch.setattr(queued, "SEARCH_SECONDS", 0.01)
    scene = world(lambda index: [face(300, 200, 80)])
    looks = scene.scan.detect

    def hang(picture, min_score):
        time.sleep(0.2)
        return looks(picture, min_score)

    scene.scan.detect = hang
    with ThreadPoolExecutor(1) as beside, pytest.raises(FaceError, match="search for faces"):
        track(scene, 1, beside=beside)


def test_a_program_that_was_stopped_while_it_waited_goes_on(world, face):
    class Stopped(Future):
        """Has taken longer than any wait when the first one ends."""

        has_slept = False

        def result(self, timeout=None):
            if not self.has_slept:
                self.has_slept = True
                raise TimeoutError
            return super().result(timeout)

    class Sleeping(Executor):
        def submit(self, fn, /, *args, **kwargs):
            future = Stopped()
            future.set_result(fn(*args, **kwargs))
            return future

    seen = track(world(lambda index: [face(300, 200, 80)]), 3, beside=Sleeping())
    assert [len(faces.faces) for faces in seen] == [1, 1, 1]
