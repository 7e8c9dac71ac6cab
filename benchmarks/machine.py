"""The machine that a figure was measured on, and the state of the code that was measured."""

import subprocess
from pathlib import Path

from animecam.measure import machine


def describe() -> dict[str, object]:
    """As `animecam.measure.machine.describe`, with the commit of this checkout."""
    return machine.describe() | {"commit": _commit()}


class Watch(machine.Watch):
    """As the one of `animecam.measure.machine`, with the commit."""

    def __init__(self) -> None:
        super().__init__(describe())


def _commit() -> str:
    """Short hash of the checkout, empty outside of one."""
    command = ("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=10")
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
