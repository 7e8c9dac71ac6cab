"""The drawing "anime" on one portrait, and its warps in closed form."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from animecam_training.faces import FoundFace, Image, Plane, eye_distance
from animecam_training.recipe.config import AugmentConfig, Recipe
from animecam_training.recipe.files import load_recipe
from animecam_training.target.anime.draw import draw_anime, draw_character
from animecam_training.target.anime.hair import bald_scalp, bare_skin, hair_area
from animecam_training.target.anime.options import AnimeOptions
from animecam_training.target.drawings import choose_drawing, describe_drawing
from animecam_training.target.face import UPPER_LIP_ZONE, beard_cover, fill_skin
from animecam_training.target.flat import draw_flat
from animecam_training.target.flatten import denoised, to_lab
from animecam_training.target.geometry import (
    BROW_TOP,
    CHIN,
    EYELIDS,
    sheet_of,
)
from animecam_training.target.options import FlatOptions
from animecam_training.target.skin import find_skin
from animecam_training.target.warp import Jaw, Lens, warp_face

SIDE_PX = 96
BESIDE_NOSE = (50, 280)  # cheeks
FROM_JAW_TO_LIPS = ((58, 61), (288, 291))


def _grid() -> Image:
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX]
    return np.stack([rows, columns, 0 * rows], -1).astype(np.uint8)


@pytest.mark.parametrize("gain", [(1.5, 1.75), (0.8, 0.9)])
def test_a_lens_magnifies_its_middle_and_leaves_the_rest(gain: tuple[float, float]) -> None:
    centre = np.array([48.0, 48.0], np.float32)
    mesh = np.array([[48, 48], [50, 48], [48, 50], [90, 90]], np.float32)
    person = np.ones((SIDE_PX, SIDE_PX), np.float32)
    picture, moved, _ = warp_face(_grid(), mesh, person, [Lens(centre, 30.0, gain)])
    assert np.allclose(moved[0], centre, atol=0.01)
    assert moved[1, 0] - 48 == pytest.approx(2 * gain[0], rel=0.02)
    assert moved[2, 1] - 48 == pytest.approx(2 * gain[1], rel=0.02)
    assert np.allclose(moved[3], mesh[3])
    # The picture says where it came from: at a moved point of the mesh lies what was at the point.
    x, y = np.round(moved[1]).astype(int)
    assert abs(int(picture[y, x, 1]) - 50) <= 1
    assert np.array_equal(picture[:10], _grid()[:10])


def test_a_jaw_narrows_the_chin_and_not_the_eyes() -> None:
    eyes, chin = np.array([[38, 30], [58, 30]], np.float32), np.array([48, 66], np.float32)
    mesh = np.array([[38, 30], [44, 66], [52, 66], [48, 66]], np.float32)
    person = np.ones((SIDE_PX, SIDE_PX), np.float32)
    _, moved, _ = warp_face(_grid(), mesh, person, [Jaw(eyes, chin, 0.1)])
    assert np.allclose(moved[0], mesh[0], atol=0.05)
    assert np.allclose(moved[3], mesh[3], atol=0.05)
    assert moved[2, 0] - moved[1, 0] == pytest.approx(8 * 0.9, rel=0.05)


def test_a_character_has_larger_eyes_and_flat_skin_of_the_same_hue(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    drawn = draw_anime(photo, face.mesh, person)
    assert drawn.shape == photo.shape
    for cheek in BESIDE_NOSE:
        x, y = face.mesh[cheek].astype(int)
        before, after = (to_lab(image)[y - 4 : y + 5, x - 4 : x + 5] for image in (photo, drawn))
        assert float(after[..., 0].std()) < 0.5 * float(before[..., 0].std())
        assert abs(float(before[..., 0].mean() - after[..., 0].mean())) < 20
        hue = [np.arctan2(lab[..., 2].mean(), lab[..., 1].mean()) for lab in (before, after)]
        assert abs(float(hue[0] - hue[1])) < 0.4
    eye_px = eye_distance(face.mesh)
    for (upper, lower), centre in zip(EYELIDS, face.eyes, strict=True):
        lids = face.mesh[list(upper + lower)]
        above = np.round([centre[0], lids[:, 1].min() - 0.04 * eye_px]).astype(int)
        # White or iris where the photo has an eyelid.
        skin = to_lab(drawn)[tuple(face.mesh[BESIDE_NOSE[0]].astype(int)[::-1])]
        assert np.linalg.norm(to_lab(drawn)[above[1], above[0]] - skin) > 15


def test_light_from_the_left_shades_the_right_cheek_whatever_the_photo_has(
    portrait: tuple[Image, FoundFace, Plane],
) -> None:
    photo, face, person = portrait
    options = AnimeOptions(shade=20.0, key_light="left")
    sun_from_the_right = np.linspace(0.6, 1.2, photo.shape[1])[None, :, None]
    for picture in (photo, np.clip(photo * sun_from_the_right, 0, 255).astype(np.uint8)):
        lightness = to_lab(draw_anime(picture, face.mesh, person, options))[..., 0]
        places = (face.mesh[jaw] + 0.4 * (face.mesh[lips] - face.mesh[jaw]) for jaw, lips in FROM_JAW_TO_LIPS)
        left, right = (float(lightness[int(y), int(x)]) for x, y in places)
        assert left - right == pytest.approx(options.shade * left / 70, abs=4)


def test_no_line_is_drawn_around_the_shade(portrait: tuple[Image, FoundFace, Plane]) -> None:
    """Such lines passed for a second hair line."""
    photo, face, person = portrait
    anime = AnimeOptions(shade=20.0, key_light="left")
    recipe = Recipe(drawing="anime-flat", anime=anime, augment=AugmentConfig(mirror=0.0))
    drawn = choose_drawing(recipe)(photo, face.mesh, person)
    character = draw_character(photo, face.mesh, person, anime)
    before = to_lab(draw_flat(character.picture, face.mesh, person, recipe.flat))[..., 0]
    loss = (before - to_lab(drawn)[..., 0])[before > 20]
    assert 15 < float(loss.max()) < anime.shade * 100 / 70 + 1
    assert np.all(np.abs(loss[character.shade[before > 20] == 0]) < 1)


def test_shadows_in_a_face_are_skin_and_a_beard_is_not(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    eye_px = eye_distance(face.mesh)
    plain = photo.copy()
    for shape, is_skin in (("crease", True), ("beard", False)):
        picture = plain.copy()
        if shape == "crease":
            x, y = face.mesh[425].astype(int)
            cv2.line(picture, (x, y), (x + int(0.1 * eye_px), y + int(0.35 * eye_px)), (60, 35, 25), 2)
            spot = (y + int(0.17 * eye_px), x + int(0.05 * eye_px))
        else:
            jaw = np.array([*face.mesh[[132, 58, 172, 150, 152, 379, 397, 288, 361]], *face.mesh[[425, 17, 205]]])
            cv2.fillPoly(picture, [np.round(jaw).astype(np.int32)], (28, 18, 14))
            spot = tuple(np.round((face.mesh[17] + face.mesh[152]) / 2).astype(int)[::-1])
        sheet = sheet_of(picture, face.mesh, person)
        lab = to_lab(denoised(picture))
        found = find_skin(lab, sheet)
        assert found.share[spot] < 0.5, shape  # by its colour it is not
        filled, _ = fill_skin(found, lab, sheet)
        assert (filled.share[spot] > 0.5) == is_skin, shape


def test_the_shadow_below_a_nose_is_no_moustache(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    eye_px = eye_distance(face.mesh)
    jaw = np.array([*face.mesh[[132, 58, 172, 150, 152, 379, 397, 288, 361]], *face.mesh[[425, 17, 205]]])
    lip = face.mesh[list(UPPER_LIP_ZONE)]
    spot = np.round(face.mesh[[2, 164]].mean(0)).astype(int)
    for shape, is_skin in (("shadow", True), ("moustache", False)):
        picture = photo.copy()
        if shape == "shadow":
            axes = (int(0.22 * eye_px), int(0.17 * eye_px))
            cv2.ellipse(picture, tuple(spot.tolist()), axes, 0, 0, 360, (40, 26, 20), -1)
        else:
            cv2.fillPoly(picture, [np.round(outline).astype(np.int32) for outline in (jaw, lip)], (28, 18, 14))
        sheet = sheet_of(picture, face.mesh, person)
        lab = to_lab(denoised(picture))
        filled, moustache = fill_skin(find_skin(lab, sheet), lab, sheet)
        assert (filled.share[spot[1], spot[0]] > 0.5) == is_skin, shape
        assert (float(moustache.max()) == 0.0) == is_skin, shape


def test_a_jaw_in_shadow_on_one_side_is_no_beard(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    jaw = np.array([*face.mesh[[132, 58, 172, 150, 152, 379, 397, 288, 361]], *face.mesh[[425, 17, 205]]])
    grown = np.zeros(photo.shape[:2], np.float32)
    cv2.fillPoly(grown, [np.round(outline).astype(np.int32) for outline in (jaw, face.mesh[list(UPPER_LIP_ZONE)])], 1.0)
    middle = np.arange(photo.shape[1]) < face.mesh[CHIN, 0]
    for sides, is_beard in ((np.ones_like(middle), True), (middle, False)):
        picture = (photo * (1 - 0.85 * grown * sides)[..., None]).astype(np.uint8)
        cover = beard_cover(to_lab(denoised(picture)), sheet_of(picture, face.mesh, person))
        assert (float(cover.max()) > 0.9) == is_beard


def test_a_bald_head_is_skin_and_hair_is_not(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    sheet = sheet_of(photo, face.mesh, person)
    lab = to_lab(denoised(photo))
    skin = find_skin(lab, sheet)
    hair = hair_area(skin, sheet)
    assert float(hair.max()) > 0.9
    assert float(bald_scalp(hair, lab, skin, sheet).max()) == 0.0
    bald = lab.copy()
    bald[hair > 0.2] = skin.colour - np.array([8, 2, 2], np.float32)
    scalp = bald_scalp(hair, bald, skin, sheet)
    above = (hair > 0.9) & (sheet.rows < sheet.mesh[BROW_TOP, 1] - 0.2 * sheet.eye_px)
    assert float(scalp[above].mean()) > 0.8


GRAY_HAIR, DARK_HAIR = (60.0, 0.0, 1.0), (14.0, 1.0, 2.0)  # CIE Lab


@pytest.mark.parametrize(("colour", "is_told"), [(GRAY_HAIR, True), (DARK_HAIR, False)])
def test_shaded_skin_beside_gray_hair_is_told(
    portrait: tuple[Image, FoundFace, Plane], colour: tuple[float, float, float], *, is_told: bool
) -> None:
    photo, face, person = portrait
    sheet = sheet_of(photo, face.mesh, person)
    skin = find_skin(to_lab(denoised(photo)), sheet)
    hair = hair_area(skin, sheet)
    above = float(face.mesh[BROW_TOP, 1]) - 0.15 * sheet.eye_px
    is_crown = sheet.rows < above - 0.2 * sheet.eye_px
    is_beside = np.abs(sheet.columns - face.mesh[BROW_TOP, 0]) < 0.8 * sheet.eye_px
    is_forehead = is_beside & (hair > 0.9) & (sheet.rows > above) & (sheet.rows < face.mesh[BROW_TOP, 1])
    assert is_forehead.any()
    lab = np.broadcast_to(skin.colour - np.array([25, 3, 3], np.float32), photo.shape).astype(np.float32)
    lab[is_crown] = colour
    shaded = bare_skin(hair, lab, skin, sheet)
    assert float(shaded[is_forehead].mean()) == pytest.approx(float(is_told), abs=0.1)
    assert float(shaded[is_crown & (sheet.rows < above - 0.4 * sheet.eye_px)].max()) < 0.01


def test_gloss_below_dark_hair_is_skin(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    sheet = sheet_of(photo, face.mesh, person)
    skin = find_skin(to_lab(denoised(photo)), sheet)
    hair = hair_area(skin, sheet)
    is_gloss = (hair > 0.9) & (sheet.face(0.5) > 0.5) & (sheet.rows < face.mesh[BROW_TOP, 1])
    assert is_gloss.any()
    lab = np.broadcast_to(np.array(DARK_HAIR, np.float32), photo.shape).copy()
    assert float(bare_skin(hair, lab, skin, sheet).max()) == 0.0
    lab[is_gloss] = skin.colour + np.array([20, -8, -10], np.float32)
    assert float(np.median(bare_skin(hair, lab, skin, sheet)[is_gloss])) > 0.9


def test_the_bundled_recipe_asks_for_the_drawing() -> None:
    import animecam_training

    recipe = load_recipe(Path(animecam_training.__file__).parent / "configs/anime.toml")
    assert (recipe.drawing, recipe.anime.eye_gain) == ("anime-flat", AnimeOptions().eye_gain)
    assert 0 < recipe.glasses < 1
    assert Recipe().drawing == "portrait"


def test_a_drawing_is_chosen_by_name(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    anime = choose_drawing(Recipe(drawing="anime"))(photo, face.mesh, person)
    plain = choose_drawing(Recipe())(photo, face.mesh, person)
    assert np.array_equal(anime, draw_anime(photo, face.mesh, person))
    assert not np.array_equal(anime, plain)
    flat = FlatOptions(gloss=3.0)
    both = Recipe(drawing="anime-flat", flat=flat)
    assert np.array_equal(choose_drawing(both)(photo, face.mesh, person), draw_flat(anime, face.mesh, person, flat))
    assert {"anime.jaw", "flat.gloss"} < describe_drawing(both).keys()


def test_eyes_narrowed_by_a_smile_are_open_alike(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    mesh = face.mesh.copy()
    for lids, height in zip(EYELIDS, (0.20, 0.13), strict=True):  # of the eye's width; alone, the second would be shut
        upper, lower = (list(side) for side in lids)
        middle, width = (mesh[upper] + mesh[lower]) / 2, np.linalg.norm(mesh[upper[-1]] - mesh[upper[0]])
        narrower = height * width / np.linalg.norm(mesh[upper[3:6]].mean(0) - mesh[lower[3:6]].mean(0))
        for side in (upper, lower):
            mesh[side] = middle + narrower * (mesh[side] - middle)
    drawn = to_lab(draw_anime(photo, mesh, person))
    for lids in EYELIDS:
        x, y = mesh[[*lids[0], *lids[1]]].mean(axis=0).astype(int)
        assert float(drawn[y - 8 : y + 9, x - 8 : x + 9, 0].max()) > 90


def test_skin_takes_the_chroma_that_is_asked_for(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    paler, usual = (
        to_lab(draw_anime(photo, face.mesh, person, AnimeOptions(skin_chroma=gain, blush=0.0))) for gain in (0.54, 1.08)
    )
    x, y = face.mesh[list(BESIDE_NOSE)].mean(axis=0).astype(int)
    assert np.linalg.norm(paler[y, x, 1:]) == pytest.approx(np.linalg.norm(usual[y, x, 1:]) / 2, rel=0.15)


def test_sunglasses_stay_and_pale_eyes_are_drawn(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    eye_px = eye_distance(face.mesh)
    for colour, is_dark in (((20, 20, 22), True), ((205, 165, 145), False)):
        picture = photo.copy()
        for centre in face.eyes:
            place = tuple(np.round(centre).astype(int).tolist())
            axes = (int(0.4 * eye_px), int(0.3 * eye_px)) if is_dark else (int(0.3 * eye_px), int(0.12 * eye_px))
            cv2.ellipse(picture, place, axes, 0, 0, 360, colour, -1)
        drawn = to_lab(draw_anime(picture, face.mesh, person))
        x, y = face.eyes[0].astype(int)
        eye = drawn[y - 4 : y + 5, x - 4 : x + 5, 0]
        assert (float(eye.max()) < 40) == is_dark  # an eye has a light; a dark lens is dark all over
        assert float(eye.min()) < 40
