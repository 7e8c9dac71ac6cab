"""The similarity fit against a reference, the crop's place, and its smoothing over time."""

from math import cos, degrees, pi, radians, sin

import numpy as np
import pytest

from animecam.faces.align import (
    FACE_TEMPLATE,
    HEAD_CENTRE,
    HEAD_SIDE,
    POINT_WEIGHTS,
    TEMPLATE_PX,
    Aligner,
    fit_similarity,
    head_pose,
)
from animecam.types import Box, Detection, Face


def similarity(scale, angle, x, y):
    along, across = scale * cos(angle), scale * sin(angle)
    return np.array([[along, -across, x], [across, along, y]])


def apply(affine, points):
    return points @ affine[:, :2].T + affine[:, 2]


def umeyama(source, target, weights):
    """The paper's solution by singular values, weighted."""
    weights = weights / weights.sum()
    source_middle, target_middle = weights @ source, weights @ target
    here, there = source - source_middle, target - target_middle
    u, sigma, vt = np.linalg.svd((there * weights[:, None]).T @ here)
    sign = np.diag([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    turn = u @ sign @ vt
    scale = (sigma * np.diag(sign)).sum() / (weights @ (here**2).sum(axis=1))
    return np.column_stack([scale * turn, target_middle - scale * turn @ source_middle])


@pytest.mark.parametrize("angle", np.linspace(-pi, pi, 9))
def test_an_exact_similarity_is_recovered(angle):
    affine = similarity(0.37, angle, -55.0, 1203.5)
    fit = fit_similarity(FACE_TEMPLATE, apply(affine, FACE_TEMPLATE), POINT_WEIGHTS.tolist())
    assert fit == pytest.approx(affine, abs=1e-9)


def test_noisy_points_are_fitted_as_the_paper_does():
    rng = np.random.default_rng(5)
    for _ in range(20):
        source, target = rng.normal(0, 50, (4, 2)), rng.normal(0, 80, (4, 2))
        weights = rng.uniform(0.1, 2, 4)
        assert fit_similarity(source, target, weights.tolist()) == pytest.approx(umeyama(source, target, weights))


def test_a_mirrored_face_is_not_mirrored_back():
    fit = fit_similarity(FACE_TEMPLATE, FACE_TEMPLATE * [-1.0, 1.0])
    assert np.linalg.det(fit[:, :2]) > 0


def test_a_point_of_no_weight_does_not_count():
    target = FACE_TEMPLATE.copy()
    target[2] += 500
    assert fit_similarity(FACE_TEMPLATE, target, [1, 1, 0, 1]) == pytest.approx(np.eye(2, 3), abs=1e-9)


def test_points_in_one_place_are_refused():
    with pytest.raises(ValueError, match="coincide"):
        fit_similarity(np.ones((4, 2)), FACE_TEMPLATE)


@pytest.mark.parametrize("angle_deg", [0, 25, 90, 180, -90])
def test_a_face_like_the_template_lies_in_the_crop_as_in_the_template(angle_deg):
    affine = similarity(0.8, radians(angle_deg), 300.0, 200.0)
    points = apply(affine, FACE_TEMPLATE).astype(np.float32)
    pose = head_pose(Detection(Box(0, 0, 1, 1), points, 1.0))
    assert pose.side_px == pytest.approx(0.8 * TEMPLATE_PX * HEAD_SIDE, rel=1e-5)
    assert degrees(pose.angle_rad) == pytest.approx(angle_deg, abs=1e-3) or abs(angle_deg) == 180
    expected = (FACE_TEMPLATE - HEAD_CENTRE) / (TEMPLATE_PX * HEAD_SIDE) * 256 + 128
    region = pose.region(3, 256)
    assert (region.track_id, region.width_px, region.height_px) == (3, 256, 256)
    assert apply(region.to_frame, expected) == pytest.approx(points, abs=1e-2)


def test_the_crop_covers_the_same_place_at_every_size(face):
    pose = head_pose(face(300, 200, 90, 0.3))
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5]])
    small, large = pose.to_frame(192), pose.to_frame(512)
    assert apply(small, corners * 192) == pytest.approx(apply(large, corners * 512))
    assert apply(small, np.array([[96, 96]]))[0] == pytest.approx([pose.x_px, pose.y_px])


def test_the_face_fills_about_half_of_the_crop(either, astronaut):
    (detection,) = either.detect(astronaut, 0.6)
    width = detection.box_px.right - detection.box_px.left
    assert 0.42 < width / head_pose(detection).side_px < 0.55


@pytest.fixture
def frames(world):
    return lambda count: world(lambda index: []).frames(count)


def centres(regions):
    return np.array([apply(region.to_frame, np.array([[128, 128]]))[0] for region in regions])


def test_a_trembling_face_gives_a_calm_crop(frames, face):
    rng = np.random.default_rng(11)
    align, raw, smooth = Aligner(), [], []
    for frame in frames(90):
        x, y = rng.normal((320, 240), 1.5)
        seen = face(x, y, 100 * (1 + rng.normal(0, 0.02)), rng.normal(0, 0.02))
        raw.append(head_pose(seen).region(0, 256))
        smooth += align(frame, [Face(0, seen)], 256)
    tremble = [np.diff(centres(regions), 2, axis=0).std() for regions in (raw, smooth)]
    assert tremble[1] < 0.2 * tremble[0]
    assert centres(smooth)[-1] == pytest.approx(centres(raw).mean(axis=0), abs=1.0)


def test_a_moving_face_stays_well_inside_its_crop(frames, face):
    align = Aligner()
    for index, frame in enumerate(frames(60)):
        seen = face(100 + 6 * index, 240, 100)  # 1.8 faces a second
        (region,) = align(frame, [Face(0, seen)], 256)
    lag_px = head_pose(seen).x_px - centres([region])[0, 0]
    assert 0 < lag_px < 0.1 * head_pose(seen).side_px


def test_a_turn_past_the_half_circle_takes_the_short_way(frames, face):
    align, angles = Aligner(), []
    for index, frame in enumerate(frames(40)):
        (region,) = align(frame, [Face(0, face(320, 240, 100, radians(150 + 2 * index)))], 256)
        angles.append(np.arctan2(region.to_frame[1, 0], region.to_frame[0, 0]))
    steps = np.diff(np.unwrap(angles))
    assert steps.min() >= 0
    assert steps.max() < radians(5)


def test_a_held_face_keeps_its_crop(frames, face):
    first, second, third, fourth = frames(4)
    align = Aligner()
    align(first, [Face(0, face(290, 200, 90))], 256)
    (before,) = align(second, [Face(0, face(300, 200, 90))], 256)
    (during,) = align(third, [Face(0, face(300, 200, 90), held=True)], 256)
    assert (during.to_frame == before.to_frame).all()
    (after,) = align(fourth, [Face(0, face(310, 200, 90))], 256)
    assert centres([before])[0, 0] < centres([after])[0, 0] < centres([before])[0, 0] + 15


def test_faces_are_smoothed_each_on_its_own_in_the_order_given(frames, face):
    align = Aligner()
    one, two = face(100, 100, 60), face(500, 300, 90)
    first, second, third = frames(3)
    align(first, [Face(0, one), Face(1, two)], 256)
    regions = align(second, [Face(1, two), Face(0, one)], 192)
    assert [region.track_id for region in regions] == [1, 0]
    assert regions[1].to_frame == pytest.approx(head_pose(one).to_frame(192))
    newcomer = face(550, 350, 95)  # a new number is a new face: it does not glide in from where an old one was
    assert align(third, [Face(2, newcomer)], 256)[0].to_frame == pytest.approx(head_pose(newcomer).to_frame(256))
    assert align(third, [], 256) == ()


@pytest.mark.parametrize("start", [0, 9])
def test_time_that_begins_anew_or_stands_still_does_not_freeze_the_crop(world, face, start):
    scene = world(lambda index: [])
    align = Aligner()
    align(next(scene.frames(1, start=9)), [Face(0, face(100, 100, 60))], 256)
    moved = face(200, 100, 60)
    (region,) = align(next(scene.frames(1, start=start)), [Face(0, moved)], 256)
    assert region.to_frame == pytest.approx(head_pose(moved).to_frame(256))


def test_a_crop_rests_where_its_head_rests(frame_of, face):
    """The filter crawled on for half a second, and each of these frames was drawn anew."""
    align, blank = Aligner(), np.zeros((480, 640, 3), np.uint8)
    moving = [face(320 + 4 * min(index, 10), 240, 120) for index in range(16)]
    regions = [
        align(frame_of(blank, index), [Face(0, detection)], 256)[0].to_frame for index, detection in enumerate(moving)
    ]
    assert not np.array_equal(regions[10], regions[9])
    assert all(np.array_equal(later, regions[10]) for later in regions[11:])


def test_a_crop_that_is_far_behind_comes_nearer(frame_of, face):
    align, blank = Aligner(), np.zeros((480, 640, 3), np.uint8)
    places = [face(200, 240, 120)] * 3 + [face(400, 240, 120)] * 40
    regions = [
        align(frame_of(blank, index), [Face(0, detection)], 256)[0].to_frame for index, detection in enumerate(places)
    ]
    there = Aligner()(frame_of(blank), [Face(0, places[-1])], 256)[0].to_frame
    assert np.abs(regions[3] - there)[:, 2].max() > 10
    assert np.abs(regions[-1] - there)[:, 2].max() < 0.03 * 256 * there[0, 0]
