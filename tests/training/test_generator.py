"""The generators against their published facts and against a reference output."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from animecam_training.errors import CheckpointError, ConfigError
from animecam_training.models.generator import DoubleTailGenerator, Generator
from animecam_training.models.layers import (
    ConvBlock,
    ExternalAttention,
    Lade,
    LadeForm,
    double_size,
    set_lade_form,
)
from animecam_training.models.lite import DoubleTailLite, LiteGenerator
from animecam_training.models.registry import build_generator, inference_generator
from animecam_training.models.weights import load_generator_state

NARROW = (16, 32, 64)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameter_counts_are_the_published_ones() -> None:
    double = DoubleTailGenerator()
    assert count(double.base) == 497_248
    assert count(double.main) == count(double.support) == 530_272
    assert count(double.inference()) == count(Generator()) == 1_027_520
    assert count(double) == 1_557_792


def test_stage_shapes() -> None:
    generator = Generator().eval()
    seen: dict[str, tuple[int, ...]] = {}
    for name in ("up1", "up2", "up3", "attention"):
        stage = generator.main.get_submodule(name)
        stage.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: tuple(out.shape)}))
    with torch.inference_mode():
        scales = generator.base(torch.zeros(1, 3, 64, 48))
        y = generator.main(scales)
    assert [tuple(s.shape[1:]) for s in scales] == [(32, 64, 48), (64, 32, 24), (128, 16, 12), (128, 8, 6)]
    assert seen == {
        "attention": (1, 128, 8, 6),
        "up1": (1, 128, 16, 12),
        "up2": (1, 64, 32, 24),
        "up3": (1, 32, 64, 48),
    }
    assert y.shape == (1, 3, 64, 48)
    assert y.abs().max() <= 1


@pytest.mark.parametrize("form", ["covariance", "convolution"])
def test_starter_weights_give_the_reference_output(shared: Path, form: LadeForm) -> None:
    state = torch.load(shared / "weights/dtgan-starter.pt", map_location="cpu", weights_only=True)
    reference = np.load(shared / "weights/dtgan-starter-reference.npz")
    for generator in (Generator(), DoubleTailGenerator()):
        load_generator_state(generator, state)
        # The reference was written with the BatchNorm on batch statistics; only that layer knows the difference.
        inference = inference_generator(generator).train()
        set_lade_form(inference, form)
        with torch.inference_mode():
            y = inference(torch.from_numpy(reference["x"]))
        np.testing.assert_allclose(y.numpy(), reference["y"], atol=1e-4)


def test_inference_view_shares_weights_and_drops_support_on_load() -> None:
    double = DoubleTailGenerator().eval()
    alone = Generator().eval()
    load_generator_state(alone, double.state_dict())
    x = torch.rand(1, 3, 32, 32) * 2 - 1
    with torch.inference_mode():
        assert torch.equal(alone(x), double(x).main)
        assert torch.equal(double.inference()(x), double(x).main)
    assert double.inference().main is double.main


def test_a_trained_tail_starts_both() -> None:
    double = DoubleTailGenerator()
    load_generator_state(double, Generator().state_dict())
    assert torch.equal(double.support.head.weight, double.main.head.weight)
    lite, double_lite = LiteGenerator(NARROW).eval(), DoubleTailLite(NARROW).eval()
    load_generator_state(double_lite, lite.state_dict())
    x = torch.rand(1, 3, 32, 24) * 2 - 1
    with torch.inference_mode():
        tails = double_lite(x)
        assert torch.equal(tails.support, lite(x))
        assert torch.equal(tails.main, lite(x))
        assert torch.equal(double_lite.inference()(x), lite(x))


def test_the_main_tail_of_the_double_lite_is_a_lite() -> None:
    lite, double = LiteGenerator(NARROW), DoubleTailLite(NARROW)
    load_generator_state(lite, double.state_dict())
    assert double.inference().state_dict().keys() == lite.state_dict().keys()
    for name, value in lite.state_dict().items():
        assert torch.equal(value, double.main.state_dict()[name]), name
    assert not torch.equal(double.support.head.weight, double.main.head.weight)
    assert count(DoubleTailLite().inference()) == 450_304


def test_both_tails_of_the_double_lite_train_the_encoder() -> None:
    double = DoubleTailLite(NARROW)
    tails = double(torch.rand(1, 3, 32, 32))
    for picture in tails:
        (slope,) = torch.autograd.grad(picture.square().mean(), double.main.stem.conv.weight, retain_graph=True)
        assert slope.abs().sum() > 0


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(CheckpointError, match="do not fit Generator"):
        load_generator_state(Generator(), LiteGenerator().state_dict())
    with pytest.raises(CheckpointError, match="do not fit LiteGenerator"):
        load_generator_state(LiteGenerator(NARROW), LiteGenerator().state_dict())
    partial = LiteGenerator(NARROW).state_dict()
    del partial["stem.conv.weight"]
    with pytest.raises(CheckpointError, match=r"'stem.conv.weight' \(16, 12, 3, 3\) is not in them"):
        load_generator_state(LiteGenerator(NARROW), partial)


@pytest.mark.parametrize("form", ["covariance", "convolution"])
def test_lade_follows_its_formula(form: LadeForm) -> None:
    lade = Lade(6, form).double()
    x = torch.randn(2, 6, 9, 7, dtype=torch.float64) * 3 + 5
    lade_input = x.float()
    t = torch.einsum("oc,nchw->nohw", lade.conv.weight[:, :, 0, 0], x)
    mu, sigma = x.mean((2, 3), keepdim=True), (x.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    mu_t, sigma_t = t.mean((2, 3), keepdim=True), (t.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    expected = (x - mu) / sigma * sigma_t + mu_t
    torch.testing.assert_close(lade.float()(lade_input), expected.float(), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("form", ["covariance", "convolution"])
def test_lade_statistics_stay_fp32_under_autocast(form: LadeForm) -> None:
    lade = Lade(4, form)
    # A large offset with a small signal: a bf16 mean would be off by more than the signal.
    x = (torch.randn(1, 4, 16, 16) + 300).bfloat16()
    expected = lade(x.float())
    with torch.autocast("cpu", torch.bfloat16):
        y = lade(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), expected, rtol=2**-7, atol=1e-2)
    assert torch.isfinite(lade(torch.full((1, 4, 8, 8), 7.0))).all()


def test_odd_padding_goes_to_the_top_and_the_left() -> None:
    block = ConvBlock(1, 1, stride=2)
    assert block.padding == (1, 0, 1, 0)
    assert ConvBlock(1, 1, kernel=7).padding == (3, 3, 3, 3)
    block.norm = nn.Identity()  # type: ignore[assignment]
    block.conv.weight.data.zero_()
    block.conv.weight.data[0, 0, 1, 1] = 1  # the kernel's centre then falls on even pixels
    x = torch.arange(64.0).view(1, 1, 8, 8)
    assert torch.equal(block(x), x[..., ::2, ::2])


def test_external_attention_follows_its_formula() -> None:
    attention = ExternalAttention(4, slots=3).eval()
    x = torch.randn(1, 4, 3, 2)
    pixels = x[0].flatten(1).T  # [HW, C]
    h = pixels @ attention.enter.weight[:, :, 0, 0].T
    a = torch.softmax(h @ attention.memory, dim=0)
    a = a / (a.sum(dim=1, keepdim=True) + 1e-9)
    z = (a @ attention.memory.T) @ attention.leave.weight[:, :, 0, 0].T / (1 + 1e-3) ** 0.5
    expected = nn.functional.leaky_relu(pixels + z, 0.2).T.view(1, 4, 3, 2)
    torch.testing.assert_close(attention(x), expected)


def test_resize_grids() -> None:
    x = torch.tensor([[[[0.0, 4.0], [8.0, 12.0]]]])
    assert double_size(x, "asymmetric")[0, 0].tolist() == [
        [0, 2, 4, 4],
        [4, 6, 8, 8],
        [8, 10, 12, 12],
        [8, 10, 12, 12],
    ]
    assert double_size(x, "half_pixel")[0, 0, 0].tolist() == [0, 1, 3, 4]


def test_lite_keeps_the_contract_and_starts_without_a_checkerboard() -> None:
    lite = LiteGenerator().eval()
    assert count(lite) == 450_304
    assert count(LiteGenerator((16, 32, 64))) < 0.2e6
    with torch.inference_mode():
        y = lite(torch.rand(2, 3, 40, 24) * 2 - 1)
    assert y.shape == (2, 3, 40, 24)
    assert y.abs().max() <= 1
    assert torch.equal(y[..., ::2, ::2], y[..., 1::2, 1::2])


def test_registry_names_what_is_wrong() -> None:
    assert isinstance(build_generator("dtgan-lite", widths=(16, 32, 64)), LiteGenerator)
    assert isinstance(build_generator("dtgan", grid="asymmetric"), Generator)
    with pytest.raises(ConfigError, match="unet"):
        build_generator("unet")
    with pytest.raises(ConfigError, match="depth"):
        build_generator("dtgan", depth=3)


def test_the_usual_student_is_bit_for_bit_what_it_was() -> None:
    """Its weights and its drawing from one seed, as they were before blocks came in several kinds."""
    torch.manual_seed(5)
    lite = LiteGenerator((8, 12, 16)).eval()
    total = sum(float(value.double().abs().sum()) for value in lite.state_dict().values())
    assert total == pytest.approx(1549.6917917114533, rel=1e-12)
    assert not any(key.endswith("bias") for key in lite.state_dict())


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("norm", ["lade", "coarse", "none"])
def test_every_kind_of_student_draws_and_trains(norm: str, separable: bool) -> None:
    torch.manual_seed(6)
    lite = LiteGenerator(NARROW, norm, separable=separable)
    drawn = lite(torch.rand(2, 3, 32, 48) * 2 - 1)
    assert drawn.shape == (2, 3, 32, 48)
    drawn.square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in lite.parameters())


def test_kinds_of_students_have_what_their_names_say() -> None:
    def lades(norm: str) -> int:
        return sum(isinstance(module, Lade) for module in LiteGenerator(NARROW, norm).modules())

    assert (lades("lade"), lades("coarse"), lades("none")) == (10, 7, 0)  # three blocks work at half the side
    assert count(LiteGenerator(separable=True)) < count(LiteGenerator()) / 3
    assert count(LiteGenerator(norm="none")) == 450_304 - sum(
        c * c - c for c in (32, 64, 64, 96, 96, 96, 64, 64, 32, 32)
    )


def _sees(lite: LiteGenerator) -> int:
    """Side of the square of the picture that a pixel of the drawing depends on."""
    for name, weight in lite.named_parameters():
        if "bias" not in name:
            weight.data.abs_().add_(0.01)  # nothing cancels out, and no context is left out
    picture = torch.zeros(1, 3, 400, 400).requires_grad_()
    (slope,) = torch.autograd.grad(lite(picture)[0, 0, 200, 200], picture)
    rows = slope.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    return int(rows[-1] - rows[0]) + 1


def test_context_lets_a_student_see_farther() -> None:
    torch.manual_seed(7)
    assert _sees(LiteGenerator((4, 4, 4), "none")) == 98
    assert _sees(LiteGenerator((4, 4, 4), "none", context=1)) == 98 + 2 * 2 * 8
    assert _sees(LiteGenerator((4, 4, 4), "none", context=3)) == 322


@pytest.mark.parametrize("norm", ["lade", "coarse", "none"])
def test_context_changes_nothing_until_it_is_trained(norm: str) -> None:
    torch.manual_seed(8)
    near = LiteGenerator(NARROW, norm)
    far = LiteGenerator(NARROW, norm, context=2)
    assert far.load_state_dict(near.state_dict(), strict=False).unexpected_keys == []
    picture = torch.rand(2, 3, 16, 24) * 2 - 1  # smaller than the reach: zeros lie beyond the border
    drawn = far(picture)
    assert torch.equal(drawn, near(picture))
    for turn in range(2):  # the gains learn first, and only then what they let in
        far.zero_grad()
        far(picture).square().mean().backward()
        slopes = {name: weight.grad for name, weight in far.context.named_parameters()}
        assert all(
            slope is not None and (slope.abs().sum() > 0) == (turn or "gain" in n) for n, slope in slopes.items()
        )
        for block in far.context:
            block.gain.data.fill_(0.1)
    assert not torch.equal(far(picture), drawn)


def test_context_belongs_to_both_forms_of_the_lite_and_to_nothing_else() -> None:
    double = build_generator("dtgan-lite-double", widths=NARROW, context=2)
    single = build_generator("dtgan-lite", widths=NARROW, context=2)
    load_generator_state(single, double.state_dict())
    with pytest.raises(CheckpointError, match=r"'context\.0\..*' .* is not in them"):
        load_generator_state(single, LiteGenerator(NARROW).state_dict())
    with pytest.raises(ConfigError, match="context"):
        build_generator("dtgan", context=2)
