"""Walls behind people: what is a wall, what a student and its teacher see, and how much of its colour faces take."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from animecam_training.data.names import background_of, list_photos
from animecam_training.data.photos import PhotoSet
from animecam_training.data.pictures import read_layer, read_picture, write_layer, write_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.data.walls import GRAY, choose_wall, find_background
from animecam_training.errors import DataError
from animecam_training.faces import FaceFinder, FoundFace, Image, Plane
from animecam_training.methods.pairs import DistillMethod
from animecam_training.metrics.walls import measure_tint
from animecam_training.recipe.config import AugmentConfig, DataConfig
from animecam_training.run.loop import RunOptions, train
from animecam_training.run.validation import Validation

SIDE_PX = 96
PLAIN = AugmentConfig(colour=0, blur=0, noise=0, jpeg=0, mirror=0)
TRIES = 24  # walls chosen at random
HEAD = (slice(32, 64), slice(32, 64))  # of the small picture below: where nothing is background


def _photo_with_background(folder: Path, colours: Sequence[int] = (200, 190, 180)) -> Image:
    """A dark square before an even background, and what `prepare` says of it."""
    photo = np.full((SIDE_PX, SIDE_PX, 3), colours, np.uint8)
    photo[HEAD] = (60, 40, 30)
    share = np.full((SIDE_PX, SIDE_PX), 255, np.uint8)
    share[HEAD] = 0
    write_picture(photo, folder / "a.in.png")
    write_layer(np.full_like(photo, colours), share, background_of(folder / "a.in.png"))
    return photo


def _crops(folder: Path, augment: AugmentConfig) -> PhotoSet:
    return PhotoSet(DataConfig(str(folder), sizes_px=(SIDE_PX,), zooms=(1.0,)), augment, seed=0, batch_of_all=1)


def test_a_face_is_no_background_and_a_corner_is(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    colour, share = find_background(photo, person)
    columns, rows = face.mesh.astype(int).T
    assert share[rows, columns].max() < 8
    assert min(share[:20, :20].min(), share[:20, -20:].min()) > 247
    assert np.abs(colour[:20, :20].mean((0, 1)) - photo[:20, :20].mean((0, 1))).max() < 12
    assert colour[share == 0].min() > 0, "nothing is known of what is behind the person"


def test_where_nothing_shows_the_colour_behind_a_person_no_wall_is_put() -> None:
    """A wall takes the place of that colour: it would be added to the person where that is not known."""
    photo = np.full((SIDE_PX, SIDE_PX, 3), 90, np.uint8)
    for surely in (0.5, 1.0):  # half a person everywhere, and nothing but one
        layer = np.dstack(find_background(photo, np.full((SIDE_PX, SIDE_PX), surely, np.float32)))
        wall = choose_wall(layer, np.random.default_rng(0))
        seen, clean = wall.put(photo / np.float32(255), photo / np.float32(255))
        assert np.abs(seen - photo / 255).max() < 0.01, surely
        assert np.abs(clean - photo / 255).max() < 0.01, surely


def test_a_drawing_before_the_gray_wall_gets_the_colour_of_the_other(tmp_path: Path) -> None:
    """A teacher that draws what it sees must come out with what its student sees."""
    photo = _photo_with_background(tmp_path).astype(np.float32) / 255
    layer = read_layer(background_of(tmp_path / "a.in.png"))
    for seed in range(TRIES):
        wall = choose_wall(layer, np.random.default_rng(seed))
        seen, clean = wall.put(photo, photo)
        assert np.array_equal(seen[HEAD], photo[HEAD]), seed
        assert np.array_equal(clean[HEAD], photo[HEAD]), seed
        assert np.ptp(clean[:20], axis=2).max() < 1e-5, seed
        assert clean[:20].mean() == pytest.approx(GRAY, abs=0.1), seed
        assert np.ptp(seen[:20], axis=2).mean() > 0.05, seed
        np.testing.assert_allclose(clean * wall.tint(wall.vivid, wall.gray), seen, atol=1e-5)


def test_walls_are_of_many_colours_and_some_of_two(tmp_path: Path) -> None:
    _photo_with_background(tmp_path)
    layer = read_layer(background_of(tmp_path / "a.in.png"))
    walls = [choose_wall(layer, np.random.default_rng(seed)).vivid for seed in range(TRIES)]
    brightest = {int(wall[0, 0].argmax()) for wall in walls}
    assert brightest == {0, 1, 2}
    of_two = sum(bool(np.abs(np.diff(wall, axis=1)).max() > 0.05) for wall in walls)
    assert 2 <= of_two <= TRIES // 2


def test_a_student_sees_the_vivid_wall_and_its_teacher_the_gray_one(tmp_path: Path) -> None:
    photo = _photo_with_background(tmp_path).astype(np.float32) / 127.5 - 1
    crop = {
        name: part.numpy().transpose(1, 2, 0) for name, part in _crops(tmp_path, replace(PLAIN, walls=1.0))[0].items()
    }
    for name in ("photo", "clean"):
        np.testing.assert_allclose(crop[name][HEAD], photo[HEAD], atol=1e-5)
    assert np.ptp(crop["clean"][:20], axis=2).max() < 1e-4
    assert np.ptp(crop["photo"][:20], axis=2).max() > 0.1
    assert np.array_equal(crop["tint"][HEAD], np.ones_like(crop["tint"][HEAD]))
    np.testing.assert_allclose((crop["clean"] + 1) * crop["tint"], crop["photo"] + 1, atol=1e-4)


def test_the_tint_holds_in_any_light(tmp_path: Path) -> None:
    """Exposure, white balance and gamma change both walls after they were put there."""
    _photo_with_background(tmp_path)
    crops = _crops(tmp_path, replace(PLAIN, walls=1.0, colour=1.0, exposure=0.3, white_balance=0.2))
    for index in range(8):
        crop = crops[index]
        wanted, drawn = (crop["photo"] + 1) / 2, (crop["clean"] + 1) / 2 * crop["tint"]
        torch.testing.assert_close(drawn, wanted, atol=1e-4, rtol=0)


def test_a_share_of_the_crops_has_walls_and_all_make_one_batch(tmp_path: Path) -> None:
    _photo_with_background(tmp_path)
    crops = _crops(tmp_path, replace(PLAIN, walls=0.5, mosaic=0.3))
    tinted = [bool((crops[index]["tint"] != 1).any()) for index in range(24)]
    assert any(tinted)
    assert not all(tinted)
    assert len({tuple(part.shape for part in crops[index].values()) for index in range(24)}) == 1
    without = _crops(tmp_path, PLAIN)
    assert "tint" not in without[0]
    assert without.describe() != crops.describe()


def test_walls_want_what_is_behind_the_person(tmp_path: Path) -> None:
    _photo_with_background(tmp_path)
    write_picture(read_picture(tmp_path / "a.in.png"), tmp_path / "b.in.png")
    assert len(_crops(tmp_path, PLAIN).inputs) == 2
    with pytest.raises(DataError, match=r"b\.background\.png is missing") as caught:
        _crops(tmp_path, replace(PLAIN, walls=0.5))
    assert "walls = 0" in caught.value.hint


def test_a_validation_shows_no_walls_and_wants_none(
    pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType
) -> None:
    recipe = runs.validated(runs.recipe_of(pairs, method="distill"), unseen)
    heads = tmp_path / "heads"
    heads.mkdir()
    _photo_with_background(heads)
    trained = _crops(heads, replace(PLAIN, walls=0.5))
    walled = Validation(replace(recipe, augment=replace(recipe.augment, walls=0.5)), trained)
    assert walled.describe() == Validation(recipe, trained).describe()


def test_a_student_learns_its_teacher_before_a_gray_wall(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "teacher"))
    recipe = runs.recipe_of(pairs, method="distill", teacher=str(tmp_path / "teacher/last.pt"))
    method = DistillMethod(recipe, torch.device("cpu"))
    clean = torch.rand(1, 3, 64, 64) * 2 - 1
    batch = {"clean": clean, "worn": torch.zeros_like(clean), "cover": torch.zeros(1, 1, 64, 64)}
    plain = method.target(batch)
    tint = torch.ones_like(clean)
    tint[..., :32, :], tint[:, 0, 32:48] = 0.5, 4.0
    tinted = method.target(batch | {"tint": tint})
    torch.testing.assert_close(tinted[..., 48:, :], plain[..., 48:, :])
    torch.testing.assert_close(tinted[..., :32, :] + 1, (plain[..., :32, :] + 1) / 2)
    assert tinted.max() <= 1, "brighter than white"


def test_prepare_keeps_what_is_background(shared: Path, one_portrait: Path, tmp_path: Path) -> None:
    options = PrepareOptions("photo", weights=shared / "weights", backgrounds=True)
    prepare(one_portrait, tmp_path / "heads", options)
    prepare(one_portrait, tmp_path / "plain", replace(options, backgrounds=False))
    (head,), (plain,) = list_photos(tmp_path / "heads"), list_photos(tmp_path / "plain")
    assert np.array_equal(read_picture(head), read_picture(plain))
    layer = read_layer(background_of(head))
    assert layer[..., 3].min() == 0
    assert layer[..., 3].max() == 255
    assert not background_of(plain).exists()
    prepare(one_portrait, tmp_path / "heads", replace(options, backgrounds=False))  # there is more than is asked for
    with pytest.raises(DataError, match="backgrounds False and not True"):
        prepare(one_portrait, tmp_path / "plain", options)


def test_the_tint_of_a_drawing_that_takes_on_the_colour_around_it(
    shared: Path, portrait: tuple[Image, FoundFace, Plane]
) -> None:
    finder = FaceFinder(shared / "weights")

    def infected(picture: Tensor) -> Tensor:
        return 0.7 * picture + 0.3 * picture.mean(dim=(2, 3), keepdim=True)

    true, false = (measure_tint(draw, [portrait[0]], finder) for draw in (lambda picture: picture, infected))
    assert true.faces == false.faces == 1
    assert true.mean < 0.5
    assert false.mean > 5
    assert false.worst > false.mean
    assert false.worst_wall in ("green", "blue")
    with pytest.raises(DataError, match="no face"):
        measure_tint(infected, [np.zeros((64, 64, 3), np.uint8)], finder)
