"""What can be measured: a checkpoint of a run, or a style as it ships."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor

from animecam.errors import StyleError
from animecam.styles.whole import whole_network
from animecam_training.errors import DataError
from animecam_training.metrics.evaluate import Draw
from animecam_training.models.registry import build_generator, inference_generator
from animecam_training.models.weights import weights_digest
from animecam_training.run.checkpoint import load_checkpoint
from animecam_training.weights.from_onnx import onnx_digest
from animecam_training.weights.sessions import UNREADABLE_ONNX
from animecam_training.weights.teachers import CARD_FILE, OF_A_STYLE

ONNX_SUFFIX = ".onnx"

_STYLE_HINT = "name a folder, or an .onnx file, that animecam-export wrote"


@dataclass(frozen=True, slots=True)
class MeasuredStyle:
    """A style to be measured.

    Attributes:
        name: What it is called.
        draw: How it draws.
        steps: Steps trained; None where nothing says so.
        weights_sha256: See `weights_digest`; None where an export has folded weights together or rounded them.
    """

    name: str
    draw: Draw
    steps: int | None
    weights_sha256: str | None


def open_style(path: Path) -> MeasuredStyle:
    """A style from a checkpoint, from a style's folder, or from its ONNX file.

    Args:
        path: `last.pt` of a run, a folder with `card.json`, or an .onnx file; NCHW, RGB in [-1, 1].

    Raises:
        CheckpointError: The checkpoint is missing, damaged or of another kind.
        DataError: The folder holds no style, or its network is fed otherwise than those of this project.
    """
    if path.is_dir():
        return _from_folder(path)
    if path.suffix.lower() == ONNX_SUFFIX:
        return MeasuredStyle(path.stem, _open_onnx(path), None, onnx_digest(path))
    return _from_checkpoint(path)


def _from_checkpoint(path: Path) -> MeasuredStyle:
    """The averaged generator as it is exported."""
    loaded = load_checkpoint(path, OF_A_STYLE)
    model = loaded.recipe.model
    trained = build_generator(model.generator, **model.options)
    trained.load_state_dict(loaded.weights)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator = inference_generator(trained).eval()
    digest = weights_digest(generator.state_dict())
    generator.to(device)

    def draw(picture: Tensor) -> Tensor:
        return generator(picture.to(device)).cpu()

    return MeasuredStyle(loaded.recipe.name, draw, loaded.step, digest)


def _from_folder(folder: Path) -> MeasuredStyle:
    try:
        card = cast("dict[str, Any]", json.loads((folder / CARD_FILE).read_text("utf-8")))
        contract, (variant, *_) = card["contract"], card["variants"]
        feeding = [contract[side][key] for side in ("input", "output") for key in ("layout", "black", "white")]
        steps = card["training"]["steps"] if card["training"] else None
        name, model = str(card["name"]), folder / str(variant["file"])
    except OSError as error:
        raise DataError(f"{folder} is not a style: {error.strerror} ({CARD_FILE})", hint=_STYLE_HINT) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / CARD_FILE} is not a style's card", hint=_STYLE_HINT) from error
    if feeding != ["NCHW", -1.0, 1.0] * 2:
        raise DataError(f"style {name!r} is not fed NCHW in [-1, 1]", hint=_STYLE_HINT)
    return MeasuredStyle(name, _open_onnx(model), steps, onnx_digest(model))


def _open_onnx(path: Path) -> Draw:
    """The network of an ONNX file on the CPU."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    try:
        coded = whole_network(path) or path.read_bytes()
        session = ort.InferenceSession(coded, options, providers=["CPUExecutionProvider"])
    except StyleError as error:  # a file beside it, with its weights, cannot be read
        raise DataError(error.message, hint=error.hint) from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", hint=_STYLE_HINT) from error
    except UNREADABLE_ONNX as error:
        raise DataError(f"{path} is not an ONNX network", hint=_STYLE_HINT) from error
    entry = session.get_inputs()[0]
    shape = entry.shape
    if len(session.get_inputs()) != 1 or entry.type != "tensor(float)" or len(shape) != 4 or shape[1] != 3:
        raise DataError(f"{path} takes {entry.type} {shape}, not one fp32 picture NCHW", hint=_STYLE_HINT)

    def draw(picture: Tensor) -> Tensor:
        given = tuple(picture.shape)
        if any(isinstance(want, int) and want != have for want, have in zip(shape, given, strict=True)):
            hint = f"--size {shape[2]} and no clip; to teach, sizes_px = [{shape[2]}]"
            raise DataError(f"{path.name} takes {shape[3]} x {shape[2]} only", hint=hint)
        outputs = cast("list[Any]", session.run(None, {entry.name: picture.numpy()}))
        return torch.from_numpy(np.asarray(outputs[0], np.float32))

    return draw
