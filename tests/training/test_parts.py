"""Eyes and mouth: where `prepare` says they are, and how a recipe lets them count more."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from animecam_training.data.names import list_photos, parts_of
from animecam_training.data.pictures import read_mask, read_picture, write_mask, write_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.data.sets import PairSet
from animecam_training.errors import DataError
from animecam_training.faces import FaceFinder, FoundFace, Image, Plane
from animecam_training.losses.supervised import gradient_l1, parts_l1, pixel_l1
from animecam_training.methods.pairs import PairMethod
from animecam_training.recipe.config import AugmentConfig, DataConfig, PairWeights
from animecam_training.run.loop import RunOptions, train
from animecam_training.target.geometry import CHIN, EYELIDS, LIPS, NOSE_TIP, eyes_and_mouth

PLAIN = AugmentConfig(colour=0, blur=0, noise=0, jpeg=0)


def test_a_folder_from_before_there_were_maps_is_another(
    shared: Path, one_portrait: Path, tmp_path: Path, forget_marks: Callable[..., None]
) -> None:
    options = PrepareOptions("pairs", weights=shared / "weights")
    prepare(one_portrait, tmp_path / "out", options)
    forget_marks(tmp_path / "out", "parts")
    with pytest.raises(DataError, match="parts False and not True"):
        prepare(one_portrait, tmp_path / "out", options)


def _at(mask: Image, points: np.ndarray) -> Image:
    columns, rows = np.round(points).astype(int).T
    return mask[rows, columns]


def test_eyes_and_mouth_are_covered_and_what_lies_between_is_not(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, _ = portrait
    mask = eyes_and_mouth(face.mesh, photo.shape[:2])
    lids = [point for upper, lower in EYELIDS for point in upper + lower]
    assert _at(mask, face.mesh[[*lids, *LIPS]]).min() > 200
    assert _at(mask, face.mesh[[NOSE_TIP, CHIN]]).max() == 0
    assert 0.02 < mask.mean() / 255 < 0.12


def test_a_mouth_counts_where_it_was_opened(shared: Path, one_portrait: Path, tmp_path: Path) -> None:
    options = PrepareOptions("pairs", weights=shared / "weights", expressions=1.0, copies=4)
    prepare(one_portrait, tmp_path / "out", options)
    finder = FaceFinder(shared / "weights")
    photos = list_photos(tmp_path / "out")
    assert len(photos) == 4
    for photo in photos:
        face = finder.find(read_picture(photo))
        assert face is not None
        assert _at(read_mask(parts_of(photo)), face.mesh[list(LIPS)]).mean() > 200


@pytest.fixture
def one_pair(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> DataConfig:
    """A pair whose map is as gray as the red of its photo."""
    write_picture(colourful(0), tmp_path / "a_0.in.png")
    write_picture(255 - colourful(0), tmp_path / "a_0.out.png")
    write_mask(np.ascontiguousarray(colourful(0)[..., 0]), tmp_path / "a_0.parts.png")
    return DataConfig(photos=str(tmp_path), batch=1, sizes_px=(64,))


def test_the_map_is_cut_as_its_photo_is(one_pair: DataConfig) -> None:
    crops = PairSet(one_pair, PLAIN, seed=0, batch_of_all=1, with_parts=True)
    for number in range(8):  # mirrored and enlarged ones among them
        crop = crops[number]
        red = (crop["photo"][0] + 1) / 2
        torch.testing.assert_close(crop["parts"][0], red, atol=1 / 255, rtol=0)


def test_a_folder_without_maps_is_refused_only_where_they_count(one_pair: DataConfig, tmp_path: Path) -> None:
    (tmp_path / "a_0.parts.png").unlink()
    assert "parts" not in PairSet(one_pair, PLAIN, seed=0, batch_of_all=1)[0]
    with pytest.raises(DataError, match=r"a_0\.parts\.png is missing") as caught:
        PairSet(one_pair, PLAIN, seed=0, batch_of_all=1, with_parts=True)
    assert "pair_weights.parts = 0" in str(caught.value.hint)
    write_mask(np.zeros((90, 96), np.uint8), tmp_path / "a_0.parts.png")
    with pytest.raises(DataError, match=r"a_0\.parts\.png is not of the size of its picture"):
        PairSet(one_pair, PLAIN, seed=0, batch_of_all=1, with_parts=True)[0]
    write_picture(np.zeros((96, 96, 3), np.uint8), tmp_path / "a_0.parts.png")
    with pytest.raises(DataError, match=r"a_0\.parts\.png is not a mask"):
        PairSet(one_pair, PLAIN, seed=0, batch_of_all=1, with_parts=True)[0]


def test_parts_count_by_their_mask() -> None:
    source = torch.Generator().manual_seed(3)
    a, b = (torch.rand(2, 3, 12, 10, generator=source) * 2 - 1 for _ in range(2))
    whole = torch.ones_like(a[:, :1])
    torch.testing.assert_close(parts_l1(a, b, whole), pixel_l1(a, b) + gradient_l1(a, b))
    torch.testing.assert_close(parts_l1(a, b, whole / 4), parts_l1(a, b, whole) / 4)
    none = torch.zeros_like(whole)
    assert parts_l1(a, b, none) == 0
    spot = none.clone()
    spot[0, 0, 5, 5] = 1  # its own pixel, the difference to the left of it and the one above it
    e = a - b
    pixel = e[0, :, 5, 5].abs().sum() / e.numel()
    across = (e[0, :, 5, 5] - e[0, :, 5, 4]).abs().sum() / (2 * 3 * 12 * 9)
    down = (e[0, :, 5, 5] - e[0, :, 4, 5]).abs().sum() / (2 * 3 * 11 * 10)
    torch.testing.assert_close(parts_l1(a, b, spot), pixel + across + down)


def test_parts_are_a_term_of_their_own(one_pair: DataConfig, tmp_path: Path, runs: ModuleType) -> None:
    recipe = replace(runs.recipe_of(tmp_path), pair_weights=PairWeights(parts=8.0), data=one_pair)
    crops = PairSet(one_pair, PLAIN, seed=0, batch_of_all=1, with_parts=True)
    batch = {name: value[None] for name, value in crops[0].items()}
    method = PairMethod(recipe, torch.device("cpu"))
    assert method.train_step(batch, 0)["G/parts"] > 0
    assert method.train_step(batch | {"parts": torch.zeros_like(batch["parts"])}, 1)["G/parts"] == 0


def test_a_run_asks_for_the_maps(one_pair: DataConfig, tmp_path: Path, runs: ModuleType) -> None:
    recipe = replace(runs.recipe_of(tmp_path), pair_weights=PairWeights(parts=8.0), data=one_pair, steps=1)
    assert train(recipe, RunOptions(tmp_path / "run")).step == 1
    (tmp_path / "a_0.parts.png").unlink()
    with pytest.raises(DataError, match=r"parts\.png is missing"):
        train(recipe, RunOptions(tmp_path / "other"))
    assert not (tmp_path / "other").exists()
