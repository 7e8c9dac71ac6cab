"""Gloss on skin: where it lies, and who sees it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animecam_training.data.gloss import let_shine
from animecam_training.data.names import bare_of, list_photos
from animecam_training.data.pictures import read_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.errors import DataError
from animecam_training.faces import FoundFace, Image, Plane
from animecam_training.target.geometry import unchanged_sheet

TRIES = 24  # faces that shine


def test_gloss_lightens_skin_and_nothing_else(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    eyes = unchanged_sheet(photo, face.mesh).eyelids() > 0.99
    seen = 0
    for seed in range(TRIES):
        shining, matt = let_shine(photo, face.mesh, person, np.random.default_rng(seed))
        change = shining.astype(int) - matt
        assert change.min() >= 0, seed
        assert change[person < 0.1].max() <= 1, seed
        assert change[eyes].mean() < 6, seed
        seen += bool(change.max() > 24)
    assert seen > TRIES // 2


def test_some_dark_skin_gets_darker_before_it_shines(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    dark = (photo * 0.5).astype(np.uint8)
    x, y = face.mesh[[50, 280]].mean(0).astype(int)
    matts = [let_shine(dark, face.mesh, person, np.random.default_rng(seed))[1] for seed in range(TRIES)]
    darker = [bool(matt[y, x].mean() < 0.9 * dark[y, x].mean()) for matt in matts]
    assert any(darker)
    assert not all(darker)
    assert all(np.array_equal(matt, dark) for matt, is_darker in zip(matts, darker, strict=True) if not is_darker)
    light = np.clip(photo * 1.4, 0, 255).astype(np.uint8)
    for seed in range(8):
        assert np.array_equal(let_shine(light, face.mesh, person, np.random.default_rng(seed))[1], light), seed


def test_the_same_seed_shines_alike(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    one, same, other = (let_shine(photo, face.mesh, person, np.random.default_rng(seed))[0] for seed in (7, 7, 8))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_teacher_sees_no_gloss(shared: Path, one_portrait: Path, tmp_path: Path) -> None:
    options = PrepareOptions("photo", weights=shared / "weights", gloss=1.0, seed=1)
    prepare(one_portrait, tmp_path / "heads", options)
    prepare(one_portrait, tmp_path / "plain", replace(options, gloss=0.0))
    (head,), (plain,) = list_photos(tmp_path / "heads"), list_photos(tmp_path / "plain")
    assert np.array_equal(read_picture(bare_of(head)), read_picture(plain))
    assert (read_picture(head).astype(int) - read_picture(plain)).max() > 16
    with pytest.raises(DataError, match=r"gloss 1\.0 and not 0\.0"):
        prepare(one_portrait, tmp_path / "heads", replace(options, gloss=0.0))


def test_pairs_shine_on_the_photo_alone(shared: Path, one_portrait: Path, tmp_path: Path) -> None:
    options = PrepareOptions("pairs", weights=shared / "weights", gloss=1.0, seed=1)
    prepare(one_portrait, tmp_path / "out", options)
    prepare(one_portrait, tmp_path / "plain", replace(options, gloss=0.0))
    (seen, matt), (drawn, drawn_matt) = (
        [read_picture(tmp_path / folder / f"x_0.{part}.png").astype(int) for folder in ("out", "plain")]
        for part in ("in", "out")
    )
    assert (seen - matt).max() > 16
    assert np.array_equal(drawn, drawn_matt)
