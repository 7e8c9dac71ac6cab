"""Memory of a real GPU and memory of the host that it reaches."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# cuda.bindings ships no type information.

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from cuda.bindings import driver
from numpy.typing import DTypeLike, NDArray

from animecam.cuda.base import view
from animecam.cuda.driver import check, give_back
from animecam.cuda.events import CudaEvent

DEFAULT_STREAM = 0
"""The one that others use who make none of their own."""

_PORTABLE = 1  # CU_MEMHOSTALLOC_PORTABLE: pinned for every context, whoever made it


class CudaBuffer:
    """`DeviceBuffer` of the current context."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self.address = int(check(driver.cuMemAlloc(nbytes), f"take {nbytes:,} bytes of the GPU"))
        self._is_open = True
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            self._clear()
            on_failure.pop_all()

    def close(self) -> None:
        """Frees it; may be called twice."""
        if self._is_open:
            self._is_open = False
            give_back(driver.cuMemFree(self.address), "free memory of the GPU")

    def _clear(self) -> None:
        """Zeroes it and waits: streams, which do not wait for the default one, may use it at once."""
        cleared = CudaEvent(is_timed=False)
        try:
            check(driver.cuMemsetD8(self.address, 0, self.nbytes), "clear memory of the GPU")
            check(driver.cuEventRecord(cleared.handle, DEFAULT_STREAM), "clear memory of the GPU")
            cleared.wait()
        finally:
            cleared.close()


class CudaPinned:
    """`PinnedBuffer` of the current context."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        taken = driver.cuMemHostAlloc(nbytes, _PORTABLE)
        self.address = int(check(taken, f"pin {nbytes:,} bytes of memory", of_host=True))
        self._is_open = True

    def array(self, dtype: DTypeLike, shape: Sequence[int]) -> NDArray[Any]:
        """As `PinnedBuffer.array`."""
        return view(self.address, self.nbytes, dtype, shape, self)

    def close(self) -> None:
        """Frees it; may be called twice."""
        if self._is_open:
            self._is_open = False
            give_back(driver.cuMemFreeHost(self.address), "free pinned memory")
