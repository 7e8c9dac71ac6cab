"""Opens a GPU. Importing this costs nothing and needs nothing."""

from animecam.cuda.base import Gpu
from animecam.errors import BackendError

INSTALL = "pip install 'animecam[tensorrt-rtx]' for a GeForce or RTX, 'animecam[tensorrt]' for another NVIDIA GPU"
"""Not the packages of CUDA alone: nothing draws on a GPU with those."""


def open_gpu(index: int = 0) -> Gpu:
    """Opens a GPU in its primary context; whoever calls closes it.

    Args:
        index: As the driver counts them, from 0.

    Raises:
        BackendError: The package is not installed, there is no driver, it is too old, or there is no such GPU.
    """
    try:
        from animecam.cuda.device import CudaGpu
    except ImportError as error:
        raise BackendError(f"GPUs need a package that is not installed: {error}", hint=INSTALL) from error
    return CudaGpu(index)
