"""Networks of other people: what they are is found by running them."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.drawing.networks import open_networks
from animecam.errors import StyleError
from animecam.portrait import load_portrait
from animecam.settings import Look, Settings
from animecam.styles.add import add_style
from animecam.styles.card import FULL, UNKNOWN_LICENCE
from animecam.styles.network import open_style
from animecam.styles.registry import find_style, list_styles, verify_style

WriteToy = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("user_folder")

MINUS_ONE, UNIT, BYTES = (-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)
TANH_LIKE = {"range_in": MINUS_ONE, "range_out": MINUS_ONE}
CODINGS = {
    "-1..1": TANH_LIKE,
    "0..1": {"range_in": UNIT, "range_out": UNIT},
    "0..255": {"range_in": BYTES, "range_out": BYTES},
    "0..1 to -1..1": {"range_in": UNIT, "range_out": MINUS_ONE},
    "-1..1 to 0..255": {"range_in": MINUS_ONE, "range_out": BYTES},
    "uint8": {"range_in": BYTES, "range_out": BYTES, "type_in": "uint8", "type_out": "uint8"},
    "uint8 to -1..1": {"range_in": BYTES, "range_out": MINUS_ONE, "type_in": "uint8"},
    "half": TANH_LIKE | {"type_in": "float16", "type_out": "float16"},
}


def draw(name: str, picture: np.ndarray) -> np.ndarray:
    with open_style(name, BackendChoice.ONNXRUNTIME, BackendOptions(threads=1), FULL) as net:
        return net([picture])[0]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("coding", CODINGS)
def test_finds_every_coding_and_draws_with_it(write_toy: WriteToy, toy: SimpleNamespace, layout: str, coding: str):
    options = CODINGS[coding]
    contract = add_style(write_toy(layout=layout, **options), name="toy").card.contract
    assert (contract.input.layout, contract.output.layout) == (layout, layout)
    assert (contract.input.black, contract.input.white) == options["range_in"]
    assert (contract.output.black, contract.output.white) == options["range_out"]
    assert contract.input.pixel_type == options.get("type_in", "float32")
    assert contract.output.pixel_type == options.get("type_out", "float32")
    picture = load_portrait()[100:151, 200:263]
    difference = np.abs(draw("toy", picture).astype(int) - toy.curve(picture))
    assert difference.max() <= 1


def test_finds_that_the_output_has_another_layout(write_toy: WriteToy, toy: SimpleNamespace):
    contract = add_style(write_toy(layout="NCHW", layout_out="NHWC"), name="toy").card.contract
    assert (contract.input.layout, contract.output.layout) == ("NCHW", "NHWC")
    picture = load_portrait()[100:120, 200:230]
    assert np.abs(draw("toy", picture).astype(int) - toy.curve(picture)).max() <= 1


@pytest.mark.parametrize("multiple", [1, 4, 8, 32, 64])
def test_finds_the_multiple_and_the_smallest_size(write_toy: WriteToy, multiple: int):
    contract = add_style(write_toy(multiple=multiple), name="toy").card.contract
    assert contract.multiple_px == multiple
    assert contract.min_px == max(16, multiple)
    assert draw("toy", load_portrait()[:50, :77]).shape == (50, 77, 3)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_finds_a_fixed_size_and_scales_to_it(write_toy: WriteToy, toy: SimpleNamespace, layout: str):
    report = add_style(write_toy(layout=layout, size=(64, 96), batch=1), name="toy")
    assert report.card.contract.fixed_px == (64, 96)
    assert "96x64 px only" in " ".join(report.findings)
    picture = load_portrait()[:192, :288]
    difference = draw("toy", picture).astype(int) - toy.curve(picture)
    assert np.abs(difference).mean() < 10  # what scaling to a third and back costs
    assert draw("toy", load_portrait()).shape == (512, 512, 3)


def test_a_network_with_free_channels_is_tried_in_both_layouts(write_toy: WriteToy):
    model = onnx.load(write_toy(layout="NHWC"))
    for axis in model.graph.input[0].type.tensor_type.shape.dim:
        axis.Clear()
        axis.dim_param = f"free{id(axis)}"
    path = write_toy()
    onnx.save(model, path)
    assert add_style(path, name="toy").card.contract.input.layout == "NHWC"


def test_the_card_says_what_is_known_and_what_is_not(write_toy: WriteToy, user_folder: Path):
    report = add_style(write_toy())
    assert report.folder == user_folder / "toy-style"
    style = find_style("toy-style")
    assert style.card == report.card
    assert style.licence == UNKNOWN_LICENCE
    assert style.card.rights.origin == "Toy Style.onnx"
    assert not style.is_bundled
    assert style in list_styles()
    verify_style(style)
    text = " ".join(report.findings)
    assert "NCHW float32 in -1..1" in text
    assert "any size" in text
    assert "ask its author" in text


def test_says_when_the_range_cannot_be_told(write_toy: WriteToy, tmp_path: Path):
    shape = ["n", 3, "h", "w"]
    nodes = [
        helper.make_node("InstanceNormalization", ["x", "one", "zero"], ["normal"]),
        helper.make_node("Div", ["normal", "two"], ["half"]),
        helper.make_node("Tanh", ["half"], ["y"]),
    ]
    values = {"one": [1.0] * 3, "zero": [0.0] * 3, "two": [3.0]}
    constants = [helper.make_tensor(name, TensorProto.FLOAT, [len(v)], v) for name, v in values.items()]
    report = add_style(save_graph(tmp_path, nodes, shape, constants), name="toy")
    assert (report.card.contract.input.black, report.card.contract.input.white) == MINUS_ONE
    assert "it draws as well from 0..1 or 0..255" in " ".join(report.findings)


def save_graph(folder: Path, nodes: list, shape: list, constants: list) -> Path:
    graph = helper.make_graph(
        nodes,
        "odd",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        constants,
    )
    path = folder / "odd.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.mark.parametrize(
    ("op", "shape", "message"),
    [
        ("Relu", ["n", 1, "h", "w"], "takes ?x1x?x?, which is no RGB picture"),
        ("Relu", ["n", 4, "h", "w"], "takes ?x4x?x?, which is no RGB picture"),
        ("Relu", ["n", 10], "takes ?x10, which is no RGB picture"),
        ("Relu", [], "takes a single number, which is no RGB picture"),
        ("Relu", ["n", 3, 64, "w"], "fixes one side"),
        ("Relu", [1, 3, 100_000, 100_000], "takes 1x3x100000x100000, which is too large"),
        ("Relu", [100_000, 3, "h", "w"], "takes 100000x3x?x?, which is too large"),
        ("Relu", [1, 3, 1, 1], "takes 1x3x1x1, which is too small"),
        ("Relu", [1, 3, 256, 8], "takes 1x3x256x8, which is too small"),
        ("GlobalAveragePool", ["n", 3, "h", "w"], "gives 1x3x1x1 for a picture of 256x192"),
        ("Sqrt", ["n", 3, 64, 96], None),
        ("Neg", ["n", 3, "h", "w"], "does not resemble"),
    ],
)
def test_refuses_what_is_no_style(tmp_path: Path, user_folder: Path, op: str, shape: list, message: str | None):
    nodes = [helper.make_node(op, ["x"], ["y"])]
    if message is None:  # not one number is finite
        nodes = [helper.make_node("Sub", ["x", "x"], ["zero"]), helper.make_node("Div", ["x", "zero"], ["y"])]
        message = "gives no finite numbers"
    with pytest.raises(StyleError) as caught:
        add_style(save_graph(tmp_path, nodes, shape, []), name="odd")
    assert message in caught.value.message
    assert "odd.onnx" in caught.value.message
    assert caught.value.hint
    assert list(user_folder.iterdir()) == []


def test_refuses_a_network_that_gives_a_mask(write_toy: WriteToy):
    with pytest.raises(StyleError, match="gives 1x1x256x192"):
        add_style(write_toy(channels_out=1), name="toy")


@pytest.mark.parametrize("content", [b"", b"this is a text", b"\x0a\x08location and no more"])
def test_refuses_a_file_that_is_no_network(tmp_path: Path, user_folder: Path, content: bytes):
    path = tmp_path / "text.onnx"
    path.write_bytes(content)
    with pytest.raises(StyleError, match=r"text\.onnx is no network.*cannot load text\.onnx") as caught:
        add_style(path)
    assert ".adding-" not in caught.value.message
    assert list(user_folder.iterdir()) == []


def test_refuses_a_file_that_is_missing(tmp_path: Path):
    with pytest.raises(StyleError, match=r"gone\.onnx does not exist"):
        add_style(tmp_path / "gone.onnx")


def write_in_two_files(write_toy: WriteToy) -> Path:
    path = write_toy()
    beside = path.name + ".data"
    onnx.save(onnx.load(path), path, save_as_external_data=True, location=beside, size_threshold=0)
    assert (path.parent / beside).stat().st_size > 0
    return path


def test_weights_that_lie_in_another_file_come_along(write_toy: WriteToy, toy: SimpleNamespace, tmp_path: Path):
    path = write_in_two_files(write_toy)
    whole = add_style(path, name="toy").folder / "model.onnx"
    for file in tmp_path.glob("Toy*"):
        file.unlink()
    assert all(tensor.HasField("raw_data") for tensor in onnx.load(whole).graph.initializer)
    verify_style(find_style("toy"))
    picture = load_portrait()[100:151, 200:263]
    assert np.abs(draw("toy", picture).astype(int) - toy.curve(picture)).max() <= 1


def test_a_network_in_one_file_is_copied_byte_for_byte(write_toy: WriteToy):
    path = write_toy()
    assert (add_style(path, name="toy").folder / "model.onnx").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("content", [None, b"12"], ids=["gone", "short"])
def test_says_that_the_file_of_weights_is_wrong(write_toy: WriteToy, user_folder: Path, content: bytes | None):
    path = write_in_two_files(write_toy)
    beside = path.with_name("Toy Style.onnx.data")
    beside.unlink() if content is None else beside.write_bytes(content)
    with pytest.raises(StyleError, match=r"Toy Style\.onnx keeps its weights in another file, which cannot") as caught:
        add_style(path)
    assert "both files" in caught.value.hint
    assert ".adding-" not in caught.value.message
    assert list(user_folder.iterdir()) == []


def test_weights_outside_of_the_networks_folder_are_not_read(write_toy: WriteToy):
    path = write_in_two_files(write_toy)
    path.write_bytes(path.read_bytes().replace(b"Toy Style.onnx.data", b"../../../etc/passwd"))
    with pytest.raises(StyleError, match="keeps its weights in another file, which cannot be read") as caught:
        add_style(path)
    assert "external_data=False" in caught.value.hint


def test_without_the_package_that_reads_such_files_it_is_named(write_toy: WriteToy, monkeypatch: pytest.MonkeyPatch):
    path = write_in_two_files(write_toy)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(StyleError, match="takes the package onnx") as caught:
        add_style(path)
    assert "pip install onnx" in caught.value.hint


@pytest.mark.parametrize("limit_bytes", [100, 8000], ids=["the file", "with its weights"])
def test_what_is_too_large_for_one_file_is_told(write_toy: WriteToy, monkeypatch: pytest.MonkeyPatch, limit_bytes: int):
    path = write_toy()
    model = onnx.load(path)
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(4096, np.float32), "unused"))
    onnx.save(model, path, save_as_external_data=True, size_threshold=0)
    assert 100 < path.stat().st_size < 8000
    monkeypatch.setattr("animecam.styles.whole.LARGEST_BYTES", limit_bytes)
    with pytest.raises(StyleError, match=r"larger than 2 GiB"):
        add_style(path)


@pytest.mark.parametrize(("size", "words"), [((128, 128), "128 px"), ((64, 96), "96x64 px")], ids=["square", "wide"])
def test_a_network_of_one_size_is_announced_with_its_own(write_toy: WriteToy, size: tuple[int, int], words: str):
    add_style(write_toy(size=size, batch=1), name="toy")
    with open_networks(Settings(Look("toy", size_px=256), threads=1, backend=BackendChoice.ONNXRUNTIME)) as networks:
        assert f"toy at {words} by" in networks.summary


def test_a_network_of_operators_that_nobody_knows_is_named_as_the_user_named_it(tmp_path: Path):
    path = save_graph(tmp_path, [helper.make_node("Foo", ["x"], ["y"], domain="ours")], ["n", 3, "h", "w"], [])
    model = onnx.load(path)
    model.opset_import.append(helper.make_opsetid("ours", 1))
    onnx.save(model, path)
    with pytest.raises(StyleError, match=r"cannot load odd\.onnx: .*ours:Foo") as caught:
        add_style(path)
    assert "standard operators" in caught.value.hint
