"""No garbage is collected while a thread records what it queues on a GPU. Imports nothing of CUDA."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def garbage_kept() -> Generator[None]:
    """Nothing is collected for the length of the block; one thread at a time is in one, as those who record take turns.

    What goes with garbage may free memory of the GPU. Where the thread that records does that, it ends the recording,
    and the memory is not even freed.
    """
    was_collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_collected:
            gc.enable()
