"""The starter that is shipped is its checkpoint: what it draws of real faces is what PyTorch draws."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from animecam.backends.base import BackendChoice
from animecam.portrait import load_portrait
from animecam.styles.registry import find_style
from animecam_export.checkpoints import load_trained
from animecam_export.onnx_export import OnnxOptions, export_onnx
from animecam_export.parity import crops_of, measure_parity, require_parity
from animecam_training.models.layers import ExternalAttention

RUNTIMES = [BackendChoice.OPENVINO, BackendChoice.ONNXRUNTIME]


pytestmark = pytest.mark.usefixtures("one_torch_thread")


def test_the_starter_gives_its_reference_output(shared: Path, tmp_path: Path, run: Callable[..., np.ndarray]):
    """The reference was written with the BatchNorm on batch statistics: those of its picture are put in first."""
    trained = load_trained(shared / "weights/dtgan-starter.pt", "dtgan")
    reference = np.load(shared / "weights/dtgan-starter-reference.npz")
    attention = next(module for module in trained.module.modules() if isinstance(module, ExternalAttention))

    def take_statistics(norm: nn.BatchNorm2d, inputs: tuple[torch.Tensor, ...]) -> None:
        norm.running_mean.copy_(inputs[0].mean(dim=(0, 2, 3)))
        norm.running_var.copy_(inputs[0].var(dim=(0, 2, 3), correction=0))

    hook = attention.norm.register_forward_pre_hook(take_statistics)
    with torch.no_grad():
        trained.module(torch.from_numpy(reference["x"]))
    hook.remove()
    export_onnx(trained.module, tmp_path / "m.onnx", OnnxOptions())
    for runtime in RUNTIMES:
        np.testing.assert_allclose(run(tmp_path / "m.onnx", reference["x"], runtime), reference["y"], atol=1e-4)


@pytest.mark.usefixtures("no_user_styles")
def test_the_bundled_starter_is_the_checkpoint_on_real_crops(shared: Path):
    trained = load_trained(shared / "weights/dtgan-starter.pt", "dtgan")
    style = find_style("starter")
    assert trained.parameters == style.card.variant().parameters == 1_027_520
    pictures = list(crops_of(load_portrait(), (192, 192)))[:2]
    for runtime in RUNTIMES:
        require_parity(measure_parity(trained.module, style.model_path(), pictures, runtime))


def test_the_starter_has_parity_on_photos(shared: Path):
    """Other faces, other light: real crops of the shared portraits."""
    with tarfile.open(shared / "data/photo.tar") as archive:
        names = [member for member in archive if member.isfile() and "val/" in member.name][:2]
        files = [np.frombuffer(archive.extractfile(member).read(), np.uint8) for member in names]
    portraits = [cv2.imdecode(file, cv2.IMREAD_COLOR_RGB) for file in files]
    pictures = [next(crops_of(portrait, (192, 192))) for portrait in portraits]
    trained = load_trained(shared / "weights/dtgan-starter.pt", "dtgan")
    for runtime in RUNTIMES:
        require_parity(measure_parity(trained.module, find_style("starter").model_path(), pictures, runtime))
