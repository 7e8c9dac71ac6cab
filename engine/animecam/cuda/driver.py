"""The door to NVIDIA's driver: calls it, and turns its codes into errors that say what to do."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# cuda.bindings ships no type information.

import logging
from typing import Any

from cuda.bindings import driver

from animecam.errors import NEED_HOST_MEMORY, NEED_LESS_MEMORY, BackendError, DeviceMemoryError, HostMemoryError

_OUT_OF_MEMORY = "CUDA_ERROR_OUT_OF_MEMORY"
_BROKEN = "start the program again: until then the driver refuses everything here; please report it"
_HINTS = {
    "CUDA_ERROR_NO_DEVICE": "nvidia-smi shows which GPUs the driver sees; CUDA_VISIBLE_DEVICES hides the others",
    "CUDA_ERROR_NO_BINARY_FOR_GPU": "this GPU is older or newer than its compiler: pip install -U nvidia-cuda-nvrtc",
    "CUDA_ERROR_JIT_COMPILER_NOT_FOUND": "libnvidia-ptxjitcompiler of the driver is missing: install the driver again",
    "CUDA_ERROR_UNSUPPORTED_PTX_VERSION": "update the NVIDIA driver",
    "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE": (
        "CUDA's cuda-compat is in the way: update the driver, or take cuda-compat out of LD_LIBRARY_PATH"
    ),
    "CUDA_ERROR_STUB_LIBRARY": "a toolkit's stub of libcuda is found before the driver's: look at LD_LIBRARY_PATH",
    "CUDA_ERROR_UNKNOWN": "restart the computer; after it slept: sudo rmmod nvidia_uvm && sudo modprobe nvidia_uvm",
    "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH": "restart the computer after an update of the driver",
    "CUDA_ERROR_SYSTEM_NOT_READY": "start the NVIDIA fabric manager or restart the computer",
    "CUDA_ERROR_DEVICE_UNAVAILABLE": "another program has this GPU for itself: nvidia-smi -q -d COMPUTE shows its mode",
    "CUDA_ERROR_ILLEGAL_ADDRESS": _BROKEN,
    "CUDA_ERROR_ILLEGAL_INSTRUCTION": _BROKEN,
    "CUDA_ERROR_LAUNCH_FAILED": _BROKEN,
    "CUDA_ERROR_MISALIGNED_ADDRESS": _BROKEN,
    "CUDA_ERROR_ECC_UNCORRECTABLE": "its memory is at fault: nvidia-smi -q -d ECC tells more; restart the computer",
    "CUDA_ERROR_LAUNCH_TIMEOUT": "the system ends what keeps a screen's GPU too long: use a smaller size (`size_px`)",
}

log = logging.getLogger(__name__)


def check(result: tuple[Any, ...], doing: str, *, of_host: bool = False) -> Any:
    """What a call of the driver gave, without its code.

    Args:
        result: As the bindings return it: the code first.
        doing: What was tried, for the message: "copy a frame to the GPU".
        of_host: It takes memory of the host, which the driver misses with the same code.

    Returns:
        The one value after the code, None if there is none, or a tuple of several.

    Raises:
        DeviceMemoryError: The GPU's memory is full.
        HostMemoryError: The host has no more memory that the GPU can reach.
        BackendError: Any other failure.
    """
    code, *values = result
    if code != driver.CUresult.CUDA_SUCCESS:
        name = str(code.name)
        if name == _OUT_OF_MEMORY and of_host:
            message = f"cannot {doing}: the host has no more memory that the GPU can reach"
            raise HostMemoryError(message, hint=NEED_HOST_MEMORY)
        if name == _OUT_OF_MEMORY:
            raise DeviceMemoryError(f"cannot {doing}: the memory of the GPU is full", hint=NEED_LESS_MEMORY)
        raise BackendError(f"cannot {doing}: {_reason(code)} ({name})", hint=_HINTS.get(name, ""))
    if not values:
        return None
    return values[0] if len(values) == 1 else tuple(values)


def give_back(result: tuple[Any, ...], doing: str) -> None:
    """Logs where something cannot be freed; after a kernel went wrong every call says so.

    Who frees is on his way out: the failure that sent him there is the one to show, and the rest is to be freed, too.

    Args:
        result: As for `check`.
        doing: As for `check`.
    """
    try:
        check(result, doing)
    except BackendError as error:
        log.info("%s", error.message)


def _reason(code: Any) -> str:
    failed, text = driver.cuGetErrorString(code)
    return "unknown" if failed != driver.CUresult.CUDA_SUCCESS else bytes(text).decode()
