"""Four crops as one: what belongs together stays together, and other recipes see the crops that they saw."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from animecam_training.data.mosaics import mosaic_of
from animecam_training.data.names import parts_of, target_of
from animecam_training.data.photos import PhotoSet
from animecam_training.data.pictures import write_mask, write_picture
from animecam_training.data.sets import Crops, PairSet
from animecam_training.recipe.config import AugmentConfig, DataConfig

SIZE_PX, GRAYS = 64, (0, 60, 120, 180)
PLAIN = AugmentConfig(colour=0, blur=0, noise=0, jpeg=0)
MOSAICS = replace(PLAIN, mosaic=1.0)


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    """Four gray photos, each with a target that is 40 levels lighter and parts as strong as it is light."""
    for gray in GRAYS:
        photo = tmp_path / f"{gray}.in.png"
        picture = np.full((SIZE_PX, SIZE_PX, 3), gray, np.uint8)
        write_picture(picture, photo)
        write_picture((picture + 40).astype(np.uint8), target_of(photo))
        write_mask(picture[..., 0], parts_of(photo))
    return DataConfig(str(tmp_path), sizes_px=(SIZE_PX,), zooms=(1.0,))


def test_crops_are_halved_and_keep_their_places() -> None:
    fine = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(1, 2, 2)
    crops = [{"photo": fine * level, "cover": torch.full((1, 4, 4), level)} for level in (0.2, 0.4, 0.6, 0.8)]
    mosaic = mosaic_of(crops)
    expected = torch.tensor([[0.2, 0.2, 0.4, 0.4], [0.2, 0.2, 0.4, 0.4], [0.6, 0.6, 0.8, 0.8], [0.6, 0.6, 0.8, 0.8]])
    torch.testing.assert_close(mosaic["cover"][0], expected)
    torch.testing.assert_close(mosaic["photo"][0], expected / 2)


def test_what_belongs_to_a_photo_stays_with_it(data: DataConfig) -> None:
    crops = PairSet(data, MOSAICS, seed=0, batch_of_all=1, with_parts=True)
    seen: set[float] = set()
    for index in range(20):
        batch = crops[index]
        assert batch["photo"].shape == (3, SIZE_PX, SIZE_PX)
        levels = (batch["photo"] + 1) * 127.5
        torch.testing.assert_close((batch["target"] + 1) * 127.5, levels + 40, atol=1e-3, rtol=0)
        torch.testing.assert_close(batch["parts"][0] * 255, levels[0], atol=1e-3, rtol=0)
        tiles = levels[0].reshape(2, SIZE_PX // 2, 2, SIZE_PX // 2)
        assert torch.equal(tiles.amax((1, 3)), tiles.amin((1, 3)))  # one photo a tile
        seen.update(round(float(tile)) for tile in tiles[:, 0, :, 0].flatten())
    assert seen == set(GRAYS)


@pytest.mark.parametrize("kind", [PairSet, PhotoSet])
def test_without_mosaics_crops_are_those_of_before(data: DataConfig, kind: type[Crops]) -> None:
    few = kind(data, replace(PLAIN, mosaic=1e-9), seed=0, batch_of_all=1)
    none = kind(data, PLAIN, seed=0, batch_of_all=1)
    rng = np.random.default_rng((0, 1, 5))
    expected = none.crop(rng, SIZE_PX)
    assert all(torch.equal(none[5][name], picture) for name, picture in expected.items())
    assert set(few[5]) == set(none[5])


def test_students_get_mosaics_of_what_their_teacher_sees(data: DataConfig) -> None:
    batch = PhotoSet(data, MOSAICS, seed=0, batch_of_all=1)[0]
    torch.testing.assert_close(batch["photo"], batch["clean"], atol=1e-6, rtol=0)
    assert batch["cover"].shape == (1, SIZE_PX, SIZE_PX)
