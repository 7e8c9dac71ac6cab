"""The process behind a window: shows the newest picture of a viewport until a key, its button or the end of its input.

It is a process of its own because a window system's failure ends the process in which it happens; because OpenCV's
first window hangs in a process that has loaded PyAV, which brings another X11 library of the same name; because on
macOS only a process's first thread may draw; and so that the window answers while the rest is busy.

    python -m animecam.sinks.viewer VIEWPORT_FILE TITLE
"""

import os
import signal
import sys
import threading
from pathlib import Path

import cv2

from animecam.sinks.convert import to_rgb
from animecam.sinks.viewport import Viewport, WindowState

POLL_MS = 4  # how long a new picture may wait for its turn; a quarter of the shortest frame that displays show
MAX_WINDOW_PX = (1280, 720)  # first size of the window; larger pictures are shown smaller, the user may enlarge it
END_KEYS = (ord("q"), ord("Q"), 27)  # 27 is Esc


def show(viewport: Viewport, title: str, is_ending: threading.Event) -> None:
    """Shows pictures until the user closes the window or `is_ending` is set."""
    flags = cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
    cv2.namedWindow(title, flags)
    viewport.tell(WindowState.SHOWN)
    shown = 0
    while not is_ending.is_set():
        if viewport.count > shown:
            frame = viewport.newest()
            picture = cv2.cvtColor(to_rgb(frame), cv2.COLOR_RGB2BGR)
            if not viewport.was_overtaken(frame):
                if shown == 0:
                    cv2.resizeWindow(title, *first_size(picture.shape[1], picture.shape[0]))
                cv2.imshow(title, picture)
                shown = frame.index
        key = cv2.waitKey(POLL_MS) & 0xFF
        if key in END_KEYS or cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) < 1:
            break
    viewport.tell(WindowState.CLOSED)
    cv2.destroyAllWindows()


def first_size(width_px: int, height_px: int) -> tuple[int, int]:
    """The size of the window for a picture: its own, or as large as fits."""
    scale = min(1.0, MAX_WINDOW_PX[0] / width_px, MAX_WINDOW_PX[1] / height_px)
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def main(path: str, title: str) -> None:
    """Runs until the parent closes this process's input, or ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it then closes the input
    is_ending = threading.Event()

    def wait_for_end() -> None:
        os.read(sys.stdin.fileno(), 1)  # not through sys.stdin, whose lock would be held when the process ends
        is_ending.set()

    threading.Thread(target=wait_for_end, name="end", daemon=True).start()
    show(Viewport.attach(Path(path)), title, is_ending)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
