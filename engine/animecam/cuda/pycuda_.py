"""For programs that hold a context or a stream of pycuda: what they own is used, never closed.

pycuda is not imported here. `import pycuda.autoprimaryctx` gives the context that PyTorch, TensorRT and this package
share; memory of any other context of the same GPU cannot be reached from here.
"""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# cuda.bindings ships no type information.

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from animecam.cuda.compiler import compile_kernels
from animecam.cuda.current import context_kept
from animecam.cuda.device import CudaGpu
from animecam.cuda.streams import CudaStream
from animecam.errors import BackendError

Module = TypeVar("Module")


class HasHandle(Protocol):
    """`pycuda.driver.Context` or `pycuda.driver.Stream`."""

    @property
    def handle(self) -> int:
        """Of the context or stream, as the driver knows it."""
        ...


def gpu_of(context: HasHandle, index: int = 0) -> CudaGpu:
    """The GPU of a primary context; whoever calls closes it, which leaves the context to its owner.

    The thread stays in the context that it is in.

    Args:
        context: Of pycuda, made by `pycuda.autoprimaryctx` or `Device.retain_primary_context`.
        index: Of its GPU.

    Raises:
        BackendError: There is no such GPU, or the context is not its primary one.
    """
    with context_kept():
        gpu = CudaGpu(index)
    if gpu.context != context.handle:
        gpu.close()
        hint = "import pycuda.autoprimaryctx in place of pycuda.autoinit"
        raise BackendError(f"this context is not the primary one of GPU {index}", hint=hint)
    return gpu


def stream_of(stream: HasHandle) -> CudaStream:
    """A stream of pycuda as one of this package; closing it leaves the stream to its owner."""
    return CudaStream(stream.handle)


def load_kernels(
    source: str, capability: tuple[int, int], module_from_buffer: Callable[[bytes], Module], cache: Path | None = None
) -> Module:
    """Kernels as a module of pycuda, compiled by NVRTC: pycuda's own compiler needs a whole CUDA toolkit.

    Args:
        source: CUDA C++ with everything it needs.
        capability: Of the GPU, as `Device.compute_capability` gives it.
        module_from_buffer: `pycuda.driver.module_from_buffer`.
        cache: Folder in which the machine code is kept; None compiles anew.

    Raises:
        BackendError: The source does not compile, or NVRTC is not installed.
    """
    return module_from_buffer(compile_kernels(source, capability, cache))
