"""The mean of two trainings of one network, and what one of them learned for another style."""

from pathlib import Path

import numpy as np
import pytest
import torch

from animecam_training.cli import main
from animecam_training.data.pictures import write_picture
from animecam_training.errors import CheckpointError
from animecam_training.models.registry import build_generator
from animecam_training.recipe.config import DataConfig, ModelConfig, Recipe
from animecam_training.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from animecam_training.run.loop import RunOptions, train
from animecam_training.run.predecessors import read_predecessor
from animecam_training.weights.soup import mix_weights, pass_on

STYLES = Path(__file__).parents[2] / "engine/animecam/styles"
WIDTHS = (8, 8, 8)


def _trained(
    path: Path, seed: int, widths: tuple[int, ...] = WIDTHS, context: int = 0, generator: str = "dtgan-lite"
) -> Path:
    torch.manual_seed(seed)
    model = ModelConfig(generator=generator, widths=widths, context=context)
    weights = build_generator(model.generator, **model.options).state_dict()
    save_checkpoint(Checkpoint(Recipe(name=f"of {seed}", model=model), seed, weights, {"g": {"lr": 1}}), path)
    return path


def test_it_is_the_mean_and_keeps_the_first_ones_recipe(tmp_path: Path) -> None:
    first, second = _trained(tmp_path / "a.pt", 1), _trained(tmp_path / "b.pt", 2)
    mixed = mix_weights(first, second, 0.25)
    of = [load_checkpoint(path).weights for path in (first, second)]
    for name, tensor in mixed.weights.items():
        if tensor.is_floating_point():
            assert torch.allclose(tensor, 0.25 * of[0][name] + 0.75 * of[1][name], atol=1e-7), name
        else:
            assert torch.equal(tensor, of[0][name])
    assert (mixed.recipe.name, mixed.step, mixed.state) == ("of 1", 1, {})
    assert all(torch.equal(mix_weights(first, second, 1.0).weights[name], of[0][name]) for name in of[0])


def test_the_command_writes_what_a_run_can_start_from(tmp_path: Path) -> None:
    first, second = _trained(tmp_path / "a.pt", 1), _trained(tmp_path / "b.pt", 2)
    out = tmp_path / "mean.pt"
    assert main(["mean", str(first), str(second), "--share", "0.7", "--out", str(out)]) == 0
    generator = build_generator("dtgan-lite", widths=WIDTHS)
    generator.load_state_dict(load_checkpoint(out).weights)


def test_other_networks_and_lost_files_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, other = _trained(tmp_path / "a.pt", 1), _trained(tmp_path / "b.pt", 2, (8, 8, 16))
    out = tmp_path / "mean.pt"
    for second, says in ((other, "not the same network"), (tmp_path / "c.pt", "cannot read checkpoint")):
        assert main(["mean", str(first), str(second), "--out", str(out)]) == 1
        assert says in capsys.readouterr().err
        assert not out.exists()
    before = first.read_bytes()
    assert main(["mean", str(first), str(first), "--out", str(first)]) == 1
    assert "exists" in capsys.readouterr().err
    assert first.read_bytes() == before


def test_what_a_run_changed_is_added_to_another_style(tmp_path: Path) -> None:
    paths = [_trained(tmp_path / f"{seed}.pt", seed) for seed in (1, 2, 3)]
    learned, before, style = (load_checkpoint(path).weights for path in paths)
    passed = pass_on(*paths, 0.5)
    for name, tensor in passed.weights.items():
        wanted = style[name] + 0.5 * (learned[name] - before[name]) if tensor.is_floating_point() else learned[name]
        assert torch.allclose(tensor, wanted, atol=1e-7), name
    assert (passed.recipe.name, passed.step, passed.state) == ("of 1", 1, {})
    out = tmp_path / "passed.pt"
    words = ["pass-on", str(paths[0]), "--before", str(paths[1]), "--to", str(paths[2]), "--out", str(out)]
    assert main([*words, "--share", "0.5"]) == 0
    stored = load_checkpoint(out).weights
    assert all(torch.equal(tensor, stored[name]) for name, tensor in passed.weights.items())


def test_a_variance_that_is_passed_on_stays_one(tmp_path: Path) -> None:
    """Below 0 it has no root: the network drew NaNs."""
    paths = [_trained(tmp_path / f"{name}.pt", 1, (), generator="dtgan") for name in ("after", "before", "sibling")]
    for path, variance in zip(paths, (0.01, 0.5, 0.3), strict=True):
        stored = load_checkpoint(path)
        stored.weights["main.attention.norm.running_var"].fill_(variance)
        save_checkpoint(stored, path)
    generator = build_generator("dtgan").eval()
    generator.load_state_dict(pass_on(*paths, 1.0).weights)
    with torch.no_grad():
        assert torch.isfinite(generator(torch.zeros(1, 3, 64, 64))).all()


def test_only_siblings_can_be_passed_on_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learned, other = _trained(tmp_path / "a.pt", 1), _trained(tmp_path / "b.pt", 2, (8, 8, 16))
    out = tmp_path / "passed.pt"
    for before, style in ((other, learned), (learned, other)):
        words = ["pass-on", str(learned), "--before", str(before), "--to", str(style), "--out", str(out)]
        assert main(words) == 1
        assert "b.pt has no such" in capsys.readouterr().err
        assert not out.exists()
    assert main(["pass-on", str(learned), "--before", str(learned), "--to", str(learned), "-o", str(learned)]) == 1
    assert "exists" in capsys.readouterr().err


def test_a_style_as_it_ships_is_mixed_in(tmp_path: Path) -> None:
    style = STYLES / "cel/model.onnx"
    first = _trained(tmp_path / "a.pt", 1, (), context=3)
    mixed, shipped = mix_weights(first, style, 0.0).weights, read_predecessor(style).weights
    assert all(torch.allclose(tensor, shipped[name]) for name, tensor in mixed.items())


@pytest.mark.parametrize("style", [None, STYLES / "cel/model.onnx"], ids=["checkpoint", "style"])
def test_a_run_with_two_tails_is_mixed_with_what_it_began_with(tmp_path: Path, style: Path | None) -> None:
    """It has one tail, and was refused: no style of the method "dtgan" could be mixed with its predecessor."""
    two = _trained(tmp_path / "two.pt", 1, (), 3, "dtgan-lite-double")
    one = style or _trained(tmp_path / "one.pt", 2, (), 3)
    mixed, run, begun = mix_weights(two, one, 0.25), load_checkpoint(two), read_predecessor(one).weights
    assert mixed.recipe == run.recipe
    assert mixed.weights.keys() == run.weights.keys()
    for name, tensor in mixed.weights.items():
        inner = name.removeprefix("support.").removeprefix("main.")
        assert torch.allclose(tensor, 0.25 * run.weights[name] + 0.75 * begun[inner], atol=1e-6), name


def test_of_two_tails_the_main_one_is_mixed_into_one(tmp_path: Path) -> None:
    one = _trained(tmp_path / "one.pt", 1)
    two = _trained(tmp_path / "two.pt", 2, generator="dtgan-lite-double")
    begun, run = load_checkpoint(one).weights, load_checkpoint(two).weights
    for name, tensor in mix_weights(one, two, 0.25).weights.items():
        assert torch.allclose(tensor, 0.25 * begun[name] + 0.75 * run[f"main.{name}"], atol=1e-7), name


def test_blocks_that_the_first_has_not_are_not_dropped(tmp_path: Path) -> None:
    """The mean of a network that sees far and one that does not was a network that does not, and drew neither style."""
    near = _trained(tmp_path / "near.pt", 1, ())
    farther = (
        _trained(tmp_path / "far.pt", 2, (), context=3),
        _trained(tmp_path / "two.pt", 2, (), 3, "dtgan-lite-double"),
    )
    for far in (*farther, STYLES / "cel/model.onnx"):
        with pytest.raises(CheckpointError, match=r"has (main\.)?context\.0\.gain, and .*near\.pt has not"):
            mix_weights(near, far, 0.5)


def test_an_exported_dtgan_has_lost_its_norms(tmp_path: Path) -> None:
    model = ModelConfig(generator="dtgan")
    weights = build_generator("dtgan").state_dict()
    first = tmp_path / "a.pt"
    save_checkpoint(Checkpoint(Recipe(model=model), 1, weights, {}), first)
    with pytest.raises(CheckpointError, match=r"has no such main\.attention") as raised:
        mix_weights(first, STYLES / "starter/model.onnx", 0.5)
    assert "folded" in raised.value.hint


def test_a_mean_is_nothing_to_resume(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    for name in ("a.in.png", "a.out.png"):
        write_picture(np.full((64, 64, 3), 90, np.uint8), pairs / name)
    recipe = Recipe(steps=2, model=ModelConfig(widths=WIDTHS), data=DataConfig(str(pairs), batch=1, sizes_px=(64,)))
    run = tmp_path / "run"
    last = train(recipe, RunOptions(run))
    save_checkpoint(Checkpoint(last.recipe, 1, last.weights, {}), run / "last.pt")
    with pytest.raises(CheckpointError, match="weights alone"):
        train(recipe, RunOptions(run, resume=True))
