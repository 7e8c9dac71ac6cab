"""Small styles that the tests write themselves: networks that are fed in every way there is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

Range = tuple[float, float]
TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "uint8": TensorProto.UINT8}
STEEPNESS = 6.0  # of the curve that the toy network draws


@dataclass(frozen=True)
class Toy:
    """A network that steepens contrast, in any coding; the right result is known: `Toy.curve`."""

    layout: str = "NCHW"
    range_in: Range = (-1.0, 1.0)
    range_out: Range = (-1.0, 1.0)
    type_in: str = "float32"
    type_out: str = "float32"
    layout_out: str = ""
    size: tuple[int | str, int | str] = ("h", "w")
    batch: int | str = "n"
    multiple: int = 1
    channels_out: int = 3
    gain: float = 1.0

    @staticmethod
    def curve(picture: np.ndarray) -> np.ndarray:
        """What it makes of an RGB picture, uint8."""
        drawn = 1 / (1 + np.exp(-STEEPNESS * (picture / 255.0 - 0.5)))
        return np.rint(255 * drawn).astype(np.uint8)

    def build(self) -> onnx.ModelProto:
        height, width = self.size
        shape = [self.batch, 3, height, width] if self.layout == "NCHW" else [self.batch, height, width, 3]
        low, high = self.range_in
        low_out, high_out = self.range_out
        numbers = {
            "low": low,
            "span": high - low,
            "half": 0.5,
            "steep": STEEPNESS,
            "low_out": low_out,
            "span_out": (high_out - low_out) * self.gain,
        }
        identity = np.zeros((self.channels_out, 3, 1, 1), np.float32)
        for channel in range(self.channels_out):
            identity[channel, channel % 3] = 1
        constants = [numpy_helper.from_array(np.float32(value), name) for name, value in numbers.items()]
        constants.append(numpy_helper.from_array(identity, "identity"))
        graph = helper.make_graph(
            [*self._enter(), *self._draw(constants), *self._leave()],
            "toy",
            [helper.make_tensor_value_info("x", TYPES[self.type_in], shape)],
            [helper.make_tensor_value_info("y", TYPES[self.type_out], None)],
            constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

    def _enter(self) -> list[NodeProto]:
        nodes = [helper.make_node("Cast", ["x"], ["x32"], to=TensorProto.FLOAT)]
        perm = [0, 3, 1, 2] if self.layout == "NHWC" else [0, 1, 2, 3]
        return [
            *nodes,
            helper.make_node("Transpose", ["x32"], ["planes"], perm=perm),
            helper.make_node("Sub", ["planes", "low"], ["above"]),
            helper.make_node("Div", ["above", "span"], ["unit"]),
        ]

    def _draw(self, constants: list[TensorProto]) -> list[NodeProto]:
        nodes = [
            helper.make_node("Sub", ["unit", "half"], ["centred"]),
            helper.make_node("Mul", ["centred", "steep"], ["steepened"]),
            helper.make_node("Sigmoid", ["steepened"], ["bent"]),
            helper.make_node("Conv", ["bent", "identity"], ["mixed"]),
        ]
        if self.multiple == 1:
            return [*nodes, helper.make_node("Identity", ["mixed"], ["drawn"])]
        side = self.multiple
        zoom = np.array([1, 1, side, side], np.float32)
        constants += [numpy_helper.from_array(zoom, "zoom"), numpy_helper.from_array(np.float32(0), "nothing")]
        return [  # as a U-net does: down, up, and added to what came in, which fails at sizes between
            *nodes,
            helper.make_node("MaxPool", ["mixed"], ["small"], kernel_shape=[side, side], strides=[side, side]),
            helper.make_node("Resize", ["small", "", "zoom"], ["back"], mode="nearest"),
            helper.make_node("Mul", ["back", "nothing"], ["none"]),
            helper.make_node("Add", ["mixed", "none"], ["drawn"]),
        ]

    def _leave(self) -> list[NodeProto]:
        perm = [0, 2, 3, 1] if (self.layout_out or self.layout) == "NHWC" else [0, 1, 2, 3]
        nodes = [
            helper.make_node("Mul", ["drawn", "span_out"], ["spread"]),
            helper.make_node("Add", ["spread", "low_out"], ["shifted"]),
            helper.make_node("Transpose", ["shifted"], ["arranged"], perm=perm),
        ]
        if self.type_out == "uint8":
            nodes.append(helper.make_node("Round", ["arranged"], ["whole"]))
        last = nodes[-1].output[0]
        return [*nodes, helper.make_node("Cast", [last], ["y"], to=TYPES[self.type_out])]


@pytest.fixture(scope="session")
def toy() -> type[Toy]:
    """The class of the toy networks."""
    return Toy


@pytest.fixture
def write_toy(tmp_path: Path) -> Callable[..., Path]:
    """`write_toy(layout="NHWC", range_in=(0, 1), ...)`: a file with a toy network; the options are `Toy`'s."""

    def write(**options: object) -> Path:
        path = tmp_path / "Toy Style.onnx"
        onnx.save(Toy(**options).build(), path)
        return path

    return write


@pytest.fixture
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's styles, empty and out of the way."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "animecam" / "styles"
