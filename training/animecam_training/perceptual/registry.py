"""Feature networks by name, as configs write them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from animecam_training.errors import ConfigError
from animecam_training.perceptual.base import FeatureNetwork
from animecam_training.perceptual.squeezenet import SqueezeNet
from animecam_training.perceptual.vgg import Vgg19

FEATURE_NETWORKS: dict[str, Callable[..., FeatureNetwork]] = {"squeezenet1_1": SqueezeNet, "vgg19": Vgg19}


def open_features(
    name: str,
    *,
    weights: Path | None = None,
    content_layer: str | None = None,
    style_layers: Sequence[str] | None = None,
) -> FeatureNetwork:
    """A frozen feature network.

    Args:
        name: "squeezenet1_1" (bundled) or "vgg19" (fetched once, 548 MB).
        weights: A local file in torchvision's layout instead of the default.
        content_layer: Instead of the network's own choice.
        style_layers: Instead of the network's own choice.

    Raises:
        ConfigError: An unknown network or layer.
        DataError: Weights that are missing, damaged or of another network.
    """
    if name not in FEATURE_NETWORKS:
        raise ConfigError(f"unknown feature network {name!r}", hint="known: " + ", ".join(FEATURE_NETWORKS))
    chosen: dict[str, str | tuple[str, ...]] = {}
    if content_layer is not None:
        chosen["content_layer"] = content_layer
    if style_layers is not None:
        chosen["style_layers"] = tuple(style_layers)
    return FEATURE_NETWORKS[name](weights, **chosen)
