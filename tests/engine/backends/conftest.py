"""Small networks that the tests of the backends write themselves."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

Shape = tuple[int | str, ...]


@pytest.fixture
def write_network(tmp_path: Path) -> Callable[..., Path]:
    """`write_network(shape, inputs=1)`: a 3x3 convolution of 3 to 2 channels, and the negative of its result."""

    def write(shape: Shape = ("n", 3, "h", "w"), inputs: int = 1) -> Path:
        weights = np.random.default_rng(7).normal(size=(2, 3, 3, 3)).astype(np.float32)
        names = ["picture", "second"][:inputs]
        nodes = [
            helper.make_node("Sum", names, ["seen"]),
            helper.make_node("Conv", ["seen", "weights"], ["drawn"], pads=[1, 1, 1, 1]),
            helper.make_node("Neg", ["drawn"], ["negative"]),
        ]
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("drawn", "negative")],
            [numpy_helper.from_array(weights, "weights")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        path = tmp_path / "tiny.onnx"
        onnx.save(model, path)
        return path

    return write
