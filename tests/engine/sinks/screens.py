"""Screens in memory; reached through the fixtures of conftest.py beside this file."""

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

WINDOW_MANAGERS = ("openbox", "icewm", "twm", "xfwm4", "metacity", "marco", "fluxbox", "matchbox-window-manager")
MANAGER = next(filter(None, map(shutil.which, WINDOW_MANAGERS)), None)


class Screen(NamedTuple):
    """The environment of programs that are to show on it, and a function that takes an RGB picture of it."""

    environment: dict[str, str]
    look: Callable[[], np.ndarray]


@contextmanager
def open_screen(width_px: int, height_px: int) -> Generator[Screen]:
    """A screen with a window manager, if there is one; skips the test without Xvfb."""
    if shutil.which("Xvfb") is None:
        pytest.skip("needs Xvfb")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        read_end, write_end = os.pipe()
        stack.callback(os.close, read_end)
        size = f"{width_px}x{height_px}x24"
        command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", size, "-fbdir", str(folder)]
        command += ["-s", "0", "-nocursor"]  # neither a screen saver nor an arrow over the picture
        stack.enter_context(running(command, dict(os.environ), pass_fds=[write_end]))
        os.close(write_end)
        number = os.read(read_end, 16).decode().strip()
        if not number:
            pytest.skip("Xvfb does not start here")
        environment = {k: v for k, v in os.environ.items() if k != "WAYLAND_DISPLAY"} | {"DISPLAY": f":{number}"}
        if MANAGER is not None:
            stack.enter_context(running([MANAGER], environment))
        yield Screen(environment, lambda: screenshot(folder / "Xvfb_screen0"))


@contextmanager
def running(command, environment, **options):
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def screenshot(path):
    """RGB from an XWD file: a head whose length comes first, a table of colours of 12 bytes each, rows of BGRX."""
    data = path.read_bytes()
    head = struct.unpack(">25I", data[:100])
    width, height, row_bytes, colors = head[4], head[5], head[12], head[19]
    rows = np.frombuffer(data, np.uint8, offset=head[0] + 12 * colors)[: height * row_bytes].reshape(height, row_bytes)
    return rows[:, : 4 * width].reshape(height, width, 4)[..., 2::-1]
