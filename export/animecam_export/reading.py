"""Reads ONNX files of styles."""

# pyright: reportUnknownMemberType=false
# onnx is typed in part only.

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto

from animecam_export.errors import ExportError


def load_model(path: Path) -> ModelProto:
    """Reads an ONNX file.

    Raises:
        ExportError: It is missing or damaged.
    """
    hint = "export or add the style again"
    try:
        model = onnx.load(path)
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror}", hint=hint) from error
    except DecodeError as error:
        raise ExportError(f"{path} is no ONNX file", hint=hint) from error
    if not model.graph.node:  # an empty file is read as a model of nothing
        raise ExportError(f"{path} is no ONNX file", hint=hint)
    return model
