"""A real GPU, in its primary context: the one that PyTorch, TensorRT and pycuda.autoprimaryctx use too."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# cuda.bindings ships no type information.

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from cuda.bindings import driver

from animecam.cache import usable_cache
from animecam.cuda.base import DeviceBuffer, Event, GpuFacts, Kernel, PinnedBuffer, Stream
from animecam.cuda.compiler import compile_kernels
from animecam.cuda.current import note_context
from animecam.cuda.dlpack import CUDA
from animecam.cuda.driver import check, give_back
from animecam.cuda.events import CudaEvent
from animecam.cuda.memory import DEFAULT_STREAM, CudaBuffer, CudaPinned
from animecam.cuda.streams import CudaStream
from animecam.errors import BackendError

NO_SUCH_GPU = "choose one with `gpu`; CUDA_VISIBLE_DEVICES hides the others and counts anew from 0"

_THOUSAND = 1000  # CUDA's versions: 13000 is 13.0


@dataclass(frozen=True, slots=True)
class CudaKernel:
    """`Kernel` of a loaded module."""

    name: str
    handle: int


class CudaGpu:
    """`Gpu`: one NVIDIA GPU.

    Args:
        index: As the driver counts them (CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER have their say), from 0.

    Raises:
        BackendError: There is no driver, it is too old, or there is no such GPU.
    """

    def __init__(self, index: int) -> None:
        self._device, facts = _find(index)
        self.name, self.compute_capability = facts.name, facts.compute_capability
        self.shared_as: tuple[int, int] = (CUDA, index)
        self.context = int(check(driver.cuDevicePrimaryCtxRetain(self._device), f"open GPU {index}"))
        self._modules: dict[str, int] = {}  # by source: every film asks for the same
        self._is_open = True
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            self.use()
            on_failure.pop_all()

    def use(self) -> None:
        """As `Gpu.use`."""
        note_context(_way_back)
        check(driver.cuCtxSetCurrent(self.context), "use the GPU in this thread")

    def buffer(self, nbytes: int) -> DeviceBuffer:
        """As `Gpu.buffer`."""
        return CudaBuffer(nbytes)

    def pinned(self, nbytes: int) -> PinnedBuffer:
        """As `Gpu.pinned`."""
        return CudaPinned(nbytes)

    def stream(self) -> Stream:
        """As `Gpu.stream`."""
        return CudaStream()

    def event(self, *, is_timed: bool = False) -> Event:
        """As `Gpu.event`."""
        return CudaEvent(is_timed=is_timed)

    def admit_others(self) -> None:
        """As `Gpu.admit_others`: FFmpeg's threads sleep in the driver; ours never wait there, see waiting.py."""
        asleep = int(driver.CUctx_flags.CU_CTX_SCHED_BLOCKING_SYNC)
        check(driver.cuDevicePrimaryCtxSetFlags(self._device, asleep), "share the context of the GPU")

    def mark_others(self, event: Event) -> None:
        """As `Gpu.mark_others`: they use the default stream."""
        check(driver.cuEventRecord(event.handle, DEFAULT_STREAM), "mark the work of others on the GPU")

    def kernels(self, source: str, names: Sequence[str]) -> dict[str, Kernel]:
        """As `Gpu.kernels`."""
        if source not in self._modules:
            self._modules[source] = self._loaded(source)
        module = self._modules[source]
        found: dict[str, Kernel] = {}
        for name in names:
            function = check(driver.cuModuleGetFunction(module, name.encode()), f"find kernel {name}")
            found[name] = CudaKernel(name, int(function))
        return found

    def free_bytes(self) -> int:
        """As `Gpu.free_bytes`."""
        free, _total = check(driver.cuMemGetInfo(), "ask for the memory of the GPU")
        return int(free)

    def close(self) -> None:
        """Releases the context; may be called twice."""
        if not self._is_open:
            return
        self._is_open = False
        for module in self._modules.values():
            give_back(driver.cuModuleUnload(module), "unload kernels")
        give_back(driver.cuDevicePrimaryCtxRelease(self._device), "close the GPU")

    def _loaded(self, source: str) -> int:
        """A module; where what is kept of it is damaged, compiled anew: it would be so at every start."""
        code, module = driver.cuModuleLoadData(self._compiled(source))
        if code in (driver.CUresult.CUDA_ERROR_INVALID_IMAGE, driver.CUresult.CUDA_ERROR_INVALID_PTX):
            code, module = driver.cuModuleLoadData(self._compiled(source, anew=True))
        return int(check((code, module), "load kernels"))

    def _compiled(self, source: str, *, anew: bool = False) -> bytes:
        return compile_kernels(source, self.compute_capability, usable_cache(), anew=anew)


def look_at(index: int) -> GpuFacts:
    """See `gpu.look_at_gpu`."""
    return _find(index)[1]


def _find(index: int) -> tuple[Any, GpuFacts]:
    """The driver's handle of a GPU, and what it tells of it."""
    _start_driver()
    count = int(check(driver.cuDeviceGetCount(), "count the GPUs"))
    if index >= count:
        there = "there is no GPU" if count == 0 else f"there are only GPUs 0 to {count - 1}"
        raise BackendError(f"no GPU {index}: {there}", hint=NO_SUCH_GPU)
    device = check(driver.cuDeviceGet(index), f"open GPU {index}")
    return device, GpuFacts(_name(device), _capability(device))


def _way_back() -> Callable[[], None]:
    """What gives the thread the context that it has now; if that fails, what failed before is what is told."""
    found = check(driver.cuCtxGetCurrent(), "look which GPU this thread uses")

    def return_it() -> None:
        driver.cuCtxSetCurrent(found)

    return return_it


def _start_driver() -> None:
    try:
        (code,) = driver.cuInit(0)
    except RuntimeError as error:  # the bindings look for the library at the first call
        hint = "install the NVIDIA driver of this GPU; in a container, start it with --gpus all"
        raise BackendError("there is no NVIDIA driver", hint=hint) from error
    check((code,), "start the NVIDIA driver")
    has = int(check(driver.cuDriverGetVersion(), "ask the driver for its version"))
    needs = int(driver.CUDA_VERSION)
    if has // _THOUSAND < needs // _THOUSAND:
        message = f"the NVIDIA driver knows CUDA up to {has // _THOUSAND}, {needs // _THOUSAND} is needed"
        raise BackendError(message, hint="update the driver of this GPU")


def _name(device: object) -> str:
    longest = 256
    name = bytes(check(driver.cuDeviceGetName(longest, device), "ask for the GPU's name"))
    return name.split(b"\0", 1)[0].decode()  # the rest of the buffer is not always zeros


def _capability(device: object) -> tuple[int, int]:
    which = driver.CUdevice_attribute
    major = check(
        driver.cuDeviceGetAttribute(which.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device), "ask for the GPU's age"
    )
    minor = check(
        driver.cuDeviceGetAttribute(which.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device), "ask for the GPU's age"
    )
    return int(major), int(minor)
