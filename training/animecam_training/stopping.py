"""Ctrl-C, or a polite kill, as a wish: the step at hand is finished and saved; a second one ends the program at once.

Workers do not hear Ctrl-C.
"""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

_USUAL = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
"""What is told to end a program, and what it does where nobody else listens."""


@contextmanager
def stop_wishes() -> Generator[Callable[[], bool]]:
    """Takes the first SIGINT or SIGTERM of the block for a wish to stop; what comes tells whether there was one.

    In another thread than the main one nothing changes, nor for a signal that is ignored or handled otherwise.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    heard = {number: usual for number, usual in _USUAL.items() if signal.getsignal(number) is usual}

    def listen_no_more() -> None:
        for number, usual in heard.items():
            signal.signal(number, usual)

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        listen_no_more()

    for number in heard:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        listen_no_more()


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
