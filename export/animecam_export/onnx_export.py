"""A generator as an ONNX file that OpenVINO, ONNX Runtime and TensorRT all take."""

# pyright: reportUnknownMemberType=false
# torch.onnx and onnx are typed in part only.

import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import nn

from animecam_export.errors import ExportError
from animecam_export.folding import fold_constants
from animecam_training.models.generator import SIZE_MULTIPLE
from animecam_training.models.layers import set_lade_form
from animecam_training.weights.metadata import write_provenance

OPSET = 17
"""Old enough for every runtime of the last three years, new enough for all that the generators need."""

INPUT = "picture"
OUTPUT = "drawn"

LEAST_PX = 16
"""Smallest side: the smallest scale is an eighth, and its mirrored border needs two pixels."""

_TRACED_PX = 8 * SIZE_MULTIPLE  # the size the network is traced at when the sides stay free


@dataclass(frozen=True, slots=True)
class OnnxOptions:
    """How a generator is written.

    Attributes:
        fixed_px: (height, width) that the network takes, one picture at a time; None leaves batch and sides free.

    Raises:
        ExportError: A side is no multiple of 8, or too small for the network.
    """

    fixed_px: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.fixed_px is not None and any(side % SIZE_MULTIPLE or not side for side in self.fixed_px):
            height, width = self.fixed_px
            raise ExportError(f"size {width}x{height} is no multiple of {SIZE_MULTIPLE}", hint="for instance 256x256")
        if self.fixed_px is not None and min(self.fixed_px) < LEAST_PX:
            height, width = self.fixed_px
            raise ExportError(f"size {width}x{height} has a side below {LEAST_PX}", hint="for instance 256x256")


def export_onnx(
    generator: nn.Module, target: Path, options: OnnxOptions, provenance: Mapping[str, str] | None = None
) -> None:
    """Writes a generator as fp32 ONNX: input "picture", output "drawn", both RGB [N, 3, H, W] in [-1, 1].

    LADE takes its variances from centred values in plain convolutions and means, which OpenVINO fuses well: the whole
    network takes a sixth less time than with the covariance, the faster form in training. BatchNorm is folded into the
    convolution before it.

    Args:
        generator: In evaluation mode, fp32, on the CPU; the form of its LADE layers is changed, its results are not.
        target: File to write; the folder exists.
        options: How it is written.
        provenance: What the file tells of its weights, see `provenance_of`; None: nothing.

    Raises:
        ExportError: The file cannot be written.
    """
    set_lade_form(generator, "convolution")
    with tempfile.TemporaryDirectory() as folder:
        traced = Path(folder) / "traced.onnx"
        _trace(generator, traced, options)
        model = fold_constants(onnx.load(traced))
    write_provenance(model, provenance or {})
    onnx.checker.check_model(model, full_check=True)
    try:
        onnx.save(model, target)
    except OSError as error:
        message = f"cannot write {target}: {error.strerror}"
        raise ExportError(message, hint="name a folder that you may write") from error


def _trace(generator: nn.Module, target: Path, options: OnnxOptions) -> None:
    height, width = options.fixed_px or (_TRACED_PX, _TRACED_PX)
    free = {name: {0: "pictures", 2: "height", 3: "width"} for name in (INPUT, OUTPUT)}
    with warnings.catch_warnings():
        # The newer exporter wants one more package and gains nothing here; the pinned torch still has this one.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", message="Constant folding", category=UserWarning)
        torch.onnx.export(
            generator,
            (torch.zeros(1, 3, height, width),),
            str(target),
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=OPSET,
            dynamic_axes=None if options.fixed_px else free,
            dynamo=False,
        )
