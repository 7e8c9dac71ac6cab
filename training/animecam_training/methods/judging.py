"""The discriminator that a recipe asks for, and what it thinks of a picture."""

from torch import Tensor, nn

from animecam_training.losses.adversarial import Logits
from animecam_training.models.discriminator import PatchDiscriminator
from animecam_training.models.feature_discriminator import FeatureDiscriminator, count_channels
from animecam_training.perceptual.base import FeatureMaps, FeatureNetwork
from animecam_training.recipe.config import ModelConfig


def new_discriminator(model: ModelConfig, features: FeatureNetwork) -> nn.Module:
    """The discriminator `model.discriminator`, for pictures [N, 3, S, S] or for their maps by `features`."""
    if model.discriminator == "patch":
        return PatchDiscriminator(model.discriminator_channels)
    return FeatureDiscriminator(count_channels(features), model.discriminator_channels)


def looks_at_maps(discriminator: nn.Module) -> bool:
    """Whether a discriminator judges a picture by its feature maps."""
    return isinstance(discriminator, FeatureDiscriminator)


def opinions(discriminator: nn.Module, picture: Tensor, maps: FeatureMaps) -> Logits:
    """What a discriminator thinks of a picture [N, 3, S, S] whose feature maps are known: it looks at either."""
    return discriminator(maps) if looks_at_maps(discriminator) else [discriminator(picture)]


def detached_maps(maps: FeatureMaps) -> dict[str, Tensor]:
    """Feature maps through which nothing is learned."""
    return {name: values.detach() for name, values in maps.items()}
