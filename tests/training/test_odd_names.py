"""Names in another encoding than UTF-8, as an old disk has them."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from animecam_training.data.crops import CropOptions
from animecam_training.data.photos import PhotoSet
from animecam_training.data.pictures import check_ending, write_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import Kind, PrepareOptions
from animecam_training.errors import DataError
from animecam_training.run.loop import RunOptions, train

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")

ODD = os.fsdecode(b"caf\xe9")


def test_style_pictures_keep_their_odd_names(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    """OpenCV brought the program down: a worker was said to have been killed."""
    (tmp_path / "in").mkdir()
    write_picture(colourful(0), tmp_path / f"in/{ODD}.png")
    report = prepare(tmp_path / "in", tmp_path / "out", PrepareOptions("style", crop=CropOptions(side_px=64)))
    assert (report.kept, report.dropped) == (1, {})
    assert (tmp_path / f"out/{ODD}.smooth.png").exists()


@pytest.mark.parametrize("kind", ["photo", "pairs"])
def test_heads_keep_them(kind: Kind, one_portrait: Path, tmp_path: Path) -> None:
    (one_portrait / "x.png").rename(one_portrait / f"{ODD}.png")
    report = prepare(one_portrait, tmp_path / "out", PrepareOptions(kind))
    assert (report.kept, report.dropped) == (1, {})
    assert (tmp_path / f"out/{ODD}_0.in.png").exists()


def test_an_odd_ending_is_of_no_picture() -> None:
    with pytest.raises(DataError, match="is of no picture"):
        check_ending(Path(f"grid.{ODD}"))


def test_a_run_trains_on_them_and_names_no_folder_of_such_a_name(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    for path in pairs.glob("a.*"):
        path.rename(pairs / path.name.replace("a.", f"{ODD}.", 1))
    train(runs.recipe_of(pairs, steps=1), RunOptions(tmp_path / "run"))
    moved = pairs.rename(tmp_path / ODD)
    with pytest.raises(DataError, match="not in UTF-8"):
        train(runs.recipe_of(moved, steps=1), RunOptions(tmp_path / "other"))
    assert not (tmp_path / "other").exists()


def test_what_they_hold_is_told_apart(tmp_path: Path, colourful: Callable[..., np.ndarray], runs: ModuleType) -> None:
    write_picture(colourful(0), tmp_path / f"{ODD}.png")
    recipe = runs.recipe_of(tmp_path)
    before = PhotoSet(recipe.data, recipe.augment, seed=0, batch_of_all=1).describe()
    (tmp_path / f"{ODD}.png").rename(tmp_path / "cafe.png")
    assert PhotoSet(recipe.data, recipe.augment, seed=0, batch_of_all=1).describe() != before
