"""What weights were made of is in the checkpoint, goes on into the exported network, and can be read from both."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import animecam
from animecam_export.checkpoints import load_trained
from animecam_export.cli import main as export
from animecam_export.variant_export import VariantText, add_variant
from animecam_training.cli import main
from animecam_training.data.pictures import write_picture
from animecam_training.recipe.config import DataConfig, ModelConfig, OptimConfig, Recipe
from animecam_training.recipe.files import load_recipe
from animecam_training.run.checkpoint import load_checkpoint
from animecam_training.run.loop import RunOptions, train
from animecam_training.weights.provenance import show_weights


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    folder = tmp_path / "somebody's/pairs"
    folder.mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 255, (72, 72, 3), dtype=np.uint8)
    write_picture(picture, folder / "a.in.png")
    write_picture(255 - picture, folder / "a.out.png")
    data = DataConfig(photos=str(folder), batch=1, sizes_px=(64,), zooms=(1.0,))
    return Recipe(steps=2, model=ModelConfig(widths=(8, 8, 8)), data=data, optim=OptimConfig(warmup_steps=1))


def _comments(shown: str) -> dict[str, str]:
    lines = (line.removeprefix("# ") for line in shown.splitlines() if line.startswith("# "))
    return dict(line.split(": ", 1) for line in lines)


def test_a_checkpoint_tells_how_to_train_it_again(
    recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(recipe, RunOptions(tmp_path / "run"))
    assert main(["show", str(tmp_path / "run/last.pt")]) == 0
    shown = capsys.readouterr().out
    (tmp_path / "again.toml").write_text(shown)
    assert load_recipe(tmp_path / "again.toml") == recipe
    told = _comments(shown)
    assert told["step"] == "2"
    assert told["began with"] == "fresh weights"
    assert told["torch"] == torch.__version__
    assert told["animecam"] == animecam.__version__
    assert told["device"].startswith(("cpu ", "cuda "))


def test_an_exported_network_tells_it_too_but_no_place(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe, RunOptions(tmp_path / "run"))
    assert export(["onnx", str(tmp_path / "run/last.pt"), "-o", str(tmp_path / "ink")]) == 0
    trained = load_trained(tmp_path / "run/last.pt", "")
    add_variant(trained, tmp_path / "ink", VariantText("lite"), cost_s=0.1)
    of_style, of_variant = show_weights(tmp_path / "ink"), show_weights(tmp_path / "ink/lite.onnx")
    assert of_style == of_variant
    assert "somebody" not in of_style
    assert tomllib.loads(of_style)["data"]["photos"] == "pairs"
    assert _comments(of_style) == _comments(show_weights(tmp_path / "run/last.pt"))


def test_what_a_run_began_with_is_kept_when_it_goes_on(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe, RunOptions(tmp_path / "first"))
    first = tmp_path / "first/last.pt"
    train(recipe, RunOptions(tmp_path / "second", minutes=0, start_from=first))
    begun = load_checkpoint(tmp_path / "second/last.pt").origins["began with"]
    assert begun.startswith("last.pt (sha256 ")
    train(replace(recipe, log_every=1), RunOptions(tmp_path / "second", resume=True))
    resumed = load_checkpoint(tmp_path / "second/last.pt")
    assert (resumed.step, resumed.origins["began with"]) == (2, begun)


def test_computed_weights_tell_of_what(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train(recipe, RunOptions(Path("a")))
    train(replace(recipe, seed=1), RunOptions(Path("b")))
    assert main(["mean", "a/last.pt", "b/last.pt", "--share", "0.7", "-o", "mean.pt"]) == 0
    computed = _comments(show_weights(Path("mean.pt")))["computed"]
    assert computed.startswith("0.7 of last.pt (sha256 ")
    assert " and 0.3 of last.pt (sha256 " in computed
    assert main(["pass-on", "a/last.pt", "--before", "b/last.pt", "--to", "mean.pt", "-o", "more.pt"]) == 0
    assert _comments(show_weights(Path("more.pt")))["computed"].startswith("mean.pt (sha256 ")


def test_what_tells_nothing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.onnx").write_text("text")
    for weights, told in (
        ("starter", "does not tell how it was trained"),
        (str(tmp_path / "text.onnx"), "is not an ONNX network"),
        (str(tmp_path / "gone.onnx"), "cannot read"),
        (str(tmp_path / "gone.pt"), "cannot read checkpoint"),
    ):
        assert main(["show", weights]) == 1
        assert told in capsys.readouterr().err
