"""Who loads an engine and who records a graph take turns, in all threads of the process.

Runtimes wait for the whole GPU while they load, and a wait for the whole GPU ends every recording that another thread
has begun, whatever mode that was begun in.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext

_POLL_SECONDS = 0.2  # how soon somebody who waits for a turn notices that it is not wanted any more

_turn = threading.RLock()
"""A thread that has it may take it again: what makes a network ready loads its engine."""

_mine = threading.local()


def has_gpu_turn() -> bool:
    """Whether it is this thread's turn."""
    return getattr(_mine, "depth", 0) > 0


@contextmanager
def gpu_turn(is_unwanted: Callable[[], bool]) -> Generator[bool]:
    """Waits until nobody else loads or records, and keeps it so for the length of the block.

    Args:
        is_unwanted: Asked now and then; a true answer ends the wait.

    Yields:
        Whether it is this thread's turn; False where it was not wanted any more.
    """
    while not (is_mine := _turn.acquire(timeout=_POLL_SECONDS)) and not is_unwanted():
        pass
    with _counted() if is_mine else nullcontext():
        yield is_mine


@contextmanager
def gpu_turn_at_once() -> Generator[bool]:
    """The same without a wait: False where somebody else loads or records right now."""
    is_mine = _turn.acquire(blocking=False)
    with _counted() if is_mine else nullcontext():
        yield is_mine


@contextmanager
def _counted() -> Generator[None]:
    """Gives the turn back after the block."""
    _mine.depth = getattr(_mine, "depth", 0) + 1
    try:
        yield
    finally:
        _mine.depth -= 1
        _turn.release()
