"""The loop: every method takes a step, learns what it is meant to learn, and starts from what others learnt."""

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import pytest
import torch

from animecam_training.data.names import list_pairs, worn_of
from animecam_training.data.pictures import write_layer, write_picture
from animecam_training.data.sets import Batch
from animecam_training.errors import CheckpointError, ConfigError, DataError
from animecam_training.methods.pairs import DistillMethod, PairMethod
from animecam_training.ops.bilateral import bilateral_filter
from animecam_training.recipe.config import AugmentConfig, DataConfig, ModelConfig, OptimConfig, PairWeights
from animecam_training.run.loop import RunOptions, train


class _Striped(torch.nn.Module):
    """Draws stripes that lie on the grid of pixels, whatever it is shown."""

    def __init__(self, stripes: torch.Tensor) -> None:
        super().__init__()
        self.stripes = stripes

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return picture + self.stripes


def test_fine_tuning_starts_from_the_averaged_weights(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    first = train(runs.recipe_of(pairs), RunOptions(tmp_path / "first"))
    still = runs.recipe_of(pairs, steps=1, optim=OptimConfig(learning_rate=0.0))
    tuned = train(still, RunOptions(tmp_path / "tuned", start_from=tmp_path / "first/last.pt"))
    assert all(torch.equal(tuned.state["generator"][name], value) for name, value in first.weights.items())


def test_a_student_learns_from_a_teacher(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "teacher"))
    recipe = runs.recipe_of(pairs, method="distill", teacher=str(tmp_path / "teacher/last.pt"), steps=2)
    assert train(recipe, RunOptions(tmp_path / "student")).step == 2


def test_the_photos_of_pairs_that_wear_glasses_teach_a_student(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    """Of a pair no head without its glasses is kept: such folders were refused, and preparing again did not help."""
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "teacher"))
    sides = (runs.SIDE_PX, runs.SIDE_PX)
    for photo in list_pairs(pairs):
        write_layer(np.zeros((*sides, 3), np.uint8), np.ones(sides, np.float32), worn_of(photo))
    recipe = runs.recipe_of(pairs, method="distill", teacher=str(tmp_path / "teacher/last.pt"), steps=1)
    assert train(recipe, RunOptions(tmp_path / "student")).step == 1


def test_what_a_student_learns_is_calmed_as_often_as_asked(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "teacher"))
    recipe = runs.recipe_of(pairs, method="distill", teacher=str(tmp_path / "teacher/last.pt"))
    batch = _clean_crop()
    plain, twice = (
        DistillMethod(replace(recipe, calm_teacher=passes), torch.device("cpu")).target(batch) for passes in (0, 2)
    )
    assert torch.equal(twice, bilateral_filter(bilateral_filter(plain)))
    assert not torch.equal(twice, plain)


def test_a_student_learns_no_stripes_of_its_teacher(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "teacher"))
    recipe = runs.recipe_of(pairs, method="distill", teacher=str(tmp_path / "teacher/last.pt"), spin_teacher=True)
    method, batch = DistillMethod(recipe, torch.device("cpu")), _clean_crop()
    clean = batch["clean"].clone()
    stripes = 0.1 * (1 - 2 * (torch.arange(clean.shape[-1]) % 2)).expand_as(clean)
    method.teacher = _Striped(stripes)
    torch.testing.assert_close(method.target(batch), clean)


def test_what_a_student_learns_wears_glasses_that_its_teacher_never_saw(
    pairs: Path, tmp_path: Path, runs: ModuleType
) -> None:
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "teacher"))
    recipe = runs.recipe_of(pairs, method="distill", teacher=str(tmp_path / "teacher/last.pt"))
    method, batch = DistillMethod(recipe, torch.device("cpu")), _clean_crop()
    plain = method.target(batch)
    batch["cover"][..., :32, :], batch["cover"][..., 32:48, :] = 1.0, 0.25
    worn = method.target(batch)
    assert torch.equal(worn[..., :32, :], batch["worn"][..., :32, :])
    mixed = 0.75 * plain[..., 32:48, :] + 0.25 * batch["worn"][..., 32:48, :]
    torch.testing.assert_close(worn[..., 32:48, :], mixed)
    assert torch.equal(worn[..., 48:, :], plain[..., 48:, :])


def test_the_lines_of_glasses_are_a_term_of_their_own(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    train(runs.recipe_of(pairs), RunOptions(tmp_path / "teacher"))
    recipe = runs.recipe_of(pairs, method="distill", teacher=str(tmp_path / "teacher/last.pt"))
    method = DistillMethod(replace(recipe, pair_weights=PairWeights(worn=8.0)), torch.device("cpu"))
    batch = _clean_crop()
    batch["photo"] = batch["clean"]
    bare = method.train_step(batch, 0)
    assert bare["G/worn"] == 0
    batch["cover"][..., 30:34, :] = 1.0
    assert 0 < method.train_step(batch, 1)["G/worn"] < method.train_step(batch, 2)["G/pixel"]


def test_a_judge_comes_when_the_recipe_says(pairs: Path, runs: ModuleType) -> None:
    recipe = runs.recipe_of(pairs, steps=4, adversarial_from=0.5, pair_weights=PairWeights(adversarial=1.0, tone=2.0))
    method = PairMethod(recipe, torch.device("cpu"))
    assert method.discriminator is not None
    fresh = {name: value.clone() for name, value in method.discriminator.state_dict().items()}
    crop = _clean_crop()
    batch = {"photo": crop["clean"], "target": crop["worn"], "cover": crop["cover"]}
    early = [method.train_step(batch, step) for step in (0, 1)]
    assert all("G/tone" in losses and not {"G/adversarial", "D/real", "D/fake"} & losses.keys() for losses in early)
    assert all(torch.equal(fresh[name], value) for name, value in method.discriminator.state_dict().items())
    assert {"G/adversarial", "D/real", "D/fake"} < method.train_step(batch, 2).keys()
    assert not all(torch.equal(fresh[name], value) for name, value in method.discriminator.state_dict().items())


def _clean_crop() -> Batch:
    """A crop without glasses."""
    clean = torch.rand(1, 3, 64, 64) * 2 - 1
    return {"clean": clean, "worn": torch.full_like(clean, -0.5), "cover": torch.zeros(1, 1, 64, 64)}


def test_distilling_without_a_teacher_says_so(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    with pytest.raises(CheckpointError, match="names no teacher") as caught:
        train(runs.recipe_of(pairs, method="distill"), RunOptions(tmp_path / "student"))
    assert "--teacher" in caught.value.hint


@pytest.mark.parametrize("method", ["pairs", "dtgan"])
def test_one_seed_makes_the_same_weights_and_another_one_others(
    method: str, pairs: Path, styles: Path, tmp_path: Path, runs: ModuleType
) -> None:
    recipe = runs.unpaired(pairs, styles, "dtgan-lite-double") if method == "dtgan" else runs.recipe_of(pairs, steps=2)
    read_elsewhere = replace(recipe, data=replace(recipe.data, workers=1))
    results = [
        train(one, RunOptions(tmp_path / str(number)))
        for number, one in enumerate((recipe, read_elsewhere, replace(recipe, seed=recipe.seed + 1)))
    ]
    first, again, other = ([result.weights[name] for name in results[0].weights] for result in results)
    assert all(map(torch.equal, first, again))
    assert not any(one.numel() > 1 and torch.equal(one, two) for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize("generator", ["dtgan-double", "dtgan-lite-double"])
def test_the_double_tail_method_trains_both_phases(
    generator: str, pairs: Path, styles: Path, tmp_path: Path, runs: ModuleType
) -> None:
    train(runs.unpaired(pairs, styles, generator), RunOptions(tmp_path / "run"))
    first, second = [json.loads(line)["losses"] for line in (tmp_path / "run/stats.jsonl").read_text().splitlines()]
    assert set(first) == {"G/pretrain_support", "G/pretrain_main", "G/gradient_norm"}
    assert {"G/style_0", "G/region_own", "G/colour", "G/refine_pixels", "D/support", "D/main"} <= set(second)


def test_the_double_tail_method_refuses_a_single_tail(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    recipe = runs.recipe_of(pairs, method="dtgan", data=DataConfig(photos=str(pairs), styles=str(pairs)))
    for path in pairs.glob("*.png"):
        write_picture(np.zeros((runs.SIDE_PX, runs.SIDE_PX, 3), np.uint8), path.with_name(path.stem + ".smooth.png"))
    with pytest.raises(ConfigError, match="one tail"):
        train(recipe, RunOptions(tmp_path / "run"))


def test_a_supervised_method_refuses_two_tails(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    with pytest.raises(ConfigError, match="two tails"):
        train(runs.recipe_of(pairs, model=ModelConfig("dtgan-lite-double", runs.WIDTHS)), RunOptions(tmp_path / "run"))


def test_a_lite_checkpoint_starts_both_tails_and_comes_back(
    pairs: Path, styles: Path, tmp_path: Path, runs: ModuleType
) -> None:
    first = train(runs.recipe_of(pairs), RunOptions(tmp_path / "lite"))
    still = runs.unpaired(pairs, styles, "dtgan-lite-double", steps=1, optim=OptimConfig(learning_rate=0.0))
    double = train(still, RunOptions(tmp_path / "double", start_from=tmp_path / "lite/last.pt"))
    tuned = double.state["generator"]
    assert all(torch.equal(tuned["main." + name], value) for name, value in first.weights.items())
    support = {name: value for name, value in tuned.items() if name.startswith("support.")}
    assert support
    assert all(torch.equal(value, first.weights[name[len("support.") :]]) for name, value in support.items())
    back = runs.recipe_of(pairs, steps=1, optim=OptimConfig(learning_rate=0.0))
    single = train(back, RunOptions(tmp_path / "back", start_from=tmp_path / "double/last.pt"))
    assert all(torch.equal(single.state["generator"][name], value) for name, value in first.weights.items())


def test_context_that_finds_no_place_is_warned_of(
    pairs: Path, tmp_path: Path, runs: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    """The styles see farther than a generator by default: cut down without a word, they drew otherwise."""
    far = runs.recipe_of(pairs, model=ModelConfig(widths=runs.WIDTHS, context=2), pair_weights=PairWeights(), steps=1)
    train(far, RunOptions(tmp_path / "far"))
    train(far, RunOptions(tmp_path / "again", start_from=tmp_path / "far/last.pt"))
    assert "sees farther" not in caplog.text
    near = replace(far, model=ModelConfig(widths=runs.WIDTHS))
    train(near, RunOptions(tmp_path / "near", start_from=tmp_path / "far/last.pt"))
    assert "sees farther than this generator and draws otherwise without: in [model], context = 2" in caplog.text


@pytest.mark.parametrize("discriminator", ["patch", "features"])
def test_the_double_tail_method_resumes_exactly(
    pairs: Path, styles: Path, tmp_path: Path, discriminator: Literal["patch", "features"], runs: ModuleType
) -> None:
    recipe = runs.unpaired(pairs, styles, "dtgan-lite-double", steps=4)
    recipe = replace(recipe, model=replace(recipe.model, discriminator=discriminator))
    whole = train(recipe, RunOptions(tmp_path / "whole"))
    runs.stop_after_two(recipe, tmp_path / "parts")
    resumed = train(recipe, RunOptions(tmp_path / "parts", resume=True))
    assert all(torch.equal(value, resumed.weights[name]) for name, value in whole.weights.items())
    for part in ("generator", "d_support", "d_main"):
        for name, value in whole.state[part].items():
            assert torch.equal(value, resumed.state[part][name]), name


def test_an_unpaired_run_from_nothing_without_pretraining_is_warned_of(
    pairs: Path, styles: Path, tmp_path: Path, runs: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = runs.unpaired(pairs, styles, "dtgan-lite-double", steps=1)
    train(recipe, RunOptions(tmp_path / "taught"))
    bare = replace(recipe, pretrain_steps=0)
    train(bare, RunOptions(tmp_path / "from", start_from=tmp_path / "taught/last.pt"))
    assert "pretrain_steps" not in caplog.text
    train(bare, RunOptions(tmp_path / "bare"))
    assert "give pretrain_steps, or --from" in caplog.text


def test_half_precision_trains_and_keeps_fp32_weights(pairs: Path, runs: ModuleType) -> None:
    recipe = runs.recipe_of(pairs, precision="bf16")
    method = PairMethod(recipe, torch.device("cpu"))
    convs = [m for m in method.generator.modules() if isinstance(m, torch.nn.Conv2d)]
    seen: set[torch.dtype] = set()
    for conv in convs[:1]:
        conv.register_forward_hook(lambda _m, _i, out: seen.add(out.dtype))
    assert convs[0].weight.is_contiguous(memory_format=torch.channels_last)
    photo = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    losses = method.train_step({"photo": photo, "target": -photo}, 0)
    assert seen == {torch.bfloat16}
    assert all(torch.isfinite(value) for value in losses.values())
    assert {p.dtype for p in method.generator.parameters()} == {torch.float32}


@pytest.mark.parametrize("method", ["pairs", "dtgan"])
def test_vgg_weights_may_be_a_file(method: str, pairs: Path, styles: Path, tmp_path: Path, runs: ModuleType) -> None:
    torch.save({"w": torch.zeros(1)}, tmp_path / "vgg.pth")
    recipe = runs.recipe_of(pairs) if method == "pairs" else runs.unpaired(pairs, styles, "dtgan-lite-double")
    recipe = replace(recipe, features="vgg19", features_weights=str(tmp_path / "vgg.pth"))
    with pytest.raises(DataError, match=r"vgg\.pth has no 'features\.0\.weight'"):
        train(recipe, RunOptions(tmp_path / "run"))


def test_pixels_come_closer_to_the_target(pairs: Path, runs: ModuleType) -> None:
    recipe = runs.recipe_of(pairs, steps=60, pair_weights=PairWeights(), augment=AugmentConfig(0, 0, 0, 1, 0, 0, 0))
    method = PairMethod(recipe, torch.device("cpu"))
    rng = torch.Generator().manual_seed(0)
    photo = torch.rand((1, 3, 1, 1), generator=rng).expand(1, 3, 64, 64) + torch.linspace(-0.5, 0.5, 64)
    batch = {"photo": photo, "target": -photo}
    values = [float(method.train_step(batch, step)["G/pixel"]) for step in range(12)]
    assert values[-1] < 0.8 * values[0]
