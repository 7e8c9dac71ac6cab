"""Heads that are turned and eyes that look aside, and what is drawn of them."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from animecam_training.data.crops import LEFT_EDGE, RIGHT_EDGE
from animecam_training.data.pictures import read_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.data.turns import PITCH_DEG, YAW_DEG, change_pose, look_aside, turn_head
from animecam_training.errors import DataError
from animecam_training.faces import FaceFinder, FoundFace, Image, Plane, Points, eye_centres, eye_distance
from animecam_training.target.geometry import CHIN, EYELIDS, NOSE_TIP, unchanged_sheet

Portrait = tuple[Image, FoundFace, Plane]
TRIES = 24


def nose_aside(mesh: Points) -> float:
    """How far the tip of the nose lies from the middle of the face, in widths of the face."""
    left, right = mesh[[LEFT_EDGE, RIGHT_EDGE]]
    return float((mesh[NOSE_TIP, 0] - (left[0] + right[0]) / 2) / np.linalg.norm(right - left))


@pytest.mark.parametrize("yaw_deg", [-30.0, -15.0, 15.0, 30.0])
def test_a_turned_head_shows_its_nose_aside_and_its_mesh_is_where_a_network_sees_it(
    shared: Path, portrait: Portrait, yaw_deg: float
) -> None:
    photo, face, _ = portrait
    turned, mesh = turn_head(photo, face.mesh, yaw_deg, 0.0)
    assert np.sign(nose_aside(mesh) - nose_aside(face.mesh)) == np.sign(yaw_deg)
    found = FaceFinder(shared / "weights").find(turned)
    assert found is not None
    assert np.sign(nose_aside(found.mesh) - nose_aside(face.mesh)) == np.sign(yaw_deg)
    off = np.linalg.norm(eye_centres(found.mesh) - eye_centres(mesh), axis=1)
    assert off.max() < 0.1 * eye_distance(face.mesh)


def test_what_is_marked_is_where_the_mesh_says(portrait: Portrait) -> None:
    photo, face, _ = portrait
    points, marked = (NOSE_TIP, CHIN, 33, 263), photo.copy()
    for x, y in face.mesh[list(points)]:
        cv2.circle(marked, (round(float(x)), round(float(y))), 3, (0, 255, 0), -1)
    turned, mesh = turn_head(marked, face.mesh, 28.0, -8.0)
    for x, y in mesh[list(points)]:
        around = turned[round(float(y)) - 1 : round(float(y)) + 2, round(float(x)) - 1 : round(float(x)) + 2].astype(
            int
        )
        assert (around[..., 1] - around[..., 0] > 100).any(-1).any()


@pytest.mark.parametrize("pitch_deg", [-PITCH_DEG, PITCH_DEG])
@pytest.mark.parametrize("yaw_deg", [-YAW_DEG[1], YAW_DEG[1]])
def test_nothing_folds_over_and_the_room_stays(portrait: Portrait, yaw_deg: float, pitch_deg: float) -> None:
    """Turned as far as it goes: what lies side by side stays so, as a ramp of columns and one of rows show."""
    photo, face, _ = portrait
    rows, columns = np.mgrid[: photo.shape[0], : photo.shape[1]]
    ramps = np.stack([columns, rows, rows * 0], axis=-1) * 250 / max(photo.shape[:2])
    turned, _ = turn_head(ramps.astype(np.uint8), face.mesh, yaw_deg, pitch_deg)
    assert np.diff(turned[..., 0].astype(int), axis=1).min() >= -1
    assert np.diff(turned[..., 1].astype(int), axis=0).min() >= -1
    assert np.array_equal(turned[:, 0], ramps.astype(np.uint8)[:, 0])
    assert np.array_equal(turned[-1], ramps.astype(np.uint8)[-1])


def test_a_head_that_is_not_turned_stays_as_it_is(portrait: Portrait) -> None:
    photo, face, _ = portrait
    turned, mesh = turn_head(photo, face.mesh, 0.0, 0.0)
    assert np.array_equal(turned, photo)
    assert np.array_equal(mesh, face.mesh)
    assert np.array_equal(look_aside(photo, face.mesh, 0.0, 0.0), photo)


@pytest.mark.parametrize("aside", [-0.15, 0.15])
def test_irises_go_aside_between_lids_that_stay(portrait: Portrait, aside: float) -> None:
    photo, face, _ = portrait
    large = cv2.resize(photo, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    mesh = (face.mesh * 3).astype(np.float32)
    pupils = [mesh[list(upper + lower)].mean(0) for upper, lower in EYELIDS]
    for x, y in pupils:
        cv2.circle(large, (round(float(x)), round(float(y))), 3, (0, 255, 0), -1)
    moved = look_aside(large, mesh, aside, 0.0)
    for (upper, lower), (x, y) in zip(EYELIDS, pupils, strict=True):
        seen = unchanged_sheet(moved, mesh).area(upper + lower[::-1]) > 0
        rows, columns = np.nonzero(seen & (moved[..., 1].astype(int) - moved[..., 0] > 100))
        width = np.linalg.norm(mesh[upper[-1]] - mesh[upper[0]])
        assert columns.mean() - x == pytest.approx(aside * width, rel=0.25)
        assert rows.mean() == pytest.approx(y, abs=0.05 * float(width))
    changed = (moved != large).any(-1)
    room = cv2.dilate(unchanged_sheet(large, mesh).eyelids(), np.ones((2 * round(0.1 * eye_distance(mesh)) + 1,) * 2))
    assert not (changed & (room == 0)).any()


def test_the_same_seed_turns_alike_and_both_sides_come_up(portrait: Portrait) -> None:
    photo, face, _ = portrait
    one, same = (change_pose(photo, face.mesh, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one[0], same[0])
    sides = {np.sign(nose_aside(change_pose(photo, face.mesh, np.random.default_rng(n))[1])) for n in range(TRIES)}
    assert sides == {-1.0, 1.0}


def test_pairs_are_drawn_of_turned_heads_and_a_folder_of_others_is_refused(
    shared: Path, one_portrait: Path, tmp_path: Path
) -> None:
    options = PrepareOptions("pairs", weights=shared / "weights", turns=1.0)
    prepare(one_portrait, tmp_path / "turned", options)
    prepare(one_portrait, tmp_path / "plain", replace(options, turns=0.0))
    finder, noses = FaceFinder(shared / "weights"), []
    for folder in ("turned", "plain"):
        for part in ("in", "out"):
            found = finder.find(read_picture(tmp_path / folder / f"x_0.{part}.png"))
            assert found is not None
            noses.append(nose_aside(found.mesh))
    photo, drawing, plain_photo, _ = noses
    assert abs(photo - plain_photo) > 0.03
    assert np.sign(drawing) == np.sign(photo)
    with pytest.raises(DataError, match=r"turns 1\.0 and not 0\.0"):
        prepare(one_portrait, tmp_path / "turned", replace(options, turns=0.0))


def test_a_folder_of_before_goes_on_without_turns(
    shared: Path, one_portrait: Path, tmp_path: Path, forget_marks
) -> None:
    options = PrepareOptions("pairs", weights=shared / "weights")
    prepare(one_portrait, tmp_path / "out", options)
    forget_marks(tmp_path / "out", "turns")
    prepare(one_portrait, tmp_path / "out", options)
    with pytest.raises(DataError, match=r"turns 0\.0 and not 1\.0"):
        prepare(one_portrait, tmp_path / "out", replace(options, turns=1.0))
