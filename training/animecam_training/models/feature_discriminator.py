"""A discriminator on the features of a frozen network.

Sauer, Chitta, Mueller, Geiger: "Projected GANs Converge Faster", NeurIPS 2021; of that, one small head a layer, without
the random mixing of layers. A patch discriminator that starts from nothing stayed at chance for thousands of small
batches of drawn targets and what a network drew of them; on features it told them apart within a hundred.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from animecam_training.models.layers import LEAKY_SLOPE
from animecam_training.perceptual.base import FeatureMaps, FeatureNetwork

HEAD_KERNEL = 3
PROBE_PX = 64


def count_channels(network: FeatureNetwork) -> dict[str, int]:
    """Channels of each map that the network gives, by its name."""
    device = next(iter([*network.parameters(), *network.buffers()])).device
    with torch.no_grad():
        maps = network(torch.zeros(1, 3, PROBE_PX, PROBE_PX, device=device))
    return {name: found.shape[1] for name, found in maps.items()}


class FeatureDiscriminator(nn.Module):
    """One head a layer: a 3 x 3 convolution, then a logit for every place of the map.

    Args:
        channels_in: Channels of each layer by its name.
        channels: Width of the heads.
    """

    def __init__(self, channels_in: Mapping[str, int], channels: int) -> None:
        super().__init__()
        self.heads = nn.ModuleDict({name: _Head(count, channels) for name, count in channels_in.items()})

    def forward(self, maps: FeatureMaps) -> list[Tensor]:
        """Logits [N, 1, h, w] of each layer, of its map [N, C, h, w], in which negative values count as 0."""
        return [head(maps[name]) for name, head in self.heads.items()]


class _Head(nn.Module):
    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels_in, channels, HEAD_KERNEL, padding=HEAD_KERNEL // 2)
        self.judge = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        # A few features are a hundred times the rest: on a logarithmic scale none drowns the others.
        return self.judge(F.leaky_relu(self.mix(torch.log1p(x.float().clamp_min(0))), LEAKY_SLOPE))
