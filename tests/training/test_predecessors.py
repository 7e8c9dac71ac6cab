"""What a run may start from, or be held to: a checkpoint, or a style as it ships."""

import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from animecam_training.errors import CheckpointError, DataError
from animecam_training.models.lite import LiteGenerator
from animecam_training.models.registry import build_generator
from animecam_training.recipe.config import ModelConfig, PairWeights, Recipe
from animecam_training.run.checkpoint import Checkpoint, save_checkpoint
from animecam_training.run.loop import RunOptions, train
from animecam_training.run.predecessors import open_teacher, read_predecessor
from animecam_training.weights.measured import open_style
from animecam_training.weights.provenance import show_weights
from animecam_training.weights.teachers import describe_teacher

STYLES = Path(__file__).parents[2] / "engine/animecam/styles"


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_a_shipped_style_teaches_what_it_draws(picture: torch.Tensor) -> None:
    teacher = open_teacher(STYLES / "cel/model.onnx")
    drawn = open_style(STYLES / "cel/model.onnx").draw(picture)
    assert torch.allclose(teacher(picture), drawn, atol=1e-4)
    assert isinstance(teacher, LiteGenerator)  # and not the file as it is, in ONNX Runtime
    assert not any(weight.requires_grad for weight in teacher.parameters())


def test_the_folder_of_a_style_stands_for_its_own_network():
    by_folder, by_file = (read_predecessor(STYLES / name).weights for name in ("cel", "cel/model.onnx"))
    assert by_folder.keys() == by_file.keys()
    assert all(torch.equal(by_folder[name], by_file[name]) for name in by_file)
    picture = torch.rand(1, 3, 32, 32) * 2 - 1
    assert torch.equal(open_teacher(STYLES / "cel")(picture), open_teacher(STYLES / "cel/model.onnx")(picture))


def test_a_shipped_style_starts_both_tails() -> None:
    weights = read_predecessor(STYLES / "cel/model.onnx").weights
    assert {*build_generator("dtgan-lite").state_dict()} <= {*weights}


def test_what_is_no_generator_of_ours_teaches_as_it_is(picture: torch.Tensor, tmp_path: Path) -> None:
    """An export that folded something together, or the network of somebody else, for one picture at a time."""
    teacher = open_teacher(STYLES / "starter/model.onnx")
    pictures = torch.cat([picture, -picture])
    drawn = open_style(STYLES / "starter/model.onnx").draw
    assert torch.equal(teacher(pictures), torch.cat([drawn(picture), drawn(-picture)]))

    value = helper.make_tensor_value_info
    shapes = {name: value(name, TensorProto.FLOAT, [1, 3, "h", "w"]) for name in ("x", "y")}
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "negative", [shapes["x"]], [shapes["y"]])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "theirs.onnx")
    assert torch.equal(open_teacher(tmp_path / "theirs.onnx")(pictures), -pictures)


def test_weights_in_a_file_beside_a_network_belong_to_it(picture: torch.Tensor, tmp_path: Path) -> None:
    """As PyTorch writes them now. Such a network was called none, and without the file there was a traceback."""
    value, path = helper.make_tensor_value_info, tmp_path / "theirs.onnx"
    shapes = {name: value(name, TensorProto.FLOAT, [1, 3, "h", "w"]) for name in ("x", "y")}
    gain = numpy_helper.from_array(np.full((1, 3, 1, 1), -1, np.float32), "gain")
    node = helper.make_node("Mul", ["x", "gain"], ["y"])
    graph = helper.make_graph([node], "negative", [shapes["x"]], [shapes["y"]], [gain])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path, save_as_external_data=True, location="theirs.onnx.data", size_threshold=0)
    assert torch.equal(open_teacher(path)(picture), -picture)
    assert torch.equal(read_predecessor(path).weights["gain"], torch.full((1, 3, 1, 1), -1.0))
    beside, told = tmp_path / "theirs.onnx.data", describe_teacher(str(path))
    beside.write_bytes(np.ones(3, np.float32).tobytes())
    assert describe_teacher(str(path)) != told
    beside.unlink()
    for use in (open_teacher, show_weights, open_style, lambda path: describe_teacher(str(path))):
        with pytest.raises((CheckpointError, DataError), match="keeps its weights in another file"):
            use(path)


def test_a_teacher_that_takes_no_pictures_is_refused(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info
    given, result = value("x", TensorProto.FLOAT, [1, 8]), value("y", TensorProto.FLOAT, [1, 8])
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "numbers", [given], [result])
    onnx.save(helper.make_model(graph, ir_version=9), tmp_path / "numbers.onnx")
    with pytest.raises(DataError, match="not one fp32 picture"):
        open_teacher(tmp_path / "numbers.onnx")


def test_a_double_checkpoint_teaches_its_main_tail(tmp_path: Path, picture: torch.Tensor) -> None:
    model = ModelConfig("dtgan-lite-double", widths=(8, 8, 8))
    generator = build_generator(model.generator, **model.options).eval()
    save_checkpoint(Checkpoint(Recipe(model=model), 7, generator.state_dict(), {}), tmp_path / "last.pt")
    assert torch.equal(open_teacher(tmp_path / "last.pt")(picture), generator(picture).main)
    assert "step 7" in read_predecessor(tmp_path / "last.pt").origin


def test_errors_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    for name, message in (("broken.onnx", "not an ONNX network"), ("gone.onnx", "cannot read")):
        with pytest.raises(CheckpointError, match=message):
            read_predecessor(tmp_path / name)


def test_resume_asks_for_the_network_of_a_style_and_not_for_its_card(
    pairs: Path, tmp_path: Path, runs: ModuleType
) -> None:
    """A run that taught a style's lite network changed the card when it was exported, and could not go on."""
    style = tmp_path / "style"
    style.mkdir()
    shutil.copy(STYLES / "cel/model.onnx", style)
    (style / "card.json").write_text("one variant")
    recipe = runs.recipe_of(pairs, method="distill", teacher=str(style), pair_weights=PairWeights())
    recipe = replace(recipe, data=replace(recipe.data, batch=1, sizes_px=(64,)))
    options = RunOptions(tmp_path / "run", resume=True)
    kept = train(recipe, RunOptions(tmp_path / "run", minutes=0))
    by_card = {"teacher": f"sha256 {sha256(b'one variant').hexdigest()[:16]}"}
    save_checkpoint(replace(kept, origins=kept.origins | by_card), tmp_path / "run/last.pt")  # of an earlier version
    train(recipe, replace(options, minutes=0))
    (style / "card.json").write_text("two variants")
    with pytest.raises(CheckpointError, match=r"teacher sha256 .*, now sha256 "):
        train(recipe, options)
    save_checkpoint(kept, tmp_path / "run/last.pt")
    train(recipe, replace(options, minutes=0))
    shutil.copy(STYLES / "anime/model.onnx", style)
    with pytest.raises(CheckpointError, match=r"teacher sha256 .*, now sha256 "):
        train(recipe, options)
