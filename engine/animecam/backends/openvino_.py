"""OpenVINO on the CPU: the default where there is no GPU. The only module that imports it."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# openvino's members are typed in part only.

import threading
from collections import OrderedDict
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from animecam.backends.base import BackendInfo, BackendOptions, Port, Tensor
from animecam.backends.ports import batch_limit, check_batch, only_input
from animecam.backends.status import BackendStatus
from animecam.backends.untold import untold
from animecam.errors import BackendError

with untold():
    import openvino

NAME = "openvino"
DEVICE = "CPU"

KEPT_SHAPES = 8
"""Compiled shapes of a quantised network that are kept: the crop sizes that a governor moves between, and spare."""

Shape: TypeAlias = tuple[int, ...]

_PRECISIONS = {"FP32": "f32", "BF16": "bf16", "FP16": "f16", "INT8": "int8"}
"""OpenVINO's names of what a processor computes natively → ours, from the most to the least precise."""

_NO_CAUSE = ("Exception from", "Check ", "While validating", "FrontEnd API failed", "Model wasn't fully", "Summary:")
_NO_CAUSE_END = "with a message:"


class OpenVinoBackend:
    """One network in OpenVINO, compiled once for all the input shapes that it takes; a quantised one for each.

    Compiled for one shape it ran 2 % faster (the lite network at 256 x 256) and took half a second a shape to get
    there; seven shapes took 320 MiB where this takes 140. The first batch of a shape takes 1.3 times that of the next.
    Compiled for free shapes, quantised networks compute something else: 17 dB from float32 where 48 are right
    (OpenVINO 2026.4). A shape can be compiled in another thread, see `Preparable`, while this one runs others.

    Args:
        model: ONNX file.
        options: All but `gpu` are used.

    Raises:
        BackendError: The file cannot be read, or has an operator that the runtime does not know.
    """

    def __init__(self, model: Path, options: BackendOptions) -> None:
        with _loading:
            self._path = model
            self._core = _core()
            precisions = _native_precisions(self._core)
            precision = "bf16" if options.allow_bf16 and "bf16" in precisions else "f32"
            self._settings: dict[str, Any] = {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": precision,
                # By itself it pins a thread to each core. Beside some programs such a thread waited for most of a
                # second, and where none are it gained nothing (docs/benchmarks.md).
                "ENABLE_CPU_PINNING": False,
            }
            if options.threads:
                self._settings["INFERENCE_NUM_THREADS"] = options.threads
            if options.cache_dir is not None:
                self._settings["CACHE_DIR"] = str(options.cache_dir)
            self._accepted: set[Shape] = set()
            network: openvino.Model = self._read()
            self._network: openvino.Model | None = network
            only_input([port.any_name for port in network.inputs], model.name)
            self.input = _port(network.inputs[0])
            self.outputs = tuple(_port(port) for port in network.outputs)
            self._is_quantised = _is_quantised(network)
            self.max_batch = 1 if self._is_quantised else batch_limit(self.input)
            computes_in = "int8" if self._is_quantised else precision
            self.info = BackendInfo(NAME, _version(), self._core.get_property(DEVICE, "FULL_DEVICE_NAME"), computes_in)
            self._any_shape = None if self._is_quantised else self._compile(network)
            self._by_shape: OrderedDict[Shape, openvino.InferRequest] = OrderedDict()
            self._shapes_lock = threading.Lock()

    def run(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Computes the network; see `Backend.run`."""
        if self._network is None:
            raise BackendError(f"{self._path.name} is closed")
        check_batch(batch, self.input, self._path.name)
        request = self._request_for(self._network, batch.shape)
        try:
            # Handed over by itself: `infer([batch])` spends a twentieth of a small network on what it was given.
            given = np.require(batch, requirements=("C", "W"))  # held here: the tensor alone does not
            request.set_input_tensor(openvino.Tensor(given, shared_memory=True))
            results = request.infer()
        except RuntimeError as error:
            raise BackendError(f"OpenVINO failed on {self._path.name}: {_reason(error)}") from error
        return tuple(results[index] for index in range(len(self.outputs)))

    def is_ready(self, shape: Shape) -> bool:
        """Whether pictures of a shape (without the batch's count) are drawn at once; see `Preparable`."""
        with self._shapes_lock:
            if (1, *shape) in self._by_shape:
                self._by_shape.move_to_end((1, *shape))  # somebody is about to draw it, and it is not to make room
                return True
            return self._any_shape is not None

    def prepare(self, shape: Shape) -> None:
        """Compiles for pictures of a shape; see `Preparable`."""
        network = self._network
        if network is not None:
            self._request_for(network, (1, *shape))

    def end(self) -> None:
        """See `Preparable`: a shape takes a second at most."""

    def close(self) -> None:
        """Frees the network; may be called twice."""
        self._any_shape = None
        with self._shapes_lock:
            self._by_shape.clear()
        self._network = None

    def _read(self) -> openvino.Model:
        try:
            return self._core.read_model(self._path)
        except RuntimeError as error:
            hint = "the file may be damaged or newer than this runtime: fetch or export it again"
            raise BackendError(f"OpenVINO cannot load {self._path}: {_reason(error)}", hint=hint) from error

    def _compile(self, network: openvino.Model) -> openvino.InferRequest:
        try:
            with _loading:
                return self._core.compile_model(network, DEVICE, self._settings).create_infer_request()
        except RuntimeError as error:
            hint = 'it may use what this runtime does not know: try `backend="onnxruntime"`'
            raise BackendError(f"OpenVINO refuses {self._path.name}: {_reason(error)}", hint=hint) from error

    def _request_for(self, network: openvino.Model, shape: Shape) -> openvino.InferRequest:
        """What computes a shape; of those that are compiled for one, the one used longest ago makes room."""
        if self._any_shape is not None:
            if shape not in self._accepted:
                self._reshaped(network, shape)  # computed all the same, what does not fit would give anything
                self._accepted.add(shape)
            return self._any_shape
        with self._shapes_lock:
            request = self._by_shape.get(shape)
            if request is not None:
                self._by_shape.move_to_end(shape)
                return request
        request = self._compile(self._reshaped(network, shape))
        with self._shapes_lock:
            if len(self._by_shape) == KEPT_SHAPES:
                self._by_shape.popitem(last=False)
            self._by_shape[shape] = request
        return request

    def _reshaped(self, network: openvino.Model, shape: Shape) -> openvino.Model:
        """The network for one shape.

        Raises:
            BackendError: Its layers do not agree on that shape.
        """
        reshaped = network.clone()
        try:
            reshaped.reshape(list(shape))
        except RuntimeError as error:
            size = "x".join(map(str, shape))
            hint = "the sizes it takes are in its style card"
            raise BackendError(f"OpenVINO refuses {self._path.name} at {size}: {_reason(error)}", hint=hint) from error
        return reshaped


_loading = threading.RLock()
"""Held while the core is made, a network is opened or a shape is compiled. OpenVINO (2026.4 on Linux) bears no two
threads there. It sets the locale to "C" and then back to what it found: of two the last leaves it at "C", and Python
reads other programs' text as ASCII from then on. And two that first asked for a dtype waited for each other."""


def _core() -> openvino.Core:
    """The one core of this process, which is kept to its end.

    With a core, OpenVINO's plugin for CPUs gives the thread that loads it a stack for signals, and takes that back when
    the core goes. If of two cores the first goes first, or one goes in another thread, the thread is left with a stack
    that is gone. Its next signal – Ctrl-C, the end of a child, an alarm – then ends the process without a word, or is
    written over whatever has come to lie there (OpenVINO 2026.4 on Linux).
    """
    with _loading:
        return _only_core()


@cache
def _only_core() -> openvino.Core:
    return openvino.Core()


def _is_quantised(network: openvino.Model) -> bool:
    """Whether a network says itself which numbers are bytes."""
    return any(operation.get_type_name() == "FakeQuantize" for operation in network.get_ops())


def probe() -> BackendStatus:
    """What OpenVINO can do here."""
    core = _core()
    if DEVICE not in core.available_devices:
        return BackendStatus(
            NAME, False, _version(), problem="it sees no CPU", hint="pip install --force-reinstall openvino"
        )
    device = core.get_property(DEVICE, "FULL_DEVICE_NAME")
    return BackendStatus(NAME, True, _version(), device, _native_precisions(core))


def _native_precisions(core: openvino.Core) -> tuple[str, ...]:
    native = core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
    return tuple(ours for theirs, ours in _PRECISIONS.items() if theirs in native)


def _version() -> str:
    return openvino.__version__.split("-", 1)[0]


def _port(port: Any) -> Port:
    shape = tuple(size.get_length() if size.is_static else None for size in port.partial_shape)
    return Port(port.any_name, shape, port.element_type.to_dtype())


def _reason(error: Exception) -> str:
    """The line of the runtime's message that names the cause; those before it tell where in its sources it arose."""
    lines = [line.strip(" -") for line in str(error).splitlines()]
    causes = [line for line in lines if line and not line.startswith(_NO_CAUSE) and not line.endswith(_NO_CAUSE_END)]
    if not causes or causes[0].startswith("Unable to read the model"):
        return "it is not a whole ONNX network"
    return causes[0]
