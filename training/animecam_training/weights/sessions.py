"""Networks that figures and face finding rest on, opened in ONNX Runtime, with errors that name the file."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from pathlib import Path

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as failures  # pyright: ignore[reportAttributeAccessIssue]

from animecam_training.errors import DataError

UNREADABLE_ONNX = (failures.Fail, failures.InvalidProtobuf, failures.InvalidGraph, failures.InvalidArgument)
"""What ONNX Runtime raises for a file that is no network."""

_ERRORS_ONLY = 3  # severity of what ONNX Runtime logs


def open_weights(path: Path, what: str) -> ort.InferenceSession:
    """A network of the folder of weights, on one core: what works side by side has the others.

    Args:
        path: Its file.
        what: It is, for the message.

    Raises:
        DataError: The file is missing, or no network.
    """
    if not path.is_file():
        raise DataError(f"{what} {path} is missing", hint="install animecam anew; or is --weights another folder?")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except UNREADABLE_ONNX as error:
        hint = "was it copied as a whole? Git LFS leaves a line of text in a file's place: git lfs pull"
        raise DataError(f"{what} {path} is not an ONNX network", hint=hint) from error
