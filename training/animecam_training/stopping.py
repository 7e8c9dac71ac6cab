"""Ctrl-C as a wish: the step at hand is finished and saved; a second one interrupts at once. Workers do not hear it."""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_wishes() -> Generator[Callable[[], bool]]:
    """Takes the first SIGINT of the block for a wish to stop; what comes tells whether there was one.

    In another thread than the main one, and where signals are ignored (`nohup`), nothing changes.
    """
    asked = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield asked.is_set
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def deaf_children() -> Generator[None]:
    """Processes that are started in the block do not hear Ctrl-C, which a terminal sends to all: one tells of it.

    In another thread than the main one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
