"""Pictures as numbers: the form in which every figure takes them, and the simplest figure."""

# pyright: reportUnknownMemberType=false

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from animecam_training.data.pictures import resized
from animecam_training.errors import DataError
from animecam_training.faces import Image

EVALUATION_SIDE_PX = 256
"""Side at which distances are taken: features, and with them every distance, depend on it."""

PEAK = 255.0


def to_batch(images: Sequence[Image], side_px: int = EVALUATION_SIDE_PX) -> Tensor:
    """Pictures of any size as one batch.

    Args:
        images: RGB, uint8 [H, W, 3].
        side_px: Side of the square that each is resized to.

    Returns:
        fp32 [N, 3, side, side], RGB in [-1, 1].
    """
    squares = np.stack([resized(image, side_px) for image in images])
    return torch.from_numpy(squares).permute(0, 3, 1, 2).float() / (PEAK / 2) - 1


def in_batches(images: Iterable[Image], count: int) -> Iterator[Tensor]:
    """Pictures as `to_batch` makes them, so many at a time: a set of them need not be in memory at once."""
    waiting = iter(images)
    while some := list(islice(waiting, count)):
        yield to_batch(some)


def psnr_db(image: Image, reference: Image) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal pictures.

    Args:
        image: uint8 [H, W, 3].
        reference: The same shape.

    Raises:
        DataError: The shapes differ.
    """
    if image.shape != reference.shape:
        raise DataError(f"pictures of {image.shape} and {reference.shape} have no PSNR", hint="resize one of them")
    error = np.square(image.astype(np.float64) - reference).mean()
    return float(10 * np.log10(PEAK**2 / error)) if error > 0 else float("inf")
