"""The drawn target: what it keeps, what it changes, on a self-made face and on a portrait where there is one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from animecam_training.faces import FoundFace, Image, Plane
from animecam_training.target.draw import draw_target
from animecam_training.target.eyes import draw_eyes
from animecam_training.target.flatten import region_means, stepped, to_lab, to_rgb
from animecam_training.target.geometry import EYELIDS, Sheet, blurred_within, enlarge_eyes, mixed, ramp, without_specks
from animecam_training.target.lines import LineOptions, draw_lines, edge_flow, smooth_along
from animecam_training.target.options import TargetOptions

SIDE_PX = 96


def _mesh(eye_px: float = 30.0) -> np.ndarray:
    """All points in the middle, the corners of the eyes where eyes are."""
    mesh = np.full((468, 2), SIDE_PX / 2, np.float32)
    for x, (upper, lower) in zip((-0.5, 0.5), EYELIDS, strict=True):
        mesh[list(upper + lower)] = (SIDE_PX / 2 + eye_px * x, 40)
    for outer, inner, x in ((33, 133, -0.5), (263, 362, 0.5)):
        mesh[outer] = (SIDE_PX / 2 + eye_px * (x * 1.4), 40)
        mesh[inner] = (SIDE_PX / 2 + eye_px * (x * 0.6), 40)
    return mesh


def _sheet(photo: np.ndarray) -> Sheet:
    return Sheet(photo, _mesh(), np.ones(photo.shape[:2], np.float32), 30.0, 30 / 80)


def test_a_gain_of_one_leaves_the_eyes() -> None:
    photo = np.random.default_rng(0).integers(0, 255, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    sheet = enlarge_eyes(photo, _mesh(), np.ones((SIDE_PX, SIDE_PX), np.float32), 1.0)
    assert np.array_equal(sheet.photo, photo)
    assert np.allclose(sheet.mesh, _mesh(), atol=1e-3)


def test_enlarged_eyes_move_the_mesh_with_the_picture() -> None:
    photo = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    mesh = _mesh()
    mesh[159] = (33, 36)  # a point of the left upper lid, marked by a white dot
    cv2.circle(photo, (33, 36), 1, (255, 255, 255), -1)
    sheet = enlarge_eyes(photo, mesh, np.ones((SIDE_PX, SIDE_PX), np.float32), 1.5)
    rows, columns = np.nonzero(sheet.photo[..., 0] > 128)
    assert np.hypot(columns.mean() - sheet.mesh[159, 0], rows.mean() - sheet.mesh[159, 1]) < 0.7
    assert np.linalg.norm(sheet.mesh[159] - mesh[159]) > 0.5


def test_edges_flow_along_a_stripe() -> None:
    gray = np.zeros((40, 40), np.float32)
    gray[:, 20:] = 1
    x, y = edge_flow(gray, 2.0)
    assert abs(x[20, 20]) < 1e-3
    assert abs(abs(y[20, 20]) - 1) < 1e-3


def test_smoothing_along_the_flow_keeps_a_line_and_spreads_a_dot() -> None:
    down = (np.zeros((41, 41), np.float32), np.ones((41, 41), np.float32))
    line, dot = np.zeros((41, 41), np.float32), np.zeros((41, 41), np.float32)
    line[:, 20], dot[20, 20] = 1, 1
    assert smooth_along(line, down, 4)[20, 20] == pytest.approx(1)
    assert smooth_along(dot, down, 4)[20, 20] < 0.2


def test_lines_lie_on_the_dark_side_of_an_edge_and_obey_the_threshold() -> None:
    gray = np.full((40, 40), 0.9, np.float32)
    gray[:, 20:] = 0.3
    ink = draw_lines(gray, np.full_like(gray, 0.1), LineOptions())
    assert ink[20, 20:23].max() > 0.5
    assert ink[20, :18].max() == 0
    assert draw_lines(gray, np.full_like(gray, 5.0), LineOptions()).max() == 0


def test_steps_keep_their_middles_and_flatten_between() -> None:
    middles = np.array([[5.0, 15.0, 95.0]], np.float32)
    assert np.allclose(stepped(middles, 10, 0.85), middles, atol=1e-3)
    near = stepped(np.array([[14.0, 16.0]], np.float32), 10, 0.85)
    assert near[0, 1] - near[0, 0] < 0.5


def test_lab_there_and_back() -> None:
    photo = np.random.default_rng(1).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    assert np.abs(to_rgb(to_lab(photo)).astype(int) - photo).max() <= 1


def test_regions_have_one_colour_each() -> None:
    photo = np.zeros((32, 32, 3), np.uint8)
    photo[:, 16:] = (200, 50, 50)
    means = region_means(photo, 20)
    assert np.allclose(means[4, 4], 0, atol=1)
    assert np.allclose(means[4, 28], (200, 50, 50), atol=1)


def test_small_helpers() -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[2, 2], mask[8:16, 8:16] = 255, 255
    cleaned = without_specks(mask, 5)
    assert cleaned[2, 2] == 0
    assert cleaned[10, 10] == 255
    assert np.allclose(ramp(np.array([0.0, 0.5, 1.0]), 0, 1), (0, 0.5, 1))
    assert mixed(np.zeros((2, 2)), np.ones((2, 2)), np.full((2, 2), 0.25))[0, 0] == pytest.approx(0.25)
    plane, weight = np.zeros((20, 20), np.float32), np.zeros((20, 20), np.float32)
    plane[:, 10:], weight[:, :10] = 100, 1
    assert blurred_within(plane, weight, 2.0)[10, 8] < 1  # the unweighted half does not leak in


def test_a_stroke_is_as_wide_as_asked() -> None:
    sheet = _sheet(np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8))
    ink = sheet.stroke(np.array([[10, 50], [50, 50], [90, 50]], np.float32), 4.0, 1.0)
    assert ink[:, 50].sum() == pytest.approx(4.0, abs=0.8)
    assert ink[:, 12].sum() < 2.0


def test_a_portrait_keeps_its_skin_and_gets_flatter(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    mesh = face.mesh
    target = draw_target(photo, mesh, person)
    assert target.shape == photo.shape
    x, y = mesh[50].astype(int)  # a cheek
    before, after = (to_lab(image)[y - 4 : y + 5, x - 4 : x + 5] for image in (photo, target))
    assert abs(float(before[..., 0].mean() - after[..., 0].mean())) < 15
    assert float(after[..., 0].std()) < float(before[..., 0].std()) + 0.5
    hue = [np.arctan2(lab[..., 2].mean(), lab[..., 1].mean()) for lab in (before, after)]
    assert abs(float(hue[0] - hue[1])) < 0.35


def test_the_eyes_of_a_portrait_grow(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    mesh = face.mesh
    sheet = enlarge_eyes(photo, mesh, person, TargetOptions().eye_gain)
    before = np.linalg.norm(mesh[159] - mesh[145])
    assert np.linalg.norm(sheet.mesh[159] - sheet.mesh[145]) > 1.3 * before


def _eyes_sheet(photo: np.ndarray) -> Sheet:
    """A face of which nothing but open eyes is known, the left one a little larger."""
    mesh = _mesh(60.0)
    turns = np.linspace(np.pi, 0, 9)
    for (upper, lower), middle, width in zip(EYELIDS, (30, 66), (13, 11), strict=True):
        outwards = -1 if middle < SIDE_PX / 2 else 1
        for lid, up in ((upper, -1), (lower, 1)):
            along = middle - outwards * width * np.cos(turns)
            mesh[list(lid)] = np.stack([along, 40 + up * 0.45 * width * np.sin(turns)], 1)
    return Sheet(photo, mesh, np.ones(photo.shape[:2], np.float32), 36.0, 36 / 80)


def _mirrored(sheet: Sheet) -> Sheet:
    """The same face in a mirror: its left eye is the right one."""
    mesh = sheet.mesh.copy()
    for lids, others in zip(EYELIDS, reversed(EYELIDS), strict=True):
        for lid, other in zip(lids, others, strict=True):
            mesh[list(lid)] = sheet.mesh[list(other)]
    mesh[:, 0] = SIDE_PX - 1 - mesh[:, 0]
    return replace(sheet, photo=np.ascontiguousarray(sheet.photo[:, ::-1]), mesh=mesh)


def test_a_mirrored_face_has_its_eyes_drawn_mirrored() -> None:
    """The highlights were on the left of both: training mirrors photo and drawing, and so asked for both at once."""
    photo = np.full((SIDE_PX, SIDE_PX, 3), 225, np.uint8)
    for middle in (30, 66):
        cv2.circle(photo, (middle, 40), 5, (60, 40, 30), -1)
    photo = np.maximum(photo, np.random.default_rng(0).integers(0, 20, photo.shape, np.uint8))
    drawn: list[np.ndarray] = []
    for sheet in (_eyes_sheet(photo), _mirrored(_eyes_sheet(photo))):
        lab = to_lab(sheet.photo)
        picture, _ = draw_eyes(lab, lab, sheet, lab[5, 5], 80.0, 1.0)
        drawn.append(to_rgb(picture).astype(int))
    assert np.abs(drawn[0] - photo).max() > 100  # there are eyes
    assert (drawn[0].min(-1)[33:47, 24:36] > 240).any()  # with highlights
    assert np.abs(drawn[1][:, ::-1] - drawn[0]).max() <= 6
