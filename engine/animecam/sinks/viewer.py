"""The process behind a window: shows the newest picture of a viewport until a key, its button or the end of its input.

It is a process of its own because a window system's failure ends the process in which it happens, because on macOS
only a process's first thread may draw, and so that the window answers while the rest is busy.

    python -m animecam.sinks.viewer VIEWPORT_FILE TITLE WIDTH HEIGHT
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from animecam.sinks.convert import to_rgb
from animecam.sinks.screen import Screen, ScreenError, first_size
from animecam.sinks.viewport import Viewport, WindowState

POLL_SECONDS = 0.004  # how long a new picture may wait for its turn; a quarter of the shortest frame of displays


def show(viewport: Viewport, screen: Screen, is_ending: threading.Event) -> None:
    """Shows pictures until the user closes the window or `is_ending` is set."""
    viewport.tell(WindowState.SHOWN)
    shown = 0
    while screen.is_open() and not is_ending.is_set():
        if viewport.count == shown:
            time.sleep(POLL_SECONDS)
            continue
        frame = viewport.newest()
        picture = to_rgb(frame).copy()  # of an RGB frame it is the shared memory itself
        if not viewport.was_overtaken(frame):
            screen.show(picture)
            shown = frame.index
    viewport.tell(WindowState.CLOSED)


def open_screen(title: str, width_px: int, height_px: int) -> Screen:
    """A window of this system.

    Raises:
        ScreenError: There is no screen.
    """
    if sys.platform == "linux":
        from animecam.sinks.x11 import X11Screen

        return X11Screen(title, width_px, height_px)
    from animecam.sinks.highgui import HighguiScreen

    return HighguiScreen(title, width_px, height_px)


def main(path: str, title: str, width: str, height: str) -> None:
    """Runs until the parent closes this process's input, or ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it then closes the input
    is_ending = threading.Event()

    def wait_for_end() -> None:
        os.read(sys.stdin.fileno(), 1)  # not through sys.stdin, whose lock would be held when the process ends
        is_ending.set()

    threading.Thread(target=wait_for_end, name="end", daemon=True).start()
    try:
        screen = open_screen(title, *first_size(int(width), int(height)))
    except ScreenError as error:
        sys.exit(str(error))
    show(Viewport.attach(Path(path)), screen, is_ending)
    screen.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
