"""Whether windows can be opened here, as far as can be told without opening one."""

import os
import subprocess
import sys
from collections.abc import Mapping

PROBE_SECONDS = 5.0  # a server that hangs takes connections and never answers
_NOBODY = 3  # status of the probe; Python's own failures are 1 and 2
_PROBE = f"""
import ctypes, sys
x11 = ctypes.CDLL("libX11.so.6")
x11.XOpenDisplay.restype = ctypes.c_void_p
sys.exit(0 if x11.XOpenDisplay(None) else {_NOBODY})
"""


def find_display(environment: Mapping[str, str] | None = None) -> str | None:
    """The screen that a window would open on.

    Args:
        environment: Variables to look at; None is this process's own.

    Returns:
        For example "DISPLAY=:0" on Linux, the system's name elsewhere, None where there is no screen.
    """
    if sys.platform in ("win32", "darwin"):
        return sys.platform
    # Wayland's desktops set it too, for Xwayland, through which our windows come.
    name = (os.environ if environment is None else environment).get("DISPLAY")
    return f"DISPLAY={name}" if name else None


def is_answered() -> bool:
    """Whether somebody answers at the screen of `find_display`: ssh and tmux keep the name of one that is gone.

    Asked by another process, as Xlib may wait for ever, and OpenCV brings one of its own. Where Xlib is missing nothing
    can be told, and the answer is yes.
    """
    if sys.platform in ("win32", "darwin"):
        return True
    command = [sys.executable, "-I", "-S", "-c", _PROBE]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode != _NOBODY
