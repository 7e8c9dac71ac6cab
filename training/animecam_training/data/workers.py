"""The same work on many things, in several processes that end with the one that started them."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import TypeVar

CHUNK = 8  # things handed to a worker at a time

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def in_order(work: Callable[[Thing], Result], things: Sequence[Thing], workers: int) -> Iterator[Result]:
    """Results in the order of the things; computed in this process where one worker is enough.

    Args:
        work: Can be sent to another process.
        things: Can be sent, too.
        workers: Processes.
    """
    if workers <= 1:
        yield from map(work, things)
        return
    # A forked worker inherits OpenCV's thread pool without its threads, and waits for them for ever.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_end_with_parent) as pool:
        yield from pool.map(work, things, chunksize=CHUNK)


def _end_with_parent() -> None:
    """A worker whose parent was killed would go on with all that it was handed, seen by nobody."""
    parent = parent_process()
    if parent is not None:
        Thread(target=_leave_after, args=(parent.sentinel,), daemon=True, name="parent").start()


def _leave_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
