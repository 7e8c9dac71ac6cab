"""Mouths that are opened and eyes that are closed, and what is drawn of them."""

import cv2
import numpy as np
import pytest

from animecam_training.data.expressions import NARROWING, open_mouth, round_mouth
from animecam_training.data.eyelids import close_eyes
from animecam_training.faces import FoundFace, Image, Plane, Points, eye_distance
from animecam_training.target.anime.draw import draw_anime
from animecam_training.target.flatten import to_lab
from animecam_training.target.geometry import (
    CHIN,
    EYELIDS,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LOWER_LIP_EDGE,
    UPPER_LIP_EDGE,
)


def test_an_opened_mouth_lowers_the_jaw_and_keeps_the_upper_lip(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, _ = portrait
    opened, mesh = open_mouth(photo, face.mesh, 0.3, np.random.default_rng(1))
    drop = mesh[:, 1] - face.mesh[:, 1]
    assert np.array_equal(mesh[:, 0], face.mesh[:, 0])
    assert drop[INNER_LOWER_LIP] == pytest.approx(0.3 * eye_distance(face.mesh), rel=0.05)
    assert drop[CHIN] == pytest.approx(drop[INNER_LOWER_LIP], rel=0.1)
    assert drop[[INNER_UPPER_LIP, 33, 263, 4]] == pytest.approx(0, abs=0.01)
    middle = np.round((mesh[INNER_UPPER_LIP] + mesh[INNER_LOWER_LIP]) / 2).astype(int)
    assert float(opened[middle[1], middle[0]].mean()) < 150  # dark or tongue, not the lip that was there
    above = int(face.mesh[INNER_UPPER_LIP, 1]) - 2
    assert np.array_equal(opened[: above - 2], photo[: above - 2])


def test_a_round_mouth_is_narrow_and_level_and_its_mesh_lies_on_it(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, _ = portrait
    corners = [LOWER_LIP_EDGE[0], LOWER_LIP_EDGE[-1]]
    marked = photo.copy()
    for x, y in face.mesh[corners]:
        cv2.circle(marked, (round(x), round(y)), 3, (0, 255, 0), -1)
    moved, mesh = round_mouth(marked, face.mesh, 0.5, np.random.default_rng(1))
    width = [points[corners[1], 0] - points[corners[0], 0] for points in (face.mesh, mesh)]
    assert NARROWING[0] * 0.98 < width[1] / width[0] < NARROWING[1] * 1.02
    raised = [points[INNER_LOWER_LIP, 1] - points[corners, 1].mean() for points in (face.mesh, mesh)]
    assert raised[1] < raised[0]
    for x, y in mesh[corners]:  # what was marked is where the mesh says
        around = moved[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].astype(int)
        assert (around[..., 1] - around[..., 0] > 100).all()
    far = [33, 263, CHIN]
    assert mesh[far] == pytest.approx(face.mesh[far], abs=0.02 * eye_distance(face.mesh))
    assert np.array_equal(moved[: int(face.eyes[:, 1].max())], marked[: int(face.eyes[:, 1].max())])


@pytest.mark.parametrize(("upper", "lower", "white"), [(230, 40, True), (40, 230, False), (40, 40, False)])
def test_teeth_are_drawn_where_they_are_seen_below_the_upper_lip(
    portrait: tuple[Image, FoundFace, Plane], upper: int, lower: int, white: bool
) -> None:
    """A pale tongue, or the lower teeth, made the whole mouth white."""
    photo, face, person = portrait
    opened, mesh = open_mouth(
        *round_mouth(photo, face.mesh, 0.6, np.random.default_rng(1)), 0.6, np.random.default_rng(1)
    )
    edges = [mesh[list(edge)] for edge in (UPPER_LIP_EDGE, LOWER_LIP_EDGE)]
    middle = (edges[0] + edges[1]) / 2
    for shown, (above, below) in ((upper, (edges[0], middle)), (lower, (middle, edges[1]))):
        outline = np.concatenate([above, below[::-1]]).round().astype(np.int32)
        cv2.fillPoly(opened, [outline], (shown, shown, shown))
    drawn = to_lab(draw_anime(opened, mesh, person))
    x, y = (0.8 * mesh[INNER_UPPER_LIP] + 0.2 * mesh[INNER_LOWER_LIP]).round().astype(int)
    assert (float(drawn[y, x, 0]) > 70) is white


def test_closed_eyes_are_closed_in_mesh_and_drawing(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    closed, mesh = close_eyes(photo, face.mesh, np.random.default_rng(4))  # whose first numbers shut both
    for upper, lower in EYELIDS:
        gap = [points[lower[4], 1] - points[upper[4], 1] for points in (face.mesh, mesh)]
        assert gap[1] < 0.15 * gap[0]
    drawn = to_lab(draw_anime(closed, mesh, person))
    for centre in face.eyes.astype(int):
        eye = drawn[centre[1] - 2 : centre[1] + 3, centre[0] - 2 : centre[0] + 3]
        assert float(eye[..., 0].max()) < 97  # no white, no highlight


def test_one_eye_may_close_alone(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    closed = [close_eyes(photo, face.mesh, np.random.default_rng(seed)) for seed in range(60)]
    shares = [[gap(mesh, lids) / gap(face.mesh, lids) for lids in EYELIDS] for _, mesh in closed]
    winks = [(changed, share) for changed, share in zip(closed, shares, strict=True) if max(share) == 1.0]
    assert 8 < len(winks) < 30  # a third, or nearly
    assert {share.index(1.0) for _, share in winks} == {0, 1}  # either of the two stays open
    assert max(min(share) for _, share in winks) < 0.15  # the other shuts
    (picture, mesh), share = winks[0]
    drawn = to_lab(draw_anime(picture, mesh, person))
    for lids, is_open in zip(EYELIDS, np.equal(share, 1.0), strict=True):
        x, y = face.mesh[[*lids[0], *lids[1]]].mean(axis=0).astype(int)
        light = float(drawn[y - 8 : y + 9, x - 8 : x + 9, 0].max())
        assert (light > 97) == is_open  # white and highlight, or none


def test_the_lower_lid_comes_up_to_meet_the_upper_one(portrait: tuple[Image, FoundFace, Plane]) -> None:
    """In a wink or a laugh the cheek lifts it; with upper lids alone that moved winks were drawn half open."""
    photo, face, _ = portrait
    lifts: list[float] = []
    for seed in range(40):
        closed, mesh = close_eyes(photo, face.mesh, np.random.default_rng(seed))
        for upper, lower in EYELIDS:
            went_down = float(mesh[upper[4], 1] - face.mesh[upper[4], 1])
            came_up = float(face.mesh[lower[4], 1] - mesh[lower[4], 1])
            if went_down == came_up == 0:
                continue  # the open eye of a wink
            assert went_down > 0 <= came_up
            lifts.append(came_up / (went_down + came_up))
        beyond = int(max(face.mesh[list(lower), 1].max() for _, lower in EYELIDS) + 0.5 * eye_distance(face.mesh))
        assert np.array_equal(closed[beyond:], photo[beyond:])  # the cheek stretches, the mouth stays
    assert min(lifts) < 0.1
    assert 0.6 < max(lifts) < 0.8  # of a wink


def gap(points: Points, lids: tuple[tuple[int, ...], tuple[int, ...]]) -> float:
    upper, lower = lids
    return float(points[lower[4], 1] - points[upper[4], 1])
