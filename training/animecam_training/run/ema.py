"""Moving average of a network's weights: calmer pictures than any single step gives."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

WARMUP_OFFSET = 10  # decay (1 + n) / (10 + n) at first, so that the random start is soon forgotten


class MovingAverage:
    """Exponential average of a module's weights and buffers, fp32.

    Args:
        module: The module that trains.
        decay: Share of the old average kept at each step, once warmed up.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.weights: dict[str, Tensor] = {
            name: value.detach().float().clone() if value.is_floating_point() else value.detach().clone()
            for name, value in module.state_dict().items()
        }

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take the module's present weights in."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (WARMUP_OFFSET + self.updates))
        for name, value in module.state_dict().items():
            average = self.weights[name]
            if average.is_floating_point():
                average.lerp_(value.float(), 1 - decay)
            else:
                average.copy_(value)

    def state_dict(self) -> dict[str, Tensor | int]:
        """Averages and the number of updates."""
        return {**self.weights, "updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Tensor | int]) -> None:
        """Go on from `state_dict`."""
        self.updates = int(state["updates"])
        for name, average in self.weights.items():
            value = state[name]
            assert isinstance(value, Tensor)
            average.copy_(value)
