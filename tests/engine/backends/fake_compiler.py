"""A compiler for the tests that takes as long as it is told to, and what is done with it."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from animecam.backends.base import BackendOptions
from animecam.backends.torch_ import TorchBackend
from animecam.backends.torch_compiler import Job
from animecam.errors import BackendError

WAIT_SECONDS = 10.0
SIDE_PX = 16


class StandIn:
    """A compiler that takes as long as it is told to."""

    def __init__(self, *, is_done: bool = True) -> None:
        self.may_end, self.has_begun = threading.Event(), threading.Event()
        self.jobs: list[Job] = []
        self.threads: list[threading.Thread] = []
        if is_done:
            self.may_end.set()

    def __call__(self, job: Job, is_unwanted: Callable[[], bool]) -> None:
        self.jobs.append(job)
        self.threads.append(threading.current_thread())
        self.has_begun.set()
        while not self.may_end.wait(0.01):
            if is_unwanted():
                raise BackendError("nobody waits for it")
        job.target.write_bytes(b"compiled")


def pictures(count: int = 1, side_px: int = SIDE_PX) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (count, 3, side_px, side_px)).astype(np.float32)


def backend_of(network: Path, options: BackendOptions, compiler) -> TorchBackend:
    return TorchBackend(network, network, options, device="cpu", compiler=compiler)


def wait(is_so: Callable[[], bool]) -> None:
    end_s = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < end_s
        time.sleep(0.01)
