"""The process behind a window: shows the newest picture of a viewport until a key, its button or the end of its input.

It is a process of its own because a window system's failure ends the process in which it happens; because OpenCV's
first window hangs in a process that has loaded PyAV, which brings another X11 library of the same name; because on
macOS only a process's first thread may draw; and so that the window answers while the rest is busy.

    python -m animecam.sinks.viewer FOLDER TITLE
"""

import ctypes
import os
import shutil
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import cast

import cv2

from animecam.sinks.caption import captioned, enlargement
from animecam.sinks.convert import to_square_rgb
from animecam.sinks.talk import Drag, Press, Talk
from animecam.sinks.viewport import Viewport, WindowState
from animecam.sinks.window_keys import VIEWER_ACTIONS, Action, action_of, key_of
from animecam.types import Plane

PICTURES_FILE, TALK_FILE = "pictures", "talk"  # in the folder that both processes know
POLL_MS = 4  # how long a new picture may wait for its turn; a quarter of the shortest frame that displays show
X11_BRIDGE = "libX11-xcb.so.1"  # between the two libraries of X11, Xlib and XCB
_PARENTS_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGHUP", "SIGTERM") if hasattr(signal, name)]
"""Ctrl-C, a closed terminal and `timeout`, sent to the whole group: the parent acts on them and closes the input."""

MAX_WINDOW_PX = (1280, 720)  # first size of the window; larger pictures are shown smaller, the user may enlarge it

MOST_BARS = 2.0  # of the picture's own width or height, at one side: more would take more memory than it is worth


class Viewer:
    """One window.

    Args:
        viewport: Where the pictures come from.
        talk: Where keys go and text comes from.
        title: Text above the window.
    """

    def __init__(self, viewport: Viewport, talk: Talk, title: str) -> None:
        self._viewport, self._talk, self._title = viewport, talk, title
        self._picture: Plane | None = None
        self._left_px, self._shown_width_px = 0, 1  # of the picture in what is shown
        self._window_px: tuple[int, int] = (0, 0)
        self._shown_index = 0
        self._shown_text = 0
        self._is_full_screen = False

    def show(self, is_ending: threading.Event) -> None:
        """Shows pictures until the user closes the window or `is_ending` is set."""
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.setMouseCallback(self._title, self._on_mouse)
        self._viewport.tell(WindowState.SHOWN)
        while not is_ending.is_set():
            self._renew()
            key = key_of(cv2.waitKeyEx(POLL_MS))
            if key is not None and not self._press(key):
                break
            if not self._is_open():
                break
        self._viewport.tell(WindowState.CLOSED)
        cv2.destroyAllWindows()

    def _is_open(self) -> bool:
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:
            return False  # OpenCV takes its whole part of Qt down with the last window and then misses it

    def _renew(self) -> None:
        """Draws the window anew if there is a new picture or text."""
        text_count, window_px = self._talk.text_count, self._window_size()
        is_new = text_count != self._shown_text or window_px != self._window_px
        # From a copy: converting a large picture takes longer than a camera needs to overtake it, every time.
        if self._viewport.count > self._shown_index and (frame := self._viewport.copy_newest()) is not None:
            picture = cast(Plane, cv2.cvtColor(to_square_rgb(frame), cv2.COLOR_RGB2BGR))
            if self._picture is None:
                cv2.resizeWindow(self._title, *first_size(picture.shape[1], picture.shape[0]))
            self._picture, self._shown_index, is_new = picture, frame.index, True
        if is_new and self._picture is not None:
            drawn = captioned(self._picture, self._talk.text)
            across, down = bars((drawn.shape[1], drawn.shape[0]), window_px)
            cv2.imshow(self._title, cv2.copyMakeBorder(drawn, down, down, across, across, cv2.BORDER_CONSTANT))
            self._left_px, self._shown_width_px = across, drawn.shape[1]
            self._shown_text, self._window_px = text_count, window_px

    def _window_size(self) -> tuple[int, int]:
        """Width and height of what the window has for pictures; 0 where it does not say, and then keeps their shape."""
        with suppress(cv2.error):  # of a system that cannot tell, or of a window that the user has just closed
            _, _, width_px, height_px = cv2.getWindowImageRect(self._title)
            if min(width_px, height_px) > 0:
                return width_px, height_px
        with suppress(cv2.error):
            cv2.setWindowProperty(self._title, cv2.WND_PROP_ASPECT_RATIO, cv2.WINDOW_KEEPRATIO)
        return 0, 0

    def _press(self, key: str) -> bool:
        """Does what the window itself can and passes all else on; False to close it."""
        action = action_of(key)
        if action is Action.QUIT:
            return False
        if action is Action.FULL_SCREEN:
            self._is_full_screen = not self._is_full_screen
            mode = cv2.WINDOW_FULLSCREEN if self._is_full_screen else cv2.WINDOW_NORMAL
            cv2.setWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN, mode)
        elif action is not None and action not in VIEWER_ACTIONS:
            self._talk.report(Press(key))
        return True

    def _on_mouse(self, kind: int, x: int, y: int, flags: int, _: object) -> None:  # noqa: ARG002 - OpenCV's call
        if kind == cv2.EVENT_LBUTTONDOWN or (kind == cv2.EVENT_MOUSEMOVE and flags & cv2.EVENT_FLAG_LBUTTON):
            self._talk.report(Drag(min(max((x - self._left_px) / self._shown_width_px, 0.0), 1.0)))


def first_size(width_px: int, height_px: int) -> tuple[int, int]:
    """The size of the window for a picture: its own, enlarged where text would not be legible, or as large as fits."""
    scale = min(enlargement(height_px), MAX_WINDOW_PX[0] / width_px, MAX_WINDOW_PX[1] / height_px)
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def bars(picture_px: tuple[int, int], window_px: tuple[int, int]) -> tuple[int, int]:
    """What a picture lacks of a window's shape: pixels at either side, and above and below.

    A window that keeps shapes by itself fills them with the grey of the desktop, which dazzles in the dark.

    Args:
        picture_px: Width and height.
        window_px: Those of the window; one of 0 is not known, and one that is drawn out to a line gets no bars.
    """
    if min(window_px) <= 0:
        return 0, 0
    (width_px, height_px), shape = picture_px, window_px[0] / window_px[1]
    across, down = round((height_px * shape - width_px) / 2), round((width_px / shape - height_px) / 2)
    if max(across / width_px, down / height_px) > MOST_BARS:
        return 0, 0
    return max(0, across), max(0, down)


def let_qt_take_events() -> None:
    """Makes Xlib leave the window's events to Qt, on Linux; to be called before the first window.

    The bridge that OpenCV's wheel brings says so to Xlib in the place where older versions of Xlib had the field. Newer
    ones do not hear it and go on to take events, the first of a new window among them: on libX11 1.8 one window in five
    stayed black for good. The system's own bridge knows the place; loaded first, it goes before the wheel's.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a system without it: nothing is lost by going on with the wheel's
            ctypes.CDLL(X11_BRIDGE, mode=ctypes.RTLD_GLOBAL)


def main(folder: str, title: str) -> None:
    """Runs until the parent closes this process's input, or ends."""
    for number in _PARENTS_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    is_ending = threading.Event()

    def wait_for_end() -> None:
        os.read(sys.stdin.fileno(), 1)  # not through sys.stdin, whose lock would be held when the process ends
        is_ending.set()

    threading.Thread(target=wait_for_end, name="end", daemon=True).start()
    let_qt_take_events()
    viewport, talk = Viewport.attach(Path(folder, PICTURES_FILE)), Talk.attach(Path(folder, TALK_FILE))
    Viewer(viewport, talk, title).show(is_ending)
    if is_ending.is_set():  # also when the parent was killed: then nobody else gives the folder's memory back
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
