"""Whether windows can be opened here, as far as can be told without opening one."""

import os
import sys
from collections.abc import Mapping


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
