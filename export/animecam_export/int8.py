"""Post-training quantisation: the heavy convolutions of an ONNX network compute in bytes, everything else stays.

What bytes alone leave slow is written in other forms first (`byte_forms`). NNCF chooses the ranges from real crops
(mixed preset: symmetric weights, asymmetric activations). Three kinds of nodes are left in float32; the first two were
measured on `cel` and 40 crops of heads it was not calibrated on:

- what normalises. LADE squares, averages and divides; with its nodes quantised too the worst crop falls from 43 dB to
  13 dB, because a variance has a range that eight bits cannot hold;
- the convolutions that read and write the picture: few of the operations, and all of the picture's precision (2 dB),
  but for one that writes it in blocks, which is heavy: on `starter` it costs 1 dB of 49;
- 1x1 convolutions and matrix products, which belong to LADE and to the attention (not tried by themselves).
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# nncf and onnx are typed in part only.

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto

from animecam.backends.base import Backend, BackendChoice, BackendOptions, Tensor
from animecam.backends.opening import open_backend
from animecam.backends.untold import untold
from animecam.measure.spread import Ratio
from animecam.measure.turns import interleave
from animecam.styles.card import Contract
from animecam.styles.pixels import batch_shape, encode
from animecam.types import Image
from animecam_export.byte_forms import BLOCK, IN_BLOCKS, write_byte_forms
from animecam_export.errors import ExportError
from animecam_export.folding import fold_constants, has_branches
from animecam_export.parity import psnr_db

LEAST_PSNR_DB = 35.0
"""Of the worst crop; below this the drawing looks different."""

KEPT_OPERATORS = frozenset(
    {"Add", "Sub", "Mul", "Div", "Sqrt", "ReduceMean", "ReduceSum", "Softmax", "MatMul", "Tanh", "Pow", "AveragePool"}
)
"""Never quantised: they are arithmetic of statistics and of the attention, or the last step to the picture."""

TIMED_ROUNDS = 15
_RANDOM = ("Random", "Multinomial", "Bernoulli")


@dataclass(frozen=True, slots=True)
class Quantised:
    """What quantisation did in one runtime.

    Attributes:
        runtime: The runtime.
        worst_db: PSNR to the float32 network in the same runtime, of the worst crop.
        mean_db: Mean over the crops.
        crops: How many were compared.
        ratio: Time of a crop to that of the float32 network in the same turns.
    """

    runtime: str
    worst_db: float
    mean_db: float
    crops: int
    ratio: Ratio


def quantise(model: ModelProto, crops: Sequence[Image], contract: Contract) -> ModelProto:
    """A network whose heavy convolutions compute in INT8.

    Args:
        model: The float32 network, one input.
        crops: Real crops, RGB uint8 [S, S, 3], from which the ranges are taken.
        contract: How pixels go in.

    Returns:
        A new model with the same input and output.

    Raises:
        ExportError: There is no convolution to quantise.
    """
    with untold():
        import nncf

    # NNCF's own function sets the levels of its handlers, too, among which pytest puts that of all tests.
    logging.getLogger("nncf").setLevel(logging.ERROR)
    model = _plain(model)
    if all(side_px % BLOCK == 0 for side_px in contract.fixed_px or (contract.multiple_px,)):
        model = write_byte_forms(model)
    name = model.graph.input[0].name
    left_alone = nodes_left_alone(model)
    dataset = nncf.Dataset([{name: encoded(crop, contract)} for crop in crops])
    try:
        quantised: Any = nncf.quantize(
            model,
            dataset,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(crops),
            ignored_scope=nncf.IgnoredScope(names=left_alone),
        )
    except Exception as error:  # whatever it meets in a stranger's network: KeyError, those of ONNX Runtime, its own
        reason = (str(error).splitlines() or [""])[0]
        message = f"NNCF cannot quantise this network: {type(error).__name__}: {reason}"
        raise ExportError(message, hint="export it with opset 17, or use it in float32") from error
    return quantised


def _plain(model: ModelProto) -> ModelProto:
    """A copy without constants that are computed, whose nodes have a name each: rules and NNCF go by them."""
    is_random = any(node.op_type.startswith(_RANDOM) for node in model.graph.node)
    if has_branches(model) or is_random:
        plain = ModelProto()
        plain.CopyFrom(model)
    else:
        plain = fold_constants(model)
    taken: set[str] = set()
    for index, node in enumerate(plain.graph.node):
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}_{index}_of_{len(plain.graph.node)}"
        taken.add(node.name)
    return plain


def nodes_left_alone(model: ModelProto) -> list[str]:
    """Names of the nodes that stay in float32.

    Raises:
        ExportError: Every convolution is among them.
    """
    weights = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    heavy = [node.name for node in model.graph.node if _is_heavy(node, weights)]
    inner = set(heavy[1:-1])  # the first reads the picture, the last writes it
    inner |= {name for name in heavy if name.endswith(IN_BLOCKS)}
    if not inner:
        hint = "INT8 pays for networks of several 3x3 convolutions"
        raise ExportError("the network has no convolution that could be quantised", hint=hint)
    return [
        node.name
        for node in model.graph.node
        if node.op_type in KEPT_OPERATORS or (node.op_type == "Conv" and node.name not in inner)
    ]


def _is_heavy(node: NodeProto, weights: dict[str, tuple[int, ...]]) -> bool:
    """Whether a node is a convolution with a kernel larger than one pixel."""
    return node.op_type == "Conv" and any(side > 1 for side in weights.get(node.input[1], ())[2:])


def compare(quantised: Path, original: Path, crops: Sequence[Image], contract: Contract) -> tuple[Quantised, ...]:
    """Parity and speed against the float32 network, in every runtime for processors.

    Args:
        quantised: ONNX file.
        original: ONNX file of the float32 network.
        crops: Real crops that it was not calibrated on, RGB uint8 [S, S, 3]; at least one.
        contract: How pixels go in and out, of both.

    Raises:
        BackendError: A runtime is missing or refuses a file.
    """
    batches = [encoded(crop, contract) for crop in crops]
    found: list[Quantised] = []
    for choice in (BackendChoice.OPENVINO, BackendChoice.ONNXRUNTIME):
        options = BackendOptions(allow_bf16=False)
        backends: list[Backend] = []
        try:
            backends += [open_backend(path, choice, options) for path in (quantised, original)]
            small, full = backends
            peak = abs(contract.output.white - contract.output.black)
            parities = [psnr_db(full.run(batch)[0], small.run(batch)[0], peak=peak) for batch in batches]
            calls = {"int8": partial(small.run, batches[0]), "float32": partial(full.run, batches[0])}
            times_ms = interleave(calls, TIMED_ROUNDS)
        finally:
            for backend in backends:
                backend.close()
        ratio = Ratio.of(times_ms["int8"], times_ms["float32"])
        found.append(Quantised(choice.value, min(parities), float(np.mean(parities)), len(crops), ratio))
    return tuple(found)


def require_likeness(found: Sequence[Quantised], least_db: float) -> None:
    """Refuses a network that would look different.

    Raises:
        ExportError: The worst crop in some runtime is below `least_db`.
    """
    for one in found:
        if not one.worst_db >= least_db:  # so written that a NaN is refused
            message = f"INT8 is too far from float32: {one.worst_db:.1f} dB on the worst crop in {one.runtime}"
            raise ExportError(message, hint=f"wanted are {least_db:g} dB; calibrate on more, and more varied, photos")


def encoded(crop: Image, contract: Contract) -> Tensor:
    """One crop as a batch for a network."""
    batch = np.empty(batch_shape(contract.input, 1, *crop.shape[:2]), contract.input.pixel_type.dtype)
    encode(crop, contract.input, batch[0])
    return batch


def save_model(model: ModelProto, path: Path) -> None:
    """Writes an ONNX file.

    Raises:
        OSError: It cannot be written.
    """
    onnx.save(model, path)
