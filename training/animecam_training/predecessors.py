"""Trained weights that a new run starts from or is held to: those of a checkpoint, or of a style as it ships."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor, nn

from animecam_training.checkpoint import load_checkpoint
from animecam_training.errors import CheckpointError
from animecam_training.models.registry import GENERATORS, build_generator, inference_generator
from animecam_training.models.weights import match_state

ONNX_SUFFIX = ".onnx"
ONE_TAILED = ("dtgan", "dtgan-lite")  # what an exported network can be


@dataclass(frozen=True, slots=True)
class Predecessor:
    """What an earlier training left.

    Attributes:
        weights: The averaged generator, by the names of its state dict, fp32 on the CPU. An exported network has
            folded its BatchNorm away, which then starts afresh.
        origin: File and steps, for the log.
    """

    weights: Mapping[str, Tensor]
    origin: str


def read_predecessor(path: Path) -> Predecessor:
    """The weights of `last.pt` of a run, or of the `model.onnx` of a style that `animecam-export` wrote.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    if path.suffix.lower() == ONNX_SUFFIX:
        return Predecessor(_read_onnx(path), str(path))
    checkpoint = load_checkpoint(path)
    return Predecessor(checkpoint.weights, f"{path} (step {checkpoint.step})")


def open_teacher(path: Path) -> nn.Module:
    """A whole trained generator, as it was exported or is to be: picture in, drawing out, in evaluation mode, frozen.

    Raises:
        CheckpointError: The file is missing, damaged, or holds no whole generator of this project.
    """
    if path.suffix.lower() == ONNX_SUFFIX:
        generator = _whole_generator(_read_onnx(path), path)
    else:
        checkpoint = load_checkpoint(path)
        model = checkpoint.recipe.model
        generator = build_generator(model.generator, **model.options)
        generator.load_state_dict(checkpoint.weights)
    return inference_generator(generator).eval().requires_grad_(False)


def _read_onnx(path: Path) -> dict[str, Tensor]:
    hint = "name last.pt of a run, or model.onnx of a style"
    try:
        graph = onnx.load(path).graph
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}", hint=hint) from error
    except DecodeError as error:
        raise CheckpointError(f"{path} is not an ONNX network", hint=hint) from error
    arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def _whole_generator(weights: Mapping[str, Tensor], path: Path) -> nn.Module:
    for name in ONE_TAILED:
        generator = GENERATORS[name]()
        wanted = generator.state_dict()
        matched = match_state(wanted, weights)
        if wanted.keys() == matched.keys():
            generator.load_state_dict(matched)
            return generator
    hint = "name the checkpoint it was exported from: what an export folds together cannot be taken apart"
    raise CheckpointError(f"{path} holds no whole generator", hint=hint)
