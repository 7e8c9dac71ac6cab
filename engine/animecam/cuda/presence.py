"""Whether NVIDIA's driver is there, asked in a moment and without CUDA's packages."""

import ctypes
import ctypes.util
import sys
from collections.abc import Callable
from pathlib import Path

CONTROL_NODE = Path("/dev/nvidiactl")
"""What the driver of Linux makes when it is loaded."""

WINDOWS_NODE = Path("/dev/dxg")
"""The way from WSL2 to the GPU of Windows, of whatever maker; NVIDIA's library comes with NVIDIA's driver only."""

WSL_LIBRARY = "libcuda.so.1"
WINDOWS_LIBRARY = "nvcuda"


def has_nvidia_driver(
    platform: str = sys.platform,
    *,
    exists: Callable[[Path], bool] = Path.exists,
    find_library: Callable[[str], str | None] = ctypes.util.find_library,
    load_library: Callable[[str], object] = ctypes.CDLL,
) -> bool:
    """Whether somebody who has an NVIDIA GPU would wonder why it is idle.

    Args:
        platform: As `sys.platform`.
        exists: Looks for a file.
        find_library: Looks for a library of Windows by name, without loading it.
        load_library: Loads a library of Linux; raises OSError.
    """
    if platform == "win32":
        return find_library(WINDOWS_LIBRARY) is not None
    if not platform.startswith("linux"):
        return False
    if exists(CONTROL_NODE):
        return True
    if not exists(WINDOWS_NODE):
        return False
    try:
        load_library(WSL_LIBRARY)  # to find it would start compilers and linkers
    except OSError:
        return False
    return True
