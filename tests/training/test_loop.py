"""The loop: a run resumes bit for bit, and whatever ends it leaves the last good checkpoint."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import pytest
import torch

from animecam_training.data.pictures import write_picture
from animecam_training.errors import CheckpointError, DataError, DivergedError
from animecam_training.methods.base import is_half_slow
from animecam_training.recipe.config import OptimConfig, PairWeights
from animecam_training.run import opening
from animecam_training.run.checkpoint import load_checkpoint, save_checkpoint
from animecam_training.run.folder import load_samples, read_stats
from animecam_training.run.loop import RunOptions, train
from animecam_training.run.starting import FILE_SIZES
from animecam_training.run.stopping import stop_wishes


def test_a_run_leaves_recipe_figures_grid_and_checkpoint(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    checkpoint = train(runs.recipe_of(pairs), RunOptions(tmp_path / "run"))
    lines = [json.loads(line) for line in (tmp_path / "run/stats.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert {"G/pixel", "G/gradient", "G/feature", "G/adversarial", "D/real", "D/fake"} <= set(lines[0]["losses"])
    assert (tmp_path / "run/grids/0000004.jpg").is_file()
    assert (tmp_path / "run/recipe.toml").is_file()
    stored = load_checkpoint(tmp_path / "run/last.pt")
    assert stored.step == checkpoint.step == 4
    assert all(torch.equal(stored.weights[name], value) for name, value in checkpoint.weights.items())


def test_a_term_that_comes_late_has_the_mean_of_its_own_steps(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    """It was divided by all steps since the last line: the curve of a judge that came between two rose from nothing."""
    recipe = runs.recipe_of(pairs, adversarial_from=0.5)
    for folder, log_every in (("each", 1), ("all", 4)):
        train(replace(recipe, log_every=log_every), RunOptions(tmp_path / folder))
    *_, third, fourth = read_stats(tmp_path / "each/stats.jsonl")
    (line,) = read_stats(tmp_path / "all/stats.jsonl")
    for name in ("G/adversarial", "D/real", "D/fake"):
        assert line.losses[name] == pytest.approx((third.losses[name] + fourth.losses[name]) / 2), name


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("is_slow", [False, True])
def test_half_precision_that_is_slow_is_told_of(
    pairs: Path,
    tmp_path: Path,
    runs: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    precision: Literal["fp32", "bf16"],
    is_slow: bool,
) -> None:
    """The recipes that ship ask for bf16; processors with AVX2 alone have none, and nothing else says why it crawls."""
    monkeypatch.setattr(opening, "is_half_slow", lambda _device: is_slow)
    train(replace(runs.recipe_of(pairs), precision=precision, steps=1), RunOptions(tmp_path / "run"))
    is_told = 'precision = "fp32"' in caplog.text
    assert is_told == (is_slow and precision == "bf16")


def test_half_precision_is_looked_for_on_the_processor_alone() -> None:
    assert isinstance(is_half_slow(torch.device("cpu")), bool)
    assert not is_half_slow(torch.device("cuda"))


@pytest.mark.parametrize("discriminator", ["patch", "features"])
@pytest.mark.parametrize("late", [0.0, 0.75], ids=["judged", "judged after the break"])
def test_resume_is_exact(
    pairs: Path, tmp_path: Path, discriminator: Literal["patch", "features"], late: float, runs: ModuleType
) -> None:
    recipe = runs.recipe_of(pairs, adversarial_from=late)
    recipe = replace(recipe, model=replace(recipe.model, discriminator=discriminator))
    whole = train(recipe, RunOptions(tmp_path / "whole"))
    runs.stop_after_two(recipe, tmp_path / "parts")
    assert load_checkpoint(tmp_path / "parts/last.pt").step == 2
    resumed = train(recipe, RunOptions(tmp_path / "parts", resume=True))
    for name, value in whole.weights.items():
        assert torch.equal(value, resumed.weights[name]), name
    for part in ("generator", "discriminator"):
        for name, value in whole.state[part].items():
            assert torch.equal(value, resumed.state[part][name]), name


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_or_a_polite_kill_finishes_the_step_and_saves_it(
    pairs: Path, tmp_path: Path, runs: ModuleType, number: signal.Signals
) -> None:
    """Up to save_every steps were lost, and all of a run that had saved none yet."""
    before = signal.getsignal(number)
    recipe = runs.recipe_of(pairs, save_every=100)

    def ask(step: int) -> None:
        if step == 1:
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        train(recipe, RunOptions(tmp_path / "run"), ask)
    assert signal.getsignal(number) is before
    assert load_checkpoint(tmp_path / "run/last.pt").step == 2
    whole = train(recipe, RunOptions(tmp_path / "whole"))
    resumed = train(recipe, RunOptions(tmp_path / "run", resume=True))
    assert all(torch.equal(value, resumed.weights[name]) for name, value in whole.weights.items())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_ctrl_c_does_not_wait_for_the_step(number: signal.Signals) -> None:
    with stop_wishes() as is_asked:
        os.kill(os.getpid(), number)
        assert is_asked()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_minutes_end_a_run_with_a_checkpoint(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    checkpoint = train(runs.recipe_of(pairs), RunOptions(tmp_path / "run", minutes=0))
    assert checkpoint.step == load_checkpoint(tmp_path / "run/last.pt").step == 1


def test_resume_with_another_recipe_is_refused(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "run"))
    other = runs.recipe_of(pairs, optim=OptimConfig(warmup_steps=1, learning_rate=0.5))
    with pytest.raises(CheckpointError, match=r"optim.learning_rate: 0.001 -> 0.5"):
        train(other, RunOptions(tmp_path / "run", resume=True))


def test_another_recipe_is_told_of_before_its_pictures_are_missed(
    pairs: Path, tmp_path: Path, runs: ModuleType
) -> None:
    """The wrong recipe's name with --resume was told to make the pairs that it would have wanted."""
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "run"))
    other = runs.unpaired(tmp_path / "nowhere", tmp_path / "nowhere", "dtgan-lite-double")
    with pytest.raises(CheckpointError, match=r"another recipe: method: 'pairs' -> 'dtgan'"):
        train(other, RunOptions(tmp_path / "run", resume=True))
    with pytest.raises(DataError, match="no folder"):
        train(runs.recipe_of(tmp_path / "nowhere"), RunOptions(tmp_path / "run", resume=True))


def test_a_damaged_checkpoint_of_the_run_says_how_to_go_on(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    recipe = runs.recipe_of(pairs, steps=1)
    train(recipe, RunOptions(tmp_path / "run"))
    whole = (tmp_path / "run/last.pt").read_bytes()
    (tmp_path / "run/last.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"last\.pt is damaged") as raised:
        train(recipe, RunOptions(tmp_path / "run", resume=True))
    assert raised.value.hint == "put a copy of it back, or begin in another folder: --out"


def test_resume_with_other_pictures_or_processes_is_refused(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    """Crop n would be another one, and a batch would be of another size."""
    options = RunOptions(tmp_path / "run", resume=True)
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "run"))
    kept = load_checkpoint(tmp_path / "run/last.pt")
    train(runs.recipe_of(pairs), options)
    save_checkpoint(replace(kept, origins=kept.origins | {"processes": "2"}), tmp_path / "run/last.pt")
    with pytest.raises(CheckpointError, match="processes 2, now 1"):
        train(runs.recipe_of(pairs), options)
    save_checkpoint(replace(kept, origins={}), tmp_path / "run/last.pt")  # of an earlier version
    train(runs.recipe_of(pairs), options)
    save_checkpoint(kept, tmp_path / "run/last.pt")
    for suffix in (".in.png", ".out.png"):
        write_picture(runs.picture(np.random.default_rng(9)), pairs / f"later{suffix}")
    with pytest.raises(CheckpointError, match=r"pictures 3 .*, now 4 "):
        train(runs.recipe_of(pairs), options)


def test_resume_asks_what_the_teacher_is_and_not_where(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    """A run that goes on writes other weights to the same file; one whose teacher was moved could not go on."""
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "teacher"))
    recipe = runs.recipe_of(
        pairs, method="distill", teacher=str(tmp_path / "teacher/last.pt"), pair_weights=PairWeights()
    )
    options = RunOptions(tmp_path / "run", resume=True)
    train(recipe, RunOptions(tmp_path / "run"))
    (tmp_path / "teacher").rename(tmp_path / "moved")
    recipe = replace(recipe, teacher=str(tmp_path / "moved/last.pt"))
    kept = load_checkpoint(tmp_path / "run/last.pt")
    save_checkpoint(replace(kept, origins={}), tmp_path / "run/last.pt")  # of an earlier version: only where is known
    with pytest.raises(CheckpointError, match=r"another recipe: teacher: .* -> .*moved"):
        train(recipe, options)
    save_checkpoint(kept, tmp_path / "run/last.pt")
    assert train(recipe, options).recipe.teacher == recipe.teacher
    teacher = load_checkpoint(tmp_path / "moved/last.pt")
    save_checkpoint(replace(teacher, step=99), tmp_path / "moved/last.pt")
    with pytest.raises(CheckpointError, match=r"teacher sha256 .*, now sha256 "):
        train(recipe, options)


def test_resume_asks_which_pictures_and_not_where(pairs: Path, styles: Path, tmp_path: Path, runs: ModuleType) -> None:
    """A run whose photos were moved could not go on; pairs of the same names with other drawings are not the same."""
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "run"))
    options = RunOptions(tmp_path / "run", resume=True)
    moved = pairs.rename(tmp_path / "moved")
    kept = load_checkpoint(tmp_path / "run/last.pt")
    names_alone = {name: words for name, words in kept.origins.items() if name != FILE_SIZES}
    save_checkpoint(replace(kept, origins=names_alone), tmp_path / "run/last.pt")  # of an earlier version
    with pytest.raises(CheckpointError, match=r"another recipe: data.photos: .* -> .*moved"):
        train(runs.recipe_of(moved), options)
    save_checkpoint(kept, tmp_path / "run/last.pt")
    assert train(runs.recipe_of(moved), options).recipe.data.photos == str(moved)
    write_picture(np.random.default_rng(9).integers(0, 255, (96, 96, 3), np.uint8), moved / "a.out.png")
    with pytest.raises(CheckpointError, match=r"sizes of files [0-9a-f]+, now [0-9a-f]+"):
        train(runs.recipe_of(moved), options)
    recipe = runs.unpaired(moved, styles, "dtgan-lite-double", precision="fp32")
    train(recipe, RunOptions(tmp_path / "unpaired"))
    recipe = replace(recipe, data=replace(recipe.data, styles=str(styles.rename(tmp_path / "art"))))
    train(recipe, RunOptions(tmp_path / "unpaired", resume=True))
    write_picture(np.random.default_rng(9).integers(0, 255, (96, 96, 3), np.uint8), tmp_path / "art/s.smooth.png")
    with pytest.raises(CheckpointError, match="sizes of files"):
        train(recipe, RunOptions(tmp_path / "unpaired", resume=True))


def test_a_cut_off_session_leaves_no_lines_twice(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    recipe = runs.recipe_of(pairs, log_every=1, grid_every=4)
    runs.stop_after_two(recipe, tmp_path / "run")  # it had logged step 3, its checkpoint is of step 2
    with (tmp_path / "run/stats.jsonl").open("a") as file:
        file.write('{"step": 3, "minu')
    train(recipe, RunOptions(tmp_path / "run", resume=True))
    assert [line.step for line in read_stats(tmp_path / "run/stats.jsonl")] == [1, 2, 3, 4]
    assert list((tmp_path / "run/tensorboard").glob("events.*"))


def test_a_second_run_does_not_overwrite_the_first(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    train(runs.recipe_of(pairs, steps=1), RunOptions(tmp_path / "run"))
    with pytest.raises(CheckpointError, match="already holds"):
        train(runs.recipe_of(pairs, steps=1), RunOptions(tmp_path / "run"))


def test_a_file_in_place_of_the_run_folder_is_no_full_disk(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(CheckpointError, match=r"cannot write .*run: Not a directory") as caught:
        train(runs.recipe_of(pairs), RunOptions(tmp_path / "run"))
    assert "--out" in caught.value.hint


def test_the_first_nan_stops_and_keeps_the_last_good_checkpoint(
    pairs: Path, tmp_path: Path, runs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It kept what the step made of the weights that blew up, of which only the loss of the next one tells."""
    monkeypatch.setattr("animecam_training.methods.pairs.rate_at", lambda _config, step, _steps: (1.0, 1e33)[step])
    with pytest.raises(DivergedError, match="is not finite") as caught:
        train(runs.recipe_of(pairs, save_every=1), RunOptions(tmp_path / "run"))
    assert caught.value.hint.endswith(f"--from {tmp_path / 'run/last.pt'}")
    kept = load_checkpoint(tmp_path / "run/last.pt")
    assert kept.step == 1
    assert all(value.abs().max() < 100 for value in kept.state["generator"].values())


def test_a_run_that_blows_up_at_once_advises_no_checkpoint(
    pairs: Path, tmp_path: Path, runs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said to start from last.pt, which there was none."""
    monkeypatch.setattr("animecam_training.methods.pairs.rate_at", lambda *_: 1e33)
    with pytest.raises(DivergedError, match="is not finite") as caught:
        train(runs.recipe_of(pairs), RunOptions(tmp_path / "run"))
    assert "nothing was kept" in caught.value.hint
    assert not (tmp_path / "run/last.pt").exists()


def test_samples_keep_their_proportions(tmp_path: Path, runs: ModuleType) -> None:
    """Photos that nobody prepared were squeezed into squares."""
    tall = np.zeros((120, 60, 3), np.uint8)
    tall[:60] = 255
    write_picture(tall, tmp_path / "tall.png")
    assert load_samples(runs.recipe_of(tmp_path)).min() == 1  # of a tall picture the top


def test_one_picture_is_enough(tmp_path: Path, runs: ModuleType) -> None:
    photo = runs.picture(np.random.default_rng(0))
    write_picture(photo, tmp_path / "a.in.png")
    write_picture(255 - photo, tmp_path / "a.out.png")
    assert train(runs.recipe_of(tmp_path, steps=1), RunOptions(tmp_path / "run")).step == 1


def test_a_target_of_another_size_is_named(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    for path in pairs.glob("*.out.png"):
        write_picture(np.zeros((runs.SIDE_PX, runs.SIDE_PX - 8, 3), np.uint8), path)
    with pytest.raises(DataError, match=r"\.out\.png is not of the size"):
        train(runs.recipe_of(pairs), RunOptions(tmp_path / "run"))


def test_an_empty_folder_is_named(tmp_path: Path, runs: ModuleType) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="nothing"):
        train(runs.recipe_of(tmp_path / "nothing"), RunOptions(tmp_path / "run"))
