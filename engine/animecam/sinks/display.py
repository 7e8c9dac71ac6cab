"""Whether windows can be opened here, without trying: trying ends the process where they cannot."""

import os
import sys
from collections.abc import Mapping

_VARIABLES = ("DISPLAY", "WAYLAND_DISPLAY")


def find_display(environment: Mapping[str, str] | None = None) -> str | None:
    """The screen that a window would open on.

    Args:
        environment: Variables to look at; None is this process's own.

    Returns:
        For example "DISPLAY=:0" on Linux, the system's name elsewhere, None where there is no screen.
    """
    if sys.platform in ("win32", "darwin"):
        return sys.platform
    environment = os.environ if environment is None else environment
    return next((f"{name}={environment[name]}" for name in _VARIABLES if environment.get(name)), None)
