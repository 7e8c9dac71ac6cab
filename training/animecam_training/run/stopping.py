"""Ctrl-C, or a polite kill, as a wish: the step at hand is finished and saved; a second one ends the program at once.

Workers do not hear Ctrl-C.
"""

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

_USUAL = (signal.SIG_DFL, signal.default_int_handler)
"""What signals do where nobody else listens."""


@contextmanager
def stop_wishes() -> Generator[Callable[[], bool]]:
    """Takes the first SIGINT or SIGTERM of the block for a wish to stop; what comes tells whether there was one.

    In another thread than the main one nothing changes, nor for a signal that is ignored or handled otherwise.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    heard = {number: handler for number, handler in handlers.items() if handler in _USUAL}

    def listen_no_more() -> None:
        for number, handler in heard.items():
            signal.signal(number, handler)

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
def end_like_ctrl_c() -> Generator[None]:
    """A polite kill interrupts the block as Ctrl-C does, so that it says what is kept.

    In another thread than the main one nothing changes, nor for a signal that is handled otherwise, nor where torchrun
    ends its processes: one that waits for the others would not hear it.
    """
    is_alone = int(os.environ.get("WORLD_SIZE", "1")) == 1
    is_heard = is_alone and threading.current_thread() is threading.main_thread()
    if not is_heard or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


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
