"""The methods, term by term: each is of the pictures that it should be."""

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from animecam_training.losses.perceptual import compute_features, gram
from animecam_training.losses.picture import lab_color, total_variation
from animecam_training.losses.stability import Moment, stability_l1
from animecam_training.methods.base import window_source
from animecam_training.methods.dtgan import DtganMethod
from animecam_training.methods.pairs import PairMethod
from animecam_training.models.feature_discriminator import FeatureDiscriminator
from animecam_training.ops.color import to_gray
from animecam_training.ops.guided import guided_filter
from animecam_training.ops.refine import refine
from animecam_training.ops.superpixel_batch import fill_with_means, superpixel_batch
from animecam_training.perceptual.base import FeatureMaps, shift_together
from animecam_training.recipe.config import ModelConfig, OptimConfig, PairWeights, Recipe

SIDE_PX = 64
STEP = 5
RECIPE = Recipe(
    method="dtgan", seed=3, model=ModelConfig("dtgan-lite-double", widths=(8, 8, 8), discriminator_channels=4)
)
ONE_TAIL = replace(RECIPE.model, generator="dtgan-lite")


class MeanColour(nn.Module):
    """Judges every pixel by the mean of its channels: what it was shown is seen in what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, picture: Tensor) -> Tensor:
        return self.gain * picture.mean(dim=1, keepdim=True)


class MapBrightness(FeatureDiscriminator):
    """Judges every place of one map by the mean of its channels."""

    def __init__(self, layer: str) -> None:
        super().__init__({}, 1)
        self.layer, self.gain = layer, nn.Parameter(torch.ones(1))

    def forward(self, maps: FeatureMaps) -> list[Tensor]:
        return [self.gain * maps[self.layer].mean(dim=1, keepdim=True)]


def _batch() -> dict[str, Tensor]:
    """Five pictures of which none is like another, and regions of the clean one."""
    source = torch.Generator().manual_seed(0)
    small = torch.rand(4, 2, 3, 8, 8, generator=source) * 1.6 - 0.8
    photo, clean, anime, smoothed = (nn.functional.interpolate(part, scale_factor=8) for part in small)
    regions = torch.arange(SIDE_PX * SIDE_PX).reshape(1, SIDE_PX, SIDE_PX).expand(2, -1, -1) // 512
    return {"photo": photo, "clean": clean, "anime": anime, "smoothed": smoothed, "regions": regions}


def _distance(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs().mean()


def _judged(picture: Tensor, wanted: float) -> Tensor:
    """What `MeanColour` thinks of a picture, against what it should."""
    return (picture.mean(dim=1) - wanted).square().mean()


def _expected(method: DtganMethod, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The method's table: p clean photo, a anime, e smoothed anime, s1 filtered support output, m main, R refined."""
    p, a, e = batch["clean"], batch["anime"], batch["smoothed"]
    tails = copy.deepcopy(method.generator)(batch["photo"])
    s1, m, refined = guided_filter(tails.support), tails.main, refine(tails.support)

    def features(picture: Tensor) -> dict[str, Tensor]:
        source = window_source(RECIPE.seed, STEP)
        return compute_features(method.features, [picture], [], generator=source)[0][0]

    def con(u: Tensor, v: Tensor) -> Tensor:
        return _distance(features(u)[method.features.content_layer], features(v)[method.features.content_layer])

    of_anime, of_support = features(to_gray(a)), features(to_gray(s1))
    styles = {
        f"G/style_{i}": _distance(gram(of_anime[name]), gram(of_support[name]))
        for i, name in enumerate(method.features.style_layers)
    }
    own, photos = fill_with_means(s1, superpixel_batch(s1)), fill_with_means(p, batch["regions"])
    support = 0.5 * _judged(to_gray(a), 0.9) + _judged(to_gray(s1), 0.1)
    return styles | {
        "G/adversarial_support": _judged(to_gray(s1), 0.9),
        "G/content": con(p, s1),
        "G/region_own": con(own, s1),
        "G/region_photo": con(photos, s1),
        "G/colour": lab_color(p, s1),
        "G/variation_support": total_variation(s1),
        "G/adversarial_main": _judged(m, 1.0),
        "G/refine_pixels": _distance(refined, m),
        "G/refine_features": con(refined, m),
        "G/variation_main": total_variation(m),
        "D/support": support + RECIPE.dtgan_weights.smoothed_edges * _judged(to_gray(e), 0.1),
        "D/main": 0.1 * (_judged(refined, 1.0) + _judged(m, 0.0)),
    }


@pytest.fixture
def method() -> DtganMethod:
    made = DtganMethod(RECIPE, torch.device("cpu"))
    made.d_support, made.d_main = MeanColour(), MeanColour()
    return made


def test_each_term_is_of_the_pictures_it_should_be(method: DtganMethod) -> None:
    """s1 came from a filter whose eps was four times the paper's: its pictures were scaled to [0, 1] before it."""
    batch = _batch()
    with torch.no_grad():
        expected = _expected(method, batch)
    losses = method.train_step(batch, STEP)
    assert losses.keys() == expected.keys() | {"G/gradient_norm"}
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value.item(), rel=1e-3, abs=1e-6), name


def test_judges_of_features_see_the_maps_of_the_same_pictures() -> None:
    recipe = replace(RECIPE, model=replace(RECIPE.model, discriminator="features"))
    method, batch = DtganMethod(recipe, torch.device("cpu")), _batch()
    layer = method.features.content_layer
    method.d_support, method.d_main = MapBrightness(layer), MapBrightness(layer)

    def judged(picture: Tensor, wanted: float) -> Tensor:
        source = window_source(recipe.seed, STEP)
        maps = compute_features(method.features, [picture], [], generator=source)[0][0]
        return (maps[layer].mean(dim=1) - wanted).square().mean()

    with torch.no_grad():
        tails = copy.deepcopy(method.generator)(batch["photo"])
        s1, m, refined = guided_filter(tails.support), tails.main, refine(tails.support)
        edges = recipe.dtgan_weights.smoothed_edges * judged(to_gray(batch["smoothed"]), 0.1)
        expected = {
            "G/adversarial_support": judged(to_gray(s1), 0.9),
            "G/adversarial_main": judged(m, 1.0),
            "D/support": 0.5 * judged(to_gray(batch["anime"]), 0.9) + judged(to_gray(s1), 0.1) + edges,
            "D/main": 0.1 * (judged(refined, 1.0) + judged(m, 0.0)),
        }
    losses = method.train_step(batch, STEP)
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value.item(), rel=1e-3), name


@pytest.mark.parametrize("judge", [lambda method: method.d_support, lambda method: method.d_main])
@pytest.mark.parametrize("by", ["pixels", "maps"])
def test_a_judge_learns_and_teaches_nobody_at_once(
    method: DtganMethod, judge: Callable[[DtganMethod], MeanColour | MapBrightness], by: str
) -> None:
    """Gradients reach the generator in its own turn alone."""
    if by == "maps":
        layer = method.features.content_layer
        method.d_support, method.d_main = MapBrightness(layer), MapBrightness(layer)
    asked: list[bool] = []

    def note(_: nn.Module, given: tuple[Tensor | FeatureMaps]) -> None:
        (looked_at,) = given
        parts = [looked_at] if isinstance(looked_at, Tensor) else looked_at.values()
        asked.append(any(part.requires_grad for part in parts))

    judge(method).register_forward_pre_hook(note)
    method.train_step(_batch(), STEP)
    assert asked[0]
    assert not any(asked[1:])
    gain = judge(method).gain
    assert gain.grad is not None
    assert gain.grad.abs() > 0


def test_before_the_judges_come_both_tails_are_held_to_content(method: DtganMethod) -> None:
    batch = _batch()
    with torch.no_grad():
        expected = _expected(method, batch)["G/content"]
    method.recipe = replace(RECIPE, pretrain_steps=STEP + 1)
    losses = method.train_step(batch, STEP)
    assert losses.keys() == {"G/pretrain_support", "G/pretrain_main", "G/gradient_norm"}
    assert losses["G/pretrain_support"].item() == pytest.approx(expected.item(), rel=1e-3)
    assert losses["G/pretrain_main"].item() != pytest.approx(expected.item(), rel=1e-3)


def test_targets_are_real_drawings_are_not_and_what_moves_is_drawn_anew() -> None:
    weights = PairWeights(adversarial=1.0, stability=1.0)
    recipe = Recipe(seed=3, model=ModelConfig(widths=(8, 8, 8), discriminator_channels=4), pair_weights=weights)
    method = PairMethod(recipe, torch.device("cpu"))
    method.discriminator = MeanColour()
    photo, target = _batch()["photo"], _batch()["anime"]
    generator, source = copy.deepcopy(method.generator), window_source(recipe.seed, STEP)
    with torch.no_grad():
        drawn = generator(photo)
        shift_together([photo], generator=source)  # the window of the features is drawn before the moment
        moment = Moment.draw(photo, source)
        expected = {
            "G/pixel": _distance(drawn, target),
            "G/stability": stability_l1(drawn, generator(moment.later(photo)), moment),
            "G/adversarial": _judged(drawn, 1.0),
            "D/real": _judged(target, 1.0),
            "D/fake": _judged(drawn, 0.0),
        }
    losses = method.train_step({"photo": photo, "target": target}, STEP)
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value.item(), rel=1e-3, abs=1e-6), name


@pytest.mark.parametrize(("pretrain_rate", "wanted"), [(0.0, 1e-4), (2e-4, 2e-4)])
def test_pretraining_may_have_a_rate_of_its_own(method: DtganMethod, pretrain_rate: float, wanted: float) -> None:
    optim = OptimConfig(learning_rate=1e-4, pretrain_rate=pretrain_rate, warmup_steps=0)
    method.recipe = replace(RECIPE, pretrain_steps=1, optim=optim)
    rates: list[float] = []
    for step in (0, 1):
        method.train_step(_batch(), step)
        rates += [group["lr"] for group in method.g_optimizer.param_groups]
    assert rates == pytest.approx([wanted, 1e-4])


def test_the_average_follows_both_phases(method: DtganMethod) -> None:
    method.recipe = replace(RECIPE, pretrain_steps=1)
    for step in (0, 1):
        before = {name: value.clone() for name, value in method.average.weights.items()}
        method.train_step(_batch(), step)
        assert any(not torch.equal(value, before[name]) for name, value in method.average.weights.items()), step


def test_judges_slow_down_with_the_generator(method: DtganMethod) -> None:
    """By the schedule of the generator: a judge that stays fast wins at the end, against one that no longer moves."""
    method.recipe = replace(RECIPE, steps=4, optim=OptimConfig(warmup_steps=2, decay_from=0.5, final_share=0.0))
    pair = PairMethod(replace(method.recipe, pair_weights=PairWeights(adversarial=1.0), model=ONE_TAIL), method.device)
    pair.discriminator = MeanColour()
    batch = _batch()
    shares: list[list[float]] = []
    for step in (0, 1, 3):
        method.train_step(batch, step)
        pair.train_step({"photo": batch["photo"], "target": batch["anime"]}, step)
        rates = [group["lr"] for one in (method, pair) for group in one.d_optimizer.param_groups]
        shares.append([rate / method.recipe.optim.discriminator_rate for rate in rates])
    assert shares == [pytest.approx([share] * 2) for share in (0.5, 1.0, 0.5)]
