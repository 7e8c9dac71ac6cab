"""A face that keeps still stays where it is, and one that moves is followed as before."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from animecam.faces.still import SAME_LEVELS, Still
from animecam.faces.track import Tracker
from animecam.render.cpu import CpuImageOps
from animecam.types import Region

FRAMES = 30
WHOLE = Region(0, 64, 64, np.eye(2, 3))


class Counted:
    def __init__(self, detector):
        self.detector, self.calls = detector, 0

    def detect(self, picture, min_score):
        self.calls += 1
        return self.detector.detect(picture, min_score)


@pytest.fixture
def follow(short):
    return Counted(short)


@pytest.fixture
def tracker(either, follow):
    return Tracker(either, follow, CpuImageOps().crop)


def moved(picture, right_px):
    height, width = picture.shape[:2]
    shift = np.array([[1, 0, right_px], [0, 1, 0]], np.float32)
    return cv2.warpAffine(picture, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)


def points_of(tracker, frames):
    return [tracker(frame).faces[0].detection.points_px for frame in frames]


def test_in_the_same_picture_a_face_is_at_the_same_place(tracker, follow, astronaut, frame_of):
    """It trembled by tenths of a pixel for ever, and the network never rested."""
    points = points_of(tracker, [frame_of(astronaut, index) for index in range(FRAMES)])
    assert all(np.array_equal(later, points[1]) for later in points[2:])
    assert follow.calls == 2  # to believe it, and once around the place of that


def test_noise_is_no_motion(tracker, follow, astronaut, frame_of):
    rng = np.random.default_rng(0)
    noisy = [np.clip(astronaut + rng.normal(0, 2.0, astronaut.shape), 0, 255).astype(np.uint8) for _ in range(FRAMES)]
    points_of(tracker, [frame_of(picture, index) for index, picture in enumerate(noisy)])
    assert follow.calls < FRAMES / 3


def test_a_step_is_followed_in_its_frame(tracker, astronaut, frame_of):
    pictures = [astronaut] * 5 + [moved(astronaut, 4)] * 5
    points = points_of(tracker, [frame_of(picture, index) for index, picture in enumerate(pictures)])
    assert (points[5] - points[4])[:, 0].mean() == pytest.approx(4, abs=1)


def test_a_motion_that_creeps_is_seen_before_it_shows(tracker, follow, astronaut, frame_of):
    """By which pixel it is searched again; the network itself errs by one or two of these."""
    searched_px = []
    for index in range(3 * FRAMES):
        before = follow.calls
        tracker(frame_of(moved(astronaut, 0.05 * index), index))
        if follow.calls > before:
            searched_px.append(0.05 * index)
    assert max(np.diff(searched_px)) <= 0.5


def test_where_nothing_was_found_or_nothing_could_show_a_motion_is_searched_again(astronaut, frame_of, face):
    still, frame = Still(CpuImageOps().crop), frame_of(astronaut)
    picture, found = CpuImageOps().crop(frame, WHOLE), (face(32, 32, 40),)
    still.remember(frame, 0, WHOLE, picture, found)
    assert still.seen(frame, 0) == found
    assert still.seen(frame, 1) is None
    still.remember(frame, 0, WHOLE, picture, ())
    assert still.seen(frame, 0) is None
    still.remember(frame, 0, WHOLE, np.full_like(picture, 90), found)
    assert still.seen(frame_of(np.full_like(astronaut, 90)), 0) is None


def test_a_change_beyond_the_least_is_searched_and_who_is_gone_is_forgotten(astronaut, frame_of, face):
    still, region = Still(CpuImageOps().crop), replace(WHOLE, to_frame=np.array([[2.0, 0, 140], [0, 2.0, 60]]))
    crop, found = CpuImageOps().crop, (face(32, 32, 40),)
    dark = (astronaut // 2).astype(np.uint8)
    still.remember(frame_of(dark), 0, region, crop(frame_of(dark), region), found)
    assert still.seen(frame_of(dark + np.uint8(SAME_LEVELS)), 0) == found
    assert still.seen(frame_of(dark + np.uint8(SAME_LEVELS + 1)), 0) is None
    still.keep([1])
    assert still.seen(frame_of(dark), 0) is None


@pytest.fixture
def crops():
    """Regions that were cropped."""
    return []


@pytest.fixture
def still(crops):
    def crop(frame, region):
        crops.append(region)
        return CpuImageOps().crop(frame, region)

    return Still(crop)


def test_a_clear_motion_is_seen_without_a_crop(still, crops, astronaut, frame_of, face):
    frame, found = frame_of(astronaut), (face(32, 32, 40),)
    region = replace(WHOLE, to_frame=np.array([[4.0, 0, 100], [0, 4.0, 0]]))
    still.remember(frame, 0, region, CpuImageOps().crop(frame, region), found)
    assert still.seen(frame_of(moved(astronaut, 6)), 0) is None
    assert not crops
    assert still.seen(frame, 0) == found
    assert crops == [region]


@pytest.mark.parametrize("at", [(-100.0, -80.0), (450.0, 470.0), (-900.0, 0.0), (0.0, 2000.0)])
def test_a_region_may_reach_out_of_the_frame_or_lie_beside_it(still, astronaut, frame_of, face, at):
    frame, found = frame_of(astronaut), (face(32, 32, 40),)
    region = replace(WHOLE, to_frame=np.array([[4.0, 0, at[0]], [0, 4.0, at[1]]]))
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    still.remember(frame, 0, region, picture, found)
    still.seen(frame, 0)  # what is there is for the crop to say
