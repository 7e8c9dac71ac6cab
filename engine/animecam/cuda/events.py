"""Events of a real GPU, and the one way to wait for it: asking, so that every wait ends."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# cuda.bindings ships no type information.

import time

from cuda.bindings import driver

from animecam.cuda.base import WAIT_SECONDS, Event
from animecam.cuda.driver import check
from animecam.errors import BackendError

EAGER_SECONDS = 0.0005
"""A wait asks without a pause so long: most frames are done by then, and a sleeping thread wakes a tenth late."""

PAUSE_SECONDS = 0.0001
"""Between two questions after that, so that a long wait leaves the core to others."""


class CudaEvent:
    """`Event` of the current context."""

    def __init__(self, *, is_timed: bool) -> None:
        flag = driver.CUevent_flags
        flags = flag.CU_EVENT_DEFAULT if is_timed else flag.CU_EVENT_DISABLE_TIMING
        self.handle = int(check(driver.cuEventCreate(int(flags)), "make an event"))
        self._is_open = True

    def is_done(self) -> bool:
        """As `Event.is_done`."""
        (code,) = driver.cuEventQuery(self.handle)
        if code == driver.CUresult.CUDA_ERROR_NOT_READY:
            return False
        check((code,), "compute on the GPU")
        return True

    def wait(self, timeout_s: float = WAIT_SECONDS) -> None:
        """As `Event.wait`."""
        start_s = time.perf_counter()
        while not self.is_done():
            waited_s = time.perf_counter() - start_s
            if waited_s > timeout_s:
                hint = "nvidia-smi shows whether it still works; the system log (dmesg) may hold an Xid error"
                raise BackendError(f"the GPU has not answered for {timeout_s:g} s", hint=hint)
            if waited_s > EAGER_SECONDS:
                time.sleep(PAUSE_SECONDS)

    def since_ms(self, earlier: Event) -> float:
        """As `Event.since_ms`."""
        return float(check(driver.cuEventElapsedTime(earlier.handle, self.handle), "read the time between two events"))

    def close(self) -> None:
        """Frees it; may be called twice."""
        if self._is_open:
            self._is_open = False
            check(driver.cuEventDestroy(self.handle), "free an event")
