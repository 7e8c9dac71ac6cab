"""Trained weights that a new run starts from or is held to: those of a checkpoint, or of a style as it ships."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from animecam_training.metrics.evaluate import Draw
from animecam_training.models.registry import GENERATORS, build_generator, inference_generator
from animecam_training.models.weights import count_context, match_state
from animecam_training.run.checkpoint import load_checkpoint
from animecam_training.weights.from_onnx import read_onnx
from animecam_training.weights.measured import open_style
from animecam_training.weights.teachers import OF_A_STYLE, network_of

log = logging.getLogger(__name__)

ONNX_SUFFIX = ".onnx"
LITE = "dtgan-lite"
ONE_TAILED = ("dtgan", LITE)  # what an exported network can be


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
    """The weights of `last.pt` of a run, or of a style as `animecam-export` wrote it: a folder, or a network.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    path = network_of(path)
    if path.suffix.lower() == ONNX_SUFFIX:
        return Predecessor(read_onnx(path), str(path))
    checkpoint = load_checkpoint(path, OF_A_STYLE)
    return Predecessor(checkpoint.weights, f"{path} (step {checkpoint.step})")


def open_teacher(path: Path) -> nn.Module:
    """Whatever draws: a trained generator of this project, a style, or any network that takes and gives pictures.

    An ONNX file that is none of this project's generators as they are exported runs in ONNX Runtime on the processor: a
    style that somebody else trained teaches a small network all the same.

    Returns:
        Picture in, drawing out, RGB in [-1, 1], [N, 3, H, W]; in evaluation mode, frozen.

    Raises:
        CheckpointError: The file is missing or damaged.
        DataError: The network takes something else than such pictures.
    """
    path = network_of(path)
    if path.suffix.lower() == ONNX_SUFFIX:
        generator = _whole_generator(read_onnx(path))
        if generator is None:
            log.info("%s teaches as it is, in ONNX Runtime on the processor", path)
            return _OnnxTeacher(open_style(path).draw)
    else:
        checkpoint = load_checkpoint(path, OF_A_STYLE)
        model = checkpoint.recipe.model
        generator = build_generator(model.generator, **model.options)
        generator.load_state_dict(checkpoint.weights)
    return inference_generator(generator).eval().requires_grad_(False)


class _OnnxTeacher(nn.Module):
    """A network in ONNX Runtime; picture by picture, as many take no more at a time."""

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self._draw = draw

    def forward(self, pictures: Tensor) -> Tensor:
        """[N, 3, H, W] to the same, on the pictures' device."""
        given = pictures.detach().float().cpu().contiguous()
        return torch.cat([self._draw(picture) for picture in given.split(1)]).to(pictures.device)


def _whole_generator(weights: Mapping[str, Tensor]) -> nn.Module | None:
    """The generator that an exported network is; None where the export folded something together, or it is no such."""
    context = count_context(weights)
    for name in ONE_TAILED:
        generator = GENERATORS[name](context=context) if name == LITE and context else GENERATORS[name]()
        wanted = generator.state_dict()
        matched = match_state(wanted, weights)
        if wanted.keys() == matched.keys():
            generator.load_state_dict(matched)
            return generator
    return None
