"""Validation while training: right figures, the best state kept, and not a bit of the training changed."""

import os
import random
import signal
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from animecam_export.checkpoints import load_trained
from animecam_training.cli import main
from animecam_training.data.names import bare_of, worn_of
from animecam_training.data.photos import PhotoSet
from animecam_training.data.pictures import write_layer, write_picture
from animecam_training.data.sets import PairSet
from animecam_training.metrics.drawings import measure_pairs
from animecam_training.recipe.config import OptimConfig, PairWeights, Recipe
from animecam_training.recipe.files import recipe_to_toml
from animecam_training.run.checkpoint import load_checkpoint, save_checkpoint
from animecam_training.run.folder import read_stats
from animecam_training.run.loop import RunOptions, train
from animecam_training.run.opening import METHODS
from animecam_training.run.predecessors import read_predecessor
from animecam_training.run.validation import Validation
from animecam_training.weights.measured import open_style

WHOLE, PARTS = "val/drawing_l1", "val/drawing_l1_eyes_and_mouth"


def _script(monkeypatch: pytest.MonkeyPatch, errors: list[float]) -> None:
    """Lets validation find these errors, one after another."""
    found = iter(errors)
    monkeypatch.setattr(Validation, "measure", lambda _self, _method: {WHOLE: next(found)})


def _errors(folder: Path, name: str = WHOLE) -> dict[int, float]:
    return {line.step: line.losses[name] for line in read_stats(folder / "stats.jsonl") if name in line.losses}


@pytest.mark.parametrize("method", ["pairs", "distill"])
def test_not_a_bit_of_the_training_changes(
    method: str, pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType
) -> None:
    """Nor where a run goes on: neither with validation from its middle on, nor without."""
    train(runs.recipe_of(pairs, steps=1), RunOptions(tmp_path / "teacher"))
    teacher = str(tmp_path / "teacher/last.pt") if method == "distill" else ""
    plain = runs.recipe_of(pairs, method=method, teacher=teacher)
    watched = runs.validated(plain, unseen)
    whole = train(plain, RunOptions(tmp_path / "plain"))
    results = [train(watched, RunOptions(tmp_path / "watched"))]
    for first, second in ((watched, watched), (plain, watched), (watched, plain)):
        folder = tmp_path / f"parts{len(results)}"
        train(first, RunOptions(folder, minutes=0))
        results.append(train(second, RunOptions(folder, resume=True)))
    for result in results:
        assert result.step == 4
        assert all(torch.equal(value, result.weights[name]) for name, value in whole.weights.items())
        for part in ("generator", "discriminator"):
            assert all(torch.equal(value, result.state[part][name]) for name, value in whole.state[part].items())


def test_it_takes_no_random_numbers_and_leaves_the_mode(pairs: Path, unseen: Path, runs: ModuleType) -> None:
    recipe = runs.validated(runs.recipe_of(pairs), unseen)
    trained = PairSet(recipe.data, recipe.augment, seed=0, batch_of_all=2)
    method = METHODS["pairs"](recipe, torch.device("cpu"))
    method.generator.train()
    before = torch.get_rng_state(), np.random.get_state()[1], random.getstate()
    weights = {name: value.clone() for name, value in method.generator.state_dict().items()}
    Validation(recipe, trained).measure(method)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]
    assert all(part.training for part in method.generator.modules())
    assert all(torch.equal(value, weights[name]) for name, value in method.generator.state_dict().items())


def test_the_figures_are_those_of_evaluate(pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType) -> None:
    recipe = runs.validated(runs.recipe_of(pairs), unseen, every=3)
    result = train(recipe, RunOptions(tmp_path / "run"))
    measured = measure_pairs(open_style(tmp_path / "run/last.pt").draw, unseen).clear
    assert result.figures == {WHOLE: pytest.approx(measured.whole), PARTS: pytest.approx(measured.parts)}
    assert result.figures[WHOLE] > 0.05
    assert list(_errors(tmp_path / "run")) == [3, 4]  # every third step, and the last
    assert _errors(tmp_path / "run", PARTS)[4] == result.figures[PARTS]
    # Step 3 has a line of its own: the means before and after it stay those of their steps.
    assert [line.step for line in read_stats(tmp_path / "run/stats.jsonl")] == [2, 3, 4]


def test_the_best_state_is_kept_and_is_a_checkpoint_like_others(
    pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = runs.recipe_of(pairs, save_every=100)
    _script(monkeypatch, [0.5, 0.25, 0.25, 0.3])
    train(runs.validated(plain, unseen), RunOptions(tmp_path / "run"))
    best = load_checkpoint(tmp_path / "run/best.pt")
    assert best.step == 2
    assert best.figures == {WHOLE: 0.25}
    assert load_checkpoint(tmp_path / "run/last.pt").step == 4
    # It is what a run is that ends there: weights, and what it needs to go on.
    (tmp_path / "again").mkdir()
    save_checkpoint(best, tmp_path / "again/last.pt")
    on, whole = (train(plain, RunOptions(tmp_path / name, resume=True)) for name in ("again", "run"))
    assert all(torch.equal(value, on.weights[name]) for name, value in whole.weights.items())
    predecessor = read_predecessor(tmp_path / "run/best.pt").weights
    assert all(torch.equal(value, predecessor[name]) for name, value in best.weights.items())
    assert load_trained(tmp_path / "run/best.pt", "dtgan-lite").steps == 2
    assert open_style(tmp_path / "run/best.pt").steps == 2


def test_a_run_that_goes_on_knows_its_best(
    pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = runs.validated(runs.recipe_of(pairs), unseen)
    _script(monkeypatch, [0.3, 0.4, 0.2, 0.1])
    train(recipe, RunOptions(tmp_path / "run", minutes=0))
    for best in (1, 3):  # what is worse leaves the file, what is better replaces it
        train(recipe, RunOptions(tmp_path / "run", minutes=0, resume=True))
        assert load_checkpoint(tmp_path / "run/best.pt").step == best


def test_the_best_state_is_never_newer_than_the_last(
    pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two saves, a run that goes on would otherwise not have come to its own best yet."""
    _script(monkeypatch, [0.5, 0.4, 0.3, 0.2])
    runs.stop_after_two(runs.validated(runs.recipe_of(pairs, save_every=100), unseen), tmp_path / "run")
    assert load_checkpoint(tmp_path / "run/last.pt").step == load_checkpoint(tmp_path / "run/best.pt").step == 3


def test_what_a_run_starts_from_is_measured_and_is_not_its_best(
    pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType
) -> None:
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "first"))
    recipe = runs.validated(runs.recipe_of(pairs, steps=1, optim=OptimConfig(warmup_steps=1)), unseen)
    train(recipe, RunOptions(tmp_path / "run", start_from=tmp_path / "first/last.pt"))
    assert _errors(tmp_path / "run")[0] == pytest.approx(
        measure_pairs(open_style(tmp_path / "first/last.pt").draw, unseen).clear.whole
    )
    assert load_checkpoint(tmp_path / "run/best.pt").step == 1


def test_ctrl_c_does_not_wait_for_a_validation(pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType) -> None:
    def ask(step: int) -> None:
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(runs.validated(runs.recipe_of(pairs), unseen, every=2), RunOptions(tmp_path / "run"), ask)
    assert load_checkpoint(tmp_path / "run/last.pt").step == 2
    assert _errors(tmp_path / "run") == {}


def test_a_student_is_compared_with_its_teacher(pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType) -> None:
    """Glasses that were put on are to be drawn over what the teacher draws of the head without: red ones, here."""
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "teacher"))
    last = tmp_path / "teacher/last.pt"
    recipe = runs.recipe_of(pairs, method="distill", teacher=str(last), steps=1, optim=OptimConfig(learning_rate=0.0))
    recipe = runs.validated(replace(recipe, pair_weights=PairWeights()), unseen)
    train(recipe, RunOptions(tmp_path / "student", start_from=last))
    same = _errors(tmp_path / "student", "val/teacher_l1")
    assert same[0] == same[1] < 0.002
    for path in unseen.glob("*.out.png"):
        path.unlink()
    for photo in unseen.glob("*.in.png"):
        sides = (runs.SIDE_PX, runs.SIDE_PX)
        write_picture(np.full((*sides, 3), 128, np.uint8), bare_of(photo))
        write_layer(np.full((*sides, 3), (255, 0, 0), np.uint8), np.full(sides, 255, np.uint8), worn_of(photo))
    train(recipe, RunOptions(tmp_path / "other", start_from=last))
    drawn = [open_style(last).draw(_photo(path, recipe)).clamp(-1, 1) for path in sorted(unseen.glob("*.in.png"))]
    red = torch.tensor([1.0, -1.0, -1.0])[None, :, None, None]
    wanted = torch.stack([(picture - red).abs().mean() for picture in drawn]).mean().item()
    assert _errors(tmp_path / "other", "val/teacher_l1")[0] == pytest.approx(wanted, abs=0.01)


def _photo(path: Path, recipe: Recipe) -> torch.Tensor:
    data = replace(recipe.data, photos=str(path.parent))
    return PhotoSet(data, recipe.augment, seed=0, batch_of_all=1).whole(path)["photo"][None]


def test_pictures_are_taken_at_even_distances(pairs: Path, unseen: Path, runs: ModuleType) -> None:
    for name in "ghijklm":
        write_picture(runs.picture(np.random.default_rng(ord(name))), unseen / f"{name}.in.png")
        write_picture(runs.picture(np.random.default_rng(ord(name))), unseen / f"{name}.out.png")
    recipe = runs.validated(runs.recipe_of(pairs), unseen, most=3)
    trained = PairSet(recipe.data, recipe.augment, seed=0, batch_of_all=2)
    assert Validation(recipe, trained).describe().startswith("3 ")
    whole = Validation(runs.validated(recipe, unseen, most=500), trained)
    assert whole.describe().startswith("10 ")


def test_the_command_takes_the_folder(pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType) -> None:
    recipe = replace(runs.recipe_of(pairs, steps=2), validate_every=1)  # of no use without a folder
    (tmp_path / "r.toml").write_text(recipe_to_toml(recipe))
    run = ["run", str(tmp_path / "r.toml"), "--out", str(tmp_path / "run"), "--threads", "1"]
    assert main(run) == 2
    assert main([*run, "--validation", str(unseen)]) == 0
    assert list(_errors(tmp_path / "run")) == [1, 2]
    assert (tmp_path / "run/best.pt").is_file()
