"""PyTorch on an NVIDIA GPU: half, channels last, a CUDA graph for each shape. Without TensorRT, and to compare.

It runs the style's ONNX file, fed from the host or between two steps on the GPU. The only module with `torch_ops` that
imports torch.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch is typed in part only.

import threading
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from onnx import ValueInfoProto, helper

from animecam.backends.base import BackendInfo, BackendOptions, Port, Tensor
from animecam.backends.ports import batch_limit, check_batch, only_input
from animecam.backends.status import BackendStatus
from animecam.backends.torch_ops import OnnxProgram, read_model
from animecam.cuda.base import view
from animecam.errors import BackendError, DeviceMemoryError

NAME = "torch"
KEPT_SHAPES = 8
DEVICE_BATCH = 4
"""Pictures that a network between two steps on the GPU takes at a time, as engines do."""
WARM_UPS = 3  # runs before a graph is captured: libraries choose their algorithms and allocate in them

_CHANNELS, _HALF_BYTES = 3, 2

_SMALLER = "use a smaller size (--size), or end other programs on this GPU"

_one_at_a_time = threading.Lock()
"""PyTorch waits for the whole GPU before it captures a graph, which spoils one that another thread is capturing."""


class TorchBackend:
    """One network in PyTorch.

    Args:
        model: The fp32 network.
        half: Its fp16 form; None runs it in fp32.
        options: `gpu` is used.
        device: Where to compute; None takes the GPU of the options.

    Raises:
        BackendError: PyTorch sees no such GPU, or the network has an operator that only other runtimes know.
    """

    def __init__(self, model: Path, half: Path | None, options: BackendOptions, device: str | None = None) -> None:
        self._device = torch.device(device or _gpu(options.gpu or 0))
        path = half or model
        proto = read_model(path)
        only_input([value.name for value in proto.graph.input], path.name)
        self._name = path.name
        with _failures_of(path.name):
            self._program: OnnxProgram | None = OnnxProgram(proto, self._device)
        self._inside = _port(proto.graph.input[0])
        self.input, *outputs = (_outside(_port(value)) for value in (*proto.graph.input, *proto.graph.output))
        self.outputs = tuple(outputs)
        self.max_batch = batch_limit(self.input)
        self.info = BackendInfo(NAME, torch.__version__, _device_name(self._device), self._precision)
        self._graphs: OrderedDict[tuple[int, ...], _HostFed] = OrderedDict()

    def run(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Computes the network; see `Backend.run`. The first batch of a shape captures its graph."""
        check_batch(batch, self.input, self._name)
        given = torch.from_numpy(batch)
        with _failures_of(self._name), torch.inference_mode():
            results = self._graph(batch.shape)(given) if self._device.type == "cuda" else self._eager(given)
            return tuple(result.to("cpu", _float(result.dtype)).numpy() for result in results)

    def close(self) -> None:
        """Frees the network; may be called twice."""
        self._graphs.clear()
        self._program = None

    @property
    def _precision(self) -> str:
        return "f16" if self._inside.dtype == np.float16 else "f32"

    def _eager(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if self._program is None:
            raise BackendError(f"{self._name} is closed")
        kind = torch.float16 if self._precision == "f16" else pictures.dtype
        return self._program(pictures.to(self._device, kind))

    def _graph(self, shape: tuple[int, ...]) -> "_HostFed":
        if shape in self._graphs:
            self._graphs.move_to_end(shape)
            return self._graphs[shape]
        if self._program is None:
            raise BackendError(f"{self._name} is closed")
        if len(self._graphs) == KEPT_SHAPES:
            self._graphs.popitem(last=False)
        kind = torch.float16 if self._precision == "f16" else torch.from_numpy(np.empty(0, self._inside.dtype)).dtype
        self._graphs[shape] = _HostFed(self._program, shape, kind, self._device)
        return self._graphs[shape]


class TorchDevice:
    """`DeviceNetwork` in PyTorch, a CUDA graph of its own for each size and number of pictures.

    Args:
        half: The fp16 form of the network.
        options: `gpu` is used.
        device: Where to compute; None takes the GPU of the options. On the processor there are no streams: `enqueue`
            computes at once.

    Raises:
        BackendError: PyTorch sees no such GPU, or the network is not half in and out.
    """

    is_recordable = False  # PyTorch launches what it recorded itself, and a graph is launched by no other graph

    def __init__(self, half: Path, options: BackendOptions, device: str | None = None) -> None:
        self._device = torch.device(device or _gpu(options.gpu or 0))
        proto = read_model(half)
        ports = [_port(value) for value in (*proto.graph.input, *proto.graph.output)]
        if any(port.dtype != np.float16 for port in ports) or ports[0].shape[1] != _CHANNELS:
            raise BackendError(f"{half.name} does not take and give NCHW pictures in half")
        self._name = half.name
        with _failures_of(half.name):
            self._program: OnnxProgram | None = OnnxProgram(proto, self._device)
        self.max_batch = ports[0].shape[0] or DEVICE_BATCH
        self.info = BackendInfo(NAME, torch.__version__, _device_name(self._device), "f16")
        self._graphs: dict[tuple[int, ...], _Graph] = {}
        self._bound: tuple[torch.Tensor, torch.Tensor] | None = None
        self._binding: tuple[int, ...] = ()

    def bind(self, input_address: int, output_address: int, *, batch: int, size_px: int) -> None:
        """See `DeviceNetwork.bind`."""
        if self._program is None:
            raise BackendError(f"{self._name} is closed")
        binding = (input_address, output_address, batch, size_px)
        if binding == self._binding:
            return
        shape = (batch, _CHANNELS, size_px, size_px)
        with _failures_of(self._name), torch.inference_mode():
            if self._device.type == "cuda" and shape not in self._graphs:
                self._graphs[shape] = _Graph(self._program, shape, torch.float16, self._device)
            self._bound = _at(input_address, shape, self._device), _at(output_address, shape, self._device)
        self._binding = binding

    def enqueue(self, stream_handle: int) -> None:
        """See `DeviceNetwork.enqueue`."""
        if self._bound is None or self._program is None:
            raise BackendError("nothing is bound")
        given, drawn = self._bound
        with _failures_of(self._name), torch.inference_mode():
            if self._device.type != "cuda":
                drawn.copy_(self._program(given)[0])
                return
            stream = torch.cuda.ExternalStream(stream_handle, self._device)
            with torch.cuda.device(self._device), torch.cuda.stream(stream):
                graph = self._graphs[tuple(given.shape)]
                graph.input.copy_(given)
                graph.replay()
                drawn.copy_(graph.results[0])

    def end(self) -> None:
        """See `DeviceNetwork.end`; what is recorded here takes no longer than a few runs."""

    def close(self) -> None:
        """See `DeviceNetwork.close`."""
        self._bound, self._program, self._binding = None, None, ()
        self._graphs.clear()


class _Graph:
    """A network recorded for one shape; its input, its results and all between stay where they are."""

    def __init__(self, program: OnnxProgram, shape: tuple[int, ...], kind: torch.dtype, device: torch.device) -> None:
        with _one_at_a_time, torch.cuda.device(device):
            self.input = torch.zeros(shape, dtype=kind, device=device)
            if len(shape) == 4:
                self.input = self.input.to(memory_format=torch.channels_last)
            stream = torch.cuda.Stream(device)
            stream.wait_stream(torch.cuda.current_stream(device))
            with torch.cuda.stream(stream):
                for _ in range(WARM_UPS):
                    program(self.input)
            stream.synchronize()
            self._graph = torch.cuda.CUDAGraph()
            # Only this thread is held to what can be recorded: others may allocate meanwhile.
            with torch.cuda.graph(self._graph, stream=stream, capture_error_mode="thread_local"):
                self.results = program(self.input)

    def replay(self) -> None:
        """Queues the network on the current stream; the results are overwritten."""
        self._graph.replay()


class _HostFed:
    """A recorded network with a way up to it; its results are overwritten by the next call."""

    def __init__(self, program: OnnxProgram, shape: tuple[int, ...], kind: torch.dtype, device: torch.device) -> None:
        self._device = device
        self._graph = _Graph(program, shape, kind, device)
        with torch.cuda.device(device):  # else memory is pinned through the first GPU, which wakes that, too
            self._pinned = torch.empty(shape, dtype=kind, pin_memory=True)
        self._stream = torch.cuda.Stream(device)

    def __call__(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self._pinned.copy_(pictures)
        with torch.cuda.device(self._device), torch.cuda.stream(self._stream):
            self._graph.input.copy_(self._pinned, non_blocking=True)
            self._graph.replay()
        self._stream.synchronize()
        return self._graph.results


@dataclass(frozen=True, slots=True)
class _Address:
    """Memory on a GPU that somebody else keeps, as PyTorch wants it described."""

    address: int
    shape: tuple[int, ...]

    @property
    def __cuda_array_interface__(self) -> dict[str, object]:
        return {"data": (self.address, False), "typestr": "<f2", "shape": self.shape, "strides": None, "version": 3}


def _at(address: int, shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Half numbers that lie at an address, as a tensor that does not own them."""
    if device.type == "cuda":
        return torch.as_tensor(_Address(address, shape), device=device)
    return torch.from_numpy(view(address, _HALF_BYTES * prod(shape), np.float16, shape, owner=None))


@contextmanager
def _failures_of(network: str) -> Generator[None]:
    """Turns PyTorch's failures into those of a backend."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise DeviceMemoryError("torch: the memory of the GPU is full", hint=_SMALLER) from error
    except RuntimeError as error:
        raise BackendError(f"torch failed on {network}: {str(error).splitlines()[0]}") from error


def probe(gpu: int = 0) -> BackendStatus:
    """What PyTorch can do here."""
    return BackendStatus(NAME, True, torch.__version__, _device_name(torch.device(_gpu(gpu))), ("f32", "f16"))


def _gpu(index: int) -> str:
    if not torch.cuda.is_available():
        has_cuda = torch.version.cuda is not None
        why = "sees no NVIDIA GPU" if has_cuda else "was built without CUDA"
        hint = "use --backend openvino or onnxruntime" if has_cuda else "install PyTorch's build for CUDA"
        raise BackendError(f"PyTorch {torch.__version__} {why}", hint=hint)
    count = torch.cuda.device_count()
    if index >= count:
        raise BackendError(f"no GPU {index}: PyTorch sees {count}", hint="choose one with --gpu")
    return f"cuda:{index}"


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _port(value: ValueInfoProto) -> Port:
    tensor = value.type.tensor_type
    shape = tuple(dimension.dim_value or None for dimension in tensor.shape.dim)
    return Port(value.name, shape, np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type)))


def _outside(port: Port) -> Port:
    return Port(port.name, port.shape, np.dtype(np.float32) if port.dtype == np.float16 else port.dtype)


def _float(kind: torch.dtype) -> torch.dtype:
    return torch.float32 if kind == torch.float16 else kind
