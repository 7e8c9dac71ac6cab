"""Which pictures are worth training on, and why the others are not."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam_training.data.pictures import resized
from animecam_training.faces import Image

HASH_SIDE = 8  # a difference hash of 64 bits
CHECK_SIDE_PX = 256  # sharpness is judged at one size; smaller pictures at their own, as enlarging blurs


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """What is dropped.

    Attributes:
        sharpness: Smallest variance of the Laplacian at 256 px or less, gray levels squared.
        brightness: Smallest mean of gray, 0 … 255.
        chroma: Smallest mean distance from gray in CIE Lab; a black-and-white picture has none.
        hash_bits: Two pictures whose hashes differ in no more bits are duplicates.
    """

    sharpness: float = 25.0
    brightness: float = 35.0
    chroma: float = 3.0
    hash_bits: int = 3


def find_fault(image: Image, limits: QualityLimits) -> str | None:
    """Why a picture is dropped: "blurred", "dark", "gray", or None if it is not; RGB uint8 [H, W, 3]."""
    small = resized(image, min(CHECK_SIDE_PX, *image.shape[:2]))
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    if float(gray.mean()) < limits.brightness:
        return "dark"
    if float(cv2.Laplacian(gray, cv2.CV_32F).var()) < limits.sharpness:
        return "blurred"
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    if float(np.hypot(lab[..., 1], lab[..., 2]).mean()) < limits.chroma:
        return "gray"
    return None


def picture_hash(image: Image) -> NDArray[np.bool_]:
    """Signs of the horizontal differences of a tiny copy, bool [64]."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    tiny = cv2.resize(gray, (HASH_SIDE + 1, HASH_SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    return (np.diff(tiny, axis=1) > 0).ravel()


class DuplicateFilter:
    """Remembers hashes; the first of several alike pictures stays."""

    def __init__(self, limits: QualityLimits) -> None:
        self._limit = limits.hash_bits
        self._seen: list[NDArray[np.bool_]] = []

    def is_new(self, own: NDArray[np.bool_]) -> bool:
        """Whether nothing with a hash like this was seen before; remembers it if so."""
        if self._seen and int((np.stack(self._seen) != own).sum(1).min()) <= self._limit:
            return False
        self._seen.append(own)
        return True
