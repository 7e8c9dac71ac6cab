"""The tracker with the real networks: turned, rolled, tiny, large and doubled pictures of the astronaut, and clips."""

from itertools import islice

import av
import cv2
import numpy as np
import pytest

from animecam.faces.align import Aligner, head_pose
from animecam.faces.track import Tracker
from animecam.render.cpu import CpuImageOps
from animecam.types import Color, Frame, PixelFormat

EYES = np.array([[204, 102], [247, 106]])
CLIPS = ("carphone_qcif", "lp_d12", "lp_d18", "lp_d3", "lp_s29_portrait", "lp_s32_720p")
CLIP_STEP = 5  # every fifth frame: a sixth of a second between two looks, harder than the clip itself
CLIP_FRAMES = 24


@pytest.fixture
def new_tracker(either, short):
    return lambda: Tracker(either, short, CpuImageOps().crop)


@pytest.fixture
def tracker(new_tracker):
    return new_tracker()


def clip_of(pictures, frame_of):
    return [frame_of(np.ascontiguousarray(picture), index) for index, picture in enumerate(pictures)]


@pytest.mark.parametrize("quarter_turns", range(4))
def test_a_turned_frame_is_cropped_upright_from_its_own_pixels(new_tracker, astronaut, frame_of, quarter_turns):
    stored = np.ascontiguousarray(np.rot90(astronaut[:, :400], -quarter_turns))
    (face,) = new_tracker()(frame_of(stored, rotation_deg=90 * quarter_turns)).faces
    height, width = stored.shape[:2]
    x, y = EYES[:, 0], EYES[:, 1]
    expected = {0: (x, y), 1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[quarter_turns]
    assert face.detection.points_px[:2] == pytest.approx(np.stack(expected, axis=1), abs=6)
    (region,) = Aligner()(frame_of(stored), [face], 128)
    (upright,) = Aligner()(frame_of(astronaut), new_tracker()(frame_of(astronaut)).faces, 128)
    crops = [
        CpuImageOps().crop(frame_of(picture), crop).astype(float)
        for picture, crop in ((stored, region), (astronaut, upright))
    ]
    assert np.abs(crops[0] - crops[1])[32:96, 32:96].mean() < 12


def test_a_head_that_rolls_is_followed_where_a_search_would_lose_it(tracker, either, astronaut, frame_of):
    seen = []
    for index in range(26):
        turn = cv2.getRotationMatrix2D((226, 125), -4 * index, 1.0)
        picture = cv2.warpAffine(astronaut, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
        seen.append(tracker(frame_of(picture, index)))
    assert [[face.track_id for face in faces.faces if not face.held] for faces in seen] == [[0]] * 26
    angle_deg = np.degrees(head_pose(seen[-1].faces[0].detection).angle_rad)
    assert angle_deg == pytest.approx(100 + 5, abs=12)  # her head leans by 5 degrees in the portrait itself
    upright = [face for face in either.detect(picture, 0.6) if np.ptp(face.points_px[:2, 0]) < 20]
    assert not upright


@pytest.mark.parametrize(("width", "height"), [(176, 144), (720, 1280), (1280, 720), (3840, 2160)])
def test_sizes_of_frames(tracker, astronaut, frame_of, width, height):
    side = min(width, height)
    small = cv2.resize(astronaut, (side, side), interpolation=cv2.INTER_AREA)
    picture = np.full((height, width, 3), 90, dtype=np.uint8)
    left, top = (width - side) // 2, (height - side) // 2
    picture[top : top + side, left : left + side] = small
    (face,) = tracker(frame_of(picture)).faces
    expected = EYES * side / 512 + [left, top]
    assert face.detection.points_px[:2] == pytest.approx(expected, abs=max(4, 0.012 * side))


def test_a_face_of_a_twelfth_of_the_frame_is_found_and_followed(tracker, astronaut, frame_of):
    size = 300  # her face is 96 px of 512: 56 px here, a twelfth of 672
    small = cv2.resize(astronaut, (size, size), interpolation=cv2.INTER_AREA)
    pictures = []
    for index in range(8):
        picture = np.full((378, 672, 3), 90, dtype=np.uint8)
        picture[40 : 40 + size, 30 + 4 * index : 30 + 4 * index + size] = small
        pictures.append(picture)
    seen = [tracker(frame) for frame in clip_of(pictures, frame_of)]
    assert [[face.track_id for face in faces.faces] for faces in seen] == [[0]] * 8
    assert not any(faces.faces[0].held for faces in seen)
    expected = EYES * size / 512 + [30 + 28, 40]
    assert seen[-1].faces[0].detection.points_px[:2] == pytest.approx(expected, abs=4)


def test_two_people_keep_their_numbers(tracker, astronaut, frame_of):
    head = astronaut[20:260, 110:350]
    smaller = cv2.resize(head[:, ::-1], (180, 180), interpolation=cv2.INTER_AREA)
    pictures = []
    for index in range(10):
        picture = np.full((360, 640, 3), 90, dtype=np.uint8)
        picture[60:300, 20 + 5 * index : 260 + 5 * index] = head
        picture[100:280, 420 - 4 * index : 600 - 4 * index] = smaller
        pictures.append(picture)
    seen = [tracker(frame) for frame in clip_of(pictures, frame_of)]
    assert [[face.track_id for face in faces.faces] for faces in seen] == [[0, 1]] * 10
    assert not any(faces.is_exposed for faces in seen)
    left, right = (face.detection.points_px[:, 0].mean() for face in seen[-1].faces)
    assert left < 300 < right


def test_a_hand_before_the_face_is_bridged(tracker, astronaut, frame_of):
    covered = astronaut.copy()
    covered[60:190, 160:300] = 70
    seen = [tracker(frame) for frame in clip_of([astronaut] * 3 + [covered] * 6 + [astronaut] * 2, frame_of)]
    assert [faces.faces[0].held for faces in seen] == [False] * 3 + [True] * 6 + [False] * 2
    assert {face.track_id for faces in seen for face in faces.faces} == {0}


def frames_of(path):
    """Every fifth frame of a clip, in its own planes."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for index, picture in enumerate(islice(container.decode(stream), 0, CLIP_STEP * CLIP_FRAMES, CLIP_STEP)):
            block, height, width = picture.to_ndarray(), picture.height, picture.width
            chroma = block[height:].reshape(2, height // 2, width // 2)
            planes = (block[:height], chroma[0], chroma[1])
            yield Frame(planes, PixelFormat.YUV420P, Color(), 0, index, picture.pts, stream.time_base, 0)


@pytest.mark.parametrize("clip", CLIPS)
def test_a_face_is_found_in_the_frames_of_a_clip(shared, tracker, clip):
    align, found, sides = Aligner(), 0, []
    for frame in frames_of(shared / "data" / "video" / f"{clip}.mp4"):
        faces = tracker(frame).faces
        found += any(not face.held for face in faces)
        for region in align(frame, faces[:1], 256):
            sides.append(256 * np.hypot(region.to_frame[0, 0], region.to_frame[1, 0]))
            assert abs(np.arctan2(region.to_frame[1, 0], region.to_frame[0, 0])) < np.radians(40)
    assert found >= 0.95 * CLIP_FRAMES
    assert max(sides) < 1.6 * min(sides)
