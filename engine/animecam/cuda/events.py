"""Events of a real GPU."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# cuda.bindings ships no type information.

from cuda.bindings import driver

from animecam.cuda.base import WAIT_SECONDS, Event
from animecam.cuda.driver import check, give_back
from animecam.cuda.waiting import wait_until


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
        wait_until(self.is_done, timeout_s)

    def since_ms(self, earlier: Event) -> float:
        """As `Event.since_ms`."""
        return float(check(driver.cuEventElapsedTime(earlier.handle, self.handle), "read the time between two events"))

    def close(self) -> None:
        """Frees it; may be called twice."""
        if self._is_open:
            self._is_open = False
            give_back(driver.cuEventDestroy(self.handle), "free an event")
