"""NVIDIA's driver without a GPU: counts what is taken and given back, and can break as a real one does.

It takes the place of the functions in `cuda.bindings.driver`; codes and flags stay the real ones.
"""

import ctypes
import threading

from cuda.bindings import driver

OK = driver.CUresult.CUDA_SUCCESS
NO_IMAGE = driver.CUresult.CUDA_ERROR_INVALID_IMAGE

MAKES = {
    "cuMemAlloc": "memory",
    "cuEventCreate": "event",
    "cuStreamCreate": "stream",
    "cuStreamEndCapture": "record of a graph",
    "cuGraphInstantiate": "graph",
}
FREES = (
    "cuMemFree",
    "cuMemFreeHost",
    "cuEventDestroy",
    "cuStreamDestroy",
    "cuGraphDestroy",
    "cuGraphExecDestroy",
    "cuModuleUnload",
)
ANSWERS = {
    "cuInit": (),
    "cuDriverGetVersion": (driver.CUDA_VERSION,),
    "cuDeviceGetCount": (2,),
    "cuDeviceGetName": (b"Fake GPU\0rest",),
    "cuDeviceGetAttribute": (8,),
    "cuDevicePrimaryCtxRelease": (),
    "cuMemsetD8": (),
    "cuMemcpyHtoDAsync": (),
    "cuMemcpyDtoHAsync": (),
    "cuEventRecord": (),
    "cuEventQuery": (),
    "cuEventElapsedTime": (1.0,),
    "cuStreamWaitEvent": (),
    "cuStreamBeginCapture": (),
    "cuGraphLaunch": (),
    "cuLaunchKernel": (),
    "cuModuleGetFunction": (5,),
}
OF_NO_CONTEXT = ("cuInit", "cuDevice", "cuDriver", "cuCtx")


class FakeDriver:
    """Two GPUs, whose primary contexts are 100 and 101.

    Attributes:
        there: Handles that were made and not freed, with what they are.
        broken: What every call answers after a kernel went wrong; None: nothing did.
        images: What was loaded as kernels.
        bad_images: What is refused as such.
        refusal: With which code.
        calls: Functions that were called, in their order.
        done_in: The same with the context that was current, of those that work in one.
    """

    def __init__(self) -> None:
        self.there: dict[int, str] = {}
        self.broken: driver.CUresult | None = None
        self.images: list[bytes] = []
        self.bad_images: set[bytes] = set()
        self.refusal = NO_IMAGE
        self.calls: list[str] = []
        self.done_in: list[tuple[str, int]] = []
        self._next = 1000
        self._blocks: list[object] = []
        self._thread = threading.local()
        self._functions = {
            **{name: lambda *_, kind=kind: self._make(kind) for name, kind in MAKES.items()},
            **dict.fromkeys(FREES, self._free),
            **{name: lambda *_, values=values: (OK, *values) for name, values in ANSWERS.items()},
            "cuDeviceGet": lambda index: (OK, index),
            "cuDevicePrimaryCtxRetain": lambda device: (OK, 100 + int(device)),
            "cuMemHostAlloc": self._pin,
            "cuCtxGetCurrent": lambda: (OK, driver.CUcontext(self.context_here)),
            "cuCtxSetCurrent": self._use,
            "cuModuleLoadData": self._load,
        }

    def install(self, monkeypatch) -> None:
        for name, function in self._functions.items():
            monkeypatch.setattr(driver, name, self._answering(name, function))
        monkeypatch.setattr(driver, "cuGetErrorString", lambda code: (OK, code.name.lower().encode()))

    @property
    def context_here(self) -> int:
        """The context of the calling thread; 0: it has none."""
        return getattr(self._thread, "context", 0)

    @context_here.setter
    def context_here(self, context: int) -> None:
        self._thread.context = context

    def _answering(self, name, function):
        def call(*arguments):
            self.calls.append(name)
            if not name.startswith(OF_NO_CONTEXT):
                self.done_in.append((name, self.context_here))
            is_broken = self.broken is not None and not name.startswith("cuCtx")  # these only look and change
            values = len(ANSWERS.get(name, () if name in FREES else (0,)))
            return (self.broken, *[0] * values) if is_broken else function(*arguments)

        return call

    def _make(self, kind: str):
        self._next += 1
        self.there[self._next] = kind
        return OK, self._next

    def _pin(self, nbytes: int, _flags):
        block = (ctypes.c_uint8 * nbytes)()
        self._blocks.append(block)
        address = ctypes.addressof(block)
        self.there[address] = "pinned memory"
        return OK, address

    def _free(self, handle: int):
        del self.there[int(handle)]
        return (OK,)

    def _use(self, context):
        self.context_here = int(context)
        return (OK,)

    def _load(self, image: bytes):
        self.images.append(image)
        return (self.refusal, 0) if image in self.bad_images else self._make("module")
