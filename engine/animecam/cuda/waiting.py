"""The one way to wait for a GPU: asking, so that every wait ends. Imports nothing of CUDA."""

import time
from collections.abc import Callable

from animecam.errors import BackendError

EAGER_SECONDS = 0.0005
"""A wait asks without a pause so long: most frames are done by then, and a sleeping thread wakes a tenth late."""

PAUSE_SECONDS = 0.0001
"""Between two questions after that, so that a long wait leaves the core to others."""


def wait_until(is_done: Callable[[], bool], timeout_s: float) -> None:
    """Waits for what a GPU is at.

    Args:
        is_done: Asks it.
        timeout_s: Longest wait.

    Raises:
        BackendError: The time is over.
    """
    start_s = time.perf_counter()
    while not is_done():
        waited_s = time.perf_counter() - start_s
        if waited_s > timeout_s:
            hint = "nvidia-smi shows whether it still works; the system log (dmesg) may hold an Xid error"
            raise BackendError(f"the GPU has not answered for {timeout_s:g} s", hint=hint)
        if waited_s > EAGER_SECONDS:
            time.sleep(PAUSE_SECONDS)
