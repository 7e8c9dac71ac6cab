"""Figures go into the card of the network that they were measured of, and of no other."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from animecam.styles.card_parser import read_card
from animecam.styles.registry import BUNDLED
from animecam_export import cli
from animecam_export.checkpoints import load_trained
from animecam_export.onnx_export import OnnxOptions, export_onnx
from animecam_training.metrics.evaluate import StyleFigures
from animecam_training.models.generator import DoubleTailGenerator, Generator
from animecam_training.models.lite import DoubleTailLite, LiteGenerator
from animecam_training.recipe.config import ModelConfig, Recipe
from animecam_training.reporting.evaluation import Evaluation, write_figures
from animecam_training.run.checkpoint import Checkpoint, save_checkpoint
from animecam_training.weights.from_onnx import onnx_digest
from animecam_training.weights.measured import open_style
from animecam_training.weights.soup import mix_weights

NARROW = (8, 12, 16)
RECIPE = Recipe(name="ink", model=ModelConfig("dtgan-lite", NARROW))

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def save(path: Path, generator: nn.Module, name: str, recipe: Recipe = RECIPE) -> Path:
    """As a run leaves it."""
    model = replace(recipe.model, generator=name)
    save_checkpoint(Checkpoint(replace(recipe, model=model), 9, generator.state_dict(), {}), path)
    return path


def lite(seed: int) -> nn.Module:
    torch.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]
    return LiteGenerator(NARROW).eval()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return save(tmp_path / "last.pt", lite(1), "dtgan-lite")


@pytest.fixture
def figures(checkpoint: Path, tmp_path: Path) -> Path:
    """What `animecam-train evaluate --json` writes of that checkpoint."""
    measured = open_style(checkpoint)
    of_portraits = StyleFigures(2, 0.1, 0.2, 0.3, 20.0)
    evaluation = Evaluation(measured.name, 9, 128, of_portraits, weights_sha256=measured.weights_sha256)
    write_figures(evaluation, tmp_path / "figures.json")
    return tmp_path / "figures.json"


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("dtgan-lite", LiteGenerator),
        ("dtgan-lite-double", DoubleTailLite),
        ("dtgan", Generator),
        ("dtgan-double", DoubleTailGenerator),
    ],
)
def test_evaluation_and_export_tell_the_same_network(name: str, make: type[nn.Module], tmp_path: Path):
    path = save(tmp_path / "last.pt", make(), name, Recipe())
    assert open_style(path).weights_sha256 == load_trained(path, name).weights_sha256


def test_a_mean_is_told_from_what_it_is_of_and_a_single_weight_counts(checkpoint: Path, tmp_path: Path):
    save_checkpoint(mix_weights(checkpoint, save(tmp_path / "b.pt", lite(2), "dtgan-lite"), 0.5), tmp_path / "mean.pt")
    changed = lite(1)
    with torch.no_grad():
        next(changed.parameters()).view(-1)[0] += 1e-6
    paths = [checkpoint, tmp_path / "b.pt", tmp_path / "mean.pt", save(tmp_path / "c.pt", changed, "dtgan-lite")]
    assert len({open_style(path).weights_sha256 for path in paths}) == len(paths)
    assert open_style(tmp_path / "mean.pt").weights_sha256 == load_trained(tmp_path / "mean.pt", "").weights_sha256


def test_an_exported_network_is_told_from_its_rounded_forms(checkpoint: Path, tmp_path: Path):
    assert cli.main(["onnx", str(checkpoint), "-o", str(tmp_path / "ink")]) == 0
    digest = open_style(checkpoint).weights_sha256
    assert open_style(tmp_path / "ink").weights_sha256 == digest
    assert open_style(tmp_path / "ink" / "model.onnx").weights_sha256 == digest
    # Rounded weights draw otherwise, and of folded ones nobody knows.
    assert onnx_digest(BUNDLED / "cel" / "model.onnx") is not None
    assert onnx_digest(BUNDLED / "cel" / "model.int8.onnx") is None
    assert onnx_digest(BUNDLED / "cel" / "model.fp16.onnx") is None
    export_onnx(Generator().eval(), tmp_path / "folded.onnx", OnnxOptions())
    assert open_style(tmp_path / "folded.onnx").weights_sha256 is None


def test_figures_of_the_network_are_taken_without_a_word(
    checkpoint: Path, figures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["onnx", str(checkpoint), "-o", str(tmp_path / "ink"), "--figures", str(figures)]) == 0
    assert "figures.json" not in capsys.readouterr().out
    assert read_card(tmp_path / "ink").figures["psnr_to_photo_db"] == 20.0


@pytest.mark.parametrize("command", ["onnx", "variant"])
def test_figures_of_another_network_are_refused(
    command: str, figures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    other = save(tmp_path / "other.pt", lite(2), "dtgan-lite")
    assert cli.main([command, str(other), "-o", str(tmp_path / "ink"), "--figures", str(figures)]) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert "holds the figures of another network than" in shown
    assert "animecam-train evaluate" in shown
    assert not (tmp_path / "ink").exists()


def test_figures_that_do_not_say_of_what_are_taken_and_it_is_said(
    checkpoint: Path, figures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    table = json.loads(figures.read_text())
    del table["weights_sha256"]  # as earlier versions wrote them
    figures.write_text(json.dumps(table))
    assert cli.main(["onnx", str(checkpoint), "-o", str(tmp_path / "ink"), "--figures", str(figures)]) == 0
    assert "does not say which network it measured" in capsys.readouterr().out
    assert read_card(tmp_path / "ink").figures["psnr_to_photo_db"] == 20.0
