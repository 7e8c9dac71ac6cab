"""FID, KID, Inception Score and LPIPS by the libraries and the weights that define them.

Those weights are downloads (Inception v3 as torch-fidelity publishes it, AlexNet as torchvision does) of which nothing
is bundled; a copy that is here may be named instead. Where they are not to be had the caller is told so, and uses
`metrics.squeeze`, whose figures have other names.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportMissingImports=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from animecam_training.errors import DataError, MissingNetworkError
from animecam_training.faces import Image
from animecam_training.metrics.pictures import to_batch
from animecam_training.ops.levels import to_levels
from animecam_training.perceptual.weights import PublishedFile, check_published, fetch_weights, read_state

INCEPTION = PublishedFile(
    url="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)
ALEXNET = PublishedFile(
    # The publisher puts the first eight digits of the file's sha256 into its name.
    url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256="7be5be79",
)

INCEPTION_FEATURES = 2048
KID_SUBSET = 50
"""Pictures a subset; fewer where there are not as many."""
KID_SEED = 0  # the subsets are drawn at random
SCORE_SPLITS = 1  # of ten, the library's own, each of forty portraits would be four pictures: no score above 4

UNUSABLE = (ImportError, OSError, RuntimeError)
"""What importing a library raises that is not there, or that was built for another torch, as torchvision may be."""


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


class Inception(nn.Module):
    """Inception v3 as FID is defined on it.

    Args:
        weights: A copy of the published file; None takes it from the cache, or fetches it.

    Raises:
        MissingNetworkError: A library, or the network's weights, are not there and not to be fetched.
        DataError: The file that was named is another one.
    """

    num_features = INCEPTION_FEATURES

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        what = "FID, KID, Inception Score"
        if weights:
            check_published(weights, INCEPTION)
        try:
            import_module("torchmetrics.image")  # now, and not after all else was measured
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        except UNUSABLE as error:
            raise _missing(what, error) from error
        path = weights or _fetched(INCEPTION, what, "inception")
        layers = [str(INCEPTION_FEATURES), "logits_unbiased"]
        self.network = FeatureExtractorInceptionV3("inception-v3-compat", layers, str(path))

    @torch.no_grad()
    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Features [N, 2048] and logits [N, 1008] of uint8 [N, 3, H, W]."""
        return self.network(pictures)


class _AsTheyAre(nn.Identity):
    """Stands where torchmetrics wants a network: what it is given was computed by one, once for all metrics."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features


class InceptionMeter:
    """FID, KID and Inception Score of two sets, by torchmetrics: the same each time.

    Args:
        network: `Inception`, or another that maps uint8 [N, 3, H, W] to features [N, D] and logits [N, classes] and
            has `num_features`; figures of any other must not be called FID, KID and so on.
        pictures: How many the smaller set will have; two at least.
    """

    def __init__(self, network: nn.Module, *, pictures: int) -> None:
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.inception import InceptionScore
        from torchmetrics.image.kid import KernelInceptionDistance

        self._network = network
        known = _AsTheyAre(cast("int", network.num_features))
        self._fid: Any = FrechetInceptionDistance(feature=known)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Metric `.*` will save all extracted features")  # 8 KiB a picture
            self._kid: Any = KernelInceptionDistance(subset_size=min(KID_SUBSET, pictures), feature=known)
            self._score: Any = InceptionScore(splits=SCORE_SPLITS, feature=known)

    def add_ours(self, pictures: Tensor) -> None:
        """Takes in pictures of the set that is measured, [n, 3, H, W], RGB in [-1, 1]."""
        self._score.update(self._add(pictures, is_aim=False))

    def add_aim(self, pictures: Tensor) -> None:
        """Takes in pictures of the set that it is compared with, [n, 3, H, W], RGB in [-1, 1]."""
        self._add(pictures, is_aim=True)

    def _add(self, pictures: Tensor, *, is_aim: bool) -> Tensor:
        features, logits = self._network(to_levels(pictures))
        self._fid.update(features, real=is_aim)
        self._kid.update(features, real=is_aim)
        return logits

    def figures(self) -> InceptionFigures:
        """Of all that was taken in."""
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            torch.default_generator.manual_seed(KID_SEED)
            warnings.filterwarnings("ignore", message="std")  # of one split: torchmetrics reckons a deviation, too
            kid, score = self._kid.compute()[0], self._score.compute()[0]
            return InceptionFigures(float(self._fid.compute()), float(kid), float(score))


class Lpips(nn.Module):
    """LPIPS on AlexNet (Zhang et al., CVPR 2018, version 0.1), by the authors' package.

    Args:
        weights: A copy of AlexNet's published file; None takes it from the cache, or fetches it.

    Raises:
        MissingNetworkError: The package, or AlexNet's weights, are not there and not to be fetched.
        DataError: The file that was named is another one.
    """

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        if weights:
            check_published(weights, ALEXNET)
        try:
            import lpips
        except UNUSABLE as error:
            raise _missing("LPIPS", error) from error
        path = weights or _fetched(ALEXNET, "LPIPS", "alexnet")
        # With its own weights it would fetch them itself, into another cache, and not look whether they came whole.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="torchvision")  # calls it as former versions were called
            self.distance: Any = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
        published = read_state(path)
        own = self.distance.net.state_dict()  # "slice2.3.weight", which torchvision calls "features.3.weight"
        self.distance.net.load_state_dict({name: published[f"features.{name.split('.', 1)[1]}"] for name in own})

    @torch.no_grad()
    def forward(self, pictures: Tensor, references: Tensor) -> Tensor:
        """Distances [N] of pictures and references [N, 3, H, W], RGB in [-1, 1]."""
        return self.distance(pictures, references).flatten()


def measure_lpips(ours: Sequence[Image], theirs: Sequence[Image], network: nn.Module) -> float:
    """Mean LPIPS.

    Args:
        ours: Pictures, RGB, uint8 [H, W, 3].
        theirs: As many.
        network: `Lpips`.
    """
    values = [float(network(to_batch([a]), to_batch([b]))) for a, b in zip(ours, theirs, strict=True)]
    return sum(values) / len(values)


def _fetched(published: PublishedFile, what: str, network: str) -> Path:
    """Where the cached copy of a published file lies."""
    try:
        return fetch_weights(published, named_by=f"--features {network}=FILE")
    except DataError as error:
        raise MissingNetworkError(f"no {what}: {error.message}", hint=error.hint) from error


def _missing(what: str, error: Exception) -> MissingNetworkError:
    hint = "pip install 'animecam[metrics]'"
    if not isinstance(error, ModuleNotFoundError):
        hint = f"torchvision must be the one that belongs to torch {torch.__version__}: see pytorch.org/get-started"
    return MissingNetworkError(f"no {what}: {' '.join(str(error).split())}", hint=hint)
