"""What a run may start from, or be held to: a checkpoint, or a style as it ships."""

from pathlib import Path

import pytest
import torch

from animecam_training.checkpoint import Checkpoint, save_checkpoint
from animecam_training.config import ModelConfig, Recipe
from animecam_training.errors import CheckpointError
from animecam_training.measured import open_style
from animecam_training.models.registry import build_generator
from animecam_training.predecessors import open_teacher, read_predecessor

STYLES = Path(__file__).parents[2] / "engine/animecam/styles"


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_a_shipped_style_teaches_what_it_draws(picture: torch.Tensor) -> None:
    teacher = open_teacher(STYLES / "cel/model.onnx")
    drawn = open_style(STYLES / "cel/model.onnx").draw(picture)
    assert torch.allclose(teacher(picture), drawn, atol=1e-4)
    assert not any(weight.requires_grad for weight in teacher.parameters())


def test_a_shipped_style_starts_both_tails() -> None:
    weights = read_predecessor(STYLES / "cel/model.onnx").weights
    assert {*build_generator("dtgan-lite").state_dict()} <= {*weights}


def test_what_an_export_folded_cannot_teach() -> None:
    with pytest.raises(CheckpointError, match="no whole generator"):
        open_teacher(STYLES / "starter/model.onnx")


def test_a_double_checkpoint_teaches_its_main_tail(tmp_path: Path, picture: torch.Tensor) -> None:
    model = ModelConfig("dtgan-lite-double", widths=(8, 8, 8))
    generator = build_generator(model.generator, **model.options).eval()
    save_checkpoint(Checkpoint(Recipe(model=model), 7, generator.state_dict(), {}), tmp_path / "last.pt")
    assert torch.equal(open_teacher(tmp_path / "last.pt")(picture), generator(picture).main)
    assert "step 7" in read_predecessor(tmp_path / "last.pt").origin


def test_errors_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    for name, message in (("broken.onnx", "not an ONNX network"), ("gone.onnx", "cannot read")):
        with pytest.raises(CheckpointError, match=message):
            read_predecessor(tmp_path / name)
