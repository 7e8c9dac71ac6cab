"""Anchors, decoding and blending against plain references, and the networks on a real face."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from animecam.backends.base import BackendInfo, Port
from animecam.errors import BackendError
from animecam.faces.blazeface import (
    FULL_RANGE,
    SHORT_RANGE,
    BlazeFace,
    EitherRange,
    anchors_of,
    blend,
    decode,
    letterbox,
    sigmoid,
)
from animecam.types import Box, Detection

RIGHT_EYE, LEFT_EYE, NOSE, MOUTH = (204, 102), (247, 106), (223, 126), (222, 146)


def reference_anchors(grids):
    anchors = []
    for cells, repeats in grids:
        for row in range(cells):
            for column in range(cells):
                anchors += [((column + 0.5) / cells, (row + 0.5) / cells)] * repeats
    return anchors


@pytest.mark.parametrize(("layout", "count"), [(SHORT_RANGE, 896), (FULL_RANGE, 2304)])
def test_anchors_are_cell_centres_row_by_row(layout, count):
    anchors = anchors_of(layout)
    assert anchors.shape == (count, 2)
    assert anchors == pytest.approx(np.array(reference_anchors(layout.grids)))


def test_decoding_is_that_of_the_networks_description():
    rng = np.random.default_rng(1)
    regressors = rng.uniform(-40, 40, (5, 16)).astype(np.float32)
    anchors = rng.uniform(0, 1, (5, 2)).astype(np.float32)
    rows = decode(regressors, anchors, 128)
    for r, (ax, ay), row in zip(regressors, anchors, rows, strict=True):
        x, y, w, h = r[0] / 128 + ax, r[1] / 128 + ay, r[2] / 128, r[3] / 128
        expected = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        for point in range(4):
            expected += [r[4 + 2 * point] / 128 + ax, r[5 + 2 * point] / 128 + ay]
        assert row / 128 == pytest.approx(expected, abs=1e-5)


def test_the_sigmoid_survives_any_logit():
    with np.errstate(all="raise"):
        scores = sigmoid(np.array([-1e6, -2.0, 0.0, 2.0, 1e6], dtype=np.float32))
    assert scores == pytest.approx([0.0, 0.1192, 0.5, 0.8808, 1.0], abs=1e-4)


def row_at(left, top, size):
    return [left, top, left + size, top + size, *range(8)]


def test_overlapping_boxes_become_their_weighted_mean_and_others_stay():
    rows = np.array([row_at(2, 0, 10), row_at(50, 50, 10), row_at(0, 0, 10)], dtype=np.float32)
    faces = blend(rows, np.array([0.3, 0.8, 0.9], dtype=np.float32))
    assert [score for _, score in faces] == pytest.approx([0.9, 0.8])
    assert faces[0][0][:4] == pytest.approx([0.5, 0, 10.5, 10])  # (0.9 * 0 + 0.3 * 2) / 1.2
    assert faces[1][0][:4] == pytest.approx([50, 50, 60, 60])


def test_blending_ends_with_empty_boxes():
    rows = np.array([row_at(1, 1, 0), row_at(1, 1, 0)], dtype=np.float32)
    assert len(blend(rows, np.array([0.9, 0.8], dtype=np.float32))) == 2


@pytest.mark.parametrize(("width", "height"), [(640, 480), (90, 160), (1, 300), (128, 128)])
def test_letterboxing_keeps_the_aspect_and_pads_with_black(width, height):
    square, scale, (left, top) = letterbox(np.full((height, width, 3), 200, dtype=np.uint8), 128)
    assert square.shape == (128, 128, 3)
    assert scale == pytest.approx(128 / max(width, height))
    inside = (square == 200).all(axis=2)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert (columns[0], rows[0]) == (left, top)
    assert (len(columns), len(rows)) == (max(1, round(width * scale)), max(1, round(height * scale)))
    assert abs(left - (128 - len(columns) - left)) <= 1
    assert abs(top - (128 - len(rows) - top)) <= 1
    assert inside.sum() == len(rows) * len(columns)
    assert square[~inside].sum() == 0


@dataclass
class PlantedBackend:
    """Answers with one face, and keeps what it was given."""

    anchor: int
    regressors: np.ndarray
    swap: bool = False
    closed: int = 0
    info = BackendInfo("fake", "0", "none", "f32")
    input = Port("input", (1, 128, 128, 3), np.dtype(np.float32))
    max_batch = 1

    @property
    def outputs(self):
        ports = (Port("r", (1, 896, 16), np.dtype(np.float32)), Port("c", (1, 896, 1), np.dtype(np.float32)))
        return ports[::-1] if self.swap else ports

    def run(self, batch):
        self.batch = batch
        values = np.zeros((1, 896, 16), dtype=np.float32)
        logits = np.full((1, 896, 1), -1000, dtype=np.float32)
        values[0, self.anchor] = self.regressors
        logits[0, self.anchor] = 2.0
        return (logits, values) if self.swap else (values, logits)

    def close(self):
        self.closed += 1


@pytest.mark.parametrize("swap", [False, True])
def test_a_planted_face_comes_back_in_the_pixels_of_a_wide_picture(swap):
    # Anchor 2 * (5 * 16 + 3) is the first of the cell in row 5, column 3: centre (28, 44) of 128.
    backend = PlantedBackend(166, np.array([4, 4, 16, 16, *([0] * 8), *([0] * 4)], dtype=np.float32), swap)
    detector = BlazeFace(backend, SHORT_RANGE)
    (face,) = detector.detect(np.full((240, 320, 3), 255, dtype=np.uint8), 0.5)
    # 320 x 240 lies at (0, 16) of the square, 0.4 of its size.
    assert face.box_px == pytest.approx((24 / 0.4, 24 / 0.4, 40 / 0.4, 40 / 0.4))
    assert face.points_px == pytest.approx(np.full((4, 2), [28 / 0.4, 28 / 0.4]))
    assert face.score == pytest.approx(0.8808, abs=1e-4)
    assert backend.batch.dtype == np.float32
    assert backend.batch[0, 64, 64] == pytest.approx([1, 1, 1])
    assert backend.batch[0, 3, 64] == pytest.approx([-1, -1, -1])
    assert detector.detect(np.zeros((240, 320, 3), dtype=np.uint8), 0.9) == ()
    detector.close()
    assert backend.closed == 1


def test_another_network_is_refused():
    class PictureBackend(PlantedBackend):
        outputs = (Port("y", (1, 3, 64, 64), np.dtype(np.float32)),)

    with pytest.raises(BackendError, match="no BlazeFace network"):
        BlazeFace(PictureBackend(0, np.zeros(16)), SHORT_RANGE)


@pytest.fixture(params=["short", "full", "either"])
def detector(request):
    return request.getfixturevalue(request.param)


def test_the_astronaut_is_found_in_place(detector, astronaut):
    (face,) = detector.detect(astronaut, 0.6)
    assert face.score > 0.85
    assert face.points_px == pytest.approx(np.array([RIGHT_EYE, LEFT_EYE, NOSE, MOUTH]), abs=6)
    left, top, right, bottom = face.box_px
    assert left < RIGHT_EYE[0] < LEFT_EYE[0] < right
    assert top < RIGHT_EYE[1] < MOUTH[1] < bottom
    assert 80 < right - left < 120


@pytest.mark.parametrize("width", [160, 320, 1024])
def test_the_place_scales_with_the_picture(detector, astronaut, width):
    scale = width / 512
    (face,) = detector.detect(cv2.resize(astronaut, (width, width), interpolation=cv2.INTER_AREA), 0.6)
    assert face.points_px / scale == pytest.approx(np.array([RIGHT_EYE, LEFT_EYE, NOSE, MOUTH]), abs=8)


def on_canvas(picture, box_px, width, height):
    """The astronaut's face, its box about `box_px` wide, in the middle of a grey picture."""
    scale = box_px / 100
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    shift = np.array([width / 2 - 226 * scale, height / 2 - 125 * scale])
    to_canvas = np.column_stack([np.eye(2) * max(scale, 1.0), shift])
    canvas = np.full((height, width, 3), 120, dtype=np.uint8)
    return cv2.warpAffine(picture, to_canvas, (width, height), dst=canvas, borderMode=cv2.BORDER_TRANSPARENT)


@pytest.mark.parametrize("share", [1 / 12, 0.2, 0.5, 0.9])
def test_every_size_of_face_is_seen_by_one_of_the_two_networks(either, astronaut, share):
    faces = either.detect(on_canvas(astronaut, share * 640, 640, 480), 0.6)
    assert len(faces) == 1
    assert faces[0].points_px.mean(axis=0) == pytest.approx([320, 240], abs=0.15 * share * 640)


@pytest.mark.parametrize("seed", range(3))
def test_nobody_is_found_where_nobody_is(either, seed):
    rng = np.random.default_rng(seed)
    noise = cv2.resize(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), (320, 240), interpolation=cv2.INTER_CUBIC)
    assert either.detect(noise, 0.6) == ()
    assert either.detect(np.zeros((8, 8, 3), dtype=np.uint8), 0.6) == ()


def test_a_face_seen_by_both_networks_counts_once_and_the_surer_view_stays():
    @dataclass
    class One:
        face: Detection
        name = "one"
        closed = False

        def detect(self, picture, min_score):
            return (self.face,)

        def close(self):
            self.closed = True

    points = np.zeros((4, 2), dtype=np.float32)
    far, near = One(Detection(Box(0, 0, 10, 10), points, 0.6)), One(Detection(Box(1, 0, 11, 10), points, 0.9))
    both = EitherRange(far, near)
    assert both.detect(np.zeros((8, 8, 3), dtype=np.uint8), 0.5) == (near.face,)
    near.face = Detection(Box(50, 0, 60, 10), points, 0.9)
    assert both.detect(np.zeros((8, 8, 3), dtype=np.uint8), 0.5) == (near.face, far.face)
    both.close()
    assert far.closed
    assert near.closed
