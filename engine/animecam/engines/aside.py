"""Work of the runtimes in another thread than the one that a Ctrl-C interrupts."""

import threading
from collections.abc import Callable
from typing import TypeVar

from animecam.cuda.turns import has_gpu_turn

STOP_SECONDS = 60.0  # longest wait for work to notice that it is to end
_POLL_SECONDS = 0.1

T = TypeVar("T")


def aside(work: Callable[[], T], stop: Callable[[], None]) -> T:
    """Does work in a thread of its own, if this is the main one, and waits for it.

    The runtimes' bindings print what is raised while they call back into Python, to tell of progress or to log, and go
    on as if nothing was: a Ctrl-C would be lost. It is raised in the main thread only, which here calls no runtime.

    Args:
        work: What is to be done; its failure is raised here.
        stop: Called when the wait is interrupted; lets the work end soon.
    """
    if threading.current_thread() is not threading.main_thread() or has_gpu_turn():  # another one would wait for it
        return work()
    results: list[T] = []
    failures: list[BaseException] = []
    is_done = threading.Event()  # Thread.join takes a thread for ended when it is interrupted itself

    def do() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            failures.append(error)
        finally:
            is_done.set()

    threading.Thread(target=do, name="engines-aside", daemon=True).start()
    try:
        while not is_done.wait(_POLL_SECONDS):
            pass
    except BaseException:  # a Ctrl-C, for the most part: the work ends before it goes on its way
        stop()
        is_done.wait(STOP_SECONDS)  # it uses what the caller is about to free
        raise
    if failures:
        raise failures[0]
    return results[0]
