"""A GPU whose memory is the host's and whose runtime is ONNX Runtime: everything around TensorRT, without it.

The builder and the parser are the real ones of tensorrt-rtx; only what needs a driver is replaced.
"""

import ctypes
import json
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.cuda.dlpack import HOST
from animecam.cuda.turns import has_gpu_turn
from animecam.engines.flavour import RTX, Flavour, load_flavour
from animecam.errors import DeviceMemoryError


class Memory:
    def __init__(self, gpu: "FakeGpu", nbytes: int) -> None:
        if nbytes > gpu.free:
            raise DeviceMemoryError("the memory of the GPU is full")
        self._block = (ctypes.c_uint8 * nbytes)()
        self.address, self.nbytes, self._gpu = ctypes.addressof(self._block), nbytes, gpu
        gpu.free -= nbytes
        gpu.open.append(self)
        gpu.allocations += 1

    def array(self, dtype: Any, shape: Any) -> np.ndarray:
        return np.frombuffer(self._block, dtype, int(np.prod(shape))).reshape(shape)

    def close(self) -> None:
        if self in self._gpu.open:
            self._gpu.open.remove(self)
            self._gpu.free += self.nbytes


class Stream:
    handle = 77

    def __init__(self, gpu: "FakeGpu") -> None:
        self._gpu = gpu

    def copy_in(self, buffer: Memory, pinned: Memory, nbytes: int) -> None:
        ctypes.memmove(buffer.address, pinned.address, nbytes)

    def copy_out(self, pinned: Memory, buffer: Memory, nbytes: int) -> None:
        ctypes.memmove(pinned.address, buffer.address, nbytes)

    def synchronize(self, timeout_s: float = 5.0) -> None:
        self._gpu.waits += 1

    def close(self) -> None: ...


@dataclass
class FakeGpu:
    name: str = "Fake RTX 4090"
    compute_capability: tuple[int, int] = (8, 9)
    shared_as: tuple[int, int] = HOST
    free: int = 1 << 30
    open: list[Memory] = field(default_factory=list)
    allocations: int = 0
    waits: int = 0
    is_closed: bool = False

    def use(self) -> None:
        assert not self.is_closed

    def buffer(self, nbytes: int) -> Memory:
        return Memory(self, nbytes)

    pinned = buffer

    def stream(self) -> Stream:
        return Stream(self)

    def close(self) -> None:
        self.is_closed = True


class Builder:
    """The real `IBuilder`, with what a test has it say of memory."""

    def __init__(self, runtime: "FakeRuntime", logger: Any) -> None:
        self._runtime, self._real = runtime, runtime.real.Builder(logger)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def build_serialized_network(self, network: Any, config: Any) -> Any:
        if self._runtime.builds_refused:
            self._runtime.builds_refused -= 1
            self._runtime.messages.append("Error Code 2: OutOfMemory (Requested size was 3221225472 bytes.)")
            return None
        data = self._real.build_serialized_network(network, config)
        self._runtime.messages.extend(self._runtime.complaints)
        return data


class RuntimeConfig:
    """`IRuntimeConfig`; a cache of compiled kernels is some bytes."""

    def __init__(self) -> None:
        self.cuda_graph_strategy = self.dynamic_shapes_kernel_specialization_strategy = None

    def set_execution_context_allocation_strategy(self, strategy: Any) -> None:
        self.allocation = strategy

    def create_runtime_cache(self) -> Any:
        return self

    def set_runtime_cache(self, cache: Any) -> bool:
        return cache is self

    def deserialize(self, data: bytes) -> bool:
        return data == b"kernels"

    def serialize(self) -> bytes:
        return b"kernels"


class Context:
    """`IExecutionContext` over ONNX Runtime. Once it has run it keeps its shape: somebody may have recorded it."""

    def __init__(self, runtime: "FakeRuntime", config: RuntimeConfig) -> None:
        self.config, self._runtime = config, runtime
        self._addresses: dict[str, int] = {}
        self._shape: tuple[int, ...] = ()
        self.memory: tuple[int, int] = (0, 0)
        self.ran: Counter[int] = Counter()  # runs by number of pictures
        self.nvtx_verbosity: Any = None
        runtime.contexts.append(self)

    @property
    def batch(self) -> int:
        return self._shape[0] if self._shape else -1

    def set_device_memory(self, address: int, nbytes: int) -> None:
        self.memory = (address, nbytes)

    def set_aux_streams(self, handles: list[int]) -> None:
        self.beside = handles

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        assert not self.ran or shape == self._shape, "what was recorded of it is no good any more"
        self._shape = shape
        return 1 <= shape[0] <= 4

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self._shape

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._runtime.binds += 1
        self._addresses[name] = address
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert self.memory[1] == FakeRuntime.MEMORY_BYTES
        if self._runtime.fails:
            return False
        size = int(np.prod(self._shape))
        given, drawn = (
            np.frombuffer((ctypes.c_uint8 * (2 * size)).from_address(self._addresses[name]), np.float16).reshape(
                self._shape
            )
            for name in ("picture", "drawn")
        )
        drawn[:] = self._runtime.compute(given.astype(np.float32))
        self._runtime.runs += 1
        self.ran[self._shape[0]] += 1
        return True


@dataclass(frozen=True)
class Layer:
    """What `Inspector` tells of a layer: kind, types as TensorRT words them, and sides without the batch."""

    kind: str
    takes: str
    gives: str
    sides: tuple[int, ...]


_HALF, _FLOAT = "Channel major FP16 format where channel % 8 == 0", "Row major linear FP32"
_MAP, _PIXEL = (32, 32, 32), (32, 1, 1)
_REST = [
    Layer("Reformat", "Row major linear FP16 format", _HALF, _MAP),
    *[Layer("CaskConvolution", _FLOAT, _FLOAT, _PIXEL)] * 10,
    *[Layer("kgen", "Half", "Float", _MAP)] * 10,
]
HALF_LAYERS = [*_REST, *[Layer("CaskConvolution", _HALF, _HALF, _MAP)] * 20, Layer("CaskJitConv", _HALF, "Float", _MAP)]
FLOAT_LAYERS = [*_REST, *[Layer("CaskConvolution", _FLOAT, _FLOAT, _MAP)] * 21]


class Inspector:
    """`IEngineInspector`: while the number of pictures is free, it tells no types of tensors."""

    def __init__(self, layers: list[Layer] | str | None) -> None:
        self._layers = layers
        self.execution_context: Context | None = None

    def get_engine_information(self, form: Any) -> str | None:
        assert form.name == "JSON"
        if not isinstance(self._layers, list):
            return self._layers
        told = [self._told(f"layer {index}", layer) for index, layer in enumerate(self._layers)]
        return json.dumps({"Layers": told, "Bindings": ["picture", "drawn"]})

    def _told(self, name: str, layer: Layer) -> dict[str, Any]:
        batch = self.execution_context.batch if self.execution_context is not None else -1

        def tensor(kind: str) -> dict[str, Any]:
            words = kind if batch > 0 else "N/A due to dynamic shapes"
            return {"Name": name, "Location": "Device", "Dimensions": [batch, *layer.sides], "Format/Datatype": words}

        return {
            "Name": name,
            "LayerType": layer.kind,
            "Inputs": [tensor(layer.takes)],
            "Outputs": [tensor(layer.gives)],
            "TacticValue": "0x0000000000000000",
        }


class Engine:
    num_io_tensors, num_aux_streams = 2, 0
    device_memory_size_v2 = 4096

    def __init__(self, runtime: "FakeRuntime") -> None:
        self._runtime = runtime
        runtime.engines.append(ref(self))

    def get_tensor_name(self, index: int) -> str:
        return ("picture", "drawn")[index]

    def get_tensor_mode(self, name: str) -> Any:
        modes = self._runtime.real.TensorIOMode
        return modes.INPUT if name == "picture" else modes.OUTPUT

    def create_engine_inspector(self) -> Inspector:
        return Inspector(self._runtime.layers)

    def create_runtime_config(self) -> RuntimeConfig:
        return RuntimeConfig()

    def create_execution_context(self, config: RuntimeConfig) -> Context | None:
        if self._runtime.contexts_refused:
            self._runtime.contexts_refused -= 1
            self._runtime.messages.append("Error Code 2: OutOfMemory (no room)")
            return None
        return Context(self._runtime, config)


class FakeRuntime:
    """The module `tensorrt_rtx` with another `Runtime`, which gives engines that compute `reference`."""

    MEMORY_BYTES = 4096

    def __init__(self, reference: Path) -> None:
        self.real = load_flavour(RTX).api
        self.messages: deque[str] = deque(maxlen=3)
        self.refused: set[bytes] = set()
        self.contexts_refused = self.builds_refused = 0
        self.complaints: list[str] = []  # of builds that succeed
        self.contexts: list[Context] = []
        self.engines: list[ref[Engine]] = []  # that were loaded
        self.runs = self.binds = 0
        self.beside: list[str] = []  # what was made of those that use the GPU, while others may have recorded there
        self.layers: list[Layer] | str | None = HALF_LAYERS
        self.error = 0.0
        self.fails = False
        self._network = open_backend(reference, BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
        self.flavour = Flavour(RTX, "9.9", self, load_flavour(RTX).logger, self.messages)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def Builder(self, logger: Any) -> Builder:  # noqa: N802 - as the module has it
        self._note("builder")
        return Builder(self, logger)

    def Runtime(self, logger: Any) -> "FakeRuntime":  # noqa: N802 - as the module has it
        self._note("runtime")
        return self

    @property
    def sessions(self) -> list[list[Context]]:
        """The contexts that were made, by what they were made with."""
        configs = dict.fromkeys(id(context.config) for context in self.contexts)
        return [[context for context in self.contexts if id(context.config) == config] for config in configs]

    def _note(self, what: str) -> None:
        if not has_gpu_turn():
            self.beside.append(what)

    def deserialize_cuda_engine(self, data: bytes) -> Engine | None:
        if data in self.refused:
            self.messages.append("Error Code 6: the engine was made by another version")
            return None
        return Engine(self)

    def compute(self, pictures: np.ndarray) -> np.ndarray:
        drawn = np.concatenate([self._network.run(picture[None])[0] for picture in pictures])
        return (drawn + self.error).astype(np.float16)
