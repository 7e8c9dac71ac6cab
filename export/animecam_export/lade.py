"""What is found of a LADE in a graph that this package exported, and what writes another form of it."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# onnx.helper is typed in part only.

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onnx import NodeProto, helper

from animecam_export.graph import Graph, NoMatch

SPACE = [2, 3]
"""The axes of a map over which statistics are taken."""


@dataclass(frozen=True, slots=True)
class Lade:
    """Tensors of a LADE: its input and output, the weights and the eps."""

    x: str
    weight: str
    eps: str
    y: str


def find_lade(graph: Graph, root: NodeProto) -> Lade:
    """The LADE whose gain is the square root `root`.

    Raises:
        NoMatch: It is none.
    """
    ratio = graph.source(root.input[0], "Div")
    of_mix, of_x = (graph.source(name, "Add") for name in ratio.input)
    square = graph.source(graph.source(of_mix.input[0], "ReduceMean").input[0], "Mul")
    mix = graph.source(square.input[0], "Conv")
    centred = graph.source(mix.input[0], "Sub")
    if float(graph.constant(of_mix.input[1])) != float(graph.constant(of_x.input[1])):
        raise NoMatch
    scaled = graph.only_user(root.output[0], "Mul")
    if scaled.input[0] != centred.output[0]:
        raise NoMatch
    try:  # torch writes addcmul with a factor of one
        scaled = graph.only_user(scaled.output[0], "Mul")
        if graph.constant(scaled.input[1]).tolist() != [1.0]:
            raise NoMatch
    except NoMatch:
        pass
    total = graph.only_user(scaled.output[0], "Add")
    return Lade(centred.input[0], mix.input[1], of_x.input[1], total.output[0])


class Writer:
    """Nodes whose tensors are named after the one that they compute in the end."""

    def __init__(self, result: str) -> None:
        self._result = result
        self.nodes: list[NodeProto] = []

    @property
    def results(self) -> set[str]:
        """What has been written so far."""
        return {name for node in self.nodes for name in node.output}

    def name(self, part: str) -> str:
        """The name of a tensor on the way."""
        return f"{self._result}/{part}"

    def node(self, operator: str, inputs: Sequence[str], part: str = "", **attributes: Any) -> str:
        """Adds a node; without `part` it computes the result."""
        output = self.name(part) if part else self._result
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def variance(self, x: str, mean: str, eps: str) -> str:
        """The variance of x, plus eps: E[x²] - E[x]², whose rounding can be negative and a root of that is a NaN."""
        part = x.removeprefix(f"{self._result}/") if x.startswith(self._result) else "x"
        square = self.node("ReduceMean", [self.node("Mul", [x, x], f"{part}²")], f"E[{part}²]", axes=SPACE, keepdims=1)
        difference = self.node("Sub", [square, self.node("Mul", [mean, mean], f"E[{part}]²")], f"raw_var({part})")
        return self.node("Add", [self.node("Relu", [difference], f"var({part})"), eps], f"var({part})+eps")
