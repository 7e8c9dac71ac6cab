"""Hair of the drawing "anime": few shapes, light over the crown, what is worn keeps its borders."""

import cv2
import numpy as np
import pytest

from animecam_training.faces import FoundFace, Image, Plane
from animecam_training.target.anime.hair import hair_area
from animecam_training.target.anime.hair_paint import light_and_shade, light_band, paint_hair
from animecam_training.target.flat import draw_flat
from animecam_training.target.flatten import Lab, denoised, to_lab
from animecam_training.target.geometry import BROW_TOP, OVAL, UNDER_NOSE, Sheet, sheet_of
from animecam_training.target.options import FlatOptions
from animecam_training.target.skin import find_skin

BLACK, WHITE, BLUE = (12.0, 1.0, 1.0), (90.0, 0.0, 2.0), (40.0, 10.0, -50.0)  # CIE Lab
MANY_SHAPES = 12  # real light makes more


@pytest.fixture
def drawn_on(portrait: tuple[Image, FoundFace, Plane]) -> tuple[Sheet, Lab, Plane]:
    """The sheet, the denoised photo and where its hair is."""
    photo, face, person = portrait
    sheet = sheet_of(photo, face.mesh, person)
    lab = to_lab(denoised(photo))
    return sheet, lab, hair_area(find_skin(lab, sheet), sheet)


def _painted(lab: Lab, hair: Plane, sheet: Sheet) -> Lab:
    return paint_hair(lab, lab, hair, sheet)


def test_black_hair_without_any_light_gets_a_band_over_the_crown(drawn_on: tuple[Sheet, Lab, Plane]) -> None:
    sheet, _, hair = drawn_on
    lab = np.broadcast_to(np.array(BLACK, np.float32), (*sheet.shape, 3)).copy()
    lightness = _painted(lab, hair, sheet)[..., 0]
    sure, brow = hair > 0.95, float(sheet.mesh[BROW_TOP, 1])
    above, below = sure & (sheet.rows < brow), sure & (sheet.rows > float(sheet.mesh[UNDER_NOSE, 1]))
    assert 0.05 < float((lightness[above] > BLACK[0] + 8).mean()) < 0.5
    assert float(lightness[below].max(initial=0)) <= BLACK[0] + 1


def test_the_band_touches_neither_the_face_nor_the_outline(drawn_on: tuple[Sheet, Lab, Plane]) -> None:
    sheet, _, hair = drawn_on
    band = light_band(hair, sheet)
    beside_face = cv2.dilate(sheet.area(OVAL), np.ones((5, 5), np.uint8)) > 0.5
    head = ((hair > 0.5) | (sheet.area(OVAL) > 0.5)).astype(np.uint8)
    assert float(band.max()) > 0.9
    assert float(band[beside_face].max()) < 0.3
    assert float(band[cv2.erode(head, np.ones((5, 5), np.uint8)) == 0].max()) < 0.3


def test_light_that_glitters_becomes_few_shapes(drawn_on: tuple[Sheet, Lab, Plane]) -> None:
    sheet, lab, hair = drawn_on
    rng = np.random.default_rng(3)
    spots = cv2.GaussianBlur(rng.normal(0, 1, sheet.shape).astype(np.float32), (0, 0), 1.5)
    lightness = lab[..., 0] + 25 * spots / float(spots.std())
    for tone in light_and_shade(lightness.astype(np.float32), hair, sheet):
        assert float(tone.max()) > 0.95
        assert cv2.connectedComponents((tone > 0.5).astype(np.uint8))[0] - 1 < MANY_SHAPES
    glitter = cv2.connectedComponents(((lightness > np.median(lightness) + 20) & (hair > 0.5)).astype(np.uint8))[0]
    assert glitter > 4 * MANY_SHAPES


def test_nothing_faint_is_left_of_what_was_too_small(drawn_on: tuple[Sheet, Lab, Plane]) -> None:
    """Only the middle of a speck was taken away: a ring stayed."""
    sheet, lab, hair = drawn_on
    spots = cv2.GaussianBlur(np.random.default_rng(3).normal(0, 1, sheet.shape).astype(np.float32), (0, 0), 1.5)
    lightness = (lab[..., 0] + 12 * spots / float(spots.std())).astype(np.float32)
    for tone in light_and_shade(lightness, hair, sheet):
        near = cv2.dilate((tone > 0.5).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        assert float(tone[~near].max()) < 0.02


def test_plain_hair_keeps_its_tone_but_for_the_light(drawn_on: tuple[Sheet, Lab, Plane]) -> None:
    """Noise on a cap or on clipped hair decided where shade was, and all of it was half shaded."""
    sheet, _, hair = drawn_on
    hair = np.where(sheet.rows < float(sheet.mesh[UNDER_NOSE, 1]), hair, 0).astype(np.float32)
    lightness = 60 + np.random.default_rng(5).normal(0, 0.3, sheet.shape).astype(np.float32)
    lit, shaded = light_and_shade(lightness.astype(np.float32), hair, sheet)
    assert float(shaded.max()) == 0.0
    assert 0.02 < float((lit > 0.5)[hair > 0.95].mean()) < 0.5


def test_a_hat_ends_where_it_ends(drawn_on: tuple[Sheet, Lab, Plane]) -> None:
    """Half of what is on the head is of one colour, half of another: smoothing must not mix them."""
    sheet, _, hair = drawn_on
    lab = np.broadcast_to(np.array(WHITE, np.float32), (*sheet.shape, 3)).copy()
    middle = float(sheet.mesh[BROW_TOP, 0])
    lab[sheet.columns < middle] = BLUE
    painted = _painted(lab, hair, sheet)
    sure = hair > 0.95
    for side, colour in ((sheet.columns < middle - 3, BLUE), (sheet.columns > middle + 3, WHITE)):
        off = np.linalg.norm(painted[sure & side][:, 1:] - 1.3 * np.array(colour[1:]), axis=-1)
        assert float(np.percentile(off, 95)) < 6


def test_nobody_there_means_nothing_to_paint(drawn_on: tuple[Sheet, Lab, Plane]) -> None:
    sheet, lab, hair = drawn_on
    assert np.array_equal(_painted(lab, np.zeros_like(hair), sheet), lab)


def test_lines_between_locks_are_fainter_than_the_outline(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    sheet = sheet_of(photo, face.mesh, person)
    hair = hair_area(find_skin(to_lab(denoised(photo)), sheet), sheet)
    away = cv2.distanceTransform((hair > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / sheet.unit_px
    inner, outline = away > 9, (away > 0) & (away < 2)

    def lightness(line_ink: float, hair_ink_share: float) -> Plane:
        options = FlatOptions(line_ink=line_ink, edge=0.06, hair_ink_share=hair_ink_share)
        return to_lab(draw_flat(photo, face.mesh, person, options))[..., 0]

    bare, full, faint = lightness(0, 1), lightness(1, 1), lightness(1, 0.3)
    assert 0.25 < float((bare - faint)[inner].sum()) / float((bare - full)[inner].sum()) < 0.35
    assert float((bare - faint)[outline].sum()) > 0.9 * float((bare - full)[outline].sum()) > 0
