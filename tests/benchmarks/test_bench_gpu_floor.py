"""The floor that a GPU's memory sets a network: what passes through it, counted by hand and for the full DTGAN."""

import onnx
import pytest
from onnx import TensorProto, helper

from animecam.errors import BackendError
from animecam.styles.card import FULL
from animecam.styles.registry import find_style, verified_half

MAP = 3 * 8 * 8  # numbers, of the pictures of 8 px below
WEIGHTS = 3 * 3


@pytest.fixture
def saved(tmp_path):
    """`saved(*nodes)`: a network of them, from "in" to "out", whose convolutions are 1 x 1."""

    def save(*nodes):
        shape = ["n", 3, "height", "width"]
        ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, shape) for name in ("in", "out")]
        weights = helper.make_tensor("weights", TensorProto.FLOAT16, (3, 3, 1, 1), [1.0] * WEIGHTS)
        parts = [helper.make_node(kind, inputs, [output]) for kind, inputs, output in nodes]
        graph = helper.make_graph(parts, "network", ports[:1], ports[1:], [weights])
        path = tmp_path / "network.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
        return path

    return save


@pytest.mark.parametrize(
    ("nodes", "maps"),
    [
        ([("Conv", ["in", "weights"], "out")], 2),
        ([("Relu", ["in"], "out")], 2),
        ([("Conv", ["in", "weights"], "a"), ("Relu", ["a"], "b"), ("Conv", ["b", "weights"], "out")], 4),
        # What three need is written once and read three times; what two ways bring to one is read once.
        ([("Conv", ["in", "weights"], "a"), ("Conv", ["a", "weights"], "b"), ("Mul", ["a", "b"], "out")], 2 + 2 + 3),
        ([("Conv", ["in", "weights"], "a"), ("Tanh", ["a"], "b"), ("Mul", ["a", "b"], "out")], 2 + 2),
        # What comes of weights alone is known before.
        ([("Mul", ["weights", "weights"], "w"), ("Conv", ["in", "w"], "out")], 2),
    ],
)
def test_maps_that_are_stored_are_written_once_and_read_by_each_kernel(bench, saved, nodes, maps):
    assert bench("gpu_floor").traffic_bytes(saved(*nodes), 8) == 2 * (maps * MAP + WEIGHTS)


def test_the_full_dtgan_moves_what_the_bar_was_set_by(bench):
    """At 512 px 0.21 ms at 4.8 TB/s, 1.0 ms at 1 TB/s and 2.8 ms at 360 GB/s; a quarter of that at half the side."""
    network, traffic = verified_half(find_style("starter"), FULL), bench("gpu_floor").traffic_bytes
    moved = traffic(network, 512)
    for rate, floor_ms, error_ms in ((4.8e12, 0.21, 0.005), (1e12, 1.0, 0.05), (360e9, 2.8, 0.05)):
        assert 1e3 * moved / rate == pytest.approx(floor_ms, abs=error_ms)
    assert traffic(network, 256) == pytest.approx(moved / 4, rel=0.02)


def test_a_map_without_a_shape_is_an_error(bench, saved):
    path = saved(("Conv", ["in", "weights"], "out"))
    model = onnx.load(path)
    model.graph.node[0].domain = "somebody.else"
    model.opset_import.append(helper.make_opsetid("somebody.else", 1))
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(model, path)
    with pytest.raises(BackendError, match="the shape of out cannot be told"):
        bench("gpu_floor").traffic_bytes(path, 8)
