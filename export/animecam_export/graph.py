"""An ONNX graph that can be searched and rewritten."""

# pyright: reportUnknownMemberType=false
# onnx is typed in part only.

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, numpy_helper


class NoMatch(Exception):  # noqa: N818 - it is no failure: the search goes on elsewhere
    """The graph does not look like this here."""


class Graph:
    """The nodes and constants of a model; what is replaced stays until `apply` drops what nothing needs any more.

    Args:
        model: Changed by `apply` only.

    Attributes:
        nodes: In an order in which they can be computed.
        constants: The initializers by name.
    """

    def __init__(self, model: ModelProto) -> None:
        self._model = model
        self.nodes = list(model.graph.node)
        self.constants: dict[str, NDArray[Any]] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }
        self._producers = {name: node for node in self.nodes for name in node.output}

    def of_type(self, operator: str) -> list[NodeProto]:
        """All nodes with an operator."""
        return [node for node in self.nodes if node.op_type == operator]

    def source(self, name: str, operator: str) -> NodeProto:
        """The node that computes a tensor.

        Raises:
            NoMatch: It has another operator, or the tensor is none that is computed.
        """
        node = self._producers.get(name)
        if node is None or node.op_type != operator:
            raise NoMatch
        return node

    def only_user(self, name: str, operator: str) -> NodeProto:
        """The one node that reads a tensor.

        Raises:
            NoMatch: There are several or none, or it has another operator.
        """
        users = [node for node in self.nodes if name in node.input]
        if len(users) != 1 or users[0].op_type != operator:
            raise NoMatch
        return users[0]

    def constant(self, name: str) -> NDArray[Any]:
        """The value of a constant.

        Raises:
            NoMatch: The tensor is none.
        """
        if name not in self.constants:
            raise NoMatch
        return self.constants[name]

    def add_constant(self, name: str, value: NDArray[Any]) -> str:
        """Adds a constant; its name comes back."""
        self.constants[name] = value
        return name

    def replace(self, result: str, nodes: list[NodeProto]) -> None:
        """Lets a tensor be computed by new nodes, which stand where its old node stood."""
        old = self._producers[result]
        index = next(index for index, node in enumerate(self.nodes) if node is old)
        self.nodes[index : index + 1] = nodes
        self._producers |= {name: node for node in nodes for name in node.output}

    def bypass(self, node: NodeProto) -> None:
        """Takes a node out that only passes its first input on; one that gives an output of the model stays."""
        given, passed = node.output[0], node.input[0]
        if given in {value.name for value in self._model.graph.output}:
            return
        for user in self.nodes:
            for index, name in enumerate(user.input):
                if name == given:
                    user.input[index] = passed
        self.nodes = [other for other in self.nodes if other is not node]

    def apply(self) -> None:
        """Writes the nodes and constants that lead to the model's outputs back into the model."""
        needed = {value.name for value in self._model.graph.output}
        kept: list[NodeProto] = []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        self.nodes = kept[::-1]
        graph = self._model.graph
        del graph.node[:]
        graph.node.extend(self.nodes)
        del graph.initializer[:]
        used = {name: value for name, value in self.constants.items() if name in needed}
        graph.initializer.extend(numpy_helper.from_array(np.ascontiguousarray(v), name) for name, v in used.items())
        del graph.value_info[:]  # it tells of tensors that are gone
