"""Weights of networks as `animecam-export` writes them."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# onnx is typed in part only.

import re
from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor

from animecam.errors import StyleError
from animecam.styles.whole import whole_network
from animecam_training.errors import CheckpointError
from animecam_training.models.weights import weights_digest
from animecam_training.weights.teachers import OF_A_STYLE

_CONSTANT = re.compile("[/:]")  # is in the names that torch gives to what is no parameter
_FOLDED = "::"  # is in those of weights that the export computed from several


def read_network(path: Path) -> onnx.ModelProto:
    """An ONNX file, with the weights that it keeps in files beside it.

    Raises:
        CheckpointError: It, or a file beside it, cannot be read, or is of another kind.
    """
    try:
        whole = whole_network(path)
        return onnx.load(path) if whole is None else onnx.load_from_string(whole)
    except StyleError as error:
        raise CheckpointError(error.message, hint=error.hint) from error
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}", hint=OF_A_STYLE) from error
    except DecodeError as error:
        raise CheckpointError(f"{path} is not an ONNX network", hint=OF_A_STYLE) from error


def read_onnx(path: Path) -> dict[str, Tensor]:
    """All constants of an ONNX file by name; of a network written by `animecam-export` some are its weights.

    Raises:
        CheckpointError: It cannot be read, or is of another kind.
    """
    arrays = {one.name: numpy_helper.to_array(one) for one in read_network(path).graph.initializer}
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def onnx_digest(path: Path) -> str | None:
    """The digest of the weights in an ONNX file, equal to that of the checkpoint which was exported.

    Returns:
        See `weights_digest`; None where the export has folded weights together, as BatchNorm, or rounded them.

    Raises:
        CheckpointError: It cannot be read, or is of another kind.
    """
    constants = read_onnx(path)
    weights = {name: value for name, value in constants.items() if not is_constant(name)}
    is_whole = not any(_FOLDED in name for name in constants)
    is_exact = all(value.dtype == torch.float32 for value in weights.values())
    return weights_digest(weights) if weights and is_whole and is_exact else None


def is_constant(name: str) -> bool:
    """Whether what has this name in an exported network is none of its weights."""
    return _CONSTANT.search(name) is not None
