"""An ONNX file as TensorRT reads it: its ports, its types, and the network that an engine is built from."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# The bindings ship no type information.

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from animecam.backends.base import Port
from animecam.backends.ports import only_input
from animecam.engines.flavour import Flavour
from animecam.errors import BackendError

_DAMAGED = "the file may be damaged or newer than this runtime: fetch or export it again"
_FREE = -1


@dataclass(frozen=True, slots=True)
class Ports:
    """What goes into a network and comes out.

    Attributes:
        input: Its only input.
        outputs: In the order of the file.
    """

    input: Port
    outputs: tuple[Port, ...]

    @property
    def precision(self) -> str:
        """What the file promises by the type of its input: "f16" or "f32"."""
        return "f16" if self.input.dtype == np.float16 else "f32"


@dataclass(frozen=True, slots=True)
class ParsedNetwork:
    """A network that was read and is not built yet; to be let go soon, as a builder holds much memory.

    Attributes:
        ports: What goes in and out.
        network: As the runtime has it.
        builder: What made it.
        parser: Holds the weights: it must live until the engine is built.
    """

    ports: Ports
    network: Any
    builder: Any
    parser: Any


def made(flavour: Flavour, make: Callable[[], Any], failure: str) -> Any:
    """What a call of the runtime makes; methods say by None that they failed, constructors by a TypeError.

    Raises:
        BackendError: It failed.
    """
    try:
        thing = make()
    except TypeError as error:  # pybind11: "factory function returned nullptr"
        raise flavour.error(failure) from error
    if thing is None:
        raise flavour.error(failure)
    return thing


def parse_network(flavour: Flavour, model: Path) -> ParsedNetwork:
    """Reads an ONNX file; no GPU is needed.

    Raises:
        BackendError: The file is damaged, has several inputs, or has an operator that the runtime does not know.
    """
    api = flavour.api
    builder = made(flavour, lambda: api.Builder(flavour.logger), "cannot start its builder")
    # Strongly typed: the types are in the file. Before TensorRT 11 that is a flag, since then there is nothing else.
    kind = getattr(api.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    flags = 1 << int(kind) if kind is not None else 0
    network = made(flavour, lambda: builder.create_network(flags), "cannot make a network")
    parser = made(flavour, lambda: api.OnnxParser(network, flavour.logger), "cannot start its parser")
    if not parser.parse(model.read_bytes()):
        reasons = [str(parser.get_error(index).desc()).split("\n", 1)[0] for index in range(parser.num_errors)]
        flavour.messages.clear()  # they say the same once more
        cause = "; ".join(reasons[:1]) or "it is not a whole ONNX network"
        raise flavour.error(f"cannot load {model}: {cause}", hint=_DAMAGED)
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    only_input([tensor.name for tensor in inputs], model.name)
    outputs = tuple(_port(flavour, network.get_output(index)) for index in range(network.num_outputs))
    return ParsedNetwork(Ports(_port(flavour, inputs[0]), outputs), network, builder, parser)


def fix_shape(flavour: Flavour, parsed: ParsedNetwork, shape: tuple[int, ...]) -> None:
    """Fixes the sides of the pictures; the number of pictures stays as it is.

    Args:
        flavour: The runtime.
        parsed: The network.
        shape: Of one picture, in the order of the input's axes.

    Raises:
        BackendError: The network takes no such pictures.
    """
    free = parsed.ports.input.shape
    fits = len(free) == len(shape) + 1 and all(
        side in (None, given) for side, given in zip(free[1:], shape, strict=True)
    )
    if not fits:
        takes, given = ("x".join("?" if side is None else str(side) for side in sides) for sides in (free[1:], shape))
        raise BackendError(f"the network takes pictures of {takes}, not {given}", hint="its card says which sizes")
    parsed.network.get_input(0).shape = (free[0] or _FREE, *shape)
    sides = [tuple(parsed.network.get_output(index).shape) for index in range(parsed.network.num_outputs)]
    if any(side < 0 for output in sides for side in output[1:]):
        raise flavour.error(f"the network has no fixed output for pictures of {'x'.join(map(str, shape))}")


def count_types(flavour: Flavour, parsed: ParsedNetwork) -> dict[str, int]:
    """Layers by type and the type of what they give: {"CONVOLUTION HALF": 21, …}.

    Convolutions of a single pixel, which are LADE's mean, are counted as "STATISTIC", not as a convolution.
    """
    counts: Counter[str] = Counter()
    for index in range(parsed.network.num_layers):
        layer = parsed.network.get_layer(index)
        output = layer.get_output(0)
        kind = str(layer.type).rpartition(".")[2]
        is_pixel = layer.type == flavour.api.LayerType.CONVOLUTION and tuple(output.shape)[-2:] == (1, 1)
        counts[f"{'STATISTIC' if is_pixel else kind} {str(output.dtype).rpartition('.')[2]}"] += 1
    return dict(sorted(counts.items()))


def check_types(precision: str, layers: dict[str, int]) -> None:
    """Refuses an fp16 network that would run in fp32, or whose statistics would overflow in half.

    Raises:
        BackendError: A convolution is float, a sum is half, or there is no convolution in half at all.
    """
    if precision != "f16":
        return
    hint = "export the style again: animecam-export fp16 FOLDER"
    slow = layers.get("CONVOLUTION FLOAT", 0)
    if slow or not layers.get("CONVOLUTION HALF", 0):
        raise BackendError(f"the fp16 network has {slow} convolutions in fp32 and would be slow", hint=hint)
    if layers.get("REDUCE HALF", 0):
        raise BackendError("the fp16 network sums in half precision and would draw wrong", hint=hint)


def _port(flavour: Flavour, tensor: Any) -> Port:
    shape = tuple(None if side < 0 else int(side) for side in tensor.shape)
    try:
        dtype = np.dtype(flavour.api.nptype(tensor.dtype))
    except TypeError as error:
        raise BackendError(f"tensor {tensor.name} has type {tensor.dtype}, which is not supported") from error
    return Port(str(tensor.name), shape, dtype)
