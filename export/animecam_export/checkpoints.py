"""Reads what training leaves: checkpoints of runs, and bare state dicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from animecam_export.errors import ExportError
from animecam_training.errors import TrainingError
from animecam_training.models.registry import GENERATORS, build_generator, inference_generator
from animecam_training.models.weights import load_generator_state, weights_digest
from animecam_training.run.checkpoint import UNREADABLE, load_checkpoint
from animecam_training.weights.provenance import provenance_of

_HINT = "name a checkpoint of animecam-train (last.pt in a run folder) or a state dict of a generator"


@dataclass(frozen=True, slots=True)
class TrainedGenerator:
    """A generator with its weights.

    Attributes:
        module: Maps RGB [N, 3, H, W] in [-1, 1] to the same shape and range; in evaluation mode, fp32, on the CPU.
        recipe: Name of the recipe and its method; empty for a bare state dict.
        steps: Steps trained; 0 when it is not known.
        provenance: What its checkpoint tells of it, see `provenance_of`; empty for a bare state dict.
    """

    module: nn.Module
    recipe: str = ""
    steps: int = 0
    provenance: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def parameters(self) -> int:
        """Count of weights that are trained."""
        return sum(weights.numel() for weights in self.module.parameters())

    @property
    def weights_sha256(self) -> str:
        """Which network it is, as `animecam-train evaluate` tells it, too."""
        return weights_digest(self.module.state_dict())


def load_trained(path: Path, generator: str) -> TrainedGenerator:
    """Reads a checkpoint of a run, or a state dict.

    Args:
        path: The file.
        generator: Which network a bare state dict belongs to, a name of `models.registry`; a checkpoint knows.

    Raises:
        ExportError: The file is missing or damaged, or its keys are not those of the network.
    """
    payload = _read(path)
    try:
        if "recipe" in payload:
            checkpoint = load_checkpoint(path)
            model = checkpoint.recipe.model
            module = build_generator(model.generator, **model.options)
            load_generator_state(module, checkpoint.weights)
            recipe, steps = f"{checkpoint.recipe.name} ({checkpoint.recipe.method})", checkpoint.step
            provenance = provenance_of(checkpoint)
        else:
            module = build_generator(generator)
            load_generator_state(module, payload)
            recipe, steps, provenance = "", 0, {}
    except TrainingError as error:
        of = f"a bare state dict of {generator} is wanted; onnx --generator takes those of {', '.join(GENERATORS)}"
        raise ExportError(f"{path}: {error.message}", hint=error.hint if "recipe" in payload else of) from error
    return TrainedGenerator(inference_generator(module).eval(), recipe, steps, provenance)


def _read(path: Path) -> dict[str, Any]:
    try:
        payload = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ExportError(f"cannot read checkpoint {path}: {error.strerror}", hint=_HINT) from error
    except UNREADABLE as error:
        raise ExportError(f"{path} is no checkpoint, or a damaged one", hint=_HINT) from error
    if not isinstance(payload, dict):
        raise ExportError(f"{path} holds no weights", hint=_HINT)
    entries = cast(dict[Any, Any], payload)
    if "recipe" not in entries and not all(isinstance(value, torch.Tensor) for value in entries.values()):
        raise ExportError(f"{path} holds no weights", hint=_HINT)
    return entries
