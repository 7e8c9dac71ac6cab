"""Streams of a real GPU, and the graphs that are captured on them."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# cuda.bindings ships no type information.

import ctypes
from collections.abc import Callable, Sequence

from cuda.bindings import driver

from animecam.cuda.base import WAIT_SECONDS, DeviceBuffer, Event, Graph, Grid, Kernel, PinnedBuffer
from animecam.cuda.dlpack import Rows
from animecam.cuda.driver import check, give_back
from animecam.cuda.events import CudaEvent
from animecam.cuda.garbage import garbage_kept
from animecam.errors import BackendError


class CudaGraph:
    """`Graph`: recorded work, made ready to be launched."""

    def __init__(self, recorded: object) -> None:
        try:
            self.handle = int(check(driver.cuGraphInstantiate(recorded, 0), "prepare a graph"))
        finally:
            give_back(driver.cuGraphDestroy(recorded), "free the record of a graph")
        self._is_open = True

    def close(self) -> None:
        """Frees it; may be called twice."""
        if self._is_open:
            self._is_open = False
            give_back(driver.cuGraphExecDestroy(self.handle), "free a graph")


class CudaStream:
    """`Stream` of the current context.

    Args:
        handle: Of a stream that is somebody else's and stays so; None makes one.
    """

    def __init__(self, handle: int | None = None) -> None:
        self._is_own = handle is None
        if handle is None:
            flags = int(driver.CUstream_flags.CU_STREAM_NON_BLOCKING)  # the default stream would join them all
            handle = int(check(driver.cuStreamCreate(flags), "make a stream"))
        self.handle = handle
        self._end: CudaEvent | None = None
        self._is_open = True

    def copy_in(self, buffer: DeviceBuffer, pinned: PinnedBuffer, nbytes: int, *, start: int = 0) -> None:
        """As `Stream.copy_in`."""
        to, source = buffer.address + start, pinned.address + start
        check(driver.cuMemcpyHtoDAsync(to, source, nbytes, self.handle), "copy to the GPU")

    def copy_out(self, pinned: PinnedBuffer, buffer: DeviceBuffer, nbytes: int) -> None:
        """As `Stream.copy_out`."""
        check(driver.cuMemcpyDtoHAsync(pinned.address, buffer.address, nbytes, self.handle), "copy from the GPU")

    def copy_rows(self, to: Rows, source: Rows) -> None:
        """As `Stream.copy_rows`."""
        on_device = driver.CUmemorytype.CU_MEMORYTYPE_DEVICE
        copy = driver.CUDA_MEMCPY2D()
        copy.srcMemoryType, copy.srcDevice, copy.srcPitch = on_device, source.address, source.pitch
        copy.dstMemoryType, copy.dstDevice, copy.dstPitch = on_device, to.address, to.pitch
        copy.WidthInBytes, copy.Height = source.width, source.height
        check(driver.cuMemcpy2DAsync(copy, self.handle), "copy a frame on the GPU")

    def launch(self, kernel: Kernel, grid: Grid, addresses: Sequence[int]) -> None:
        """As `Stream.launch`."""
        arguments = (tuple(addresses), (ctypes.c_void_p,) * len(addresses))
        no_shared_memory = 0
        result = driver.cuLaunchKernel(
            kernel.handle, *grid.blocks, *grid.threads, no_shared_memory, self.handle, arguments, 0
        )
        check(result, f"launch {kernel.name}")

    def capture(self, work: Callable[[], None]) -> Graph:
        """As `Stream.capture`."""
        # Only this thread is held to what can be recorded: others may allocate meanwhile.
        mode = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        check(driver.cuStreamBeginCapture(self.handle, mode), "record a graph")
        try:
            with garbage_kept():
                work()
        except BaseException:
            # The stream must be usable again, and the failure is the one to show.
            code, recorded = driver.cuStreamEndCapture(self.handle)
            if code == driver.CUresult.CUDA_SUCCESS:  # what failed broke no rule of recording: it is there
                give_back(driver.cuGraphDestroy(recorded), "free the record of a graph")
            raise
        return CudaGraph(check(driver.cuStreamEndCapture(self.handle), "record a graph"))

    def replay(self, graph: Graph) -> None:
        """As `Stream.replay`."""
        check(driver.cuGraphLaunch(graph.handle, self.handle), "launch a graph")

    def record(self, event: Event) -> None:
        """As `Stream.record`."""
        check(driver.cuEventRecord(event.handle, self.handle), "record an event")

    def wait(self, event: Event) -> None:
        """As `Stream.wait`."""
        check(driver.cuStreamWaitEvent(self.handle, event.handle, 0), "let a stream wait")

    def synchronize(self, timeout_s: float = WAIT_SECONDS) -> None:
        """As `Stream.synchronize`."""
        self._end = self._end or CudaEvent(is_timed=False)
        self.record(self._end)
        self._end.wait(timeout_s)

    def close(self) -> None:
        """Frees it; may be called twice."""
        if self._is_open:
            self._is_open = False
            if self._end is not None:
                self._end.close()
            if self._is_own:
                give_back(driver.cuStreamDestroy(self.handle), "free a stream")


def embed(stream_handle: int, graph_handle: int) -> None:
    """Makes recorded work a part of what a stream is recording, next in its order.

    Args:
        stream_handle: Of a stream that records.
        graph_handle: Of a graph that is not yet made ready. It is copied; what it names must outlive the copy.

    Raises:
        BackendError: The stream does not record, or the driver refuses.
    """
    state, _, recording, before, *_ = check(driver.cuStreamGetCaptureInfo(stream_handle), "look at a recording")
    if state != driver.CUstreamCaptureStatus.CU_STREAM_CAPTURE_STATUS_ACTIVE:
        raise BackendError("a graph is to be a part of a recording, and nothing is recorded")
    graph = driver.CUgraph(graph_handle)
    before = list(before or ())
    part = check(driver.cuGraphAddChildGraphNode(recording, before, len(before), graph), "put a graph into another")
    flags = int(driver.CUstreamUpdateCaptureDependencies_flags.CU_STREAM_SET_CAPTURE_DEPENDENCIES)
    check(driver.cuStreamUpdateCaptureDependencies(stream_handle, [part], None, 1, flags), "go on recording")
