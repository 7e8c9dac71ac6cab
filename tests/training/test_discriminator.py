"""The discriminator's layout, and that no convolution can stretch its input."""

import torch
from torch import nn

from animecam_training.models.discriminator import PatchDiscriminator


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
