"""The fp16 network draws what the fp32 one draws, in real half precision, and stays fp32 where it must."""

import errno
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, shape_inference
from onnx.numpy_helper import to_array
from torch import nn

from animecam.backends.torch_code import OnnxCode
from animecam.backends.torch_ops import read_model
from animecam.errors import StyleError
from animecam.portrait import load_portrait
from animecam.styles.card_parser import read_card
from animecam.styles.registry import BUNDLED, file_sha256, find_style, list_styles, verified_half, verify_style
from animecam_export import cli
from animecam_export.cheap_forms import write_cheap_forms
from animecam_export.errors import ExportError
from animecam_export.graph import Graph
from animecam_export.half import to_half
from animecam_export.onnx_export import OnnxOptions, export_onnx
from animecam_export.parity import LEAST_HALF_PSNR_DB, Parity, compare_networks, crops_of, extremes, psnr_db
from animecam_training.models.generator import Generator
from animecam_training.models.lite import LiteGenerator
from animecam_training.recipe.config import ModelConfig, Recipe
from animecam_training.run.checkpoint import Checkpoint, save_checkpoint

SHIPPED = pytest.mark.parametrize(
    ("name", "quality"),
    [(style.name, one.quality) for style in list_styles() if style.is_bundled for one in style.card.variants],
)
NARROW = (8, 12, 16)
PX = (64, 64)
CPU = torch.device("cpu")


pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module", params=["full", "lite", "far"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, one_torch_thread: None) -> Path:
    """Read only: the tests of the module share it."""
    torch.manual_seed(1)
    generator = {"full": Generator, "lite": LiteGenerator, "far": partial(LiteGenerator, context=3)}[request.param]()
    if request.param == "far":
        for block in generator.context:  # as they come they let nothing in
            nn.init.uniform_(block.gain, -0.5, 0.5)
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):  # fresh statistics would hide that they were left out
            nn.init.uniform_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    export_onnx(generator.eval(), path, OnnxOptions())
    return path


def drawn(model: Path, pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """In PyTorch, which rounds every half tensor to half, as a GPU does and ONNX Runtime on a CPU may not."""
    dtype = torch.float16 if model.name.endswith(".fp16.onnx") else torch.float32
    draw = OnnxCode(read_model(model), CPU).write((1, 3, *PX), dtype)
    for picture in pictures:
        with torch.inference_mode():
            (result,) = draw(torch.from_numpy(picture[None]).to(dtype))
        assert result.dtype == dtype
        yield result[0].float().numpy()


@SHIPPED
def test_every_shipped_network_has_an_fp16_form_that_draws_the_same(name: str, quality: str):
    style = find_style(name)
    half = verified_half(style, quality)
    assert half is not None
    assert half.stat().st_size < 5e6
    pictures = [*list(crops_of(load_portrait(), PX))[:2], *extremes(PX).values()]
    full = drawn(style.model_path(quality), pictures)
    for wanted, given in zip(full, drawn(half, pictures), strict=True):
        assert np.isfinite(given).all()
        assert psnr_db(wanted, given) >= LEAST_HALF_PSNR_DB


@SHIPPED
def test_what_ships_is_what_the_export_writes(name: str, quality: str):
    style = find_style(name)
    written, shipped = to_half(onnx.load(style.model_path(quality))), onnx.load(verified_half(style, quality))
    assert written.graph.node == shipped.graph.node
    for ours, theirs in zip(written.graph.initializer, shipped.graph.initializer, strict=True):
        assert (ours.name, ours.data_type) == (theirs.name, theirs.data_type)
        # products of two layers' weights are summed in another order on another machine
        np.testing.assert_allclose(to_array(ours), to_array(theirs), rtol=2**-10)
    assert style.card.variant(quality).half.psnr_db >= LEAST_HALF_PSNR_DB


def test_the_cheap_forms_are_equal_in_fp32(exported: Path, tmp_path: Path):
    """Before any rounding: what is left of 100 dB is the rounding of fp32 itself."""
    model = onnx.load(exported)
    graph = Graph(model)
    for cast in graph.of_type("Cast"):
        graph.bypass(cast)
    islands = write_cheap_forms(graph)
    graph.apply()
    onnx.checker.check_model(model, full_check=True)
    cheap = tmp_path / "cheap.onnx"
    onnx.save(model, cheap)
    assert islands
    assert compare_networks(exported, cheap, list(crops_of(load_portrait(), PX))[:2]).psnr_db > 100


def test_every_lade_and_the_attention_are_found(exported: Path):
    before = Counter(node.op_type for node in onnx.load(exported).graph.node)
    after = Counter(node.op_type for node in to_half(onnx.load(exported)).graph.node)
    assert after["ReduceMean"] == before["ReduceMean"] == 3 * before["Sqrt"]
    assert after["Exp"] == before["Softmax"]
    assert not after.keys() & {"Softmax", "MatMul", "Shape", "BatchNormalization"}


def test_convolutions_are_half_and_statistics_float(exported: Path):
    half = shape_inference.infer_shapes(to_half(onnx.load(exported)), strict_mode=True).graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*half.value_info, *half.input, *half.output)}
    sides = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim][2:] for v in half.value_info}
    for node in half.node:
        kind = types[node.output[0]]
        if node.op_type == "Conv" and sides.get(node.output[0]) != [1, 1]:
            assert kind == TensorProto.FLOAT16
        if node.op_type in {"ReduceMean", "ReduceSum", "ReduceMax", "Sqrt", "Exp"}:
            assert kind == TensorProto.FLOAT
    assert types["picture"] == types["drawn"] == TensorProto.FLOAT16
    weights = [tensor for tensor in half.initializer if len(tensor.dims) == 4]
    assert {tensor.data_type for tensor in weights} == {TensorProto.FLOAT16}


def test_operators_without_a_rule_are_refused():
    value = helper.make_tensor_value_info
    nodes = [helper.make_node("ReduceMean", ["x"], ["y"], axes=[2, 3])]
    graph = helper.make_graph(nodes, "g", [value("x", 1, [1, 3, 8, 8])], [value("y", 1, [1, 3, 1, 1])])
    with pytest.raises(ExportError, match="ReduceMean may run in half"):
        to_half(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))


def test_a_checkpoint_becomes_a_style_with_both_networks(tmp_path: Path, capsys: pytest.CaptureFixture):
    torch.manual_seed(4)
    state = LiteGenerator(NARROW).state_dict()
    recipe = Recipe(name="ink", method="pairs", model=ModelConfig("dtgan-lite", NARROW))
    save_checkpoint(Checkpoint(recipe, 40, state, {}), tmp_path / "last.pt")
    folder = tmp_path / "ink"
    assert cli.main(["onnx", str(tmp_path / "last.pt"), "-o", str(folder), "--fp16"]) == 0
    assert "against PyTorch" in capsys.readouterr().out
    half = read_card(folder).variant().half
    assert file_sha256(folder / half.file) == half.sha256
    assert half.psnr_db >= LEAST_HALF_PSNR_DB


def test_a_style_without_checkpoint_gets_one_too(tmp_path: Path, capsys: pytest.CaptureFixture):
    folder = tmp_path / "cel"
    shutil.copytree(BUNDLED / "cel", folder)
    card = json.loads((folder / "card.json").read_text())
    del card["variants"][0]["half"]  # as cards were before
    (folder / "card.json").write_text(json.dumps(card))
    (folder / "model.fp16.onnx").unlink()
    assert read_card(folder).variant().half is None
    assert cli.main(["fp16", str(folder)]) == 0
    assert "against the fp32 network" in capsys.readouterr().out
    assert read_card(folder) == read_card(BUNDLED / "cel")


def test_a_full_disk_leaves_the_card_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    folder = tmp_path / "cel"
    shutil.copytree(BUNDLED / "cel", folder)

    def torn(path: Path, text: str, **_: object) -> int:
        path.write_bytes(text[:10].encode())
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", torn)
    assert cli.main(["fp16", str(folder)]) == 1
    assert "No space left" in capsys.readouterr().err
    assert read_card(folder) == read_card(BUNDLED / "cel")
    assert {path.name for path in folder.iterdir()} == {path.name for path in (BUNDLED / "cel").iterdir()}


@pytest.mark.parametrize(
    ("wrong", "told"), [("crops", "the portrait comes out wrong: 30.0 dB"), ("saturated", "a saturated picture")]
)
def test_what_half_draws_wrong_is_told_as_that(
    wrong: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    """No runtime is to blame, and PyTorch was not asked."""
    shutil.copytree(BUNDLED / "cel", tmp_path / "cel")
    saturated = {-1.0, 1.0}

    def compare(reference: Path, half: Path, pictures: list[np.ndarray]) -> Parity:
        is_noise = set(np.unique(pictures[0])) == saturated
        is_wrong = is_noise if wrong == "saturated" else len(pictures) > 1
        return Parity(30.0 if is_wrong else 80.0, len(pictures), "fake")

    monkeypatch.setattr("animecam_export.half_export.compare_networks", compare)
    assert cli.main(["fp16", str(tmp_path / "cel")]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert "train it longer" in error
    assert "PyTorch" not in error


def test_a_damaged_fp16_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(BUNDLED / "cel", tmp_path / "cel")
    monkeypatch.setattr("animecam.styles.registry.BUNDLED", tmp_path)
    half = tmp_path / "cel" / "model.fp16.onnx"
    half.write_bytes(half.read_bytes()[:-1])
    with pytest.raises(StyleError, match=r"fp16\.onnx is damaged"):
        verify_style(find_style("cel"))


@pytest.mark.parametrize("content", [b"", b"no network"], ids=["empty", "text"])
def test_a_folder_that_is_no_style_of_ours_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture, content: bytes):
    assert cli.main(["fp16", str(tmp_path)]) == 1
    assert "is no style" in capsys.readouterr().err
    folder = tmp_path / "cel"
    shutil.copytree(BUNDLED / "cel", folder)
    (folder / "model.onnx").write_bytes(content)
    assert cli.main(["fp16", str(folder)]) == 1
    assert "is no ONNX file" in capsys.readouterr().err
    (folder / "model.onnx").unlink()
    assert cli.main(["fp16", str(folder)]) == 1
    assert f"cannot read {folder / 'model.onnx'}: No such file" in capsys.readouterr().err


def test_missing_onnx_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    for module in [name for name in sys.modules if name.startswith("animecam_export.") and not name.endswith("errors")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert cli.main(["fp16", str(BUNDLED / "cel")]) == 1
    assert "pip install 'animecam[export]'" in capsys.readouterr().err
