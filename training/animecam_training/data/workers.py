"""The same work on many things, in several processes that end with the one that started them."""

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import TypeVar

import cv2

from animecam_training.errors import DataError
from animecam_training.run.stopping import deaf_children

MOST_DEFAULT_WORKERS = 8  # each takes about 0.4 GiB

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def default_workers() -> int:
    """A process for each core that this one may use, as far as their memory goes together on a usual machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_DEFAULT_WORKERS)


def in_order(work: Callable[[Thing], Result], things: Sequence[Thing], workers: int) -> Generator[Result]:
    """Results in the order of the things; computed in this process where one worker is enough.

    Args:
        work: Can be sent to another process.
        things: Can be sent, too.
        workers: Processes, at most one for each thing.

    Raises:
        DataError: A worker was killed.
    """
    workers = min(workers, len(things))
    if workers <= 1:
        yield from map(work, things)
        return
    others = set(active_children())
    # A forked worker inherits OpenCV's thread pool without its threads, and waits for them for ever.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin) as pool:
        try:
            with deaf_children():
                futures = [pool.submit(work, thing) for thing in things]  # starts the workers, too
            for future in futures:
                yield future.result()
        except BrokenProcessPool as error:
            hint = "memory may have run short: run again with fewer --workers, it goes on"
            raise DataError("a worker was killed", hint=hint) from error
        except BaseException:  # one thing's fault, or Ctrl-C: nobody waits for those that are begun
            for worker in set(active_children()) - others:
                worker.terminate()
            raise


def compute_alone() -> None:
    """Keeps OpenCV to the thread of its caller: each worker would start one for every core, beside as many workers."""
    cv2.setNumThreads(0)  # 1 would wait for the threads of a pool, which a forked worker does not have


def _begin() -> None:
    compute_alone()
    _end_with_parent()


def _end_with_parent() -> None:
    """A worker whose parent was killed would go on with all that it was handed, seen by nobody."""
    parent = parent_process()
    if parent is not None:
        Thread(target=_leave_after, args=(parent.sentinel,), daemon=True, name="parent").start()


def _leave_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
