"""One shape of a network, ready to be run again and again: as a CUDA graph on a GPU, as it is on the processor."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch is typed in part only.

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from animecam.cuda.base import view
from animecam.cuda.garbage import garbage_kept
from animecam.cuda.turns import gpu_turn
from animecam.cuda.waiting import wait_until
from animecam.errors import BackendError, DeviceMemoryError

WARM_UPS = 3  # runs before a graph is captured: libraries choose their algorithms and allocate in them
WARM_UP_SECONDS = 60.0  # longest wait for them: whole frames in float32 on a small GPU take seconds

_HALF_BYTES = 2
_SMALLER = "use a smaller size (`size_px`), or end other programs on this GPU"

_DRIVER_IS_FULL = "CUDA error: out of memory"
"""PyTorch's words where the driver has no memory for it: for pinned memory, a graph or a library's own."""

Compute = Callable[[Tensor], tuple[Tensor, ...]]
"""From all pictures to all outputs; waits for nothing."""


class Run(Protocol):
    """Memory for one shape of a network, and what computes it there.

    Attributes:
        input: What the next run reads.
        results: What the last one wrote; the next one may write elsewhere on the processor.
    """

    input: Tensor
    results: tuple[Tensor, ...]

    def __call__(self) -> None:
        """Queues the network on the current stream; if that is recording, the network becomes a part of it."""
        ...


class PlainRun:
    """`Run` on the processor."""

    def __init__(self, compute: Compute, shape: tuple[int, ...], kind: torch.dtype) -> None:
        self.input, self.results = torch.zeros(shape, dtype=kind), ()
        self._compute = compute

    def __call__(self) -> None:
        """As `Run`, at once."""
        self.results = self._compute(self.input)


class Recorder:
    """Makes CUDA graphs that share the memory for what lies between input and results: no two may run at a time.

    Args:
        device: The GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream(device)  # one for all: memory is used again on the stream that had it only

    def record(self, compute: Compute, shape: tuple[int, ...], kind: torch.dtype) -> "RecordedRun":
        """A network as a graph.

        Args:
            compute: Run a few times before, in which it may load and allocate what it likes.
            shape: Of all pictures.
            kind: Of the pictures.
        """
        # PyTorch waits for the whole GPU before it captures a graph, which spoils what another thread is recording.
        with gpu_turn(_never), torch.cuda.device(self.device), measuring():
            pictures = blank(shape, kind, self.device)
            self._stream.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(self._stream):
                for _ in range(WARM_UPS):
                    compute(pictures)
            wait_until(self._stream.query, WARM_UP_SECONDS)
            graph = torch.cuda.CUDAGraph(keep_graph=True)  # kept, to be a part of other graphs
            # Only this thread is held to what can be recorded: others may allocate meanwhile.
            recording = torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local")
            with garbage_kept(), recording:
                results = compute(pictures)
            graph.instantiate()
        return RecordedRun(graph, pictures, results, compute)


def _never() -> bool:
    """A graph that is asked for is wanted until it is there."""
    return False


class RecordedRun:
    """`Run` on a GPU; its input, its results and all between stay where they are.

    Args:
        graph: Instantiated; its record is kept.
        pictures: What it reads.
        results: What it writes.
        compute: Kept, with the weights and the kernels that the graph names.
    """

    def __init__(self, graph: Any, pictures: Tensor, results: tuple[Tensor, ...], compute: Compute) -> None:
        self.input, self.results = pictures, results
        self._graph, self._compute = graph, compute

    def __call__(self) -> None:
        """As `Run`."""
        if not torch.cuda.is_current_stream_capturing():
            self._graph.replay()
            return
        from animecam.cuda.streams import embed  # needs the driver

        embed(torch.cuda.current_stream().cuda_stream, self._graph.raw_cuda_graph())


def blank(shape: tuple[int, ...], kind: torch.dtype, device: torch.device) -> Tensor:
    """Pictures of zeros, laid out as convolutions like them."""
    pictures = torch.zeros(shape, dtype=kind, device=device)
    return pictures.to(memory_format=torch.channels_last) if len(shape) == 4 and device.type == "cuda" else pictures


class _Measuring:
    """The setting is one for all threads: whoever comes first makes it, and whoever leaves last takes it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._before = False

    def begin(self) -> None:
        with self._lock:
            if self._count == 0:
                self._before = torch.backends.cudnn.benchmark
            self._count += 1
            torch.backends.cudnn.benchmark = True

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0:
                torch.backends.cudnn.benchmark = self._before


_measuring = _Measuring()


@contextmanager
def measuring() -> Generator[None]:
    """Lets cuDNN try its algorithms for a convolution that it has not met, for the length of the block.

    By rule of thumb it takes some for half that are ten times slower. What was measured belongs to this thread.
    """
    _measuring.begin()
    try:
        yield
    finally:
        _measuring.end()


@dataclass(frozen=True, slots=True)
class _Address:
    """Memory on a GPU that somebody else keeps, as PyTorch wants it described."""

    address: int
    shape: tuple[int, ...]

    @property
    def __cuda_array_interface__(self) -> dict[str, object]:
        return {"data": (self.address, False), "typestr": "<f2", "shape": self.shape, "strides": None, "version": 3}


def half_at(address: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Half numbers that lie at an address, as a tensor that does not own them."""
    if device.type == "cuda":
        return torch.as_tensor(_Address(address, shape), device=device)
    return torch.from_numpy(view(address, _HALF_BYTES * prod(shape), np.float16, shape, owner=None))


@contextmanager
def failures_of(network: str) -> Generator[None]:
    """Turns PyTorch's failures into those of a backend."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise DeviceMemoryError("torch: the memory of the GPU is full", hint=_SMALLER) from error
    except RuntimeError as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if _DRIVER_IS_FULL in reason:
            raise DeviceMemoryError("torch: the memory of the GPU is full", hint=_SMALLER) from error
        raise BackendError(f"torch failed on {network}: {reason}") from error
