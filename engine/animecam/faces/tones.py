"""Light and dark of a frame at hardly any cost: of its luma, some pixels of each part are averaged."""

from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.types import Frame, Image, Plane

Tones: TypeAlias = NDArray[np.uint8]
"""uint8 [H, W], a view."""


def tones_in(planes: Plane | Image) -> Tones:
    """Tones of a luma plane, or the green of a packed one, which is most of what is seen as light."""
    return planes if planes.ndim == 2 else planes[..., 1]


def tones_of(frame: Frame) -> Tones | None:
    """Tones of a frame; None where its pixels lie on a GPU."""
    return None if frame.on_gpu is not None else tones_in(frame.planes[0])


def averaged(tones: Tones, width_px: int, height_px: int, samples: int) -> Tones:
    """Tones as a small picture, each of whose pixels averages about `samples` times `samples` of theirs, at equal
    steps, or all there are.

    Args:
        tones: At least a pixel.
        width_px: Width of the small picture.
        height_px: Its height.
        samples: Of a side.

    Returns:
        uint8 [height_px, width_px].
    """
    down, across = (max(1, side // (samples * px)) for side, px in zip(tones.shape, (height_px, width_px), strict=True))
    some = np.ascontiguousarray(tones[::down, ::across])
    return cast(Tones, cv2.resize(some, (width_px, height_px), interpolation=cv2.INTER_AREA))
