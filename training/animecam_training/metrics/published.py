"""FID, KID, Inception Score and LPIPS by the libraries and the weights that define them.

Those weights are downloads (Inception v3 by torch-fidelity, AlexNet by torchvision) of which nothing is bundled. Where
they are not to be had the caller is told so, and uses `metrics.squeeze`, whose figures have other names.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportMissingImports=false, reportUnknownArgumentType=false

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from animecam_training.errors import MissingNetworkError
from animecam_training.ops.levels import to_levels

BATCH = 16
KID_SUBSET = 50
"""Pictures a subset; fewer where there are not as many."""
KID_SEED = 0  # the subsets are drawn at random
SCORE_SPLITS = 1  # of ten, the library's own, each of forty portraits would be four pictures: no score above 4

_HINT = "pip install 'animecam[metrics]', and let the weights be downloaded once"


@dataclass(frozen=True, slots=True)
class InceptionFigures:
    """Distances to a set of pictures on Inception v3, and how varied and sure its guesses are.

    Attributes:
        fid: Fréchet Inception distance (Heusel et al., NeurIPS 2017); biased upwards below some thousand pictures.
        kid: Kernel Inception distance (Binkowski et al., ICLR 2018), mean over subsets.
        inception_score: Salimans et al., NeurIPS 2016, of all pictures as one split, not the mean over ten; made for
            ImageNet's classes, of little meaning on faces.
    """

    fid: float
    kid: float
    inception_score: float


def measure_inception(ours: Tensor, theirs: Tensor, network: nn.Module | None = None) -> InceptionFigures:
    """FID, KID and Inception Score of two sets, by torchmetrics: the same each time.

    Args:
        ours: [N, 3, H, W], RGB in [-1, 1]; two at least.
        theirs: [M, 3, H, W], RGB in [-1, 1]; two at least.
        network: Maps uint8 [N, 3, H, W] to features [N, D], or to [N, classes] for the score; Inception v3 with its
            published weights when absent. Figures of any other network must not be called FID, KID and so on.

    Raises:
        MissingNetworkError: torchmetrics or the network's weights are not there.
    """
    given: dict[str, Any] = {} if network is None else {"feature": network}
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.inception import InceptionScore
        from torchmetrics.image.kid import KernelInceptionDistance

        fid = FrechetInceptionDistance(**given)
        kid = KernelInceptionDistance(subset_size=min(KID_SUBSET, len(ours), len(theirs)), **given)
        score = InceptionScore(splits=SCORE_SPLITS, **given)
    except (ImportError, OSError) as error:  # OSError: no network, or no room for the weights
        raise MissingNetworkError(f"no FID, KID, Inception Score: {_one_line(error)}", hint=_HINT) from error
    for metric, real in ((fid, True), (kid, True), (fid, False), (kid, False)):
        for part in to_levels(theirs if real else ours).split(BATCH):
            metric.update(part, real=real)
    for part in to_levels(ours).split(BATCH):
        score.update(part)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        torch.default_generator.manual_seed(KID_SEED)
        warnings.filterwarnings("ignore", message="std")  # of one split: torchmetrics reckons a deviation, too
        return InceptionFigures(float(fid.compute()), float(kid.compute()[0]), float(score.compute()[0]))


def measure_lpips(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Mean LPIPS on AlexNet (Zhang et al., CVPR 2018, version 0.1), by the authors' package.

    Args:
        ours: Pictures [3, H, W], RGB in [-1, 1].
        theirs: As many, of the same sizes.

    Raises:
        MissingNetworkError: The package or AlexNet's weights are not there.
    """
    try:
        import lpips

        distance = lpips.LPIPS(net="alex", verbose=False)
    except (ImportError, OSError) as error:
        raise MissingNetworkError(f"no LPIPS: {_one_line(error)}", hint=_HINT) from error
    with torch.inference_mode():
        values = [float(distance(a[None], b[None])) for a, b in zip(ours, theirs, strict=True)]
    return sum(values) / len(values)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
