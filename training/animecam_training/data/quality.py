"""Which pictures are worth training on, and why the others are not."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam_training.data.pictures import resized
from animecam_training.faces import Image

HASH_SIDE = 8  # a difference hash of 64 bits
THUMBNAIL_SIDE = 32  # at 16 px portraits of different people come as near to each other as copies of one do
FIRST_ROOM = 256  # hashes, doubled whenever it is full
CHECK_SIDE_PX = 256  # sharpness is judged at one size; smaller pictures at their own, as enlarging blurs


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """What is dropped.

    Attributes:
        sharpness: Smallest variance of the Laplacian at 256 px or less, gray levels squared.
        brightness: Smallest mean of gray, 0 … 255.
        chroma: Smallest mean distance from gray in CIE Lab; a black-and-white picture has none.
        hash_bits: Two pictures whose hashes differ in more bits are no duplicates.
        likeness: Nor are two whose thumbnails correlate less. Of 2,215 portraits those of two people came to 0.974;
            copies of 0.3 of the size, compressed and in other light, to 0.994 or more.
    """

    sharpness: float = 25.0
    brightness: float = 35.0
    chroma: float = 3.0
    hash_bits: int = 8
    likeness: float = 0.985


@dataclass(frozen=True, slots=True)
class Look:
    """What tells a picture from others.

    Attributes:
        signs: Of the horizontal differences of a tiny copy, bool [64]: quickly compared, but of a portrait they tell
            hardly more than where the head is.
        thumbnail: Gray, uint8 [32, 32].
    """

    signs: NDArray[np.bool_]
    thumbnail: NDArray[np.uint8]


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


def look_of(image: Image) -> Look:
    """How a picture looks, RGB uint8 [H, W, 3]."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    tiny = cv2.resize(gray, (HASH_SIDE + 1, HASH_SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    thumbnail = cv2.resize(gray, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
    return Look((np.diff(tiny, axis=1) > 0).ravel(), thumbnail.astype(np.uint8))


class DuplicateFilter:
    """Remembers looks; the first of several alike pictures stays."""

    def __init__(self, limits: QualityLimits) -> None:
        self._limits = limits
        self._looks: list[Look] = []
        self._signs = np.empty((FIRST_ROOM, HASH_SIDE**2), np.bool_)  # those of the looks, in their order

    def is_new(self, own: Look) -> bool:
        """Whether nothing that looks like this was seen before; remembers it if so."""
        count = len(self._looks)
        bits = (self._signs[:count] != own.signs).sum(1)
        for place in np.flatnonzero(bits <= self._limits.hash_bits):
            if _correlation(self._looks[place].thumbnail, own.thumbnail) >= self._limits.likeness:
                return False
        if count == len(self._signs):
            self._signs = np.concatenate([self._signs, np.empty_like(self._signs)])
        self._signs[count] = own.signs
        self._looks.append(own)
        return True


def _correlation(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Of two thumbnails, -1 … 1; 0 with one that has no structure."""
    first, second = one - one.mean(), other - other.mean()
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float((first * second).sum()) / norms if norms else 0.0
