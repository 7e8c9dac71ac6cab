"""Shadows on the upper lip: where they lie, and that nothing is drawn of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animecam_training.data.pictures import read_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.data.shadows import shade_lip
from animecam_training.errors import DataError
from animecam_training.faces import FoundFace, Image, Plane
from animecam_training.target.geometry import CHIN, LIP_GROOVE, NOSE_TIP

TRIES = 24  # shadows cast at random


def test_a_shadow_lies_between_nose_and_mouth(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, _ = portrait
    groove_x, groove_y = face.mesh[LIP_GROOVE].astype(int)
    for seed in range(TRIES):
        shaded = shade_lip(photo, face.mesh, np.random.default_rng(seed))
        change = photo.astype(int) - shaded
        assert change.min() >= 0, seed
        assert change[groove_y, groove_x].max() > 8, seed
        rows = np.flatnonzero(change.max(axis=(1, 2)) > 8)
        assert face.mesh[NOSE_TIP, 1] < rows[0], seed
        assert rows[-1] < face.mesh[CHIN, 1], seed
        assert (change > 8).any(-1).mean() < 0.05, seed


def test_a_shadow_keeps_the_hue_of_the_skin(portrait: tuple[Image, FoundFace, Plane]) -> None:
    """Gray like hair it would teach that thin moustaches are none."""
    photo, face, _ = portrait
    x, y = face.mesh[LIP_GROOVE].astype(int)
    for seed in range(TRIES):
        shaded = shade_lip(photo, face.mesh, np.random.default_rng(seed))
        ratio = shaded[y, x] / np.maximum(photo[y, x], 1)
        assert np.ptp(ratio) < 0.03, seed


def test_the_same_seed_casts_the_same_shadow(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, _ = portrait
    one, same, other = (shade_lip(photo, face.mesh, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_pairs_have_the_shadow_on_the_photo_alone(shared: Path, one_portrait: Path, tmp_path: Path) -> None:
    options = PrepareOptions("pairs", weights=shared / "weights", lip_shadows=1.0)
    prepare(one_portrait, tmp_path / "out", options)
    prepare(one_portrait, tmp_path / "plain", replace(options, lip_shadows=0.0))
    (seen, lit), (drawn, drawn_lit) = (
        [read_picture(tmp_path / folder / f"x_0.{part}.png").astype(int) for folder in ("out", "plain")]
        for part in ("in", "out")
    )
    assert (lit - seen).max() > 8
    assert np.array_equal(drawn, drawn_lit)
    with pytest.raises(DataError, match=r"lip_shadows 1\.0 and not 0\.0"):
        prepare(one_portrait, tmp_path / "out", replace(options, lip_shadows=0.0))


def test_where_a_beard_grows_no_shadow_falls(shared: Path, one_portrait: Path, tmp_path: Path) -> None:
    options = PrepareOptions("pairs", weights=shared / "weights", beards=1.0)
    prepare(one_portrait, tmp_path / "out", replace(options, lip_shadows=1.0))
    prepare(one_portrait, tmp_path / "plain", options)
    for part in ("in", "out"):
        shaded, plain = (read_picture(tmp_path / folder / f"x_0.{part}.png") for folder in ("out", "plain"))
        assert np.array_equal(shaded, plain)
