"""The drawing "flat": areas without texture between dark edges, matt skin, clear eyes; over a photo or a drawing."""

import pickle
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from animecam_training.errors import TrainingError
from animecam_training.faces import FoundFace, Image, Plane, eye_distance
from animecam_training.recipe.config import Recipe
from animecam_training.target.anime.hair import hair_area
from animecam_training.target.drawings import choose_drawing
from animecam_training.target.flat import comb_hair, draw_flat, matt_skin
from animecam_training.target.flatten import denoised, to_lab
from animecam_training.target.geometry import EYELIDS, LIPS, OVAL, enlarge_eyes, sheet_of
from animecam_training.target.options import FlatOptions
from animecam_training.target.skin import find_skin

DARKEST_INK = 20.0  # CIE L: on black, ink may be a little lighter
Portrait = tuple[Image, FoundFace, Plane]


def _relief(image: Image) -> float:
    """Mean absolute Laplacian of the lightness: texture and edges."""
    return float(np.abs(cv2.Laplacian(to_lab(image)[..., 0], cv2.CV_32F)).mean())


def test_texture_goes_and_edges_stay_where_they_are(portrait: Portrait) -> None:
    photo, face, person = portrait
    rng = np.random.default_rng(0)
    grainy = np.clip(photo + rng.normal(0, 8, photo.shape), 0, 255).astype(np.uint8)
    drawn = draw_flat(grainy, face.mesh, person, FlatOptions(line_ink=0))
    assert drawn.shape == photo.shape
    assert drawn.dtype == np.uint8
    assert _relief(drawn) < 0.4 * _relief(grainy)
    coarse = [cv2.GaussianBlur(to_lab(image)[..., 0], (0, 0), 6) for image in (photo, drawn)]
    assert np.corrcoef(coarse[0].ravel(), coarse[1].ravel())[0, 1] > 0.97


def test_lines_are_darker_than_what_they_part(portrait: Portrait) -> None:
    photo, face, person = portrait
    plain, inked = (
        to_lab(draw_flat(photo, face.mesh, person, FlatOptions(line_ink=ink)))[..., 0] for ink in (0.0, 0.5)
    )
    assert (inked < np.maximum(plain, DARKEST_INK) + 1).all()
    assert 0.02 < (inked < plain - 2).mean() < 0.25


def test_gloss_becomes_skin(portrait: Portrait) -> None:
    """A white patch on a forehead, as a lamp leaves it on dark skin."""
    photo, face, person = portrait
    x, y = face.mesh[151].astype(int)
    shiny = photo.copy()
    cv2.circle(shiny, (x, y), int(0.12 * eye_distance(face.mesh)), (245, 244, 243), -1)
    shiny = cv2.GaussianBlur(shiny, (0, 0), 1.5).astype(np.uint8)
    sheet = sheet_of(shiny, face.mesh, person)
    lab = to_lab(shiny)
    skin = find_skin(lab, sheet)
    matt = matt_skin(lab, skin, sheet, FlatOptions(gloss=4.0))
    lit = np.percentile(lab[..., 0][skin.on_face], 65)
    assert lab[y, x, 0] > lit + 10
    assert matt[y, x, 0] < lit + 5
    assert np.linalg.norm(matt[y, x, 1:] - skin.colour[1:]) < 0.5 * np.linalg.norm(lab[y, x, 1:] - skin.colour[1:])


def test_a_picture_without_skin_keeps_its_colours(portrait: Portrait) -> None:
    _, face, person = portrait
    blue = np.full((*person.shape, 3), (20, 40, 200), np.uint8)
    drawn = draw_flat(blue, face.mesh, person, FlatOptions(chroma=1.0, shade=1.0))
    assert np.abs(drawn.astype(int) - blue).max() <= 2


def test_eyes_keep_fine_contrast_that_skin_loses(portrait: Portrait) -> None:
    photo, face, person = portrait
    options = FlatOptions(eye_gain=1.0, chroma=1.0, line_ink=0)
    eye = face.mesh[list(EYELIDS[0][0] + EYELIDS[0][1])].mean(0).astype(int)
    cheek = face.mesh[50].astype(int)
    checkered = photo.copy()
    tile = np.kron(np.indices((4, 4)).sum(0) % 2, np.ones((2, 2)))[..., None] * 18 + 90
    patches = [(slice(y - 4, y + 4), slice(x - 4, x + 4)) for x, y in (eye, cheek)]
    for patch in patches:
        checkered[patch] = tile
    drawn = draw_flat(checkered, face.mesh, person, options)
    left = [float(drawn[patch].std()) for patch in patches]
    assert left[0] > 2 * left[1]


def test_a_lower_edge_draws_more_lines_there_alone(portrait: Portrait) -> None:
    photo, face, person = portrait
    oval = sheet_of(photo, face.mesh, person).area(OVAL)
    few, off_face, on_face = (
        to_lab(draw_flat(photo, face.mesh, person, FlatOptions(line_ink=0.8, edge=edge, face_edge_gain=gain)))
        for edge, gain in ((0.2, 1.0), (0.05, 4.0), (0.2, 0.25))
    )
    far, deep = cv2.dilate(oval, np.ones((31, 31))) == 0, cv2.erode(oval, np.ones((31, 31))) == 1
    for more, here, there in ((off_face, far, deep), (on_face, deep, far)):
        darker = few[..., 0] - more[..., 0] > 5
        assert darker[here].mean() > 0.01
        assert darker[there].mean() < 0.001


def test_less_reach_on_the_face_keeps_more_of_it(portrait: Portrait) -> None:
    photo, face, person = portrait
    deep = cv2.erode(sheet_of(photo, face.mesh, person).area(OVAL), np.ones((31, 31))) == 1
    wide, near = (
        draw_flat(photo, face.mesh, person, FlatOptions(line_ink=0, face_reach=reach)) for reach in (1.0, 0.4)
    )
    photo_steps, wide_steps, near_steps = (np.abs(np.diff(to_lab(x)[..., 0], axis=0)) for x in (photo, wide, near))
    still = [float((steps < 0.3)[deep[1:]].mean()) for steps in (photo_steps, near_steps, wide_steps)]
    assert still[0] < still[1] < still[2]


def test_light_in_the_eyes_spreads_their_tones_and_no_others(portrait: Portrait) -> None:
    photo, face, person = portrait
    dull, bright = (to_lab(draw_flat(photo, face.mesh, person, FlatOptions(eye_light=light))) for light in (0.0, 0.6))
    sheet = enlarge_eyes(photo, face.mesh, person, FlatOptions().eye_gain)
    eyes, around = sheet.eyelids() > 0.5, cv2.dilate(sheet.eyelids(), np.ones((25, 25))) == 0
    spans = [float(np.subtract(*np.percentile(lab[..., 0][eyes], [95, 5]))) for lab in (dull, bright)]
    assert spans[1] > 1.15 * spans[0]
    assert np.abs(dull - bright)[around].max() < 1


def test_hair_is_smoothed_along_its_strands_and_not_across(portrait: Portrait) -> None:
    """Strands painted upright on the hair keep their contrast; noise along them goes. The rest is left alone."""
    photo, face, person = portrait
    sheet = sheet_of(photo, face.mesh, person)
    strands = np.where(sheet.columns % 8 < 4, 40, 110)
    noise = np.random.default_rng(0).normal(0, 8, strands.shape)
    hair = hair_area(find_skin(to_lab(denoised(photo)), sheet), sheet) * (1 - sheet.area(OVAL, 6.0))
    place = (hair > 0.9)[..., None]
    painted = np.where(place, (strands + noise)[..., None], photo).clip(0, 255).astype(np.uint8)
    combed = comb_hair(painted, face.mesh, person, 7.0)
    found = hair_area(find_skin(to_lab(denoised(painted)), sheet), sheet) * (1 - sheet.area(OVAL, 6.0))
    sure = cv2.erode(((found > 0.95) & place[..., 0]).astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    assert sure.sum() > 300
    before, after = (to_lab(image)[..., 0] for image in (painted, combed))
    along = [np.abs(np.diff(lightness, axis=0))[sure[1:]].mean() for lightness in (before, after)]
    assert along[1] < 0.4 * along[0]
    dark, light = ((sheet.columns % 8 == column) & sure for column in (2, 6))
    contrast = [lightness[light].mean() - lightness[dark].mean() for lightness in (before, after)]
    assert contrast[1] > 0.7 * contrast[0]
    assert np.abs(combed[found == 0].astype(int) - painted[found == 0]).max() <= 2


def test_nobody_there_means_no_hair_to_comb(portrait: Portrait) -> None:
    photo, face, person = portrait
    combed = comb_hair(photo, face.mesh, np.zeros_like(person), 7.0)
    assert np.abs(combed.astype(int) - photo).max() <= 2


def test_closed_eyes_are_not_lit(portrait: Portrait) -> None:
    """Between shut lids there are skin and lashes: the skin must not become white."""
    photo, face, person = portrait
    mesh = face.mesh.copy()
    for upper, lower in EYELIDS:
        middle = (mesh[list(upper)] + mesh[list(lower)]) / 2
        mesh[list(upper)], mesh[list(lower)] = middle - 0.3, middle + 0.3
    dull, bright = (draw_flat(photo, mesh, person, FlatOptions(eye_light=light)) for light in (0.0, 0.6))
    assert np.array_equal(dull, bright)


def test_eyes_and_lips_are_never_coarser_than_the_face(portrait: Portrait) -> None:
    photo, face, person = portrait
    deep = sheet_of(photo, face.mesh, person).area(LIPS) == 1
    coarse, fine = (
        to_lab(draw_flat(photo, face.mesh, person, FlatOptions(eye_gain=1.0, line_ink=0, face_reach=reach)))[..., 0]
        for reach in (1.0, 0.1)
    )
    steps = [float(np.abs(np.diff(lightness, axis=0))[deep[1:]].mean()) for lightness in (coarse, fine)]
    assert steps[1] > 1.02 * steps[0]


def _inverter(path: Path) -> Path:
    sides = [1, 3, "height", "width"]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in ("image", "styled")]
    graph = helper.make_graph([helper.make_node("Neg", ["image"], ["styled"])], "invert", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def test_it_paints_over_what_the_teacher_draws(portrait: Portrait, tmp_path: Path) -> None:
    photo, face, person = portrait
    recipe = Recipe(drawing="flat", teacher=str(_inverter(tmp_path / "invert.onnx")))
    draw = pickle.loads(pickle.dumps(choose_drawing(recipe)))  # as a worker gets it
    over = draw(photo, face.mesh, person)
    assert np.array_equal(over, draw_flat((255 - photo).astype(np.uint8), face.mesh, person))
    plain = choose_drawing(Recipe(drawing="flat"))(photo, face.mesh, person)
    assert np.array_equal(plain, draw_flat(photo, face.mesh, person))


def test_a_teacher_that_no_torch_can_open_is_told(portrait: Portrait, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a teacher nothing here needs it: it is imported with the first picture."""
    photo, face, person = portrait
    monkeypatch.setitem(sys.modules, "animecam_training.metrics.evaluate", None)
    choose_drawing(Recipe(drawing="flat"))(photo, face.mesh, person)
    with pytest.raises(TrainingError, match="needs the package") as caught:
        choose_drawing(Recipe(drawing="flat", teacher="cel"))(photo, face.mesh, person)
    assert caught.value.hint == "pip install 'animecam[train]'"
