"""FID, KID and Inception Score through torchmetrics, for who has it and the weights of Inception v3."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportMissingImports=false, reportUnknownArgumentType=false

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from animecam_training.errors import TrainingError

BATCH = 16
KID_SUBSET = 50
"""Pictures a subset; fewer where there are not as many."""

_HINT = (
    "pip install torchmetrics torch-fidelity torchvision, and let Inception v3 be downloaded once; "
    "without them use the squeeze-KID, which is not the same figure"
)


@dataclass(frozen=True, slots=True)
class InceptionFigures:
    """Distances to a set of pictures on Inception v3, and how varied and sure its guesses are.

    Attributes:
        fid: Fréchet Inception distance (Heusel et al., NeurIPS 2017); biased upwards below some thousand pictures.
        kid: Kernel Inception distance (Binkowski et al., ICLR 2018), mean over subsets.
        inception_score: Salimans et al., NeurIPS 2016; made for ImageNet's classes, of little meaning on faces.
    """

    fid: float
    kid: float
    inception_score: float


def measure_inception(ours: Tensor, theirs: Tensor) -> InceptionFigures:
    """FID, KID and Inception Score of two sets.

    Args:
        ours: [N, 3, H, W], RGB in [-1, 1].
        theirs: [M, 3, H, W], RGB in [-1, 1].

    Raises:
        TrainingError: torchmetrics or the network's weights are not there.
    """
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.inception import InceptionScore
        from torchmetrics.image.kid import KernelInceptionDistance

        fid = FrechetInceptionDistance()
        kid = KernelInceptionDistance(subset_size=min(KID_SUBSET, len(ours), len(theirs)))
        score = InceptionScore()
    except (ImportError, OSError) as error:  # OSError: no network, or no room for the weights
        raise TrainingError(f"no Inception figures: {error}", hint=_HINT) from error
    for metric, real in ((fid, True), (kid, True), (fid, False), (kid, False)):
        _feed(metric, theirs if real else ours, real=real)
    for part in _bytes(ours).split(BATCH):
        score.update(part)
    return InceptionFigures(float(fid.compute()), float(kid.compute()[0]), float(score.compute()[0]))


def _bytes(pictures: Tensor) -> Tensor:
    return ((pictures + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def _feed(metric: nn.Module, pictures: Tensor, *, real: bool) -> None:
    for part in _bytes(pictures).split(BATCH):
        metric.update(part, real=real)  # pyright: ignore[reportCallIssue]
