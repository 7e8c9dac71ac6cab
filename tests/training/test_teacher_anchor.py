"""What a teacher changes in the double-tail method: content and colour are held to its drawing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from animecam_training.methods.dtgan import DtganMethod
from animecam_training.models.registry import build_generator
from animecam_training.recipe.config import ModelConfig, Recipe
from animecam_training.run.checkpoint import Checkpoint, save_checkpoint

WIDTHS = (8, 8, 8)
SIDE_PX = 64
LITE = ModelConfig("dtgan-lite", widths=WIDTHS)
DOUBLE = ModelConfig("dtgan-lite-double", widths=WIDTHS, discriminator_channels=4)


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(3)
    small = torch.from_numpy(rng.uniform(-0.8, 0.8, (4, 2, 3, 8, 8)).astype(np.float32))
    photo, anime, smoothed, _ = (torch.nn.functional.interpolate(part, scale_factor=8) for part in small)
    regions = torch.arange(SIDE_PX * SIDE_PX).reshape(1, SIDE_PX, SIDE_PX).expand(2, -1, -1) // 512
    return {"photo": photo, "clean": photo, "anime": anime, "smoothed": smoothed, "regions": regions}


def black_teacher(folder: Path) -> Path:
    """A generator that draws every picture in one dark gray."""
    generator = build_generator(LITE.generator, **LITE.options)
    weights = {name: torch.zeros_like(value) for name, value in generator.state_dict().items()}
    path = folder / "teacher.pt"
    save_checkpoint(Checkpoint(Recipe(model=LITE), 0, weights, {}), path)
    return path


def test_colour_and_content_are_held_to_the_teacher(tmp_path: Path, batch: dict[str, torch.Tensor]) -> None:
    teacher = str(black_teacher(tmp_path))
    losses = {}
    for name, held in (("photo", ""), ("teacher", teacher)):
        method = DtganMethod(Recipe(method="dtgan", teacher=held, model=DOUBLE), torch.device("cpu"))
        generator = method.generator
        generator.load_state_dict({key: torch.zeros_like(value) for key, value in generator.state_dict().items()})
        losses[name] = method.train_step(batch, 0)
    # The generator draws what the teacher draws: nothing of the teacher's is missed, everything of the photo is.
    assert losses["teacher"]["G/colour"] == pytest.approx(0, abs=1e-5)
    assert losses["teacher"]["G/content"] == pytest.approx(0, abs=1e-5)
    assert losses["photo"]["G/colour"] > 0.05
    assert losses["photo"]["G/content"] > 0.05


def test_the_teacher_does_not_learn(tmp_path: Path, batch: dict[str, torch.Tensor]) -> None:
    method = DtganMethod(
        Recipe(method="dtgan", teacher=str(black_teacher(tmp_path)), model=DOUBLE), torch.device("cpu")
    )
    assert method.teacher is not None
    method.train_step(batch, 0)
    assert all(float(value.abs().max()) == 0 for value in method.teacher.state_dict().values())
