"""An exported generator is the one that was trained, at every size, and its folder is a style."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.portrait import load_portrait
from animecam.styles.card import UNKNOWN_LICENCE, Layout
from animecam.styles.card_parser import read_card
from animecam.styles.network import StyleNet
from animecam.styles.registry import file_sha256
from animecam_export import cli
from animecam_export.checkpoints import TrainedGenerator, load_trained
from animecam_export.errors import ExportError
from animecam_export.folding import fold_constants
from animecam_export.onnx_export import OPSET, OnnxOptions, export_onnx
from animecam_export.parity import LEAST_PSNR_DB, Parity, crops_of, measure_parity, require_parity
from animecam_export.style_export import prove
from animecam_training.models.generator import DoubleTailGenerator, Generator
from animecam_training.models.lite import DoubleTailLite, LiteGenerator
from animecam_training.recipe.config import ModelConfig, Recipe
from animecam_training.run.checkpoint import Checkpoint, save_checkpoint

NARROW = (8, 12, 16)
RUNTIMES = [BackendChoice.OPENVINO, BackendChoice.ONNXRUNTIME]


pytestmark = pytest.mark.usefixtures("one_torch_thread")


def seeded(generator: nn.Module) -> nn.Module:
    """Random weights, the BatchNorm's too: fresh ones would hide that it was left out."""
    randoms = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for tensor in generator.state_dict().values():
            if tensor.is_floating_point() and tensor.ndim == 1:
                tensor.copy_(torch.rand(tensor.shape, generator=randoms) + 0.5)
    return generator.eval()


@pytest.fixture(scope="module")
def lite() -> nn.Module:
    torch.manual_seed(1)
    return seeded(LiteGenerator(NARROW))


@pytest.fixture(scope="module")
def far() -> nn.Module:
    torch.manual_seed(1)
    generator = LiteGenerator(NARROW, context=3)
    for block in generator.context:  # as they come they let nothing in
        nn.init.uniform_(block.gain, -0.5, 0.5)
    return seeded(generator)


@pytest.fixture(scope="module")
def full() -> nn.Module:
    torch.manual_seed(2)
    return seeded(Generator())


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("network", ["full", "lite", "far"])
def test_free_sides_and_batch_give_what_pytorch_gives(
    network: str, runtime: BackendChoice, request: pytest.FixtureRequest, tmp_path: Path, run: Callable[..., np.ndarray]
):
    generator = request.getfixturevalue(network)
    export_onnx(generator, tmp_path / "m.onnx", OnnxOptions())
    portrait = np.ascontiguousarray(load_portrait()[:96, 150:310].transpose(2, 0, 1), np.float32) / 127.5 - 1
    for pictures, height, width in [(1, 16, 16), (2, 40, 96), (1, 64, 64)]:
        batch = np.stack([portrait[:, 8 * n : 8 * n + height, :width] for n in range(pictures)])
        with torch.inference_mode():
            expected = generator(torch.from_numpy(batch)).numpy()
        np.testing.assert_allclose(run(tmp_path / "m.onnx", batch, runtime), expected, atol=1e-3)


def test_a_fixed_size_is_the_only_one(lite: nn.Module, tmp_path: Path):
    export_onnx(lite, tmp_path / "m.onnx", OnnxOptions(fixed_px=(32, 48)))
    backend = open_backend(tmp_path / "m.onnx", BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
    assert backend.input.shape == (1, 3, 32, 48)
    assert backend.outputs[0].shape == (1, 3, 32, 48)
    backend.close()


@pytest.mark.parametrize("fixed_px", [(250, 256), (256, 0)])
def test_a_size_that_the_network_cannot_take_is_refused(fixed_px: tuple[int, int]):
    with pytest.raises(ExportError, match="no multiple of 8"):
        OnnxOptions(fixed_px=fixed_px)


def test_the_graph_is_plain(full: nn.Module, tmp_path: Path):
    export_onnx(full, tmp_path / "m.onnx", OnnxOptions())
    graph = onnx.load(tmp_path / "m.onnx")
    operators = {node.op_type for node in graph.graph.node}
    assert not operators & {"BatchNormalization", "If", "Loop", "ConstantOfShape", "Constant", "EyeLike"}
    constants = {tensor.name for tensor in graph.graph.initializer}
    assert all(node.input[1] in constants for node in graph.graph.node if node.op_type == "Pad")
    assert graph.opset_import[0].version == OPSET
    assert (tmp_path / "m.onnx").stat().st_size < 5e6


def test_folding_keeps_what_depends_on_the_picture():
    one = onnx.helper.make_tensor("one", onnx.TensorProto.FLOAT, [1], [1.0])
    nodes = [
        onnx.helper.make_node("Add", ["one", "one"], ["two"]),
        onnx.helper.make_node("Mul", ["two", "two"], ["four"]),
        onnx.helper.make_node("Add", ["x", "four"], ["y"]),
    ]
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(nodes, "g", [value("x", 1, [1])], [value("y", 1, [1])], [one])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)])
    folded = fold_constants(model)
    assert [node.op_type for node in folded.graph.node] == ["Add"]
    assert [tensor.name for tensor in folded.graph.initializer] == ["four"]
    assert len(model.graph.node) == 3  # the input is not touched


def test_parity_is_measured_and_required(lite: nn.Module, tmp_path: Path):
    export_onnx(lite, tmp_path / "m.onnx", OnnxOptions())
    pictures = list(crops_of(load_portrait(), (64, 64)))
    assert len(pictures) == 15
    assert measure_parity(lite, tmp_path / "m.onnx", pictures, RUNTIMES[1]).psnr_db > 90
    torch.manual_seed(9)
    other = TrainedGenerator(seeded(LiteGenerator(NARROW)))
    with pytest.raises(ExportError, match="another network than PyTorch"):
        prove(other, tmp_path / "m.onnx", pictures)


@pytest.mark.parametrize("psnr_db", [LEAST_PSNR_DB - 0.1, float("nan"), float("-inf")])
def test_what_is_below_the_limit_is_refused(psnr_db: float):
    with pytest.raises(ExportError):
        require_parity(Parity(psnr_db, 1, "fake"))


def test_crops_of_a_small_portrait_are_enlarged():
    picture = next(crops_of(load_portrait()[:50, :60], (128, 64)))
    assert picture.shape == (3, 128, 64)
    assert picture.min() >= -1
    assert picture.max() <= 1


@pytest.fixture
def checkpoint(lite: nn.Module, tmp_path: Path) -> Path:
    """As a run leaves it."""
    recipe = Recipe(name="ink", method="pairs", model=ModelConfig("dtgan-lite", NARROW))
    save_checkpoint(Checkpoint(recipe, 40, lite.state_dict(), {}), tmp_path / "last.pt")
    return tmp_path / "last.pt"


def test_what_its_maker_says_of_the_training_stands_above_the_checkpoint(checkpoint: Path, tmp_path: Path):
    words = ["onnx", str(checkpoint), "-o", str(tmp_path / "ink"), "--recipe", "ink, in two sittings", "--steps", "90"]
    assert cli.main(words) == 0
    training = read_card(tmp_path / "ink").training
    assert (training.recipe, training.steps) == ("ink, in two sittings", 90)
    assert cli.main(["onnx", str(checkpoint), "-o", str(tmp_path / "ink"), "--steps", "90"]) == 0
    training = read_card(tmp_path / "ink").training
    assert (training.recipe, training.steps) == ("ink (pairs)", 90)


def test_the_command_makes_a_style_of_a_checkpoint(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    folder = tmp_path / "styles" / "ink"
    (tmp_path / "figures.json").write_text('{"by_name": {"flicker_ratio": 0.91234567, "identity": 0.1}}')
    words = ["onnx", str(checkpoint), "-o", str(folder), "--title", "Ink", "--figure", "identity=0.5"]
    words += ["--figures", str(tmp_path / "figures.json")]
    assert cli.main([*words, "--licence", "CC0-1.0", "--author", "me"]) == 0
    shown = capsys.readouterr().out
    assert "openvino" in shown
    assert "dB" in shown
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.onnx"]
    card = read_card(folder)
    assert (card.name, card.title, card.rights.licence, card.rights.author) == ("ink", "Ink", "CC0-1.0", "me")
    assert (card.training.recipe, card.training.steps) == ("ink (pairs)", 40)
    assert card.contract.input.layout is Layout.NCHW
    assert card.contract.multiple_px == 8
    assert card.figures == {"flicker_ratio": 0.9123, "identity": 0.5}
    assert card.variant().sha256 == file_sha256(folder / "model.onnx")
    backend = open_backend(folder / "model.onnx", BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
    with StyleNet(card, backend) as net:
        assert net([load_portrait()[:30, :50]])[0].shape == (30, 50, 3)


def test_a_double_tailed_state_leaves_its_support_behind(tmp_path: Path):
    torch.save(DoubleTailGenerator().state_dict(), tmp_path / "double.pt")
    assert load_trained(tmp_path / "double.pt", "dtgan").parameters == 1_027_520


def test_a_lite_trained_with_two_tails_leaves_as_a_lite(tmp_path: Path):
    recipe = Recipe(name="ink", method="dtgan", model=ModelConfig("dtgan-lite-double", NARROW))
    weights = seeded(DoubleTailLite(NARROW)).state_dict()
    save_checkpoint(Checkpoint(recipe, 40, weights, {}), tmp_path / "last.pt")
    trained = load_trained(tmp_path / "last.pt", "dtgan")
    assert isinstance(trained.module, LiteGenerator)
    options = OnnxOptions(fixed_px=(64, 64))
    export_onnx(trained.module, tmp_path / "ink.onnx", options)
    pictures = list(crops_of(load_portrait()[:128, :128], (64, 64)))
    require_parity(measure_parity(trained.module, tmp_path / "ink.onnx", pictures, BackendChoice.ONNXRUNTIME))
    assert not any("support" in tensor.name for tensor in onnx.load(tmp_path / "ink.onnx").graph.initializer)


def test_an_unknown_licence_is_said_to_be(checkpoint: Path, tmp_path: Path):
    assert cli.main(["onnx", str(checkpoint), "-o", str(tmp_path / "ink"), "--size", "64x32"]) == 0
    card = read_card(tmp_path / "ink")
    assert card.rights.licence == UNKNOWN_LICENCE
    assert card.contract.fixed_px == (32, 64)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["onnx", "gone.pt", "-o", "ink"], 1, "cannot read checkpoint gone.pt"),
        (["onnx", "text.pt", "-o", "ink"], 1, "is no checkpoint"),
        (["onnx", "hi.pt", "-o", "ink"], 1, "is no checkpoint"),
        (["engine", "ink", "--size", "100"], 2, "size 100"),
        (["onnx", "list.pt", "-o", "ink"], 1, "holds no weights"),
        (["onnx", "other.pt", "-o", "ink"], 1, "weights do not fit Generator"),
        (
            ["onnx", "other.pt", "-o", "ink"],
            1,
            "state dict of dtgan is wanted; onnx --generator takes those of dtgan, ",
        ),
        (["onnx", "last.pt", "-o", "text.pt/ink"], 1, "cannot write"),
        (["onnx", "last.pt", "-o", "Ink!"], 2, "cannot be a style's name"),
        (["onnx", "last.pt", "-o", "ink", "--figure", "x=high"], 2, "not NAME=NUMBER"),
        (["onnx", "last.pt", "-o", "ink", "--figure", "x=nan"], 2, "not NAME=NUMBER"),
        (["onnx", "last.pt", "-o", "ink", "--figure", "=3"], 2, "not NAME=NUMBER"),
        (["onnx", "last.pt", "-o", "ink", "--figures", "gone.json"], 2, "cannot read gone.json"),
        (["onnx", "last.pt", "-o", "ink", "--figures", "text.pt"], 2, "holds no figures"),
        (["onnx", "last.pt", "-o", "ink", "--figures", "infinite.json"], 2, "holds no figures"),
        (["onnx", "last.pt", "-o", "ink", "--size", "256"], 2, "not WIDTHxHEIGHT"),
        (["onnx", "last.pt", "-o", "ink", "--size", "100x100"], 1, "no multiple of 8"),
        (["onnx", "last.pt", "-o", "ink", "--steps", "-5"], 2, "--steps"),
        (["variant", "last.pt", "-o", "ink", "--steps", "-5"], 2, "--steps"),
        (["onnx", "bare.pt", "-o", "ink", "--generator", "dtgan-lite", "--steps", "90"], 2, "--steps without --recipe"),
        (["variant", "bare.pt", "-o", "ink", "--steps", "90"], 2, "bare.pt does not say how it was trained"),
        (["variant", "last.pt", "-o", "ink", "--quality", "Li te"], 2, "a network's name"),
        (["variant", "last.pt", "-o", "ink", "--quality", "Li te"], 2, "--quality NAME"),
        (["onnx", "last.pt", "-o", "ink", "--size", "256x8"], 1, "size 256x8 has a side below 16"),
        (["onnx", "last.pt"], 2, "output"),
        (["nothing"], 2, "nothing"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(
    checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    words: list[str],
    status: int,
    message: str,
):
    folder = checkpoint.parent
    monkeypatch.chdir(folder)
    (folder / "infinite.json").write_text('{"by_name": {"psnr_to_full_db": Infinity}}')
    (folder / "text.pt").write_text("no checkpoint")
    (folder / "hi.pt").write_text("hi")  # to pickle, a look into an empty memory
    torch.save([1, 2], folder / "list.pt")
    torch.save({"odd.weight": torch.zeros(2)}, folder / "other.pt")
    torch.save(LiteGenerator().state_dict(), folder / "bare.pt")
    assert cli.main(words) == status
    shown = capsys.readouterr().err
    assert message in shown
    assert "hint:" in shown
    assert "Traceback" not in shown
    assert not (folder / "ink" / "model.onnx").exists()


def test_missing_torch_is_said_with_what_to_install(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    for module in [name for name in sys.modules if name.startswith("animecam_export.") and not name.endswith("errors")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert cli.main(["onnx", str(checkpoint), "-o", str(checkpoint.parent / "ink")]) == 1
    assert "pip install 'animecam[export]'" in capsys.readouterr().err
