"""The loop: every method takes a step, a run resumes bit for bit, and failures leave the last good checkpoint."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from animecam_training.checkpoint import load_checkpoint, save_checkpoint
from animecam_training.config import AugmentConfig, DataConfig, ModelConfig, OptimConfig, PairWeights, Recipe
from animecam_training.data.pictures import write_picture
from animecam_training.data.sets import Batch
from animecam_training.errors import CheckpointError, ConfigError, DataError, DivergedError
from animecam_training.loop import RunOptions, train
from animecam_training.methods.base import descend, rate_at
from animecam_training.methods.pairs import DistillMethod, PairMethod
from animecam_training.ops.bilateral import bilateral_filter
from animecam_training.run_folder import load_samples, read_stats
from animecam_training.stopping import stop_wishes

SIDE_PX = 96
WIDTHS = (8, 8, 8)


def _picture(rng: np.random.Generator) -> np.ndarray:
    image = np.full((SIDE_PX, SIDE_PX, 3), 90, np.uint8)
    image[20:70, 30:80] = rng.integers(0, 255, 3)
    return image


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    folder = tmp_path / "pairs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        photo = _picture(rng)
        write_picture(photo, folder / f"{name}.in.png")
        write_picture(255 - photo, folder / f"{name}.out.png")
    return folder


def _recipe(pairs: Path, **changes: object) -> Recipe:
    recipe = Recipe(
        steps=4,
        save_every=2,
        log_every=2,
        grid_every=100,
        model=ModelConfig(widths=WIDTHS, discriminator_channels=4),
        data=DataConfig(photos=str(pairs), batch=2, sizes_px=(64, 72)),
        optim=OptimConfig(warmup_steps=1),
        pair_weights=PairWeights(adversarial=0.1, stability=0.5),
    )
    return replace(recipe, **changes)


def test_a_run_leaves_recipe_figures_grid_and_checkpoint(pairs: Path, tmp_path: Path) -> None:
    checkpoint = train(_recipe(pairs), RunOptions(tmp_path / "run"))
    lines = [json.loads(line) for line in (tmp_path / "run/stats.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert {"G/pixel", "G/gradient", "G/feature", "G/adversarial", "D/real", "D/fake"} <= set(lines[0]["losses"])
    assert (tmp_path / "run/grids/0000004.jpg").is_file()
    assert (tmp_path / "run/recipe.toml").is_file()
    stored = load_checkpoint(tmp_path / "run/last.pt")
    assert stored.step == checkpoint.step == 4
    assert all(torch.equal(stored.weights[name], value) for name, value in checkpoint.weights.items())


@pytest.mark.parametrize("discriminator", ["patch", "features"])
@pytest.mark.parametrize("late", [0.0, 0.75], ids=["judged", "judged after the break"])
def test_resume_is_exact(pairs: Path, tmp_path: Path, discriminator: Literal["patch", "features"], late: float) -> None:
    recipe = _recipe(pairs, adversarial_from=late)
    recipe = replace(recipe, model=replace(recipe.model, discriminator=discriminator))
    whole = train(recipe, RunOptions(tmp_path / "whole"))
    stop_after_two(recipe, tmp_path / "parts")
    assert load_checkpoint(tmp_path / "parts/last.pt").step == 2
    resumed = train(recipe, RunOptions(tmp_path / "parts", resume=True))
    for name, value in whole.weights.items():
        assert torch.equal(value, resumed.weights[name]), name
    for part in ("generator", "discriminator"):
        for name, value in whole.state[part].items():
            assert torch.equal(value, resumed.state[part][name]), name


def stop_after_two(recipe: Recipe, folder: Path) -> None:
    def stop(step: int) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, RunOptions(folder), stop)


def test_ctrl_c_finishes_the_step_and_saves_it(pairs: Path, tmp_path: Path) -> None:
    """Up to save_every steps were lost, and all of a run that had saved none yet."""
    recipe = _recipe(pairs, save_every=100)

    def ask(step: int) -> None:
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(recipe, RunOptions(tmp_path / "run"), ask)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert load_checkpoint(tmp_path / "run/last.pt").step == 2
    whole = train(recipe, RunOptions(tmp_path / "whole"))
    resumed = train(recipe, RunOptions(tmp_path / "run", resume=True))
    assert all(torch.equal(value, resumed.weights[name]) for name, value in whole.weights.items())


def test_a_second_ctrl_c_does_not_wait_for_the_step() -> None:
    with stop_wishes() as is_asked:
        os.kill(os.getpid(), signal.SIGINT)
        assert is_asked()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_minutes_end_a_run_with_a_checkpoint(pairs: Path, tmp_path: Path) -> None:
    checkpoint = train(_recipe(pairs), RunOptions(tmp_path / "run", minutes=0))
    assert checkpoint.step == load_checkpoint(tmp_path / "run/last.pt").step == 1


def test_resume_with_another_recipe_is_refused(pairs: Path, tmp_path: Path) -> None:
    train(_recipe(pairs), RunOptions(tmp_path / "run"))
    other = _recipe(pairs, optim=OptimConfig(warmup_steps=1, learning_rate=0.5))
    with pytest.raises(CheckpointError, match=r"optim.learning_rate: 0.001 -> 0.5"):
        train(other, RunOptions(tmp_path / "run", resume=True))


def test_resume_with_other_pictures_or_processes_is_refused(pairs: Path, tmp_path: Path) -> None:
    """Crop n would be another one, and a batch would be of another size."""
    options = RunOptions(tmp_path / "run", resume=True)
    train(_recipe(pairs), RunOptions(tmp_path / "run"))
    kept = load_checkpoint(tmp_path / "run/last.pt")
    train(_recipe(pairs), options)
    save_checkpoint(replace(kept, origins=kept.origins | {"processes": "2"}), tmp_path / "run/last.pt")
    with pytest.raises(CheckpointError, match="processes 2, now 1"):
        train(_recipe(pairs), options)
    save_checkpoint(replace(kept, origins={}), tmp_path / "run/last.pt")  # of an earlier version
    train(_recipe(pairs), options)
    save_checkpoint(kept, tmp_path / "run/last.pt")
    for suffix in (".in.png", ".out.png"):
        write_picture(_picture(np.random.default_rng(9)), pairs / f"later{suffix}")
    with pytest.raises(CheckpointError, match=r"pictures 3 .*, now 4 "):
        train(_recipe(pairs), options)


def test_resume_with_another_teacher_is_refused(pairs: Path, tmp_path: Path) -> None:
    """A run that goes on writes other weights to the same file."""
    train(_recipe(pairs), RunOptions(tmp_path / "teacher"))
    recipe = _recipe(pairs, method="distill", teacher=str(tmp_path / "teacher/last.pt"), pair_weights=PairWeights())
    train(recipe, RunOptions(tmp_path / "run"))
    teacher = load_checkpoint(tmp_path / "teacher/last.pt")
    save_checkpoint(replace(teacher, step=99), tmp_path / "teacher/last.pt")
    with pytest.raises(CheckpointError, match=r"teacher sha256 .*, now sha256 "):
        train(recipe, RunOptions(tmp_path / "run", resume=True))


def test_a_cut_off_session_leaves_no_lines_twice(pairs: Path, tmp_path: Path) -> None:
    recipe = _recipe(pairs, log_every=1, grid_every=4)
    stop_after_two(recipe, tmp_path / "run")  # it had logged step 3, its checkpoint is of step 2
    with (tmp_path / "run/stats.jsonl").open("a") as file:
        file.write('{"step": 3, "minu')
    train(recipe, RunOptions(tmp_path / "run", resume=True))
    assert [line.step for line in read_stats(tmp_path / "run/stats.jsonl")] == [1, 2, 3, 4]
    assert list((tmp_path / "run/tensorboard").glob("events.*"))


def test_a_second_run_does_not_overwrite_the_first(pairs: Path, tmp_path: Path) -> None:
    train(_recipe(pairs, steps=1), RunOptions(tmp_path / "run"))
    with pytest.raises(CheckpointError, match="already holds"):
        train(_recipe(pairs, steps=1), RunOptions(tmp_path / "run"))


def test_the_first_nan_stops_and_keeps_the_last_good_checkpoint(pairs: Path, tmp_path: Path) -> None:
    recipe = _recipe(pairs, optim=OptimConfig(warmup_steps=1, learning_rate=1e35, clip_norm=1e9))
    recipe = replace(recipe, save_every=1)
    with pytest.raises(DivergedError, match="is not finite"):
        train(recipe, RunOptions(tmp_path / "run"))
    assert load_checkpoint(tmp_path / "run/last.pt").step == 1


def test_fine_tuning_starts_from_the_averaged_weights(pairs: Path, tmp_path: Path) -> None:
    first = train(_recipe(pairs), RunOptions(tmp_path / "first"))
    still = _recipe(pairs, steps=1, optim=OptimConfig(learning_rate=0.0))
    tuned = train(still, RunOptions(tmp_path / "tuned", start_from=tmp_path / "first/last.pt"))
    assert all(torch.equal(tuned.state["generator"][name], value) for name, value in first.weights.items())


def test_a_student_learns_from_a_teacher(pairs: Path, tmp_path: Path) -> None:
    train(_recipe(pairs), RunOptions(tmp_path / "teacher"))
    recipe = _recipe(pairs, method="distill", teacher=str(tmp_path / "teacher/last.pt"), steps=2)
    assert train(recipe, RunOptions(tmp_path / "student")).step == 2


def test_what_a_student_learns_is_calmed_as_often_as_asked(pairs: Path, tmp_path: Path) -> None:
    train(_recipe(pairs), RunOptions(tmp_path / "teacher"))
    recipe = _recipe(pairs, method="distill", teacher=str(tmp_path / "teacher/last.pt"))
    batch = _clean_crop()
    plain, twice = (
        DistillMethod(replace(recipe, calm_teacher=passes), torch.device("cpu")).target(batch) for passes in (0, 2)
    )
    assert torch.equal(twice, bilateral_filter(bilateral_filter(plain)))
    assert not torch.equal(twice, plain)


def test_what_a_student_learns_wears_glasses_that_its_teacher_never_saw(pairs: Path, tmp_path: Path) -> None:
    train(_recipe(pairs), RunOptions(tmp_path / "teacher"))
    recipe = _recipe(pairs, method="distill", teacher=str(tmp_path / "teacher/last.pt"))
    method, batch = DistillMethod(recipe, torch.device("cpu")), _clean_crop()
    plain = method.target(batch)
    batch["cover"][..., :32, :], batch["cover"][..., 32:48, :] = 1.0, 0.25
    worn = method.target(batch)
    assert torch.equal(worn[..., :32, :], batch["worn"][..., :32, :])
    mixed = 0.75 * plain[..., 32:48, :] + 0.25 * batch["worn"][..., 32:48, :]
    torch.testing.assert_close(worn[..., 32:48, :], mixed)
    assert torch.equal(worn[..., 48:, :], plain[..., 48:, :])


def test_the_lines_of_glasses_are_a_term_of_their_own(pairs: Path, tmp_path: Path) -> None:
    train(_recipe(pairs), RunOptions(tmp_path / "teacher"))
    recipe = _recipe(pairs, method="distill", teacher=str(tmp_path / "teacher/last.pt"))
    method = DistillMethod(replace(recipe, pair_weights=PairWeights(worn=8.0)), torch.device("cpu"))
    batch = _clean_crop()
    batch["photo"] = batch["clean"]
    bare = method.train_step(batch, 0)
    assert bare["G/worn"] == 0
    batch["cover"][..., 30:34, :] = 1.0
    assert 0 < method.train_step(batch, 1)["G/worn"] < method.train_step(batch, 2)["G/pixel"]


def test_a_judge_comes_when_the_recipe_says(pairs: Path) -> None:
    recipe = _recipe(pairs, steps=4, adversarial_from=0.5, pair_weights=PairWeights(adversarial=1.0, tone=2.0))
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


def test_distilling_without_a_teacher_says_so(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="names no teacher"):
        train(_recipe(pairs, method="distill"), RunOptions(tmp_path / "student"))


@pytest.fixture
def styles(tmp_path: Path) -> Path:
    folder = tmp_path / "styles"
    folder.mkdir()
    for name in ("s", "t"):
        write_picture(_picture(np.random.default_rng(1)), folder / f"{name}.png")
        write_picture(_picture(np.random.default_rng(2)), folder / f"{name}.smooth.png")
    return folder


def _unpaired(pairs: Path, styles: Path, generator: str, **changes: object) -> Recipe:
    recipe = _recipe(
        pairs,
        method="dtgan",
        steps=2,
        pretrain_steps=1,
        log_every=1,
        model=ModelConfig(generator, WIDTHS if "lite" in generator else (), discriminator_channels=4),
        data=DataConfig(photos=str(pairs), styles=str(styles), batch=1, sizes_px=(64,), zooms=(1.0,)),
    )
    return replace(recipe, **changes)


@pytest.mark.parametrize("generator", ["dtgan-double", "dtgan-lite-double"])
def test_the_double_tail_method_trains_both_phases(generator: str, pairs: Path, styles: Path, tmp_path: Path) -> None:
    train(_unpaired(pairs, styles, generator), RunOptions(tmp_path / "run"))
    first, second = [json.loads(line)["losses"] for line in (tmp_path / "run/stats.jsonl").read_text().splitlines()]
    assert set(first) == {"G/pretrain_support", "G/pretrain_main", "G/gradient_norm"}
    assert {"G/style_0", "G/region_own", "G/colour", "G/refine_pixels", "D/support", "D/main"} <= set(second)


def test_the_double_tail_method_refuses_a_single_tail(pairs: Path, tmp_path: Path) -> None:
    recipe = _recipe(pairs, method="dtgan", data=DataConfig(photos=str(pairs), styles=str(pairs)))
    for path in pairs.glob("*.png"):
        write_picture(np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8), path.with_name(path.stem + ".smooth.png"))
    with pytest.raises(ConfigError, match="one tail"):
        train(recipe, RunOptions(tmp_path / "run"))


def test_a_supervised_method_refuses_two_tails(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two tails"):
        train(_recipe(pairs, model=ModelConfig("dtgan-lite-double", WIDTHS)), RunOptions(tmp_path / "run"))


def test_a_lite_checkpoint_starts_both_tails_and_comes_back(pairs: Path, styles: Path, tmp_path: Path) -> None:
    first = train(_recipe(pairs), RunOptions(tmp_path / "lite"))
    still = _unpaired(pairs, styles, "dtgan-lite-double", steps=1, optim=OptimConfig(learning_rate=0.0))
    double = train(still, RunOptions(tmp_path / "double", start_from=tmp_path / "lite/last.pt"))
    tuned = double.state["generator"]
    assert all(torch.equal(tuned["main." + name], value) for name, value in first.weights.items())
    support = {name: value for name, value in tuned.items() if name.startswith("support.")}
    assert support
    assert all(torch.equal(value, first.weights[name[len("support.") :]]) for name, value in support.items())
    back = _recipe(pairs, steps=1, optim=OptimConfig(learning_rate=0.0))
    single = train(back, RunOptions(tmp_path / "back", start_from=tmp_path / "double/last.pt"))
    assert all(torch.equal(single.state["generator"][name], value) for name, value in first.weights.items())


def test_the_double_tail_method_resumes_exactly(pairs: Path, styles: Path, tmp_path: Path) -> None:
    recipe = _unpaired(pairs, styles, "dtgan-lite-double", steps=4)
    whole = train(recipe, RunOptions(tmp_path / "whole"))
    stop_after_two(recipe, tmp_path / "parts")
    resumed = train(recipe, RunOptions(tmp_path / "parts", resume=True))
    for part in ("generator", "d_support", "d_main"):
        for name, value in whole.state[part].items():
            assert torch.equal(value, resumed.state[part][name]), name


def test_half_precision_trains_and_keeps_fp32_weights(pairs: Path) -> None:
    recipe = _recipe(pairs, precision="bf16")
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


def test_the_gradient_is_clipped_to_its_norm() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([weight], 1.0)
    total = (weight * torch.tensor([30.0, 40.0])).sum()
    norm = descend(total, optimizer, 1.0, {"total": total}, clip_norm=1.0)
    assert norm.item() == pytest.approx(50)
    torch.testing.assert_close(weight.detach(), torch.tensor([-0.6, -0.8]))


def test_a_gradient_that_is_not_finite_moves_nothing() -> None:
    """Those of the discriminators were not looked at: a checkpoint could hold NaNs until the next step told."""
    weight = torch.nn.Parameter(torch.zeros(1))
    total = weight.sqrt().sum()
    with pytest.raises(DivergedError, match="gradient"):
        descend(total, torch.optim.SGD([weight], 1.0), 1.0, {"total": total})
    assert weight.item() == 0


def test_the_rate_rises_stays_and_falls() -> None:
    config = OptimConfig(warmup_steps=4, decay_from=0.5, final_share=0.1)
    rates = [rate_at(config, step, 100) for step in (0, 3, 50, 75, 100)]
    assert rates == pytest.approx([0.25, 1, 1, 0.55, 0.1])


def test_samples_keep_their_proportions(tmp_path: Path) -> None:
    """Photos that nobody prepared were squeezed into squares."""
    tall = np.zeros((120, 60, 3), np.uint8)
    tall[:60] = 255
    write_picture(tall, tmp_path / "tall.png")
    assert load_samples(_recipe(tmp_path)).min() == 1  # of a tall picture the top


def test_one_picture_is_enough(tmp_path: Path) -> None:
    photo = _picture(np.random.default_rng(0))
    write_picture(photo, tmp_path / "a.in.png")
    write_picture(255 - photo, tmp_path / "a.out.png")
    assert train(_recipe(tmp_path, steps=1), RunOptions(tmp_path / "run")).step == 1


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_picture_is_named_in_one_line(workers: int, pairs: Path, tmp_path: Path) -> None:
    recipe = _recipe(pairs)
    recipe = replace(recipe, data=replace(recipe.data, workers=workers, samples=str(tmp_path / "samples")))
    (tmp_path / "samples").mkdir()
    write_picture(_picture(np.random.default_rng(0)), tmp_path / "samples/s.png")
    for path in pairs.glob("*.in.png"):
        path.write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"\.in\.png is not a picture$") as caught:
        train(recipe, RunOptions(tmp_path / "run"))
    assert caught.value.hint


def test_a_target_of_another_size_is_named(pairs: Path, tmp_path: Path) -> None:
    for path in pairs.glob("*.out.png"):
        write_picture(np.zeros((SIDE_PX, SIDE_PX - 8, 3), np.uint8), path)
    with pytest.raises(DataError, match=r"\.out\.png is not of the size"):
        train(_recipe(pairs), RunOptions(tmp_path / "run"))


@pytest.mark.parametrize("method", ["pairs", "dtgan"])
def test_vgg_weights_may_be_a_file(method: str, pairs: Path, styles: Path, tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1)}, tmp_path / "vgg.pth")
    recipe = _recipe(pairs) if method == "pairs" else _unpaired(pairs, styles, "dtgan-lite-double")
    recipe = replace(recipe, features="vgg19", features_weights=str(tmp_path / "vgg.pth"))
    with pytest.raises(DataError, match=r"vgg\.pth has no 'features\.0\.weight'"):
        train(recipe, RunOptions(tmp_path / "run"))


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="nothing"):
        train(_recipe(tmp_path / "nothing"), RunOptions(tmp_path / "run"))


def test_pixels_come_closer_to_the_target(pairs: Path) -> None:
    recipe = _recipe(pairs, steps=60, pair_weights=PairWeights(), augment=AugmentConfig(0, 0, 0, 1, 0, 0, 0))
    method = PairMethod(recipe, torch.device("cpu"))
    rng = torch.Generator().manual_seed(0)
    photo = torch.rand((1, 3, 1, 1), generator=rng).expand(1, 3, 64, 64) + torch.linspace(-0.5, 0.5, 64)
    batch = {"photo": photo, "target": -photo}
    values = [float(method.train_step(batch, step)["G/pixel"]) for step in range(12)]
    assert values[-1] < 0.8 * values[0]
