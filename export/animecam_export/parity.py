"""Proof that an exported network is the one that was trained."""

# pyright: reportUnknownMemberType=false
# torch.from_numpy is typed in part only.

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
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

LEAST_HALF_PSNR_DB = 40.0
"""The same for half precision: 40 dB is two and a half 8-bit steps, less than a video codec changes."""

PROOF_PX = (256, 256)
"""(height, width) of the crops on which networks are compared: the size that people use most."""

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
    """Compares a generator with its export, picture by picture.

    Args:
        generator: In evaluation mode, fp32, on the CPU.
        model: Its ONNX file, fp32 or half.
        pictures: Real pictures of a size that the network takes; at least one.
        runtime: What computes the export.

    Raises:
        BackendError: The runtime is missing or refuses the file.
    """
    with _opened(model, runtime) as draw:
        worst = min(psnr_db(_drawn(generator, picture), draw(picture)) for picture in pictures)
    return Parity(worst, len(pictures), runtime.value)


def compare_networks(reference: Path, model: Path, pictures: Sequence[Picture]) -> Parity:
    """Compares two ONNX files, picture by picture, in ONNX Runtime.

    Args:
        reference: What is right, fp32.
        model: What is compared with it, fp32 or half.
        pictures: As in `measure_parity`.

    Raises:
        BackendError: The runtime refuses a file.
    """
    runtime = BackendChoice.ONNXRUNTIME
    with _opened(reference, runtime) as right, _opened(model, runtime) as draw:
        worst = min(psnr_db(right(picture), draw(picture)) for picture in pictures)
    return Parity(worst, len(pictures), runtime.value)


def require_parity(parity: Parity) -> None:
    """Refuses an export that is not the network that was trained.

    Raises:
        ExportError: It is below `LEAST_PSNR_DB`.
    """
    if not parity.psnr_db >= LEAST_PSNR_DB:  # so written that a NaN is refused
        message = f"{parity.runtime} computes another network than PyTorch: {parity.psnr_db:.1f} dB"
        raise ExportError(message, hint=f"wanted are {LEAST_PSNR_DB:g} dB; try another version of the runtime")


def extremes(size_px: tuple[int, int]) -> dict[str, Picture]:
    """Pictures that no camera delivers but that must not give a NaN: black, white, noise, saturated noise.

    Args:
        size_px: (height, width).
    """
    shape = (3, *size_px)
    noise = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    flat = np.ones(shape, np.float32)
    return {"black": -flat, "white": flat, "noise": noise, "saturated": np.sign(noise)}


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


@contextmanager
def _opened(model: Path, runtime: BackendChoice) -> Generator[Callable[[Picture], Picture]]:
    """A network as a function of one picture; half is given and taken as float32."""
    backend = open_backend(model, runtime, BackendOptions(allow_bf16=False))

    def draw(picture: Picture) -> Picture:
        return backend.run(picture[None].astype(backend.input.dtype))[0][0].astype(np.float32)

    try:
        yield draw
    finally:
        backend.close()


def _drawn(generator: nn.Module, picture: Picture) -> Picture:
    with torch.inference_mode():
        return generator(torch.from_numpy(picture)[None])[0].numpy()


def psnr_db(expected: NDArray[Any], given: NDArray[Any], *, peak: float = _PEAK) -> float:
    """Peak signal-to-noise ratio of two arrays of one shape.

    Args:
        expected: What is wanted.
        given: What came.
        peak: From black to white.

    Returns:
        Infinity where they are equal; minus infinity where they are not finite, as half that overflowed: a NaN is
        passed over by `min` unless it comes first.
    """
    error = float(np.mean(np.square(expected.astype(np.float64) - given)))
    if not math.isfinite(error):
        return -math.inf
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)
