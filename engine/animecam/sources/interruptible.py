"""Opening what answers after seconds or never: FFmpeg waits for it, and does not hear Ctrl-C meanwhile."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait

from animecam.sources.base import Source

TICK_SECONDS = 0.1  # a wait without an end is deaf itself, on Windows


def open_interruptibly(open_it: Callable[[], Source]) -> Source:
    """Opens a source in a thread of its own, for the thread that hears Ctrl-C; others open it themselves.

    Raises:
        AnimecamError: As `open_it` does.
        KeyboardInterrupt: Ctrl-C; what is opened after all is closed.
    """
    if threading.current_thread() is not threading.main_thread():
        return open_it()
    opened: Future[Source] = Future()
    threading.Thread(target=_open, args=(open_it, opened), name="opening", daemon=True).start()
    try:
        while not opened.done():
            wait([opened], TICK_SECONDS)
        return opened.result()
    except KeyboardInterrupt:
        opened.add_done_callback(_close)
        raise
    finally:
        del opened  # an error that it holds would hold it


def _open(open_it: Callable[[], Source], opened: "Future[Source]") -> None:
    try:
        opened.set_result(open_it())
    except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
        opened.set_exception(error)


def _close(opened: "Future[Source]") -> None:
    if opened.exception() is None:
        opened.result().close()
