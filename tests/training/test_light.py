"""Faces in even light: what goes, what stays, and when nothing is touched."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from animecam_training.data.pictures import list_pictures, read_picture, write_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.faces import FoundFace, Image, Plane, Points
from animecam_training.target import light
from animecam_training.target.flatten import denoised, to_lab, to_rgb
from animecam_training.target.geometry import CHEEKS, LIPS, NOSE_TIP, OVAL, UNDER_NOSE, sheet_of
from animecam_training.target.light import even_light

Portrait = tuple[Image, FoundFace, Plane]


def _shaded(portrait: Portrait, depth: float, softness_px: float = 12.0) -> Image:
    """The portrait with a shadow over one cheek, CIE L `depth` deep."""
    photo, face, _ = portrait
    spot = np.zeros(photo.shape[:2], np.float32)
    x, y = face.mesh[CHEEKS[0]].astype(int)
    cv2.circle(spot, (int(x), int(y)), 14, (1.0,), -1)
    lab = to_lab(photo)
    lab[..., 0] -= depth * cv2.GaussianBlur(spot, (0, 0), softness_px / 3)
    return to_rgb(lab)


def _cheeks(image: Image, face: FoundFace) -> list[float]:
    """CIE L of both cheeks."""
    lightness = to_lab(denoised(image))[..., 0]
    places = face.mesh[list(CHEEKS)].astype(int)
    return [float(lightness[y - 3 : y + 4, x - 3 : x + 4].mean()) for x, y in places]


def test_a_shadow_goes_as_far_as_asked(portrait: Portrait) -> None:
    _, face, person = portrait
    shaded = _shaded(portrait, 14.0)
    left, right = _cheeks(shaded, face)
    before = right - left
    assert before > 6
    for share, most in ((0.4, 0.75), (0.8, 0.4)):
        left, right = _cheeks(even_light(shaded, face.mesh, person, share), face)
        assert right - left < most * before
    assert np.array_equal(even_light(shaded, face.mesh, person, 0.0), shaded)


def test_all_but_the_face_stays(portrait: Portrait) -> None:
    photo, face, person = portrait
    evened = even_light(_shaded(portrait, 14.0), face.mesh, person, 0.65)
    sheet = sheet_of(photo, face.mesh, person)
    behind = cv2.GaussianBlur(person.astype(np.float32), (0, 0), 4) < 0.05
    assert np.abs(evened.astype(int) - photo)[behind].max() <= 2  # rounding of Lab and back
    lips = sheet.area(LIPS) > 0.9
    evened_lab, lab = to_lab(evened)[lips], to_lab(photo)[lips]
    assert np.abs(evened_lab[:, 1:] - lab[:, 1:]).mean() < 2.0  # their colour is theirs
    fine = [cv2.Laplacian(to_lab(image)[..., 0], cv2.CV_32F) for image in (photo, evened)]
    oval = sheet.area(OVAL) > 0.9
    assert np.corrcoef(fine[0][oval], fine[1][oval])[0, 1] > 0.8  # pores, lashes and folds are there


def test_the_nose_keeps_its_shade(portrait: Portrait) -> None:
    """It is seen by that alone: styles that had learned without it drew faces that had none."""
    photo, face, person = portrait
    sheet = sheet_of(photo, face.mesh, person)
    x, y = face.mesh[[NOSE_TIP, UNDER_NOSE]].mean(0)
    lower_end = np.hypot(sheet.columns - x, sheet.rows - y) < 0.2 * sheet.eye_px
    for share in (0.4, 0.8):
        evened = even_light(_shaded(portrait, 14.0), face.mesh, person, share)
        assert np.abs(evened.astype(int) - _shaded(portrait, 14.0))[lower_end].max() <= 2


def test_half_a_face_in_the_dark_is_left_alone(portrait: Portrait) -> None:
    """One half was taken for skin and evened, the other for something else: an edge from brow to chin came of it."""
    photo, face, person = portrait
    lab = to_lab(photo)
    lab[:, np.arange(photo.shape[1]) < face.mesh[4][0] - 8] *= (0.2, 0.3, 0.3)
    half = to_rgb(lab)
    assert np.array_equal(even_light(half, face.mesh, person, 0.65), half)


def test_a_picture_without_skin_stays(portrait: Portrait) -> None:
    _, face, person = portrait
    blue = np.full((*person.shape, 3), (20, 40, 200), np.uint8)
    assert np.abs(even_light(blue, face.mesh, person, 0.65).astype(int) - blue).max() <= 2


@pytest.mark.parametrize("glasses", [0.0, 1.0])
def test_the_teachers_head_lies_beside_in_its_own_light(
    shared: Path, portrait: Portrait, tmp_path: Path, glasses: float
) -> None:
    (tmp_path / "in").mkdir()
    write_picture(_shaded(portrait, 14.0), tmp_path / "in/x.png")
    options = PrepareOptions("photo", weights=shared / "weights", glasses=glasses, even_light=0.65)
    prepare(tmp_path / "in", tmp_path / "out", options)
    parts = {path.name.split(".")[1] for path in list_pictures(tmp_path / "out")}
    assert parts == {"in", "bare", "regions"} | ({"worn"} if glasses else set())
    prepare(tmp_path / "in", tmp_path / "plain", replace(options, glasses=0.0, even_light=0.0))
    plain, bare = read_picture(tmp_path / "plain/x_0.in.png"), read_picture(tmp_path / "out/x_0.bare.png")
    changed = np.abs(plain.astype(int) - bare).max(-1) > 4
    assert 0.005 < changed.mean() < 0.5  # the face
    if not glasses:
        assert np.array_equal(read_picture(tmp_path / "out/x_0.in.png"), plain)


def test_a_pair_is_drawn_in_even_light(shared: Path, portrait: Portrait, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_picture(_shaded(portrait, 14.0), tmp_path / "in/x.png")
    options = PrepareOptions("pairs", weights=shared / "weights", even_light=0.65, draw=_as_it_is)
    prepare(tmp_path / "in", tmp_path / "pairs", options)
    prepare(tmp_path / "in", tmp_path / "heads", replace(options, kind="photo"))
    pair = {part: read_picture(tmp_path / f"pairs/x_0.{part}.png") for part in ("in", "out")}
    assert np.array_equal(pair["in"], read_picture(tmp_path / "heads/x_0.in.png"))
    assert np.array_equal(pair["out"], read_picture(tmp_path / "heads/x_0.bare.png"))
    assert {path.name for path in list_pictures(tmp_path / "pairs")} == {
        f"x_0.{part}.png" for part in ("in", "out", "parts")
    }


def _as_it_is(photo: Image, mesh: Points, person: Plane) -> Image:
    return photo


def test_where_a_beard_grows_the_light_stays(portrait: Portrait, monkeypatch: pytest.MonkeyPatch) -> None:
    _, face, person = portrait
    shaded = _shaded(portrait, 14.0)
    left, _ = _cheeks(shaded, face)
    grown = np.zeros(shaded.shape[:2], np.float32)
    grown[:, : int(face.mesh[NOSE_TIP, 0])] = 1.0
    monkeypatch.setattr(light, "beard_cover", lambda lab, sheet: grown)
    kept, _ = _cheeks(even_light(shaded, face.mesh, person, 0.8), face)
    assert abs(kept - left) < 1.0
    monkeypatch.undo()
    lifted, _ = _cheeks(even_light(shaded, face.mesh, person, 0.8), face)
    assert lifted - left > 3.0
