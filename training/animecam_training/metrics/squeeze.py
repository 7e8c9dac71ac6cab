"""Distances on the bundled SqueezeNet, under names of their own: they are neither FID, nor KID, nor LPIPS.

Those three are defined by the weights of Inception v3 and of networks trained for LPIPS; figures from other weights
compare with each other and with nothing in the literature.
"""

from collections.abc import Callable, Iterable
from importlib import resources

import torch
from torch import Tensor, nn

from animecam_training.faces import Image
from animecam_training.metrics.pictures import in_batches
from animecam_training.perceptual.squeezenet import SqueezeNet
from animecam_training.perceptual.weights import read_state

VECTOR_LAYERS = ("conv1", "fire3", "fire5", "fire7", "fire9")
HEAD_LAYERS = ("conv1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9")
"""The layers that the seven published heads weigh, in their order."""

KERNEL_DEGREE = 3
UNIT_EPS = 1e-10
BATCH = 16


class SqueezeVectors(nn.Module):
    """A picture as one vector: the mean and the deviation of every channel of five layers, 2,688 numbers.

    Means alone see palette and content; deviations see what anime does without, texture.
    """

    length = 2688

    def __init__(self) -> None:
        super().__init__()
        self.network = SqueezeNet(content_layer=VECTOR_LAYERS[-1], style_layers=VECTOR_LAYERS[:-1])

    @torch.no_grad()
    def forward(self, pictures: Tensor) -> Tensor:
        """Vectors, fp32 [N, 2688], of pictures [N, 3, H, W], RGB in [-1, 1]."""
        rows: list[Tensor] = []
        for start in range(0, len(pictures), BATCH):
            maps = [value.float().flatten(2) for value in self.network(pictures[start : start + BATCH]).values()]
            rows.append(torch.cat([s for m in maps for s in (m.mean(dim=2), m.std(dim=2))], dim=1))
        return torch.cat(rows)


def kernel_distance(ours: Tensor, theirs: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3 (Binkowski et al., ICLR 2018).

    On `SqueezeVectors` this is the *squeeze-KID*. Near zero, and as often below as above, for two samples of one kind.

    Args:
        ours: [N, D], N at least 2.
        theirs: [M, D], M at least 2.
    """
    x, y = ours.double(), theirs.double()

    def kernel(u: Tensor, v: Tensor) -> Tensor:
        values = u @ v.T  # of some thousand pictures the largest thing in memory: changed in place
        return values.div_(u.shape[1]).add_(1).pow_(KERNEL_DEGREE)

    def mean_of_pairs(u: Tensor) -> Tensor:
        values = kernel(u, u)
        return (values.sum() - values.diagonal().sum()) / (len(u) * (len(u) - 1))

    return float(mean_of_pairs(x) + mean_of_pairs(y) - 2 * kernel(x, y).mean())


def vectors_of(images: Iterable[Image], also: Callable[[Tensor], None] | None = None) -> Tensor:
    """`SqueezeVectors` of pictures that are looked at a few at a time, fp32 [N, 2688].

    Args:
        images: RGB, uint8 [H, W, 3], any sizes; read once.
        also: Given what the network is given, fp32 [n, 3, S, S], RGB in [-1, 1]: for other networks.
    """
    vectors = SqueezeVectors()
    rows = [torch.empty(0, vectors.length)]
    for batch in in_batches(images, BATCH):
        rows.append(vectors(batch))
        if also:
            also(batch)
    return torch.cat(rows)


class SqueezeDistance(nn.Module):
    """How different two pictures look: the *squeeze distance*, LPIPS-like (Zhang et al., CVPR 2018).

    Maps of seven layers, each pixel scaled to unit length over the channels; squared differences weighted by LPIPS's
    published heads (BSD-2), summed over channels, averaged over space, summed over layers. The heads were trained on
    other weights of the same network, hence the other name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = SqueezeNet(content_layer=HEAD_LAYERS[-1], style_layers=HEAD_LAYERS[:-1])
        asset = resources.files("animecam_training") / "assets" / "lpips_squeeze_heads.pt"
        with resources.as_file(asset) as path:
            state = read_state(path)
        for index, name in enumerate(HEAD_LAYERS):
            self.register_buffer(f"head_{name}", state[f"lin{index}.model.1.weight"], persistent=False)

    def forward(self, pictures: Tensor, references: Tensor) -> Tensor:
        """Distances, fp32 [N], of pictures and references [N, 3, H, W], RGB in [-1, 1]; differentiable."""
        ours, theirs = self.network(pictures), self.network(references)
        total = torch.zeros(len(pictures), device=pictures.device)
        for name in HEAD_LAYERS:
            error = (_unit_length(ours[name].float()) - _unit_length(theirs[name].float())).square()
            total = total + (error * self.get_buffer(f"head_{name}")).sum(dim=1).mean(dim=(1, 2))
        return total


def _unit_length(maps: Tensor) -> Tensor:
    return maps / (maps.square().sum(dim=1, keepdim=True).sqrt() + UNIT_EPS)
