"""What the loop needs from a way of training, and what all of them share."""

from collections.abc import Iterable, Mapping
from math import inf
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from animecam_training.data.sets import Batch
from animecam_training.errors import DivergedError
from animecam_training.models.registry import inference_generator
from animecam_training.recipe.config import OptimConfig, Recipe
from animecam_training.run.checkpoint import StateDict
from animecam_training.run.distributed import average_gradients, holds_everywhere, least_of_all
from animecam_training.run.ema import MovingAverage

Losses = dict[str, Tensor]
"""Terms by name, unweighted, scalars without gradient."""


class Method(Protocol):
    """One way of training.

    Attributes:
        generator: What is trained.
        average: Its moving average: what is evaluated and exported.
    """

    generator: nn.Module
    average: MovingAverage

    def train_step(self, batch: Batch, step: int) -> Losses:
        """Move all weights once, and report every term.

        Raises:
            DivergedError: A loss is NaN or infinite; no weight was moved with it.
        """
        ...

    def state(self) -> dict[str, StateDict]:
        """Everything that `load_state` needs to go on bit for bit."""
        ...

    def load_state(self, state: Mapping[str, StateDict]) -> None:
        """Go on from `state`."""
        ...

    def draw(self, picture: Tensor) -> Tensor:
        """Style [N, 3, H, W] with the averaged weights."""
        ...


AnyModule = TypeVar("AnyModule", bound=nn.Module)


def place(module: AnyModule, device: torch.device) -> AnyModule:
    """Move a module to a device, channels last: the layout that convolutions on every device are fastest in."""
    return module.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue, reportUnknownMemberType, reportUnknownVariableType]


def features_file(recipe: Recipe) -> Path | None:
    """The file of weights that the recipe names for its feature network."""
    return Path(recipe.features_weights) if recipe.features_weights else None


def rate_at(config: OptimConfig, step: int, steps: int) -> float:
    """The share of the learning rate at a step: linear rise, plateau, linear fall."""
    rise = min(1.0, (step + 1) / max(1, config.warmup_steps))
    late = max(0.0, step / steps - config.decay_from) / max(1e-9, 1 - config.decay_from)
    return rise * (1 - (1 - config.final_share) * late)


def make_adam(modules: Iterable[nn.Module], rate: float, config: OptimConfig) -> Adam:
    """Adam over the weights of some modules."""
    weights = [weight for module in modules for weight in module.parameters() if weight.requires_grad]
    return Adam(weights, rate, betas=config.betas)


def window_source(seed: int, step: int) -> torch.Generator:
    """Randomness of one step on the CPU, the same after a resume and on every process."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


def autocast(recipe: Recipe, device: torch.device) -> torch.autocast:
    """bf16 convolutions where the recipe asks for them."""
    return torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bf16")


def is_half_slow(device: torch.device) -> bool:
    """Whether PyTorch computes bf16 there by code that is no faster, but many times slower than float32."""
    # No public function tells. On one core with AVX2 a step of the lite network of cel took 5.5 times as long.
    return device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported()


def descend(
    total: Tensor, optimizer: Optimizer, rate: float, losses: Mapping[str, Tensor], clip_norm: float = 0.0
) -> Tensor:
    """One optimiser step on a total loss.

    Args:
        total: Scalar with gradient.
        optimizer: Its weights are those that move.
        rate: Learning rate of this step.
        losses: The terms, to name the culprit.
        clip_norm: Largest norm of the gradient; 0 does not clip.

    Returns:
        The gradient's norm before clipping.

    Raises:
        DivergedError: The total or its gradient is NaN or infinite, in any process; nothing was moved.
        LostProcessError: Another process has ended.
    """
    # By all processes: those that know nothing of it would wait for the gradients of one that has stopped.
    if not holds_everywhere(torch.isfinite(total)):
        raise DivergedError(f"loss {_culprit(total, losses)} is not finite")
    optimizer.zero_grad(set_to_none=True)
    total.backward()  # pyright: ignore[reportUnknownMemberType]
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    average_gradients(weights)
    norm = nn.utils.clip_grad_norm_(weights, clip_norm or inf)
    if not torch.isfinite(norm):
        raise DivergedError("the gradient is not finite")
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()  # pyright: ignore[reportUnknownMemberType]
    return norm.detach()


def _culprit(total: Tensor, losses: Mapping[str, Tensor]) -> str:
    """The first term that is not finite in a process where the total is not: all of them give it one name."""
    names = [*losses, "total"]
    place = len(names)  # of no term: the total is sound here
    if not torch.isfinite(total):
        broken = (number for number, value in enumerate(losses.values()) if not torch.isfinite(value))
        place = next(broken, len(losses))
    return names[least_of_all(place, total.device)]


@torch.no_grad()
def check_drawing(generator: nn.Module, picture: Tensor) -> None:
    """Refuses weights that draw nothing: a loss tells of those before a step, and not of what the step made of them.

    Args:
        generator: As it is trained; it stays in the mode that it is in.
        picture: Anything to draw, [N, 3, H, W].

    Raises:
        DivergedError: What it draws is NaN or infinite.
    """
    is_trained = generator.training
    generator.eval()
    drawn = inference_generator(generator)(picture)
    generator.train(is_trained)
    if not torch.isfinite(drawn).all():
        raise DivergedError("what the network draws is not finite")


def weighted_sum(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Sum of weight * term over the terms that have a weight."""
    parts = [weights[name] * value for name, value in terms.items() if weights[name] != 0]
    return torch.stack(parts).sum()


def detached(terms: Mapping[str, Tensor]) -> Losses:
    """Terms without their gradient."""
    return {name: value.detach() for name, value in terms.items()}
