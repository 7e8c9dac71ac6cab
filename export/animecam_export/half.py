"""An fp32 network becomes a strongly typed one: half where it costs time, fp32 where half would lose the picture."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# onnx is typed in part only.

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, shape_inference

from animecam_export.cheap_forms import write_cheap_forms
from animecam_export.errors import ExportError
from animecam_export.graph import Graph

HALF_OPERATORS = frozenset(
    {"Add", "Concat", "Conv", "DepthToSpace", "LeakyRelu", "Mul", "Pad", "Relu", "Reshape", "Resize", "Slice"}
    | {"SpaceToDepth", "Squeeze", "Tanh", "Transpose", "Unsqueeze", "Div", "Shape", "Identity"}
)
"""What may run in half outside the islands; none of them sums over a map, or raises to a power."""

_STAYS = {"Resize": (1, 2), "Pad": (1, 3), "Reshape": (1,), "Slice": (1, 2, 3, 4)}
"""Operator → inputs that are settings and keep their type."""


def to_half(model: ModelProto) -> ModelProto:
    """A strongly typed network: input and output half, convolutions half, statistics and softmax fp32.

    Args:
        model: An fp32 export of this package.

    Returns:
        A new model that computes the same up to rounding, with explicit casts at every change of type.

    Raises:
        ExportError: It has an operator of which nobody has shown that it may run in half.
    """
    half = ModelProto()
    half.CopyFrom(model)
    graph = Graph(half)
    for cast in graph.of_type("Cast"):  # in an fp32 network they change nothing
        graph.bypass(cast)
    islands = write_cheap_forms(graph)
    graph.apply()
    strangers = {node.op_type for node in graph.nodes if not islands.intersection(node.output)} - HALF_OPERATORS
    if strangers:
        message = f"no rule says whether {', '.join(sorted(strangers))} may run in half precision"
        raise ExportError(message, hint="only networks of animecam-train become fp16; others run in fp32")
    _Typing(half, graph, islands).apply()
    for port in (*half.graph.input, *half.graph.output):
        port.type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.checker.check_model(half, full_check=True)
    return half


class _Typing:
    """Gives every tensor of a graph its type and writes the casts between them."""

    def __init__(self, model: ModelProto, graph: Graph, islands: set[str]) -> None:
        self._graph, self._islands = graph, islands
        inferred = shape_inference.infer_shapes(model, strict_mode=True).graph
        values = (*inferred.value_info, *inferred.input, *inferred.output)
        floats = {value.name for value in values if value.type.tensor_type.elem_type == TensorProto.FLOAT}
        self._halves = floats - islands
        self._casts: dict[tuple[str, int], NodeProto] = {}

    def apply(self) -> None:
        """Rewrites the graph."""
        self._round_weights()
        nodes: list[NodeProto] = []
        for node in self._graph.nodes:
            is_island = bool(self._islands.intersection(node.output))
            for index, name in enumerate(node.input):
                if index not in _STAYS.get(node.op_type, ()):
                    node.input[index] = self._as(name, nodes, is_half=not is_island)
            nodes.append(node)
        self._graph.nodes = nodes
        self._graph.apply()

    def _round_weights(self) -> None:
        """Constants that any node reads in half are half; the islands read the same, rounded numbers."""
        for node in self._graph.nodes:
            if self._islands.intersection(node.output):
                continue
            for index, name in enumerate(node.input):
                value = self._graph.constants.get(name)
                if value is not None and value.dtype == np.float32 and index not in _STAYS.get(node.op_type, ()):
                    self._graph.constants[name] = value.astype(np.float16)
                    self._halves.add(name)

    def _as(self, name: str, nodes: list[NodeProto], *, is_half: bool) -> str:
        """A tensor in the wanted type, by a cast if it has the other one; casts are shared."""
        has_type = name in self._halves or name in self._islands
        if not has_type or (name in self._halves) == is_half:
            return name
        to = TensorProto.FLOAT16 if is_half else TensorProto.FLOAT
        if (name, to) not in self._casts:
            output = f"{name}/{'half' if is_half else 'float'}"
            cast = helper.make_node("Cast", [name], [output], name=output, to=to)
            self._casts[name, to] = cast
            nodes.append(cast)
        return self._casts[name, to].output[0]
