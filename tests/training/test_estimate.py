"""An estimate takes the steps that a run would take, counts them, and leaves nothing."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from animecam_training.cli import main
from animecam_training.recipe.config import PairWeights
from animecam_training.recipe.files import recipe_to_toml
from animecam_training.run import estimate as module
from animecam_training.run.estimate import Estimate, Phase, estimate
from animecam_training.run.loop import RunOptions, train


def test_phases_are_those_of_the_method(pairs: Path, styles: Path, tmp_path: Path, runs: ModuleType) -> None:
    nowhere = RunOptions(tmp_path / "run")
    judged = runs.recipe_of(pairs, steps=40, adversarial_from=0.75)
    assert [phase.steps for phase in estimate(judged, nowhere).phases] == [30, 10]
    unjudged = runs.recipe_of(pairs, steps=40, pair_weights=PairWeights())
    assert [phase.steps for phase in estimate(unjudged, nowhere).phases] == [40]
    unpaired = runs.unpaired(pairs, styles, "dtgan-lite-double", steps=9, pretrain_steps=4)
    assert [phase.steps for phase in estimate(unpaired, nowhere).phases] == [4, 5]
    assert not (tmp_path / "run").exists()


def test_what_is_left_of_a_run_is_estimated_and_the_run_is_not_touched(
    pairs: Path, tmp_path: Path, runs: ModuleType
) -> None:
    recipe = runs.recipe_of(pairs, steps=40, adversarial_from=0.5)
    train(recipe, RunOptions(tmp_path / "run", minutes=0))
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    left = estimate(recipe, RunOptions(tmp_path / "run", resume=True))
    assert [phase.steps for phase in left.phases] == [19, 20]
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before


def test_of_a_run_that_is_over_nothing_is_left(
    pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mean time of no step was asked for."""
    recipe = runs.validated(runs.recipe_of(pairs, steps=1), unseen, every=4)
    train(recipe, RunOptions(tmp_path / "run"))
    assert estimate(recipe, RunOptions(tmp_path / "run", resume=True)) == Estimate(())
    (tmp_path / "r.toml").write_text(recipe_to_toml(recipe))
    capsys.readouterr()
    assert main(["run", str(tmp_path / "r.toml"), "--out", str(tmp_path / "run"), "--resume", "--estimate"]) == 0
    assert capsys.readouterr().out == "about 0:00:00: no step is left\n"


def test_validations_are_counted(pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType) -> None:
    recipe = runs.validated(runs.recipe_of(pairs, steps=10), unseen, every=4)
    found = estimate(recipe, RunOptions(tmp_path / "run"))
    assert found.validations == 3  # after 4, 8 and the last
    assert found.validation_s > 0


def test_first_steps_do_not_count(
    pairs: Path, tmp_path: Path, runs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, *range(100, 200)])  # begun, after the step that is not timed, after each of the others
    monkeypatch.setattr(module, "perf_counter", lambda: next(clock))
    recipe = replace(runs.recipe_of(pairs, steps=40), pair_weights=PairWeights())
    (phase,) = estimate(recipe, RunOptions(tmp_path / "run")).phases
    assert phase == Phase(40, 1.0)


def test_slow_steps_are_few(pairs: Path, tmp_path: Path, runs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 60.0, 75.0, 90.0])
    monkeypatch.setattr(module, "perf_counter", lambda: next(clock))
    recipe = replace(runs.recipe_of(pairs, steps=40), pair_weights=PairWeights())
    assert estimate(recipe, RunOptions(tmp_path / "run")).phases == (Phase(40, 15.0),)


def test_the_whole_is_the_sum() -> None:
    found = Estimate((Phase(1000, 0.5), Phase(3000, 1.0)), validations=4, validation_s=25.0)
    assert str(found) == "about 1:00:00: 1,000 steps of 0.50 s, 3,000 steps of 1.00 s, 4 validations of 25.0 s"


def test_the_command_says_it(pairs: Path, tmp_path: Path, runs: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.toml").write_text(recipe_to_toml(runs.recipe_of(pairs, steps=3)))
    assert main(["run", str(tmp_path / "r.toml"), "--out", str(tmp_path / "run"), "--estimate"]) == 0
    assert capsys.readouterr().out.startswith("about 0:00:0")
    assert not (tmp_path / "run").exists()
