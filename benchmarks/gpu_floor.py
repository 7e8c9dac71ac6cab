"""What the memory of a GPU allows a network at best, and how near to that it comes."""

# pyright: reportUnknownMemberType=false
# onnx is typed in part only.

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from measuring import say, show
from numpy.typing import NDArray

from animecam.backends.device import DeviceNetwork
from animecam.backends.opening import importing
from animecam.cuda.base import Gpu, Stream
from animecam.errors import BackendError
from animecam.measure.spread import Spread

if TYPE_CHECKING:
    from onnx import GraphProto

HALF_BYTES = 2
BYTES_PER_MB = 1e6
BYTES_PER_GB = 1e9
MS_PER_SECOND = 1000.0

COPY_PX = 8192  # side of the picture that is copied: 403 MB, several times what any GPU keeps in its caches
WARM_UP_ROUNDS = 10

ON_THE_WAY = frozenset(
    {"Add", "Cast", "Clip", "Div", "Exp", "LeakyRelu", "Mul", "Relu", "Sigmoid", "Sqrt", "Sub", "Tanh"}  # by the number
    | {"DepthToSpace", "Flatten", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"}  # by its place
    | {"Resize"}  # four neighbours, which are in the caches
)
"""Operators that whoever wants their result computes while he reads, so that it is never stored."""


def traffic_bytes(network: Path, size_px: int) -> int:
    """What must pass between the GPU and its memory for one picture, if everything is in half.

    The model: each convolution, sum over pixels and padding is one kernel, as are products of matrices and whatever
    else is not `ON_THE_WAY`. A kernel writes its result once, and reads each stored map that the result comes from
    once: a map that three kernels need is read three times, as it is too large for the caches. What is on the way costs
    nothing, nor does what comes of weights alone; weights are read once. So it is not the least that can be thought of
    (a convolution might add up its own result before that is stored), but what a compiler reaches that fuses all that
    is pixel by pixel and has others' convolutions. Programs that fuse more may fall below it.

    Args:
        network: ONNX file with one input, NCHW.
        size_px: Side of the picture.

    Raises:
        BackendError: The shape of a map cannot be told, or the package onnx is missing.
    """
    graph = _shaped(network, size_px)
    sizes = {
        value.name: prod(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }
    moved = sum(prod(weight.dims) for weight in graph.initializer)
    comes_from = {graph.input[0].name: frozenset({graph.input[0].name})}  # map → the stored ones it is made of
    for node in graph.node:
        sources = frozenset[str]().union(*(comes_from.get(name, ()) for name in node.input))
        if not sources:
            continue
        is_stored = node.op_type not in ON_THE_WAY
        for name in node.output:
            comes_from[name] = frozenset({name}) if is_stored else sources
        if is_stored:
            moved += sum(_size(sizes, name) for name in (*sources, *node.output))
    for output in graph.output:
        if output.name not in comes_from[output.name]:
            moved += sum(_size(sizes, name) for name in (*comes_from[output.name], output.name))
    return HALF_BYTES * moved


def network_ms(device: Gpu, network: DeviceNetwork, size_px: int, rounds: int) -> Spread:
    """One picture of noise through the network alone, recorded where that goes, between two events.

    Args:
        device: The GPU, in use.
        network: Of that GPU; what was bound before is not any more.
        size_px: Side of the picture.
        rounds: How often it is timed.
    """
    noise = np.random.default_rng(0).uniform(-1, 1, (1, 3, size_px, size_px))
    return _by_events(device, network, size_px, rounds, noise.astype(np.float16))


def copied_per_second(device: Gpu, copy: DeviceNetwork, rounds: int, size_px: int = COPY_PX) -> float:
    """Bytes a second that the GPU reads and writes together while it copies from its memory to its memory.

    That is less than its maker says, and what programs get.

    Args:
        device: The GPU, in use.
        copy: A network that only copies.
        rounds: How often it is timed.
        size_px: Side of the picture that is copied.
    """
    copied = HALF_BYTES * 3 * size_px**2
    return MS_PER_SECOND * 2 * copied / _by_events(device, copy, size_px, rounds).p50


def measure_floor(
    device: Gpu,
    networks: Mapping[str, DeviceNetwork],
    least_bytes: int,
    bytes_per_second: float,
    size_px: int,
    rounds: int,
) -> dict[str, Any]:
    """Times networks alone, tells how many times the floor each takes, and shows it.

    Args:
        device: The GPU, in use.
        networks: By name, all of them the same one in different runtimes.
        least_bytes: As `traffic_bytes` has it.
        bytes_per_second: As `copied_per_second` has it.
        size_px: Side of the picture.
        rounds: How often each is timed.
    """
    floor_ms = MS_PER_SECOND * least_bytes / bytes_per_second
    rows: dict[str, dict[str, Any]] = {}
    for name, network in networks.items():
        spread = network_ms(device, network, size_px, rounds)
        rows[name] = {"network_ms": asdict(spread), "ratio": spread.p50 / floor_ms}
    rate = bytes_per_second / BYTES_PER_GB
    say(f"{least_bytes / BYTES_PER_MB:.0f} MB for a picture, and memory copied at {rate:.0f} GB/s: {floor_ms:.3f} ms")
    cells = [
        (name, f"{row['network_ms']['p50']:.3f}", f"{floor_ms:.3f}", f"{row['ratio']:.1f}")
        for name, row in rows.items()
    ]
    show("one picture through the network, on the GPU", ("way", "p50 ms", "floor ms", "times the floor"), cells)
    return {"floor_ms": floor_ms, "bytes": least_bytes, "bytes_per_second": bytes_per_second, "networks": rows}


def _by_events(
    device: Gpu, network: DeviceNetwork, size_px: int, rounds: int, picture: NDArray[np.float16] | None = None
) -> Spread:
    nbytes = HALF_BYTES * 3 * size_px**2
    with ExitStack() as stack:
        given, drawn = (stack.enter_context(closing(device.buffer(nbytes))) for _ in range(2))
        begun, done = (stack.enter_context(closing(device.event(is_timed=True))) for _ in range(2))
        stream = stack.enter_context(closing(device.stream()))
        if picture is not None:
            pinned = stack.enter_context(closing(device.pinned(nbytes)))
            pinned.array(picture.dtype, picture.shape)[:] = picture
            stream.copy_in(given, pinned, nbytes)
        network.bind(given.address, drawn.address, batch=1, size_px=size_px)
        network.enqueue(stream.handle)  # what is to be recorded has run before
        stream.synchronize()
        launch = _launching(stack, stream, network)
        times_ms: list[float] = []
        for _ in range(WARM_UP_ROUNDS + rounds):
            launch()  # meanwhile the host sends what follows, so that the GPU waits for nothing between the events
            stream.record(begun)
            launch()
            stream.record(done)
            done.wait()
            times_ms.append(done.since_ms(begun))
        return Spread.of(times_ms[WARM_UP_ROUNDS:])


def _launching(stack: ExitStack, stream: Stream, network: DeviceNetwork) -> Callable[[], None]:
    """What sends the network: as the frame path does, which is as one where that goes."""
    if not network.is_recordable:
        return lambda: network.enqueue(stream.handle)
    graph = stack.enter_context(closing(stream.capture(lambda: network.enqueue(stream.handle))))
    return lambda: stream.replay(graph)


def _shaped(network: Path, size_px: int) -> "GraphProto":
    """A network's graph with the shapes of all maps, for one picture."""
    with importing("onnx"):
        import onnx
    model = onnx.load(network)
    for dimension, size in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, 3, size_px, size_px), strict=True):
        dimension.dim_value = size
    return onnx.shape_inference.infer_shapes(model, data_prop=True).graph


def _size(sizes: Mapping[str, int], name: str) -> int:
    if not sizes.get(name):
        raise BackendError(f"the shape of {name} cannot be told", hint="export the network again")
    return sizes[name]
