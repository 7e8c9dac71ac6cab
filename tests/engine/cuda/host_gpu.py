"""A GPU on the host: memory is the host's, kernels are the same source as C++, and streams are lists of what is to do.

Nothing queued is done before somebody waits for it. Then the work of all streams is done in an order that the events
allow and a seed chooses, so that a missing event shows as a wrong picture.
"""

import ctypes
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np

from animecam.cuda.base import WAIT_SECONDS, Grid, view
from animecam.cuda.dlpack import HOST, Rows
from animecam.errors import BackendError, DeviceMemoryError

SHIM = Path(__file__).with_name("host_device.cuh")
GUARD, FREED = 0x5C, 0xAA  # what lies behind memory, and in it once it was given back
FLAGS = ("-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-shared", "-fPIC")


def until(condition) -> None:
    """Waits for what another thread does."""
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s, "it never came true"
        time.sleep(0.005)


def find_compiler() -> str | None:
    return shutil.which("g++")


def compile_for_host(source: str, folder: Path, *flags: str) -> ctypes.CDLL:
    """The kernels as a library with one `launch_NAME(blocks, threads, addresses)` each."""
    names = re.findall(r'extern "C" __global__ void (\w+)\(', source)
    launchers = [
        f'extern "C" void launch_{name}(const int* b, const int* t, void* const* a) {{ launch({name}, b, t, a); }}'
        for name in names
    ]
    sizes = [
        f'extern "C" std::size_t size_of_{name}() {{ return sizeof({name}); }}' for name in ("Job", "Face", "Light")
    ]
    text = folder / "kernels.cpp"
    text.write_text("\n".join((source, *launchers, *sizes)), encoding="utf-8")
    library = folder / "kernels.so"
    subprocess.run([find_compiler(), *FLAGS, *flags, str(text), "-o", str(library)], check=True, timeout=120)
    return ctypes.CDLL(str(library))


class HostMemory:
    """Memory of either kind."""

    def __init__(self, gpu: "HostGpu", nbytes: int) -> None:
        self._gpu = gpu
        self._block = np.zeros(nbytes + 2 * 256, np.uint8)
        self.address = -(-self._block.ctypes.data // 256) * 256
        self.nbytes = nbytes
        self._behind = self._block[self.address - self._block.ctypes.data + nbytes :]
        self._behind[:] = GUARD
        self._is_open = True
        gpu.taken += 1
        gpu.allocations += 1

    def array(self, dtype, shape: Sequence[int]):
        return view(self.address, self.nbytes, dtype, shape, self)

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._gpu.taken -= 1
            assert (self._behind == GUARD).all(), "something was written behind this memory"
            self._block[:] = FREED


class HostEvent:
    def __init__(self, gpu: "HostGpu") -> None:
        self._gpu = gpu
        self.handle = gpu.register(self)
        self.recorded = self.reached = 0
        gpu.taken += 1
        self._is_open = True

    def is_done(self) -> bool:
        return self.reached >= self.recorded

    def wait(self, timeout_s: float = WAIT_SECONDS) -> None:
        assert self._is_open, "the event was freed"
        self._gpu.waits += not self.is_done()
        self._gpu.work_until(self.is_done)

    def since_ms(self, earlier: "HostEvent") -> float:
        return 1.0

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._gpu.taken -= 1


@dataclass
class HostKernel:
    name: str
    handle: int
    run: Callable


@dataclass
class Operation:
    """One entry of a stream: what it is, what it does, and whether it may be done yet."""

    name: str
    do: Callable[[], None]
    may: Callable[[], bool] = field(default=lambda: True)


@dataclass
class HostGraph:
    handle: int
    operations: list[Operation]

    def close(self) -> None:
        self.operations = []


class HostStream:
    def __init__(self, gpu: "HostGpu") -> None:
        self._gpu = gpu
        self.handle = gpu.register(self)
        self.queued: list[Operation] = []
        self._captured: list[Operation] | None = None

    def queue(self, name: str, do: Callable[[], None], may: Callable[[], bool] = lambda: True) -> None:
        operation = Operation(name, do, may)
        if self._captured is not None:
            self._captured.append(operation)
        else:
            self.queued.append(operation)

    def copy_in(self, buffer, pinned, nbytes: int, *, start: int = 0) -> None:
        assert start + nbytes <= min(buffer.nbytes, pinned.nbytes)
        self.queue("copy_in", lambda: ctypes.memmove(buffer.address + start, pinned.address + start, nbytes))

    def copy_out(self, pinned, buffer, nbytes: int) -> None:
        assert nbytes <= min(buffer.nbytes, pinned.nbytes)
        self.queue("copy_out", lambda: ctypes.memmove(pinned.address, buffer.address, nbytes))

    def copy_rows(self, to: Rows, source: Rows) -> None:
        assert (to.width, to.height) == (source.width, source.height)
        assert min(to.pitch, source.pitch) >= to.width

        def copy() -> None:
            for row in range(to.height):
                ctypes.memmove(to.address + row * to.pitch, source.address + row * source.pitch, to.width)

        self.queue("copy_rows", copy)

    def launch(self, kernel: HostKernel, grid: Grid, addresses: Sequence[int]) -> None:
        blocks, threads = (ctypes.c_int * 3)(*grid.blocks), (ctypes.c_int * 3)(*grid.threads)
        pointers = (ctypes.c_void_p * len(addresses))(*addresses)
        self.queue(kernel.name, lambda: kernel.run(blocks, threads, pointers))

    def capture(self, work: Callable[[], None]) -> HostGraph:
        self._captured = []
        try:
            work()
            return HostGraph(self._gpu.register(self), self._captured)
        finally:
            self._captured = None

    def replay(self, graph: HostGraph) -> None:
        assert graph.operations, "the graph was closed"
        self._gpu.replays += 1
        self.queued += graph.operations

    def record(self, event: HostEvent) -> None:
        event.recorded += 1
        number = event.recorded
        self.queue("record", lambda: setattr(event, "reached", number))

    def wait(self, event: HostEvent) -> None:
        number = event.recorded
        if not self._gpu.ignores_events:
            self.queue("wait", lambda: None, lambda: event.reached >= number)

    def synchronize(self, timeout_s: float = WAIT_SECONDS) -> None:
        self._gpu.waits += bool(self.queued)
        self._gpu.work_until(lambda: not self.queued)

    def close(self) -> None:
        self.queued = []


class HostGpu:
    """Implements `animecam.cuda.base.Gpu`.

    Args:
        folder: Where kernels are compiled.
        library: Kernels that are compiled already.
        seed: Chooses the order in which streams get on.
        memory: Buffers and events that fit at a time.
    """

    name = "host"
    compute_capability = (0, 0)
    shared_as = HOST

    def __init__(self, folder: Path, library=None, *, seed: int = 0, memory: int = 10**6):
        self._folder, self._library = folder, library
        self._random = Random(seed)
        self._working = threading.Lock()
        self.ignores_events = False  # streams do not wait for one another: what a test must notice
        self.streams: list[HostStream] = []
        self.objects: list[object] = []
        self.done: list[tuple[int, str]] = []
        self.allocations = self.taken = self.waits = self.replays = 0
        self.memory = memory
        self.is_closed = self.admits_others = False

    def register(self, thing: object) -> int:
        self.objects.append(thing)
        return len(self.objects)

    def use(self) -> None:
        assert not self.is_closed

    def buffer(self, nbytes: int) -> HostMemory:
        if self.taken >= self.memory:
            raise DeviceMemoryError("the memory of the GPU is full")
        return HostMemory(self, nbytes)

    pinned = buffer

    def stream(self) -> HostStream:
        stream = HostStream(self)
        self.streams.append(stream)
        return stream

    def event(self, *, is_timed: bool = False) -> HostEvent:
        return HostEvent(self)

    def admit_others(self) -> None:
        self.admits_others = True

    def mark_others(self, event: HostEvent) -> None:
        event.recorded += 1  # decoders of the host are done when they return
        event.reached = event.recorded

    def kernels(self, source: str, names: Sequence[str]) -> dict[str, HostKernel]:
        if self._library is None:
            raise BackendError("no kernels were compiled")
        return {
            name: HostKernel(name, index, getattr(self._library, f"launch_{name}")) for index, name in enumerate(names)
        }

    def free_bytes(self) -> int:
        return 1 << 40

    def close(self) -> None:
        self.is_closed = True

    def work_until(self, is_over: Callable[[], bool]) -> None:
        """Does queued work, stream by stream as the seed has it, until a condition holds."""
        with self._working:
            self._work_until(is_over)

    def _work_until(self, is_over: Callable[[], bool]) -> None:
        while not is_over():
            ready = [stream for stream in self.streams if stream.queued and stream.queued[0].may()]
            assert ready, "everything waits for everything"
            stream = self._random.choice(ready)
            for _ in range(self._random.randint(1, 4)):
                if not stream.queued or not stream.queued[0].may():
                    break
                operation = stream.queued.pop(0)
                operation.do()
                self.done.append((self.streams.index(stream), operation.name))
