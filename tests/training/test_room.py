"""A run finds at its start whether its checkpoints can be written, and its pictures read."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

from animecam_training.errors import CheckpointError, DataError
from animecam_training.methods.pairs import PairMethod
from animecam_training.recipe.config import ModelConfig, PairWeights, Recipe
from animecam_training.run import folder as run_folder
from animecam_training.run.checkpoint import expected_bytes, load_checkpoint, save_checkpoint
from animecam_training.run.folder import check_room
from animecam_training.run.loop import RunOptions, train

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def refuse_steps(step: int) -> None:
    raise AssertionError("a step was trained")


def test_a_full_disk_ends_a_run_before_its_first_step(
    pairs: Path, tmp_path: Path, runs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told of at the first checkpoint, after save_every steps."""
    recipe = runs.recipe_of(pairs)
    monkeypatch.setattr(os, "posix_fallocate", no_space, raising=False)
    with pytest.raises(CheckpointError, match="has no space for two checkpoints of"):
        train(recipe, RunOptions(tmp_path / "run"), refuse_steps)
    assert not (tmp_path / "run").exists()


def test_a_place_that_cannot_be_written_ends_a_run_before_its_first_step(
    pairs: Path, tmp_path: Path, runs: ModuleType
) -> None:
    recipe = runs.recipe_of(pairs)
    runs.stop_after_two(recipe, tmp_path / "run")
    (tmp_path / "run/last.pt.partial").mkdir()  # unlike a folder without rights, it stops root, too
    with pytest.raises(CheckpointError, match="cannot write"):
        train(recipe, RunOptions(tmp_path / "run", resume=True), refuse_steps)
    assert load_checkpoint(tmp_path / "run/last.pt").step == 2


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.EROFS, "may be written"), (errno.EACCES, "may be written"), (errno.ENOSPC, "free some")]
)
def test_more_space_is_advised_where_there_is_none(number: int, hint: str) -> None:
    """It was of a disk that is read-only, too."""
    assert hint in run_folder.unwritable(Path("run"), OSError(number, os.strerror(number))).hint


@pytest.mark.parametrize("is_known", [True, False])
def test_where_space_cannot_be_reserved_the_system_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    if is_known:
        monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    else:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    free = run_folder.shutil.disk_usage(tmp_path).free
    check_room(tmp_path, 1000)
    with pytest.raises(CheckpointError, match="has no space"):
        check_room(tmp_path, free)
    assert not list(tmp_path.iterdir())


def test_what_is_expected_is_a_little_more_than_a_checkpoint_takes(
    tmp_path: Path, pairs: Path, runs: ModuleType
) -> None:
    recipe = Recipe(model=ModelConfig(discriminator_channels=16), pair_weights=PairWeights(adversarial=0.1))
    method = PairMethod(recipe, torch.device("cpu"))
    expected = expected_bytes(method.state())
    pictures = {name: torch.zeros(1, 3, 64, 64) for name in ("photo", "target")}
    method.train_step(pictures, 0)
    runs.stop_after_two(runs.recipe_of(pairs), tmp_path / "run")
    checkpoint = replace(
        load_checkpoint(tmp_path / "run/last.pt"), weights=method.average.weights, state=method.state()
    )
    save_checkpoint(checkpoint, tmp_path / "last.pt")
    assert 1.0 < expected / (tmp_path / "last.pt").stat().st_size < 1.5


def test_a_damaged_picture_ends_a_run_before_its_first_step(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    """Met after hours it ended the run for good: without it the pictures were not those that the run had."""
    target = pairs / "b.out.png"
    target.write_bytes(target.read_bytes()[:20])
    with pytest.raises(DataError, match=r"b\.out\.png is not a picture"):
        train(runs.recipe_of(pairs), RunOptions(tmp_path / "run"), refuse_steps)
    assert not (tmp_path / "run").exists()
