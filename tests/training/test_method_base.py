"""What all methods of training share: steps, rates, and a look at what the weights draw."""

import pytest
import torch

from animecam_training.errors import DivergedError
from animecam_training.methods.base import check_drawing, descend, rate_at
from animecam_training.models.registry import build_generator
from animecam_training.recipe.config import OptimConfig


@pytest.mark.parametrize("is_trained", [True, False])
def test_looking_at_what_is_drawn_changes_nothing(is_trained: bool) -> None:
    generator = build_generator("dtgan").train(is_trained)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    check_drawing(generator, torch.zeros(1, 3, 64, 64))
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    assert all(module.training == is_trained for module in generator.modules())


@pytest.mark.parametrize(("clip_norm", "moved"), [(1.0, [-0.6, -0.8]), (0.0, [-30.0, -40.0])])
def test_the_gradient_is_clipped_to_its_norm_if_there_is_one(clip_norm: float, moved: list[float]) -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([weight], 1.0)
    total = (weight * torch.tensor([30.0, 40.0])).sum()
    norm = descend(total, optimizer, 1.0, {"total": total}, clip_norm=clip_norm)
    assert norm.item() == pytest.approx(50)
    torch.testing.assert_close(weight.detach(), torch.tensor(moved))


def test_a_gradient_that_is_not_finite_moves_nothing() -> None:
    """Those of the discriminators were not looked at: a checkpoint could hold NaNs until the next step told."""
    weight = torch.nn.Parameter(torch.zeros(1))
    total = weight.sqrt().sum()
    with pytest.raises(DivergedError, match="gradient"):
        descend(total, torch.optim.SGD([weight], 1.0), 1.0, {"total": total})
    assert weight.item() == 0


def test_the_rate_rises_stays_and_falls() -> None:
    config = OptimConfig(warmup_steps=4, decay_from=0.5, final_share=0.1)
    rates = [rate_at(config, step, 100) for step in (0, 3, 50, 75, 100)]
    assert rates == pytest.approx([0.25, 1, 1, 0.55, 0.1])
