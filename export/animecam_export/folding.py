"""Computes at export what does not depend on the picture, so that every runtime gets the plain graph."""

# pyright: reportUnknownMemberType=false
# onnx.reference is typed in part only.

from collections.abc import Sequence
from typing import Any, cast

from numpy.typing import NDArray
from onnx import AttributeProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

Constants = dict[str, NDArray[Any]]


def has_branches(model: ModelProto) -> bool:
    """Whether nodes hold graphs of their own (If, Loop, Scan), which may read any tensor around them."""
    kinds = {attribute.type for node in model.graph.node for attribute in node.attribute}
    return bool(kinds & {AttributeProto.GRAPH, AttributeProto.GRAPHS})


def fold_constants(model: ModelProto) -> ModelProto:
    """A model in which every node whose inputs are all constant has become a constant.

    The exporter computes the padding of each convolution in some ten nodes. Runtimes that want it as a constant refuse
    such a graph, others fold it at every start.

    Args:
        model: Without nodes that are random or hold sub-graphs.

    Returns:
        A new model that computes the same.
    """
    folded = ModelProto()
    folded.CopyFrom(model)
    graph = folded.graph
    constants: Constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    results = {value.name for value in graph.output}
    nodes: list[NodeProto] = []
    for node in graph.node:
        if constants.keys() >= set(filter(None, node.input)) and not results.intersection(node.output):
            constants |= _evaluate(node, constants, folded.opset_import)
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [numpy_helper.from_array(value, name) for name, value in constants.items() if name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return folded


def _evaluate(node: NodeProto, constants: Constants, opsets: Sequence[OperatorSetIdProto]) -> Constants:
    """The outputs of a node by name."""
    names = list(filter(None, node.input))
    any_type = helper.make_tensor_type_proto(TensorProto.UNDEFINED, None)
    inputs = [helper.make_value_info(name, any_type) for name in names]
    outputs = [helper.make_value_info(name, any_type) for name in node.output]
    model = helper.make_model(helper.make_graph([node], "constant", inputs, outputs), opset_imports=opsets)
    values = cast(list[NDArray[Any]], ReferenceEvaluator(model).run(None, {name: constants[name] for name in names}))
    return dict(zip(node.output, values, strict=True))
