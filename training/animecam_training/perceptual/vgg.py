"""VGG19 (Simonyan and Zisserman, arXiv:1409.1556) up to conv4_4, the method's own feature network.

The weights are ImageNet's as PyTorch publishes them (548 MB); they are fetched once into the user's cache. They see
pictures of unit deviation. Those of the method's authors are Caffe's and see levels of 255: their maps, and with them
the weights of the paper's terms, are of another scale.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from animecam_training.perceptual.base import FeatureMaps, FeatureNetwork
from animecam_training.perceptual.weights import PublishedFile, fetch_weights, load_subset, read_state

PUBLISHED = PublishedFile(
    # The publisher puts the first eight digits of the file's sha256 into its name.
    url="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
    sha256="dcbb9e9d",
)

RGB_MEAN = (0.485, 0.456, 0.406)
RGB_DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet in [0, 1]; what these weights were trained with."""

WIDTHS = ((64, 64), (128, 128), (256, 256, 256, 256), (512, 512, 512, 512))
"""Output channels of the convolutions of each block; a max pool stands between two blocks."""

CONTENT_LAYER = "conv4_4"
STYLE_LAYERS = ("conv2_2", "conv3_3", "conv4_4")


def _layers() -> tuple[list[nn.Module], dict[str, int]]:
    """The layers up to conv4_4 in torchvision's order, and where each convolution is."""
    layers: list[nn.Module] = []
    places: dict[str, int] = {}
    channels = 3
    for block, widths in enumerate(WIDTHS, start=1):
        if block > 1:
            layers.append(nn.MaxPool2d(2))
        for number, width in enumerate(widths, start=1):
            places[f"conv{block}_{number}"] = len(layers)
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    return layers, places


class Vgg19(FeatureNetwork):
    """VGG19's convolutions before their ReLU, named conv1_1 … conv4_4.

    Args:
        weights: State dict in torchvision's layout; the published file, from the cache or fetched, when absent.
        content_layer: Name of a convolution.
        style_layers: Names of convolutions.

    Raises:
        DataError: The weights cannot be fetched or read, or are of another network.
        ConfigError: An unknown layer.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        weights: Path | None = None,
        *,
        content_layer: str = CONTENT_LAYER,
        style_layers: Sequence[str] = STYLE_LAYERS,
    ) -> None:
        layers, places = _layers()
        super().__init__(tuple(places), content_layer, style_layers)
        self.names = {places[name]: name for name in self.layers}
        self.features = nn.Sequential(*layers[: places[self.layers[-1]] + 1])
        self.register_buffer("mean", torch.tensor(RGB_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(RGB_DEVIATION).view(1, 3, 1, 1), persistent=False)
        path = weights or fetch_weights(PUBLISHED)
        load_subset(self, read_state(path), path)
        self.freeze()

    def forward(self, picture: Tensor) -> FeatureMaps:
        """Features of [N, 3, H, W], RGB in [-1, 1], before the ReLU, unscaled."""
        x = ((picture + 1) / 2 - self.mean) / self.deviation
        maps: FeatureMaps = {}
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.names:
                maps[self.names[index]] = x
        return maps
