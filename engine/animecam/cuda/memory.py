"""Memory of a real GPU and memory of the host that it reaches."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# cuda.bindings ships no type information.

from collections.abc import Sequence
from typing import Any

from cuda.bindings import driver
from numpy.typing import DTypeLike, NDArray

from animecam.cuda.base import view
from animecam.cuda.driver import check

_PORTABLE = 1  # CU_MEMHOSTALLOC_PORTABLE: pinned for every context, whoever made it


class CudaBuffer:
    """`DeviceBuffer` of the current context."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self.address = int(check(driver.cuMemAlloc(nbytes), f"take {nbytes:,} bytes of the GPU"))
        self._is_open = True
        check(driver.cuMemsetD8(self.address, 0, nbytes), "clear memory of the GPU")

    def close(self) -> None:
        """Frees it; may be called twice."""
        if self._is_open:
            self._is_open = False
            check(driver.cuMemFree(self.address), "free memory of the GPU")


class CudaPinned:
    """`PinnedBuffer` of the current context."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self.address = int(check(driver.cuMemHostAlloc(nbytes, _PORTABLE), f"pin {nbytes:,} bytes of memory"))
        self._is_open = True

    def array(self, dtype: DTypeLike, shape: Sequence[int]) -> NDArray[Any]:
        """As `PinnedBuffer.array`."""
        return view(self.address, self.nbytes, dtype, shape, self)

    def close(self) -> None:
        """Frees it; may be called twice."""
        if self._is_open:
            self._is_open = False
            check(driver.cuMemFreeHost(self.address), "free pinned memory")
