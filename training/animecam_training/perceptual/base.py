"""What every feature network offers: named maps of a picture, one layer for content and some for style."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from animecam_training.errors import ConfigError

FeatureMaps: TypeAlias = dict[str, Tensor]
"""Maps by layer name, each [N, C, h, w], scaled so that their values are of order one where the scale is known."""

MAX_SHIFT_PX = 8
"""Strides and pools see a fixed grid; a generator learns its stripes unless each step looks at another phase of it."""


class FeatureNetwork(nn.Module, ABC):
    """A frozen network cut off after the last layer that anybody asks for.

    Attributes:
        content_layer: The layer for content losses.
        style_layers: The layers for style losses.
        layers: Those two together, in the network's order: the keys of what `forward` returns.
    """

    def __init__(self, known: Sequence[str], content_layer: str, style_layers: Sequence[str]) -> None:
        super().__init__()
        wanted = {content_layer, *style_layers}
        if unknown := sorted(wanted - set(known)):
            raise ConfigError(f"no feature layer {unknown[0]!r}", hint="known: " + ", ".join(known))
        self.content_layer = content_layer
        self.style_layers = tuple(style_layers)
        self.layers = tuple(name for name in known if name in wanted)

    @abstractmethod
    def forward(self, picture: Tensor) -> FeatureMaps:
        """Features of pictures [N, 3, H, W], RGB in [-1, 1]; gradients flow to the picture, not to the weights."""

    def freeze(self) -> None:
        """Keep the weights out of every optimiser and batch statistic."""
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "FeatureNetwork":  # noqa: ARG002
        """Stay in evaluation mode, also as a part of a module that trains."""
        super().train(False)
        return self


def shift_together(
    pictures: Sequence[Tensor], *, limit_px: int = MAX_SHIFT_PX, generator: torch.Generator | None = None
) -> tuple[Tensor, ...]:
    """Cut the same random window out of several batches of one size.

    Args:
        pictures: Batches [N, C, H, W] of one height and width.
        limit_px: The window is this much smaller than the picture, and starts at 0 … limit_px in both directions.
        generator: Source of randomness on the CPU; torch's own when absent.

    Returns:
        Views [N, C, H - limit_px, W - limit_px].
    """
    height, width = pictures[0].shape[2] - limit_px, pictures[0].shape[3] - limit_px
    top, left = (int(n) for n in torch.randint(limit_px + 1, (2,), generator=generator))
    return tuple(picture[:, :, top : top + height, left : left + width] for picture in pictures)
