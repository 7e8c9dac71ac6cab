"""Making pictures of any size fit a network that does not take any size, and undoing it."""

from dataclasses import dataclass
from typing import cast

import cv2  # noqa: TID253 - resizes and pads the pictures of a style

from animecam.styles.card import Contract
from animecam.types import Image


@dataclass(frozen=True, slots=True)
class Fit:
    """How pictures of one size are brought to a size that the network takes.

    Attributes:
        size_px: (height, width) of the pictures.
        scaled_px: (height, width) to which they are resized first; `size_px` where the network takes it.
        padded_px: (height, width) of what the network gets: rows are added below, columns on the right.
    """

    size_px: tuple[int, int]
    scaled_px: tuple[int, int]
    padded_px: tuple[int, int]

    def apply(self, picture: Image) -> Image:
        """Resizes and pads a picture, uint8 [H, W, 3]; the mirrored border keeps a network's statistics in place."""
        fitted = _resized(picture, self.scaled_px)
        below, right = (padded - scaled for padded, scaled in zip(self.padded_px, self.scaled_px, strict=True))
        if below or right:
            fitted = cast(Image, cv2.copyMakeBorder(fitted, 0, below, 0, right, cv2.BORDER_REFLECT_101))
        return fitted

    def undo(self, picture: Image) -> Image:
        """Cuts off what was added and resizes back, uint8 [H, W, 3]."""
        height, width = self.scaled_px
        return _resized(picture[:height, :width], self.size_px)


def fit_to(contract: Contract, height_px: int, width_px: int) -> Fit:
    """The fit for pictures of one size that changes least.

    A network of one size gets the picture scaled to fit, without distortion. Any other gets it as it is unless it is
    larger than the network's largest, with sides padded to the multiple and to the smallest.
    """
    size_px = (height_px, width_px)
    if contract.fixed_px is not None:
        limits_px = contract.fixed_px
        scale = min(limit / side for limit, side in zip(limits_px, size_px, strict=True))
        return Fit(size_px, _scaled(size_px, scale, limits_px), limits_px)
    multiple = contract.multiple_px
    scaled_px = size_px
    if contract.max_px is not None:
        largest = max(multiple, contract.max_px // multiple * multiple)
        scaled_px = _scaled(size_px, min(1.0, largest / max(size_px)), (largest, largest))
    height, width = (-(-max(side, contract.min_px) // multiple) * multiple for side in scaled_px)
    return Fit(size_px, scaled_px, (height, width))


def _scaled(size_px: tuple[int, int], scale: float, limits_px: tuple[int, int]) -> tuple[int, int]:
    height, width = (min(limit, max(1, round(side * scale))) for side, limit in zip(size_px, limits_px, strict=True))
    return height, width


def _resized(picture: Image, size_px: tuple[int, int]) -> Image:
    height, width = size_px
    if picture.shape[:2] == size_px:
        return picture
    shrinks = height * width < picture.shape[0] * picture.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cast(Image, cv2.resize(picture, (width, height), interpolation=way))
