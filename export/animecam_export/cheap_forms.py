"""LADE and the attention as a GPU computes them cheapest, written over what the fp32 export wrote; the result is equal.

The fp32 export suits processors: it centres each map and convolves the centred map. Here no map is centred:

    LADE       t = W x;  var(x) = E[x²] - E[x]²;  var(t) = E[t²] - (W E[x])²;  y = g x + (W E[x] - g E[x])
    attention  the 1 x 1 convolutions before and after are multiplied into the memory, two matrix products fewer

so that a LADE reads its map twice (once for the sums and t, once to scale it) and t once, in three reductions, and a
runtime that fuses casts, products and sums writes no fp32 map. t is the one full map that could be avoided: var(t) is
also w Cov(x) w, but Cov(x) is a matrix product of 32 x 262,144 by 262,144 x 32 at 512 x 512, of which runtimes keep few
of a GPU's processors busy.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# onnx is typed in part only.

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from animecam_export.graph import Graph, NoMatch
from animecam_export.lade import SPACE, Lade, Writer, find_lade

_SLOTS = 1


def write_cheap_forms(graph: Graph) -> set[str]:
    """Rewrites every LADE and the attention.

    Args:
        graph: Of an fp32 export of this package, without its casts.

    Returns:
        The tensors that are statistics, or made with them: they and what they are made of belong in fp32.
    """
    islands: set[str] = set()
    for root in graph.of_type("Sqrt"):
        try:
            lade = find_lade(graph, root)
        except NoMatch:
            continue
        islands |= _replace_lade(graph, lade)
    for softmax in graph.of_type("Softmax"):
        try:
            islands |= _replace_attention(graph, softmax)
        except NoMatch:
            continue
    return islands


def _replace_lade(graph: Graph, lade: Lade) -> set[str]:
    """Writes the cheap form; the statistics and the scaling belong in fp32."""
    to = Writer(lade.y)
    mix = to.node("Conv", [lade.x, lade.weight], "mix", kernel_shape=[1, 1])
    in_half = set(to.results)
    mean = to.node("ReduceMean", [lade.x], "mean", axes=SPACE, keepdims=1)
    mixed_mean = to.node("Conv", [mean, lade.weight], "mixed_mean", kernel_shape=[1, 1])
    ratio = to.node("Div", [to.variance(mix, mixed_mean, lade.eps), to.variance(lade.x, mean, lade.eps)], "ratio")
    gain = to.node("Sqrt", [ratio], "gain")
    shift = to.node("Sub", [mixed_mean, to.node("Mul", [gain, mean], "gained_mean")], "shift")
    to.node("Add", [to.node("Mul", [lade.x, gain], "scaled"), shift])
    graph.replace(lade.y, to.nodes)
    return to.results - in_half


def _replace_attention(graph: Graph, softmax: NodeProto) -> set[str]:
    """Writes the attention on maps instead of rows of pixels; the softmax and its two sums belong in fp32.

    Raises:
        NoMatch: It is another softmax.
    """
    scores = graph.source(softmax.input[0], "MatMul")
    enter = graph.source(graph.source(scores.input[1], "Reshape").input[0], "Conv")
    normed = graph.only_user(graph.only_user(_users_sum(graph, softmax), "Add").output[0], "Div")
    eps = graph.only_user(_users_sum(graph, softmax), "Add").input[1]
    read = graph.only_user(normed.output[0], "MatMul")
    leave = graph.only_user(graph.only_user(read.output[0], "Reshape").output[0], "Conv")
    to = Writer(leave.output[0])
    keys = _product(graph.constant(scores.input[0]), graph.constant(enter.input[1]))
    values = _product(graph.constant(leave.input[1]), graph.constant(read.input[0]))
    score = to.node("Conv", [enter.input[0], graph.add_constant(to.name("keys"), keys)], "score", kernel_shape=[1, 1])
    in_half = set(to.results)
    largest = to.node("ReduceMax", [score], "largest", axes=SPACE, keepdims=1)
    raised = to.node("Exp", [to.node("Sub", [score, largest], "lowered")], "raised")
    space, slots = (graph.add_constant(to.name(f"axes{axes}"), np.array(axes)) for axes in (SPACE, [_SLOTS]))
    share = to.node("Div", [raised, to.node("ReduceSum", [raised, space], "sum", keepdims=1)], "share")
    total = to.node("Add", [to.node("ReduceSum", [share, slots], "slots", keepdims=1), eps], "total")
    attention = to.node("Div", [share, total], "attention")
    islands = to.results - in_half
    weights = [graph.add_constant(to.name("values"), values), *leave.input[2:]]
    to.node("Conv", [attention, *weights], kernel_shape=[1, 1])
    graph.replace(leave.output[0], to.nodes)
    return islands


def _users_sum(graph: Graph, softmax: NodeProto) -> str:
    """The sum over the slots of a softmax, which the division reads too."""
    for node in graph.of_type("ReduceSum"):
        if node.input[0] == softmax.output[0]:
            return node.output[0]
    raise NoMatch


def _product(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.float32]:
    """The weights [A, C, 1, 1] of two 1 x 1 convolutions [B, C] and [A, B] in one."""
    rows, columns = (matrix.reshape(matrix.shape[0], -1).astype(np.float64) for matrix in (left, right))
    return (rows @ columns)[:, :, None, None].astype(np.float32)
