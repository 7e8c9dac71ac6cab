"""The context that a thread computes in: who calls a library finds his own one after it. Imports nothing of CUDA."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager


class _Here(threading.local):
    """What the calling thread is to get back."""

    is_kept = False
    give_back: Callable[[], None] | None = None


_here = _Here()


@contextmanager
def context_kept() -> Generator[None]:
    """Gives the calling thread its context back after the block, whichever of ours was used within.

    A stranger's next call would else reach another GPU than his, or a context that is gone. It costs two calls of the
    driver, and none where no GPU was used.
    """
    if _here.is_kept:  # within another block
        yield
        return
    _here.is_kept = True
    try:
        yield
    finally:
        give_back, _here.is_kept, _here.give_back = _here.give_back, False, None
        if give_back is not None:
            give_back()


def note_context(find: Callable[[], Callable[[], None]]) -> None:
    """To be called before another context is made the thread's.

    Args:
        find: Looks which one it has, and returns what gives it back; called once in a block.
    """
    if _here.is_kept and _here.give_back is None:
        _here.give_back = find()
