"""Each loss against a direct reading of its formula."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from animecam_training.losses import adversarial, perceptual, picture, stability, supervised
from animecam_training.perceptual.registry import open_features


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(3)
    return torch.rand(2, 3, 12, 10, generator=source) * 2 - 1, torch.rand(2, 3, 12, 10, generator=source) * 2 - 1


def test_supervised_terms(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    a, b = (t.numpy().astype(np.float64) for t in pair)
    assert supervised.pixel_l1(*pair).item() == pytest.approx(np.abs(a - b).mean(), rel=1e-5)
    gradient = sum(np.abs(np.diff(a, axis=k) - np.diff(b, axis=k)).mean() for k in (2, 3))
    assert supervised.gradient_l1(*pair).item() == pytest.approx(gradient, rel=1e-5)
    maps, target = {"x": pair[0], "y": pair[0] * 2}, {"x": pair[1], "y": pair[1] * 2, "z": pair[0]}
    assert supervised.feature_l1(maps, target).item() == pytest.approx(3 * np.abs(a - b).mean(), rel=1e-5)


def test_tones_are_compared_by_the_means_of_squares() -> None:
    target = torch.zeros(1, 3, 20, 16)
    checkered = (torch.arange(20)[:, None] + torch.arange(16)) % 2 * 2.0 - 1
    assert supervised.tone_l1(target + 0.3 * checkered, target) < 1e-6  # what lies within a square has no tone
    blot = target.clone()
    blot[:, 0, :8, 8:] = 0.6  # one of four squares, in one of three channels; four rows are left out
    assert supervised.tone_l1(blot, target).item() == pytest.approx(0.6 / 12)


def test_the_covered_part_counts_by_its_cover(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    a, b = pair
    whole, none = torch.ones_like(a[:, :1]), torch.zeros_like(a[:, :1])
    torch.testing.assert_close(supervised.covered_l1(a, b, whole), supervised.pixel_l1(a, b))
    assert supervised.covered_l1(a, b, none) == 0
    half = none.clone()
    half[..., : a.shape[3] // 2] = 0.5
    wanted = 0.25 * supervised.pixel_l1(a[..., : a.shape[3] // 2], b[..., : a.shape[3] // 2])
    torch.testing.assert_close(supervised.covered_l1(a, b, half), wanted)


def test_lab_color(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    p, s = (rgb2lab((t.numpy().astype(np.float64) + 1) / 2, channel_axis=1) for t in pair)
    light, a, b = (np.abs(p - s)[:, k].mean() for k in range(3))
    expected = 2 * light / 100 + a / 255 + b / 255
    assert picture.lab_color(*pair).item() == pytest.approx(expected, rel=1e-4)


def test_total_variation(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    ramp = torch.arange(8.0).view(1, 1, 1, 8).expand(1, 3, 8, 8) / 4
    assert picture.total_variation(ramp).item() == pytest.approx(0.5 / 16)
    a = pair[0].numpy()
    expected = sum((np.diff(a, axis=k) ** 2).mean() / 2 for k in (2, 3))
    assert picture.total_variation(pair[0]).item() == pytest.approx(expected, rel=1e-5)


def test_style_ignores_brightness_and_place_but_not_texture(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    a, b = pair
    n, c, h, w = a.shape
    grams = []
    for t in (a, b):
        f = t.reshape(n, c, h * w).double().numpy()
        f = f - f.mean(axis=2, keepdims=True)
        grams.append(np.einsum("ncp,ndp->ncd", f, f) / (h * w * c))
    assert perceptual.style(a, b).item() == pytest.approx(np.abs(grams[0] - grams[1]).mean(), rel=1e-5)
    assert perceptual.style(a, a.flip(3) + 5).item() == pytest.approx(0, abs=1e-5)
    assert perceptual.content(a, b).item() == pytest.approx((a - b).abs().mean().item())


def test_gram_is_fp32_under_autocast() -> None:
    # Sums over 64 x 64 squares of order 300 overflow fp16 and drown in bf16.
    f = torch.randn(1, 2, 64, 64, generator=torch.Generator().manual_seed(0)) + 300
    with torch.autocast("cpu", torch.bfloat16):
        g = perceptual.gram(f)
    torch.testing.assert_close(g, perceptual.gram(f.double()), rtol=1e-4, atol=1e-4)
    assert g.dtype == torch.float32


def test_adversarial_terms() -> None:
    zero, one = [torch.zeros(2, 1, 4, 4)], [torch.ones(2, 1, 4, 4)]
    real, fake = [0.9 * one[0]], [0.1 * one[0]]
    assert adversarial.support_generator(zero).item() == pytest.approx(0.81)
    assert adversarial.main_generator(zero).item() == pytest.approx(1)
    assert adversarial.support_discriminator(zero, one, one, 2.0).item() == pytest.approx(0.5 * 0.81 + 0.81 + 2 * 0.81)
    assert adversarial.main_discriminator(zero, one).item() == pytest.approx(0.1 * 2)
    assert adversarial.support_discriminator(real, fake, fake, 5.0).item() == pytest.approx(0, abs=1e-12)


def test_every_layer_that_is_judged_counts_alike() -> None:
    small, large = torch.zeros(2, 1, 2, 2), torch.ones(2, 1, 8, 8)
    assert adversarial.least_squares([small, large], 1.0).item() == pytest.approx(0.5)


def test_content_and_refinement_terms(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    a, b = pair
    mean = (a - b).abs().mean().item()
    assert perceptual.content(a, b).item() == pytest.approx(mean)
    assert picture.refinement_pixels(a, b).item() == pytest.approx(mean)
    assert picture.refinement_features(a, b).item() == pytest.approx(mean)


def test_features_in_two_passes_are_those_of_each_batch() -> None:
    network = open_features("squeezenet1_1", content_layer="fire3", style_layers=("conv1",))
    source = torch.Generator().manual_seed(5)
    a, b, c = (torch.rand(n, 3, 40, 40, generator=source) * 2 - 1 for n in (1, 2, 1))
    learned = c.requires_grad_()
    (maps_a, maps_b), (maps_c,) = perceptual.compute_features(network, (a, b), (learned,), shift_px=0)
    for batch, maps in ((a, maps_a), (b, maps_b), (c, maps_c)):
        for name, value in network(batch).items():
            torch.testing.assert_close(maps[name], value, rtol=1e-4, atol=1e-4)
    assert not maps_a["fire3"].requires_grad
    perceptual.content(maps_a["fire3"], maps_c["fire3"]).backward()
    assert learned.grad is not None
    shifted, _ = perceptual.compute_features(network, (a,), (), generator=torch.Generator().manual_seed(1))
    assert shifted[0]["conv1"].shape[2:] == (15, 15)


def _waves(shift_px: tuple[float, float] = (0.0, 0.0), side: int = 64) -> torch.Tensor:
    """Smooth stripes that moved to the right and down, [1, 3, S, S]."""
    y, x = torch.meshgrid(torch.arange(side) - shift_px[1], torch.arange(side) - shift_px[0], indexing="ij")
    return (torch.sin(x / 3.0) * torch.cos(y / 4.0))[None, None].expand(1, 3, side, side) * 0.9


def test_a_moment_moves_pictures_and_adds_noise_to_photos() -> None:
    photo = _waves()
    still = stability.Moment(torch.tensor([[2.0, -1.5]]), torch.zeros(1, 3, 64, 64))
    inner = (..., slice(8, -8), slice(8, -8))
    torch.testing.assert_close(still.moved(photo)[inner], _waves((2.0, -1.5))[inner], atol=0.01, rtol=0)
    drawn = [stability.Moment.draw(photo, torch.Generator().manual_seed(4)) for _ in range(2)]
    assert torch.equal(drawn[0].shift_px, drawn[1].shift_px)
    assert torch.equal(drawn[0].noise, drawn[1].noise)
    assert drawn[0].shift_px.abs().max() <= stability.FARTHEST_PX
    assert drawn[0].later(photo).abs().max() <= 1
    assert (drawn[0].later(photo) - drawn[0].moved(photo)).abs().mean() > 0
    with torch.autocast("cpu", torch.bfloat16):
        halved = still.moved(photo)
    torch.testing.assert_close(halved, still.moved(photo), atol=0, rtol=0)


def test_each_process_has_its_own_part_of_a_moment() -> None:
    """All had the shifts and the noise of the first one."""
    photo = torch.rand(6, 3, 64, 64)

    def draw(photos: torch.Tensor, rank: int, ranks: int) -> stability.Moment:
        return stability.Moment.draw(photos, torch.Generator().manual_seed(4), rank=rank, ranks=ranks)

    alone = stability.Moment.draw(photo, torch.Generator().manual_seed(4))
    parts = [draw(photo[2 * rank : 2 * rank + 2], rank, 3) for rank in range(3)]
    assert torch.equal(torch.cat([part.shift_px for part in parts]), alone.shift_px)
    assert torch.equal(torch.cat([part.noise for part in parts]), alone.noise)


def test_stability_asks_for_what_moves_along_and_takes_no_notice_of_noise() -> None:
    photo = _waves()
    moment = stability.Moment.draw(photo, torch.Generator().manual_seed(4))
    blurred = stability.Moment(moment.shift_px, torch.zeros_like(moment.noise))

    def loss(draw: torch.nn.Module) -> float:
        return stability.stability_l1(draw(photo), draw(moment.later(photo)), moment).item()

    assert stability.stability_l1(photo, blurred.later(photo), blurred).item() == pytest.approx(0.0, abs=1e-6)
    assert loss(torch.nn.Identity()) == pytest.approx(moment.noise[..., 8:-8, 8:-8].abs().mean().item(), rel=0.05)
    pooled = torch.nn.Sequential(torch.nn.AvgPool2d(4), torch.nn.Upsample(scale_factor=4))  # sticks to its grid
    assert loss(pooled) > 2 * loss(torch.nn.AvgPool2d(5, stride=1, padding=2))
