"""Small networks that the tests of the backends write themselves, and a compiler that is a stand-in."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from animecam.backends.base import BackendOptions

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


@pytest.fixture(scope="session")
def fakes(load_module: Callable[[str], ModuleType]) -> ModuleType:
    """fake_compiler.py beside this file."""
    return load_module("engine/backends/fake_compiler.py")


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A small network in half, whose code has more than one call."""
    weights = (np.random.default_rng(0).normal(size=(3, 3, 3, 3)) * 0.2).astype(np.float16)
    known = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "pads")]
    nodes = [
        helper.make_node("Pad", ["x", "pads"], ["padded"], mode="reflect"),
        helper.make_node("Conv", ["padded", "w"], ["drawn"]),
        helper.make_node("Cast", ["drawn"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Tanh", ["float"], ["bounded"]),
        helper.make_node("Cast", ["bounded"], ["y"], to=TensorProto.FLOAT16),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, ["n", 3, "h", "w"]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "small", ports[:1], ports[1:], known)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


@pytest.fixture
def options(tmp_path: Path) -> BackendOptions:
    return BackendOptions(threads=1, cache_dir=tmp_path)


@pytest.fixture
def loaded(monkeypatch) -> list[Path]:
    """What is in a file of the stand-in compiler is the network itself."""
    from animecam.backends import torch_compiled  # it takes seconds, and most tests here need no torch

    paths: list[Path] = []

    def load(path, code):
        paths.append(path)
        return code

    monkeypatch.setattr(torch_compiled, "load_compiled", load)
    return paths
