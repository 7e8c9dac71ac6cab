"""Opens a GPU. Importing this costs nothing and needs nothing."""

from collections.abc import Generator
from contextlib import contextmanager

from animecam.cuda.base import Gpu, GpuFacts
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
    with _importing():
        from animecam.cuda.device import CudaGpu
    return CudaGpu(index)


def look_at_gpu(index: int = 0) -> GpuFacts:
    """What a GPU is, without opening it: its context takes tenths of a second and some hundred MB to make.

    Args:
        index: As the driver counts them, from 0.

    Raises:
        BackendError: As `open_gpu`; that may fail all the same, as where another program has the GPU for itself.
    """
    with _importing():
        from animecam.cuda.device import look_at
    return look_at(index)


@contextmanager
def _importing() -> Generator[None]:
    try:
        yield
    except ImportError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # a module in C++ that Ctrl-C stopped reports it so
            raise KeyboardInterrupt from error
        raise BackendError(f"GPUs need a package that is not installed: {error}", hint=INSTALL) from error
