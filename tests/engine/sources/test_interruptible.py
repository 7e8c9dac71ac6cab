"""Ctrl-C while a source is opened that does not answer."""

import _thread
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from animecam.errors import SourceError
from animecam.sources.interruptible import open_interruptibly
from animecam.sources.opening import open_source
from animecam.sources.options import SourceOptions

PROMPT_SECONDS = 3.0  # of the ten that a sender may take to answer


def test_ctrl_c_is_heard_while_a_sender_does_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        timer = threading.Timer(0.3, _thread.interrupt_main)
        begin_s = time.monotonic()
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            open_source(f"tcp://127.0.0.1:{silent.getsockname()[1]}", SourceOptions())
        assert time.monotonic() - begin_s < PROMPT_SECONDS
        timer.join()


def test_what_is_opened_after_all_is_closed():
    is_late, is_closed = threading.Event(), threading.Event()

    def open_late():
        is_late.wait(10)
        return SimpleNamespace(close=is_closed.set)

    timer = threading.Timer(0.05, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        open_interruptibly(open_late)
    timer.join()
    is_late.set()
    assert is_closed.wait(10)


def test_errors_are_those_of_the_source():
    def fail():
        raise SourceError("refused", hint="ask")

    with pytest.raises(SourceError, match="refused"):
        open_interruptibly(fail)


def test_a_thread_that_hears_no_ctrl_c_opens_it_itself():
    names = []
    thread = threading.Thread(
        target=lambda: open_interruptibly(lambda: names.append(threading.current_thread().name)), name="capture"
    )
    thread.start()
    thread.join(10)
    assert names == ["capture"]
