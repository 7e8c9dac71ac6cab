"""What the frame path asks of a GPU. `gpu.open_gpu` gives the real one; tests give one that computes on the host.

Addresses and handles are plain integers, as the driver, TensorRT and PyTorch take them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from animecam.cuda.dlpack import Rows

WAIT_SECONDS = 5.0
"""Longest wait for work on a GPU; a frame takes milliseconds, so one that takes this long has failed."""


class DeviceBuffer(Protocol):
    """Memory on the GPU; whoever asked for it closes it."""

    address: int
    nbytes: int

    def close(self) -> None:
        """Frees it; may be called twice."""
        ...


class PinnedBuffer(Protocol):
    """Memory of the host that the GPU reads and writes by itself; whoever asked for it closes it."""

    address: int
    nbytes: int

    def array(self, dtype: DTypeLike, shape: Sequence[int]) -> NDArray[Any]:
        """A view of its beginning; not to be used after `close`.

        Raises:
            ValueError: It is smaller than that.
        """
        ...

    def close(self) -> None:
        """Frees it; may be called twice."""
        ...


class Event(Protocol):
    """A mark in a stream: done when all work before it is."""

    handle: int

    def is_done(self) -> bool:
        """Whether everything before its last record has been done.

        Raises:
            BackendError: Something on the GPU failed.
        """
        ...

    def wait(self, timeout_s: float = WAIT_SECONDS) -> None:
        """Waits until it is done.

        Raises:
            BackendError: Something on the GPU failed, or the time is over.
        """
        ...

    def since_ms(self, earlier: "Event") -> float:
        """Time on the GPU between two timed events that are both done."""
        ...

    def close(self) -> None:
        """Frees it; may be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Grid:
    """How many threads a launch has: blocks across and down and deep, and threads a block."""

    blocks: tuple[int, int, int]
    threads: tuple[int, int, int]


class Kernel(Protocol):
    """A function that runs on the GPU; belongs to the GPU that loaded it."""

    @property
    def name(self) -> str:
        """As in the source."""
        ...

    @property
    def handle(self) -> int:
        """As the driver knows it."""
        ...


class Graph(Protocol):
    """Recorded work that is launched as one; whoever captured it closes it."""

    handle: int

    def close(self) -> None:
        """Frees it; may be called twice."""
        ...


class Stream(Protocol):
    """A queue of work on the GPU, in order; used by one thread at a time, closed with its GPU or before."""

    handle: int

    def copy_in(self, buffer: DeviceBuffer, pinned: PinnedBuffer, nbytes: int, *, start: int = 0) -> None:
        """Queues a copy of the first bytes from the host, or of as many from `start` on, to the same place."""
        ...

    def copy_out(self, pinned: PinnedBuffer, buffer: DeviceBuffer, nbytes: int) -> None:
        """Queues a copy of the first bytes to the host."""
        ...

    def copy_rows(self, to: Rows, source: Rows) -> None:
        """Queues a copy of rows of bytes from one place on the GPU to another, of the same width and height."""
        ...

    def launch(self, kernel: Kernel, grid: Grid, addresses: Sequence[int]) -> None:
        """Queues a kernel.

        Args:
            kernel: All its parameters are pointers.
            grid: How many threads.
            addresses: What the pointers point to, in the order of the parameters.
        """
        ...

    def capture(self, work: Callable[[], None]) -> Graph:
        """Records what `work` queues on this stream, without doing it.

        Raises:
            BackendError: Something in it cannot be recorded: a wait, an allocation, a copy from ordinary memory.
        """
        ...

    def replay(self, graph: Graph) -> None:
        """Queues recorded work."""
        ...

    def record(self, event: Event) -> None:
        """Moves an event to the end of what is queued so far."""
        ...

    def wait(self, event: Event) -> None:
        """Lets what is queued from now on wait for an event; the host does not."""
        ...

    def synchronize(self, timeout_s: float = WAIT_SECONDS) -> None:
        """Waits until everything queued is done.

        Raises:
            BackendError: Something on the GPU failed, or the time is over.
        """
        ...

    def close(self) -> None:
        """Frees it; may be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """What the driver tells of a GPU that nobody has opened.

    Attributes:
        name: As its maker calls it.
        compute_capability: Major and minor, for instance (8, 9).
    """

    name: str
    compute_capability: tuple[int, int]


class Gpu(Protocol):
    """A GPU with its context; whoever opened it closes it, after everything that was made with it.

    Attributes:
        name: As its maker calls it.
        compute_capability: Major and minor, for instance (8, 9).
        shared_as: Kind and index of its memory, as DLPack counts devices.
    """

    name: str
    compute_capability: tuple[int, int]
    shared_as: tuple[int, int]

    def use(self) -> None:
        """Makes it the GPU of the calling thread; every thread calls this once before it does anything with it.

        And again after a `DeviceNetwork` or a `Backend` was called: PyTorch goes back to the device that it takes for
        the thread's own, which may be one that it remembers.

        What is called by others' threads does that within `current.context_kept`.
        """
        ...

    def buffer(self, nbytes: int) -> DeviceBuffer:
        """Memory on the GPU, zeroed.

        Raises:
            DeviceMemoryError: There is not so much left.
        """
        ...

    def pinned(self, nbytes: int) -> PinnedBuffer:
        """Memory of the host that the GPU can reach.

        Raises:
            HostMemoryError: There is not so much left.
        """
        ...

    def stream(self) -> Stream:
        """A new queue, which waits for no other one."""
        ...

    def event(self, *, is_timed: bool = False) -> Event:
        """A new event; it counts as done until it is recorded."""
        ...

    def admit_others(self) -> None:
        """Lets libraries share its context that ask for a certain way of waiting: FFmpeg refuses any other."""
        ...

    def mark_others(self, event: Event) -> None:
        """Moves an event to the end of what other libraries have queued so far, FFmpeg's decoder among them."""
        ...

    def kernels(self, source: str, names: Sequence[str]) -> dict[str, Kernel]:
        """Compiles kernels for this GPU, or takes them from the cache.

        Args:
            source: CUDA C++ with everything it needs.
            names: Of the `extern "C"` functions in it.

        Raises:
            BackendError: They do not compile, or the compiler is not installed.
        """
        ...

    def free_bytes(self) -> int:
        """Memory on the GPU that nobody has taken."""
        ...

    def close(self) -> None:
        """Releases the context; may be called twice."""
        ...


def view(address: int, nbytes: int, dtype: DTypeLike, shape: Sequence[int], owner: object) -> NDArray[Any]:
    """Memory of the host as an array that keeps its owner alive.

    Raises:
        ValueError: It is smaller than that.
    """
    kind = np.dtype(dtype)
    if int(np.prod(shape)) * kind.itemsize > nbytes:
        raise ValueError(f"{nbytes} bytes hold no {kind} of shape {tuple(shape)}")
    return np.asarray(_Memory(address, kind, tuple(shape), owner))


class _Memory:
    """What numpy needs to know of memory that it did not allocate."""

    def __init__(self, address: int, dtype: np.dtype[Any], shape: tuple[int, ...], owner: object) -> None:
        self._owner = owner
        self.__array_interface__ = {"data": (address, False), "typestr": dtype.str, "shape": shape, "version": 3}
