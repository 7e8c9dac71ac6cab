"""Opens a GPU. Importing this costs nothing and needs nothing."""

from animecam.cuda.base import Gpu
from animecam.errors import BackendError

INSTALL = "pip install 'animecam[cuda]'"


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
