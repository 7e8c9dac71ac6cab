"""SqueezeNet 1.1 (Iandola et al., arXiv:1602.07360), written from the paper and its release notes.

Small enough to ship: training and evaluation work with no download. The bundled weights are the authors' ImageNet
weights in torchvision's key layout (from the package ndf, MIT), convolutions only, stored as fp16.
"""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from animecam_training.ops.levels import HALF_RANGE
from animecam_training.perceptual.base import FeatureMaps, FeatureNetwork
from animecam_training.perceptual.weights import load_subset, read_state

CHANNEL_MEANS = (123.68, 116.779, 103.939)
"""Subtracted from RGB in 0 … 255; these weights take no division by a deviation."""

LAYER_INDEX = {
    "conv1": 1,
    "fire3": 4,
    "fire5": 7,
    "fire6": 9,
    "fire7": 10,
    "fire8": 11,
    "fire9": 12,
}
"""Named maps after their ReLU, and their place in torchvision's list of layers; strides 2, 4, 8, then 16."""

MEAN_FEATURE = {
    "conv1": 11.1,
    "fire3": 21.9,
    "fire5": 15.0,
    "fire6": 22.7,
    "fire7": 11.3,
    "fire8": 11.3,
    "fire9": 1.67,
}
"""Mean of each map over fifty portraits at 256 px; it divides the map, so that no layer outweighs the others."""

CONTENT_LAYER = "fire5"
STYLE_LAYERS = ("fire3", "fire5", "fire7")
"""The strides of VGG19's conv4_4 (8), and those around it."""


class Fire(nn.Module):
    """Squeeze to few channels, then expand by a 1 x 1 and a 3 x 3 convolution side by side."""

    def __init__(self, channels_in: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels_in, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C_in, h, w] to [N, 2 * expanded, h, w]."""
        squeezed = F.relu(self.squeeze(x))
        return F.relu(torch.cat((self.expand1x1(squeezed), self.expand3x3(squeezed)), dim=1))


def _pool() -> nn.Module:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


class SqueezeNet(FeatureNetwork):
    """SqueezeNet 1.1 without its classifier.

    Args:
        weights: State dict in torchvision's layout; the bundled one when absent.
        content_layer: A key of `LAYER_INDEX`.
        style_layers: Keys of `LAYER_INDEX`.

    Raises:
        DataError: The weights cannot be read or are of another network.
        ConfigError: An unknown layer.
    """

    means: Tensor

    def __init__(
        self,
        weights: Path | None = None,
        *,
        content_layer: str = CONTENT_LAYER,
        style_layers: Sequence[str] = STYLE_LAYERS,
    ) -> None:
        super().__init__(tuple(LAYER_INDEX), content_layer, style_layers)
        layers = nn.Sequential(
            nn.Conv2d(3, 64, 3, stride=2),
            nn.ReLU(),
            _pool(),
            Fire(64, 16, 64),
            Fire(128, 16, 64),
            _pool(),
            Fire(128, 32, 128),
            Fire(256, 32, 128),
            _pool(),
            Fire(256, 48, 192),
            Fire(384, 48, 192),
            Fire(384, 64, 256),
            Fire(512, 64, 256),
        )
        self.features = nn.Sequential(*list(layers)[: LAYER_INDEX[self.layers[-1]] + 1])
        self.register_buffer("means", torch.tensor(CHANNEL_MEANS).view(1, 3, 1, 1), persistent=False)
        if weights is None:
            asset = resources.files("animecam_training") / "assets" / "squeezenet1_1_features.pt"
            with resources.as_file(asset) as path:
                load_subset(self, read_state(path), path)
        else:
            load_subset(self, read_state(weights), weights)
        self.freeze()

    def forward(self, picture: Tensor) -> FeatureMaps:
        """Features of [N, 3, H, W], RGB in [-1, 1], each divided by its mean over portraits."""
        x = (picture + 1) * HALF_RANGE - self.means
        names = {LAYER_INDEX[name]: name for name in self.layers}
        maps: FeatureMaps = {}
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in names:
                maps[names[index]] = x / MEAN_FEATURE[names[index]]
        return maps
