"""What closed eyes look like besides being closed: brows, lids, lashes and folds."""

import cv2
import numpy as np
import pytest

from animecam_training.data.brows import lower_brows
from animecam_training.data.eyelids import LEAST_OPEN, close_eyes, strain_eyes
from animecam_training.data.lids import dress_lids, line_eyes
from animecam_training.faces import FoundFace, Image, Plane, Points, eye_distance
from animecam_training.target.anime.draw import draw_anime
from animecam_training.target.flatten import to_lab
from animecam_training.target.geometry import BROW_TOP, BROWS, CHIN, EYELIDS, LIPS, Sheet, lid_gap, unchanged_sheet

LIDS = [point for lids in EYELIDS for lid in lids for point in lid]


def test_brows_come_down_with_their_mesh_and_lids_stay(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, _ = portrait
    marks = [brow[2] for brow in BROWS]
    marked = photo.copy()
    for x, y in face.mesh[marks]:
        cv2.circle(marked, (round(x), round(y)), 4, (0, 255, 0), -1)
    moved, mesh = lower_brows(marked, face.mesh, np.random.default_rng(0))
    drop = (mesh - face.mesh) / eye_distance(face.mesh)
    assert (drop[marks, 1] > 0.03).all()
    assert drop[[*LIDS, CHIN, *LIPS]] == pytest.approx(0, abs=1e-4)
    assert abs(drop[BROW_TOP, 1]) < drop[marks, 1].min()
    for x, y in mesh[marks]:  # what was marked is where the mesh says
        around = moved[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].astype(int)
        assert (around[..., 1] - around[..., 0] > 100).all()


def test_brows_do_not_reach_the_lids(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, _ = portrait
    for seed in range(20):
        _, mesh = lower_brows(photo, face.mesh, np.random.default_rng(seed))
        for brow, (upper, _) in zip(BROWS, EYELIDS, strict=True):
            gaps = [points[list(upper), 1].min() - points[brow[2], 1] for points in (face.mesh, mesh)]
            assert 0.3 * gaps[0] < gaps[1] < gaps[0]


def opening(face: FoundFace, photo: Image) -> list[Plane]:
    """Where each eye was open, without its rim: bool [H, W]."""
    sheet: Sheet = unchanged_sheet(photo, face.mesh)
    return [sheet.area(upper + lower[::-1]) > 0.9 for upper, lower in EYELIDS]


def stretched(photo: Image, mesh: Points) -> tuple[Image, Points]:
    """Both eyes closed by the upper lids alone, with nothing laid on them."""
    closed, moved = photo.copy(), mesh.copy()
    for upper, lower in EYELIDS:
        moved[list(upper)[1:-1], 1] = mesh[list(lower)[1:-1], 1]
    return closed, moved


def test_a_dressed_lid_hides_the_eye_below_it(portrait: tuple[Image, FoundFace, Plane]) -> None:
    """Of a lid that was stretched the bright slit of the eye stayed: networks drew an eye there."""
    photo, face, _ = portrait
    closed, mesh = stretched(photo, face.mesh)
    brightest: list[float] = []
    for seed in range(12):
        dressed = dress_lids(closed, mesh, face.mesh, (True, True), np.random.default_rng(seed), is_wink=False)
        brightest += [float(to_lab(dressed)[..., 0][eye].max()) for eye in opening(face, photo)]
    bare = [float(to_lab(closed)[..., 0][eye].max()) for eye in opening(face, photo)]
    assert np.median(brightest) < min(bare) - 10


def test_lashes_hang_below_a_closed_lid_and_folds_beside_one_that_winks(
    portrait: tuple[Image, FoundFace, Plane],
) -> None:
    photo, face, _ = portrait
    closed, mesh = stretched(photo, face.mesh)
    px = eye_distance(face.mesh)
    other = round(face.mesh[5, 0] + 0.2 * px)  # from here on there is only the eye that is open
    darker, folded = [], []
    for seed in range(12):
        calm, winking = (
            dress_lids(closed, mesh, face.mesh, (True, False), np.random.default_rng(seed), is_wink=is_wink)
            for is_wink in (False, True)
        )
        edge = mesh[list(EYELIDS[0][1])[3]]
        x, y = round(edge[0]), round(edge[1])
        darker.append(float(closed[y : y + 2, x - 3 : x + 4].mean()) - float(calm[y : y + 2, x - 3 : x + 4].mean()))
        corner = face.mesh[EYELIDS[0][0][0]]
        beside = (
            slice(round(corner[1] - 0.1 * px), round(corner[1] + 0.2 * px)),
            slice(round(corner[0] - 0.2 * px), round(corner[0] - 0.06 * px)),
        )
        folded.append(float(calm[beside].astype(float).mean() - winking[beside].astype(float).mean()))
        assert np.array_equal(calm[:, other:], closed[:, other:])
    assert min(darker) > 10
    assert np.median(folded) > 0.5


def test_strained_eyes_are_drawn_open_however_narrow_lined_and_frowning(
    portrait: tuple[Image, FoundFace, Plane],
) -> None:
    """Who had learned closed eyes alone drew people who squint in the sun with one eye shut."""
    photo, face, person = portrait
    lined = line_eyes(photo, face.mesh, np.random.default_rng(1))
    assert not np.array_equal(lined, photo)
    narrowed: list[float] = []
    for seed in range(8):
        changed, mesh = strain_eyes(photo, face.mesh, np.random.default_rng(seed))
        gaps = [lid_gap(mesh[list(upper)], mesh[list(lower)]) for upper, lower in EYELIDS]
        widths = [float(np.linalg.norm(mesh[upper[0]] - mesh[upper[-1]])) for upper, _ in EYELIDS]
        assert min(np.divide(gaps, widths)) > 0.99 * LEAST_OPEN
        narrowed += list(np.divide(gaps, [lid_gap(face.mesh[list(up)], face.mesh[list(low)]) for up, low in EYELIDS]))
        drawn = to_lab(draw_anime(changed, mesh, person))
        for upper, lower in EYELIDS:
            x, y = mesh[[*upper, *lower]].mean(axis=0).astype(int)
            assert float(drawn[y - 8 : y + 9, x - 8 : x + 9, 0].max()) > 97  # white and highlight
    assert min(narrowed) < 0.8
    assert max(narrowed) == pytest.approx(1)


def test_closed_eyes_are_the_same_for_the_same_numbers(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, _ = portrait
    first, again = (close_eyes(photo, face.mesh, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
