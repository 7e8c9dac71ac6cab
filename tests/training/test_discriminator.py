"""The discriminators: the published layout, no convolution that stretches its input, and what they learn to tell."""

import torch
from torch import nn

from animecam_training.models.discriminator import PatchDiscriminator
from animecam_training.models.feature_discriminator import FeatureDiscriminator, count_channels
from animecam_training.perceptual.registry import open_features


def test_layout_is_the_published_one() -> None:
    discriminator = PatchDiscriminator()
    shapes = [tuple(m.weight.shape) for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    expected = [(32, 3, 7, 7)]
    for first, second, before in ((32, 64, 32), (64, 128, 64), (128, 256, 128)):
        expected += [(first, before, 3, 3), (first, first, 1, 1), (second, first, 3, 3), (second, second, 1, 1)]
    assert shapes == [*expected, (1, 256, 1, 1)]
    assert all(m.bias is None for m in discriminator.modules() if isinstance(m, nn.Conv2d))
    assert discriminator(torch.zeros(2, 3, 48, 32)).shape == (2, 1, 6, 4)


def test_every_convolution_has_a_spectral_norm_of_one() -> None:
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(8)
    picture = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        for parameter in discriminator.parameters():
            parameter *= 7
        for _ in range(60):  # one power iteration each
            discriminator(picture)
    discriminator.eval()
    for module in discriminator.modules():
        if isinstance(module, nn.Conv2d):
            norm = torch.linalg.matrix_norm(module.weight.flatten(1), ord=2)
            torch.testing.assert_close(norm, torch.tensor(1.0), atol=0.05, rtol=0)


def test_it_learns_to_tell_two_textures_apart() -> None:
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(8)
    optimiser = torch.optim.Adam(discriminator.parameters(), 2e-3, betas=(0.5, 0.999))
    rows = torch.linspace(-1, 1, 32).view(1, 1, 32, 1).expand(2, 3, 32, 32)
    stripes = rows.sign() * torch.tensor([1.0, -1.0]).repeat(16)
    for _ in range(15):
        loss = (discriminator(stripes) - 1).square().mean() + discriminator(rows).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.2


def _lined(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Four flat areas, with dark lines between them and without, [2, 3, 64, 64] each: other colours each time."""
    colours = torch.rand(2, 3, 2, 2, generator=generator) * 1.2 - 0.6
    plain = colours.repeat_interleave(32, 2).repeat_interleave(32, 3)
    lined = plain.clone()
    lined[:, :, 31:33, :] = -1
    lined[:, :, :, 31:33] = -1
    return lined, plain


def test_heads_on_features_soon_tell_lines_from_none() -> None:
    """Of pictures they have not seen: what a discriminator of drawings is for."""
    torch.manual_seed(0)
    features = open_features("squeezenet1_1")
    channels = count_channels(features)
    discriminator = FeatureDiscriminator(channels, 16)
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(discriminator.parameters(), 2e-3, betas=(0.5, 0.99))
    for _ in range(25):
        lined, plain = _lined(generator)
        opinions = zip(discriminator(features(lined)), discriminator(features(plain)), strict=True)
        loss = sum((real - 1).square().mean() + fake.square().mean() for real, fake in opinions)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    lined, plain = _lined(generator)
    with torch.no_grad():
        real, fake = discriminator(features(lined)), discriminator(features(plain))
    assert [logits.shape[1] for logits in real] == [1] * len(channels)
    assert [logits.shape[2:] for logits in real] == [maps.shape[2:] for maps in features(lined).values()]
    assert sum(float(logits.mean()) for logits in real) > sum(float(logits.mean()) for logits in fake) + 0.5


def test_heads_on_features_pass_the_gradient_on_to_the_picture() -> None:
    torch.manual_seed(0)
    features = open_features("squeezenet1_1")
    discriminator = FeatureDiscriminator(count_channels(features), 8)
    picture = (torch.rand(1, 3, 64, 64) * 2 - 1).requires_grad_()
    torch.stack([logits.mean() for logits in discriminator(features(picture))]).sum().backward()
    assert picture.grad is not None
    assert (picture.grad.abs() > 0).float().mean() > 0.9
