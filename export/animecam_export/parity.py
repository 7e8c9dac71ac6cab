"""Proof that an exported network is the one that was trained."""

# pyright: reportUnknownMemberType=false
# torch.from_numpy is typed in part only.

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.types import Image
from animecam_export.errors import ExportError

Picture: TypeAlias = NDArray[np.float32]
"""RGB, float32 [3, H, W] in [-1, 1]."""

LEAST_PSNR_DB = 60.0
"""Below this a difference could show: 60 dB is a quarter of an 8-bit step."""

_PEAK = 2.0  # from -1 to 1


@dataclass(frozen=True, slots=True)
class Parity:
    """How near an exported network is to the trained one.

    Attributes:
        psnr_db: Of the worst picture; infinite when all are equal.
        pictures: How many were compared.
        runtime: What computed the exported network.
    """

    psnr_db: float
    pictures: int
    runtime: str


def measure_parity(generator: nn.Module, model: Path, pictures: Sequence[Picture], runtime: BackendChoice) -> Parity:
    """Compares a generator with its export, picture by picture, in fp32.

    Args:
        generator: In evaluation mode, fp32, on the CPU.
        model: Its ONNX file.
        pictures: Real pictures of a size that the network takes; at least one.
        runtime: What computes the export.

    Raises:
        BackendError: The runtime is missing or refuses the file.
    """
    backend = open_backend(model, runtime, BackendOptions(allow_bf16=False))
    try:
        worst = min(psnr_db(_drawn(generator, picture), backend.run(picture[None])[0][0]) for picture in pictures)
    finally:
        backend.close()
    return Parity(worst, len(pictures), backend.info.name)


def require_parity(parity: Parity) -> None:
    """Refuses an export that is not the network that was trained.

    Raises:
        ExportError: It is below `LEAST_PSNR_DB`.
    """
    if not parity.psnr_db >= LEAST_PSNR_DB:  # so written that a NaN is refused
        message = f"{parity.runtime} computes another network than PyTorch: {parity.psnr_db:.1f} dB"
        raise ExportError(message, hint=f"wanted are {LEAST_PSNR_DB:g} dB; try another version of the runtime")


def crops_of(portrait: Image, size_px: tuple[int, int]) -> Iterator[Picture]:
    """Real crops of a portrait: its middle column from top to bottom, halves overlapping.

    Args:
        portrait: RGB, uint8 [H, W, 3]; enlarged where it is smaller than a crop.
        size_px: (height, width) of a crop.
    """
    height, width = size_px
    scale = max(1.0, height / portrait.shape[0], width / portrait.shape[1])
    enlarged = cv2.resize(portrait, None, fx=scale, fy=scale) if scale > 1 else portrait
    left = (enlarged.shape[1] - width) // 2
    for top in range(0, enlarged.shape[0] - height + 1, height // 2):
        crop = enlarged[top : top + height, left : left + width].transpose(2, 0, 1)
        yield np.ascontiguousarray(crop, dtype=np.float32) / np.float32(127.5) - 1


def _drawn(generator: nn.Module, picture: Picture) -> Picture:
    with torch.inference_mode():
        return generator(torch.from_numpy(picture)[None])[0].numpy()


def psnr_db(expected: NDArray[Any], given: NDArray[Any], *, peak: float = _PEAK) -> float:
    """Peak signal-to-noise ratio of two arrays of one shape; infinite when they are equal.

    Args:
        expected: What is wanted.
        given: What came.
        peak: From black to white.
    """
    error = float(np.mean(np.square(expected.astype(np.float64) - given)))
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)
