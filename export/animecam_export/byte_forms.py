"""What is written anew of a network before it is quantised: the parts that bytes alone leave slow on processors.

- A convolution that writes a picture of a few channels uses so many lanes of each register: three of sixteen. Where it
  writes blocks of 2 x 2 pixels at once, with its kernel at each of four places in one larger kernel, it uses twelve and
  reads a quarter of the places, for 64 products in place of 49 with a kernel of 7. The result is equal. Of DTGAN, whose
  last convolution is such a one, that is a seventh of the time (bfloat16, OpenVINO).
- LADE's statistics of a map that is as large as the picture are taken of every fourth pixel, which makes one pass over
  the map of three, and the map is scaled without being centred. Of `starter` and 40 heads the worst differs by 60 dB.
  Maps of half the picture's side sampled so gain less and cost more (54 dB; `cel` 43 dB and no time at all).
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# onnx is typed in part only.

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, shape_inference

from animecam_export.folding import has_branches
from animecam_export.graph import Graph, NoMatch
from animecam_export.lade import SPACE, Lade, Writer, find_lade

BLOCK = 2
"""Pixels across and down that a convolution writes at once."""

IN_BLOCKS = "/blocks"
"""How the names of the convolutions end that do."""

MOST_CHANNELS = 16 // BLOCK**2
"""Channels of a picture whose blocks fill a register at most: with more, a plain convolution fills it as well."""

SAMPLED_EVERY = 2
"""Distance of the pixels of which statistics are taken, across and down."""

PROBE_PX = 256
"""Side of the picture for which the sizes of maps are worked out where it is free."""

KNOWN_OPSETS = frozenset(range(11, 18))
"""Before, DepthToSpace had no modes; after, reductions take their axes as an input."""

_HEIGHT = 2  # of NCHW


def write_byte_forms(model: ModelProto) -> ModelProto:
    """A network that draws the same, in forms that are faster in bytes.

    Args:
        model: An fp32 network [N, 3, H, W] of pictures with even sides. Where nothing of this is found, or where it is
            written in operators that are not known here, it comes back as it was.
    """
    if not _is_known(model):
        return model
    written = ModelProto()
    written.CopyFrom(model)
    types, heights, side_px = _inferred(model)
    graph = Graph(written)
    for cast in graph.of_type("Cast"):
        if types.get(cast.input[0]) == types.get(cast.output[0], 0):  # torch writes those, and they hide a LADE
            graph.bypass(cast)
    lades = [lade for lade in _lades(graph) if heights.get(lade.x) == side_px]
    convolutions = [one for one in graph.of_type("Conv") if heights.get(one.output[0]) == side_px]
    last = [one for one in convolutions if _writes_few_channels(graph, one)]
    if not lades and not last:
        return model
    for lade in lades:
        _sample_statistics(graph, lade)
    for convolution in last:
        _write_blocks(graph, convolution)
    graph.apply()
    _restore_constants(written, model)
    return written


def _is_known(model: ModelProto) -> bool:
    """Whether the operators are those that are written here, and no branch reads what the graph around it computes."""
    versions = {entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")}
    return versions <= KNOWN_OPSETS and not has_branches(model)


def _lades(graph: Graph) -> list[Lade]:
    found: list[Lade] = []
    for root in graph.of_type("Sqrt"):
        try:
            found.append(find_lade(graph, root))
        except NoMatch:
            continue
    return found


def _restore_constants(written: ModelProto, model: ModelProto) -> None:
    """Constants that were there before stay to the bit: a graph writes scalars as rows of one."""
    known = {tensor.name: tensor for tensor in model.graph.initializer}
    for tensor in written.graph.initializer:
        if tensor.name in known:
            tensor.CopyFrom(known[tensor.name])


def _inferred(model: ModelProto) -> tuple[dict[str, int], dict[str, int], int]:
    """Types of tensors, heights of maps, and that of the picture: its own, or where that is free, PROBE_PX."""
    probe = ModelProto()
    probe.CopyFrom(model)
    del probe.graph.value_info[:]
    for value in probe.graph.output:
        value.type.tensor_type.ClearField("shape")  # with the others it may be that of another picture
    sides = probe.graph.input[0].type.tensor_type.shape.dim
    for side, size in zip(sides, (1, 3, PROBE_PX, PROBE_PX), strict=False):
        side.dim_value = side.dim_value or size
    graph = shape_inference.infer_shapes(probe).graph
    tensors = {value.name: value.type.tensor_type for value in (*graph.value_info, *graph.input, *graph.output)}
    maps = {name: tensor.shape.dim for name, tensor in tensors.items() if len(tensor.shape.dim) > _HEIGHT}
    types = {name: tensor.elem_type for name, tensor in tensors.items()}
    heights = {name: dimensions[_HEIGHT].dim_value for name, dimensions in maps.items()}
    return types, heights, heights.get(model.graph.input[0].name, 0)


def _sample_statistics(graph: Graph, lade: Lade) -> None:
    """LADE with the statistics of every fourth pixel: y = g x + (W E[x] - g E[x])."""
    to = Writer(lade.y)
    every = [SAMPLED_EVERY, SAMPLED_EVERY]
    sampled = to.node("AveragePool", [lade.x], "sampled", kernel_shape=[1, 1], strides=every)
    mean = to.node("ReduceMean", [sampled], "mean", axes=SPACE, keepdims=1)
    centred = to.node("Sub", [sampled, mean], "centred")
    mix = to.node("Conv", [centred, lade.weight], "mix", kernel_shape=[1, 1])
    of_mix, of_x = (_spread(to, name, lade.eps) for name in (mix, centred))
    gain = to.node("Sqrt", [to.node("Div", [of_mix, of_x], "ratio")], "gain")
    mixed_mean = to.node("Conv", [mean, lade.weight], "mixed_mean", kernel_shape=[1, 1])
    shift = to.node("Sub", [mixed_mean, to.node("Mul", [gain, mean], "gained_mean")], "shift")
    to.node("Add", [to.node("Mul", [lade.x, gain], "scaled"), shift])
    graph.replace(lade.y, to.nodes)


def _spread(to: Writer, centred: str, eps: str) -> str:
    """The variance of a map whose mean is zero, plus eps."""
    square = to.node("Mul", [centred, centred], f"{centred}²")
    variance = to.node("ReduceMean", [square], f"var({centred})", axes=SPACE, keepdims=1)
    return to.node("Add", [variance, eps], f"var({centred})+eps")


def _writes_few_channels(graph: Graph, conv: NodeProto) -> bool:
    """Whether it is a plain convolution with a kernel larger than a pixel and less to write than a register holds."""
    weights = graph.constants.get(conv.input[1])
    settings = {one.name: helper.get_attribute_value(one) for one in conv.attribute}
    is_plain = settings.get("group", 1) == 1 and not settings.get("auto_pad")
    is_plain &= all(set(settings.get(name, [1])) == {1} for name in ("strides", "dilations"))
    is_plain &= all(name in graph.constants for name in conv.input[1:])
    return is_plain and weights is not None and weights.shape[0] <= MOST_CHANNELS and min(weights.shape[2:]) > 1


def _write_blocks(graph: Graph, conv: NodeProto) -> None:
    """The convolution with steps of a block, its pixels sorted afterwards."""
    to = Writer(conv.output[0])
    name = to.name("kernels")
    constants = [graph.add_constant(name, _at_each_pixel(graph.constants[conv.input[1]]))]
    if len(conv.input) > len(("x", "weights")):
        bias = np.repeat(graph.constants[conv.input[2]], BLOCK**2)
        constants.append(graph.add_constant(to.name("bias"), bias))
    blocks = NodeProto()
    blocks.CopyFrom(conv)
    blocks.name = conv.name + IN_BLOCKS
    blocks.input[1:] = constants
    blocks.output[0] = to.name("blocks")
    kept = [one for one in conv.attribute if one.name not in {"kernel_shape", "strides"}]
    del blocks.attribute[:]
    blocks.attribute.extend([*kept, helper.make_attribute("strides", [BLOCK, BLOCK])])
    to.nodes.append(blocks)
    to.node("DepthToSpace", [blocks.output[0]], blocksize=BLOCK, mode="CRD")
    graph.replace(conv.output[0], to.nodes)


def _at_each_pixel(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """A kernel [K, C, H, W] at each pixel of a block: [K BLOCK², C, H + BLOCK - 1, W + BLOCK - 1]."""
    kernels, channels, height, width = weights.shape
    larger = np.zeros((kernels, BLOCK, BLOCK, channels, height + BLOCK - 1, width + BLOCK - 1), np.float32)
    for y in range(BLOCK):
        for x in range(BLOCK):
            larger[:, y, x, :, y : y + height, x : x + width] = weights
    return larger.reshape(kernels * BLOCK**2, channels, *larger.shape[4:])
