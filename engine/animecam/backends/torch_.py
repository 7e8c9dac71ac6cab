"""PyTorch on an NVIDIA GPU: half, channels last, a CUDA graph for each shape, compiled where that goes.

It runs the style's ONNX file, fed from the host or between two steps on the GPU. For where neither TensorRT is
installed or knows the GPU, and to compare. This module and the others called `torch_*` alone import torch.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch is typed in part only.

from pathlib import Path

import numpy as np
import torch
from onnx import ValueInfoProto, helper
from torch import Tensor as TorchTensor

from animecam.backends.base import BackendInfo, BackendOptions, Port, Tensor
from animecam.backends.ports import batch_limit, check_batch, only_input
from animecam.backends.status import BackendStatus
from animecam.backends.torch_compiler import Compiler, problem_with_compiling
from animecam.backends.torch_network import NAME, TorchNetwork
from animecam.backends.torch_ops import read_model
from animecam.backends.torch_runs import Run, failures_of, half_at
from animecam.cuda.base import WAIT_SECONDS
from animecam.cuda.waiting import wait_until
from animecam.errors import ON_PROCESSOR, BackendError

DEVICE_BATCH = 4
"""Pictures that a network between two steps on the GPU takes at a time, as engines do."""

_CHANNELS = 3


class TorchBackend:
    """One network in PyTorch.

    Args:
        model: The network, in fp32 as a rule; outside, numbers are as it has them.
        half: Its fp16 form; None runs it as it is.
        options: `gpu`, `cache_dir` and `allow_compiling` are used.
        device: Where to compute; None takes the GPU of the options.
        compiler: Compiles it for shapes that are drawn more than once; None: a process of its own, on GPUs only.
        worth: Times that a shape is drawn before it is compiled: where the GPU has frames, whoever draws there takes
            over from this, and a second compiled form would only take its memory.

    Attributes:
        info: Of what drew last.

    Raises:
        BackendError: PyTorch sees no such GPU, or the network has an operator that only other runtimes know.
    """

    def __init__(
        self,
        model: Path,
        half: Path | None,
        options: BackendOptions,
        device: str | None = None,
        compiler: Compiler | None = None,
        *,
        worth: int = 1,
    ) -> None:
        self._device = torch.device(device or cuda_device(options.gpu or 0))
        path = half or model
        proto = read_model(path)
        only_input([value.name for value in proto.graph.input], path.name)
        self._name = path.name
        inside = _port(proto.graph.input[0])
        self._kind = _kind(inside)
        self._network = TorchNetwork(path, proto, self._device, self._kind, options, compiler, worth=worth)
        ports = [_port(value) for value in (*proto.graph.input, *proto.graph.output)]
        self.input, *outputs = (port if half is None else port.in_single() for port in ports)
        self.outputs = tuple(outputs)
        self._kinds = [_kind(port) for port in outputs]
        self.max_batch = batch_limit(self.input)
        self.info: BackendInfo = self._network.info(())
        self._feeder = _Feeder(self._device, self._kind) if self._device.type == "cuda" else None

    def run(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Computes the network; see `Backend.run`. The first batch of a shape captures its graph."""
        check_batch(batch, self.input, self._name)
        shape, given = batch.shape, torch.from_numpy(batch)
        run = self._network.run(shape)
        self.info = self._network.info(shape)
        with failures_of(self._name), torch.inference_mode():
            if self._feeder is None:
                run.input.copy_(given)
                run()
            else:
                self._feeder(run, given)
            results = zip(run.results, self._kinds, strict=True)
            drawn = tuple(result.to("cpu", kind).numpy() for result, kind in results)
        self._network.note_drawn(shape)
        return drawn

    @property
    def is_settled(self) -> bool:
        """Whether what drew last will go on drawing: nothing is being compiled."""
        return self._network.is_settled

    def close(self) -> None:
        """Frees the network; may be called twice."""
        self._network.close()
        self._feeder = None


class TorchDevice:
    """`DeviceNetwork` in PyTorch, a CUDA graph of its own for each size and number of pictures.

    The caller may record it: PyTorch's graph becomes a part of the caller's, and PyTorch itself takes no part in that.

    Args:
        half: The fp16 form of the network.
        options: `gpu`, `cache_dir` and `allow_compiling` are used.
        device: Where to compute; None takes the GPU of the options. On the processor there are no streams: `enqueue`
            computes at once.
        compiler: Compiles it for shapes that are drawn more than once; None: a process of its own, on GPUs only.

    Raises:
        BackendError: PyTorch sees no such GPU, or the network is not half in and out.
    """

    def __init__(
        self, half: Path, options: BackendOptions, device: str | None = None, compiler: Compiler | None = None
    ) -> None:
        self._device = torch.device(device or cuda_device(options.gpu or 0))
        proto = read_model(half)
        ports = [_port(value) for value in (*proto.graph.input, *proto.graph.output)]
        if any(port.dtype != np.float16 for port in ports) or ports[0].shape[1] != _CHANNELS:
            raise BackendError(f"{half.name} does not take and give NCHW pictures in half")
        self._name = half.name
        self._network = TorchNetwork(half, proto, self._device, torch.float16, options, compiler, most_shapes=None)
        self.is_recordable = self._device.type == "cuda"
        self.max_batch = ports[0].shape[0] or DEVICE_BATCH
        self._addresses = (0, 0)
        self._bound: dict[tuple[int, ...], tuple[TorchTensor, TorchTensor]] = {}  # by shape, what lies there
        self._shape: tuple[int, ...] = ()

    @property
    def info(self) -> BackendInfo:
        """See `DeviceNetwork.info`; of what draws the shape that is bound."""
        return self._network.info(self._shape)

    @property
    def is_settled(self) -> bool:
        """Whether what draws now will go on drawing: nothing is being compiled."""
        return self._network.is_settled

    def bind(self, input_address: int, output_address: int, *, batch: int, size_px: int) -> None:
        """See `DeviceNetwork.bind`."""
        shape = (batch, _CHANNELS, size_px, size_px)
        self._network.run(shape)  # made ready, if it is not
        if self._addresses != (input_address, output_address):
            self._bound.clear()
            self._addresses = (input_address, output_address)
        if shape not in self._bound:
            with failures_of(self._name):
                given, drawn = (half_at(address, shape, self._device) for address in self._addresses)
            self._bound[shape] = given, drawn
        self._shape = shape

    def enqueue(self, stream_handle: int) -> None:
        """See `DeviceNetwork.enqueue`."""
        if self._shape not in self._bound:
            raise BackendError("nothing is bound")
        given, drawn = self._bound[self._shape]
        run = self._network.run(tuple(given.shape))
        with failures_of(self._name), torch.inference_mode():
            if self._device.type != "cuda":
                _draw(run, given, drawn)
            else:
                stream = torch.cuda.ExternalStream(stream_handle, self._device)
                with torch.cuda.device(self._device), torch.cuda.stream(stream):
                    _draw(run, given, drawn)
        self._network.note_drawn(tuple(given.shape))

    def end(self) -> None:
        """See `DeviceNetwork.end`; what is recorded here takes no longer than a few runs."""
        self._network.end()

    def close(self) -> None:
        """See `DeviceNetwork.close`."""
        self._bound.clear()
        self._addresses, self._shape = (0, 0), ()
        self._network.close()


def _draw(run: Run, given: TorchTensor, drawn: TorchTensor) -> None:
    run.input.copy_(given)
    run()
    drawn.copy_(run.results[0])


class _Feeder:
    """The way of pictures from the host to a GPU, and through a network there."""

    def __init__(self, device: torch.device, kind: torch.dtype) -> None:
        self._device, self._kind = device, kind
        self._stream = torch.cuda.Stream(device)
        self._pinned = torch.empty(0, dtype=kind)

    def __call__(self, run: Run, pictures: TorchTensor) -> None:
        """Computes and waits; the results are overwritten by the next run.

        Raises:
            BackendError: The GPU does not answer in time.
        """
        with torch.cuda.device(self._device):  # else memory is pinned through the first GPU, which wakes that, too
            if self._pinned.numel() < pictures.numel():
                self._pinned = torch.empty(pictures.numel(), dtype=self._kind, pin_memory=True)
            pinned = self._pinned[: pictures.numel()].view(pictures.shape)
            pinned.copy_(pictures)
            with torch.cuda.stream(self._stream):
                run.input.copy_(pinned, non_blocking=True)
                run()
            wait_until(self._stream.query, WAIT_SECONDS)


def probe(gpu: int = 0) -> BackendStatus:
    """What PyTorch can do here."""
    device = torch.device(cuda_device(gpu))
    problem = problem_with_compiling(device)
    precisions = ("f32", "f16")
    name = torch.cuda.get_device_name(device)
    compiles = f"not compiled: {problem}" if problem else "compiled while others draw"
    return BackendStatus(NAME, True, torch.__version__, f"{name}, {compiles}", precisions)


def cuda_device(index: int) -> str:
    """A GPU as PyTorch calls it.

    Raises:
        BackendError: PyTorch sees no such GPU.
    """
    if not torch.cuda.is_available():
        has_cuda = torch.version.cuda is not None
        why = "sees no NVIDIA GPU" if has_cuda else "was built without CUDA"
        hint = ON_PROCESSOR if has_cuda else "install PyTorch's build for CUDA"
        raise BackendError(f"PyTorch {torch.__version__} {why}", hint=hint)
    count = torch.cuda.device_count()
    if index >= count:
        raise BackendError(f"no GPU {index}: PyTorch sees {count}", hint="choose one with `gpu`")
    return f"cuda:{index}"


def _port(value: ValueInfoProto) -> Port:
    tensor = value.type.tensor_type
    shape = tuple(dimension.dim_value or None for dimension in tensor.shape.dim)
    return Port(value.name, shape, np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type)))


def _kind(port: Port) -> torch.dtype:
    return torch.from_numpy(np.empty(0, port.dtype)).dtype
