"""Screens in memory; reached through the fixtures of conftest.py beside this file."""

import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

WINDOW_MANAGERS = ("openbox", "icewm", "twm", "xfwm4", "metacity", "marco", "fluxbox", "matchbox-window-manager")
MANAGER = next(filter(None, map(shutil.which, WINDOW_MANAGERS)), None)
MANAGER_SECONDS = 10.0  # a cold start on a busy machine


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
        command += ["-noreset"]  # it would throw out who is about to connect, when the only one connected leaves
        stack.enter_context(running(command, dict(os.environ), pass_fds=[write_end]))
        os.close(write_end)
        number = os.read(read_end, 16).decode().strip()
        if not number:
            pytest.skip("Xvfb does not start here")
        environment = {k: v for k, v in os.environ.items() if k != "WAYLAND_DISPLAY"} | {"DISPLAY": f":{number}"}
        if MANAGER is not None and shutil.which("xwininfo") is not None:
            wait_for_manager(stack.enter_context(running([MANAGER], environment)), environment)
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


def wait_for_manager(process, environment):
    """Until windows are placed by it: one that opens in the moment when it takes over may stay unseen for good."""
    end = time.monotonic() + MANAGER_SECONDS
    command = ["xwininfo", "-root", "-events"]
    while "SubstructureRedirect" not in subprocess.check_output(command, env=environment, text=True):
        assert process.poll() is None, f"{process.args[0]} ended with status {process.returncode}"
        assert time.monotonic() < end, f"{process.args[0]} does not take over"
        time.sleep(0.02)


def screenshot(path):
    """RGB from an XWD file: a head whose length comes first, a table of colours of 12 bytes each, rows of BGRX."""
    data = path.read_bytes()
    head = struct.unpack(">25I", data[:100])
    width, height, row_bytes, colors = head[4], head[5], head[12], head[19]
    rows = np.frombuffer(data, np.uint8, offset=head[0] + 12 * colors)[: height * row_bytes].reshape(height, row_bytes)
    return rows[:, : 4 * width].reshape(height, width, 4)[..., 2::-1]
