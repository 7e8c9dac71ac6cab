"""ONNX Runtime on the CPU: the portable backend. The only module that imports it for the live path."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# onnxruntime ships no type information.

from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as failures  # pyright: ignore[reportAttributeAccessIssue]

from animecam.backends.base import BackendInfo, BackendOptions, Port, Tensor
from animecam.backends.ports import batch_limit, check_batch, only_input
from animecam.backends.processor import processor_name
from animecam.backends.status import BackendStatus
from animecam.errors import BackendError

NAME = "onnxruntime"
PROVIDER = "CPUExecutionProvider"
LOG_FATAL_ONLY = 4  # errors come as exceptions

WAIT_ASLEEP = "0"
"""Threads that wait in a loop take the cores from capture and encoding: 13 to 28 % more time for the network itself
where another program keeps one of two cores busy."""

_FAILURES = (
    failures.Fail,
    failures.InvalidArgument,
    failures.InvalidGraph,
    failures.InvalidProtobuf,
    failures.NoModel,
    failures.NoSuchFile,
    failures.NotImplemented,
    failures.RuntimeException,
)
"""They have no common base but Exception."""

_DTYPES = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(double)": np.dtype(np.float64),
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(int8)": np.dtype(np.int8),
    "tensor(int32)": np.dtype(np.int32),
    "tensor(int64)": np.dtype(np.int64),
    "tensor(bool)": np.dtype(np.bool_),
}


class OnnxRuntimeBackend:
    """One network in ONNX Runtime.

    Args:
        model: ONNX file.
        options: `threads` is used; this runtime has no bfloat16 on CPUs and keeps no compiled models.

    Raises:
        BackendError: The file cannot be read or has an operator that the runtime does not know.
    """

    def __init__(self, model: Path, options: BackendOptions) -> None:
        session_options = onnxruntime.SessionOptions()
        session_options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        session_options.intra_op_num_threads = options.threads
        session_options.add_session_config_entry("session.intra_op.allow_spinning", WAIT_ASLEEP)
        session_options.log_severity_level = LOG_FATAL_ONLY
        self._model = model.name
        onnxruntime.disable_telemetry_events()  # builds for Windows report to their maker
        try:
            session = onnxruntime.InferenceSession(str(model), session_options, providers=[PROVIDER])
        except _FAILURES as error:
            hint = "the file may be damaged or newer than this runtime: fetch or export it again"
            raise BackendError(f"ONNX Runtime cannot load {model}: {_reason(error)}", hint=hint) from error
        self._session: onnxruntime.InferenceSession | None = session
        inputs = session.get_inputs()
        only_input([port.name for port in inputs], self._model)
        self.input = _port(inputs[0])
        self.outputs = tuple(_port(port) for port in session.get_outputs())
        self.max_batch = batch_limit(self.input)
        self.info = BackendInfo(NAME, onnxruntime.__version__, processor_name(), "f32")

    def run(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Computes the network; see `Backend.run`."""
        if self._session is None:
            raise BackendError(f"{self._model} is closed")
        check_batch(batch, self.input, self._model)
        try:
            results = cast(list[Tensor], self._session.run(None, {self.input.name: batch}))
        except _FAILURES as error:
            raise BackendError(f"ONNX Runtime failed on {self._model}: {_reason(error)}") from error
        return tuple(results)

    def close(self) -> None:
        """Frees the network; may be called twice."""
        self._session = None


def probe() -> BackendStatus:
    """What ONNX Runtime can do here."""
    return BackendStatus(NAME, True, onnxruntime.__version__, processor_name(), ("f32", "int8"))


def _port(port: Any) -> Port:
    if port.type not in _DTYPES:
        raise BackendError(f"tensor {port.name} has type {port.type}, which is not supported")
    shape = tuple(size if isinstance(size, int) and size > 0 else None for size in port.shape)
    return Port(port.name, shape, _DTYPES[port.type])


def _reason(error: Exception) -> str:
    """The end of the runtime's message, which names the cause; before it stand its code, the file, a C++ signature."""
    text = str(error).split("\n", 1)[0].rpartition(" : ")[2].rpartition(" failed:")[2].strip()
    return text.rpartition(") ")[2] if text.startswith("/") else text
