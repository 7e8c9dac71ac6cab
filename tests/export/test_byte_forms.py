"""What is written anew before a network is quantised draws the same, and nothing else is touched."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.portrait import load_portrait
from animecam.styles.registry import find_style
from animecam_export.byte_forms import IN_BLOCKS, write_byte_forms
from animecam_export.int8 import nodes_left_alone
from animecam_export.parity import compare_networks, crops_of

RANDOM = np.random.default_rng(6)


def convolution(channels: int, kernel: tuple[int, int], *, bias: bool = True, **settings: object) -> onnx.ModelProto:
    """A network of one convolution that keeps the picture's size, unless the settings say otherwise."""
    down, across = (side // 2 for side in kernel)
    settings = {"pads": [down, across, down, across], **settings}
    groups = settings.get("group", 1)
    weights = RANDOM.normal(size=(channels, 3 // groups, *kernel)).astype(np.float32)
    constants = [numpy_helper.from_array(weights, "weights")]
    if bias:
        constants.append(numpy_helper.from_array(RANDOM.normal(size=channels).astype(np.float32), "bias"))
    node = helper.make_node("Conv", ["picture", *(one.name for one in constants)], ["drawn"], name="conv", **settings)
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", count, "h", "w"])
        for name, count in (("picture", 3), ("drawn", channels))
    ]
    graph = helper.make_graph([node], "one", ports[:1], ports[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def run(model: onnx.ModelProto, path: Path, batch: np.ndarray) -> np.ndarray:
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    backend = open_backend(path, BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
    try:
        return backend.run(batch)[0]
    finally:
        backend.close()


@pytest.mark.parametrize("kernel", [(3, 3), (7, 7), (5, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_blocks_of_pixels_are_what_single_pixels_were(kernel: tuple[int, int], bias: bool, tmp_path: Path):
    plain = convolution(3, kernel, bias=bias)
    blocks = write_byte_forms(plain)
    assert [node.op_type for node in blocks.graph.node] == ["Conv", "DepthToSpace"]
    batch = RANDOM.normal(size=(2, 3, 40, 56)).astype(np.float32)
    expected = run(plain, tmp_path / "plain.onnx", batch)
    np.testing.assert_allclose(run(blocks, tmp_path / "blocks.onnx", batch), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "other",
    [
        convolution(5, (3, 3)),  # of which the blocks fill a register no better
        convolution(3, (1, 1)),
        convolution(3, (3, 3), group=3),
        convolution(3, (3, 3), strides=[2, 2]),
        convolution(3, (3, 3), dilations=[2, 2], pads=[2, 2, 2, 2]),
        convolution(3, (3, 3), pads=[0, 0, 0, 0]),  # odd sides
    ],
)
def test_other_convolutions_stay(other: onnx.ModelProto):
    assert write_byte_forms(other).graph.node == other.graph.node


@pytest.mark.parametrize("side_px", [128, 256, 512])
def test_networks_of_one_size_are_judged_by_it(side_px: int):
    plain = convolution(3, (3, 3))
    for port in (*plain.graph.input, *plain.graph.output):
        for dimension, size in zip(port.type.tensor_type.shape.dim, (1, 3, side_px, side_px), strict=True):
            dimension.dim_value = size
    plain = onnx.shape_inference.infer_shapes(plain)
    assert [node.op_type for node in write_byte_forms(plain).graph.node] == ["Conv", "DepthToSpace"]


@pytest.mark.parametrize("opset", [10, 18, 21])
def test_operators_of_other_versions_stay(opset: int):
    other = convolution(3, (3, 3))
    other.opset_import[0].version = opset
    assert write_byte_forms(other) is other


def test_what_a_branch_may_read_stays():
    other = convolution(3, (3, 3))
    branch = helper.make_graph(
        [helper.make_node("Identity", ["drawn"], ["same"])],
        "branch",
        [],
        [helper.make_tensor_value_info("same", TensorProto.FLOAT, None)],
    )
    other.graph.node.append(helper.make_node("If", ["yes"], ["either"], then_branch=branch, else_branch=branch))
    assert write_byte_forms(other) is other


def test_a_bias_that_is_computed_stays():
    other = convolution(3, (3, 3))
    value = other.graph.initializer.pop()
    other.graph.node.insert(0, helper.make_node("Constant", [], ["bias"], value=value))
    assert write_byte_forms(other) is other


def test_a_cast_that_gives_the_picture_stays(tmp_path: Path):
    plain = convolution(3, (3, 3))
    plain.graph.node[0].output[0] = "numbers"
    plain.graph.node.append(helper.make_node("Cast", ["numbers"], ["drawn"], name="cast", to=TensorProto.FLOAT))
    blocks = write_byte_forms(plain)
    assert [node.op_type for node in blocks.graph.node] == ["Conv", "DepthToSpace", "Cast"]
    batch = RANDOM.normal(size=(1, 3, 40, 56)).astype(np.float32)
    expected = run(plain, tmp_path / "plain.onnx", batch)
    np.testing.assert_allclose(run(blocks, tmp_path / "blocks.onnx", batch), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("no_user_styles")
def test_dtgan_writes_blocks_and_samples_the_statistics_of_its_largest_maps(tmp_path: Path):
    path = find_style("starter").model_path()
    before = onnx.load(path)
    after = write_byte_forms(before)
    onnx.checker.check_model(after, full_check=True)
    operators = Counter(node.op_type for node in after.graph.node)
    assert operators["AveragePool"] == 3  # after the first convolution, and twice before the last
    assert operators["DepthToSpace"] == 1
    assert operators["ReduceMean"] == Counter(node.op_type for node in before.graph.node)["ReduceMean"]
    onnx.save(after, tmp_path / "after.onnx")
    assert compare_networks(path, tmp_path / "after.onnx", list(crops_of(load_portrait(), (256, 256)))[:2]).psnr_db > 50


@pytest.mark.usefixtures("no_user_styles")
def test_the_convolution_in_blocks_becomes_bytes_and_statistics_do_not():
    written = write_byte_forms(onnx.load(find_style("starter").model_path()))
    left_alone = set(nodes_left_alone(written))
    bytes_in = [node.name for node in written.graph.node if node.op_type == "Conv" and node.name not in left_alone]
    assert [name for name in bytes_in if name.endswith(IN_BLOCKS)] == [f"/main/head/Conv{IN_BLOCKS}"]
    assert len(bytes_in) == 13  # of the fourteen with a kernel of 3 x 3 and more, the first is left
    assert {node.name for node in written.graph.node if node.op_type == "AveragePool"} <= left_alone


@pytest.mark.usefixtures("no_user_styles")
@pytest.mark.parametrize("quality", ["full", "lite"])
def test_networks_with_smaller_maps_stay_as_they_are(quality: str):
    network = onnx.load(find_style("cel").model_path(quality))
    assert write_byte_forms(network) is network
