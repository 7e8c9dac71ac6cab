"""The drawing "flat": areas without texture between dark edges, matt skin, clear eyes; over a photo or a drawing."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper

from animecam_training.config import Recipe
from animecam_training.faces import FoundFace, Image, Plane, eye_distance
from animecam_training.target.drawings import choose_drawing
from animecam_training.target.flat import draw_flat, matt_skin
from animecam_training.target.flatten import to_lab
from animecam_training.target.geometry import EYELIDS, sheet_of
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
