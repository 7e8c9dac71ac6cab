"""Where the person is in a picture: MediaPipe's selfie segmentation, run by the project's own backends.

The network is the "general" model of MediaPipe Selfie Segmentation (Apache-2.0); how it is fed and read follows from
its shape and the note beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from animecam.backends.base import Backend
from animecam.errors import BackendError
from animecam.render.masks import Mask
from animecam.types import Image, Region

MODEL = Path(__file__).parent.parent / "assets" / "masks" / "selfie.onnx"
"""The bundled network."""

WHITE = 255.0
"""The network takes RGB in [0, 1]."""


@dataclass(frozen=True, slots=True)
class PersonOptions:
    """How the network's mask is finished.

    Attributes:
        feather_px: Width of the box that softens the mask's edge, in pixels of the network's 256; odd.
        steadiness: How much of the last mask stays where the new one is undecided, in [0, 1); where it is sure (0 or
            1) it rules alone, so that nothing lags behind a moving head.
    """

    feather_px: int = 5
    steadiness: float = 0.6


class PersonMasker:
    """`FindPersons` with the bundled network.

    Args:
        backend: The opened network, float32 NHWC RGB in [0, 1] in, one channel of the same size out. It stays the
            caller's to close.
        options: How its mask is finished.

    Raises:
        BackendError: The network is of another shape.
    """

    def __init__(self, backend: Backend, options: PersonOptions | None = None) -> None:
        match backend.input.shape, [port.shape for port in backend.outputs]:
            case (1, int(height), int(width), 3), [(1, out_height, out_width, 1)] if (height, width) == (
                out_height,
                out_width,
            ):
                self._input_size = (width, height)
            case shape, outputs:
                raise BackendError(
                    f"this is no person mask network: it takes {shape} and gives {outputs}",
                    hint="use the file that comes with animecam",
                )
        self._backend = backend
        self._options = options or PersonOptions()
        self._last: dict[int, Mask] = {}

    def __call__(self, regions: Sequence[Region], pictures: Sequence[Image]) -> tuple[Mask, ...]:
        """As `FindPersons`."""
        masks = [
            self._steady(region, self._segment(picture)) for region, picture in zip(regions, pictures, strict=True)
        ]
        self._last = {region.track_id: mask for region, mask in zip(regions, masks, strict=True)}
        return tuple(_fit(mask, region) for mask, region in zip(masks, regions, strict=True))

    def forget(self) -> None:
        """As `FindPersons.forget`."""
        self._last = {}

    def _segment(self, picture: Image) -> Mask:
        """What the network says, at its own size, with a softer edge."""
        if picture.shape[1::-1] != self._input_size:
            picture = cast(Image, cv2.resize(picture, self._input_size, interpolation=cv2.INTER_AREA))
        batch = picture[None].astype(np.float32)
        batch *= np.float32(1.0 / WHITE)
        mask = self._backend.run(batch)[0][0, :, :, 0]
        box = (self._options.feather_px, self._options.feather_px)
        return cast(Mask, cv2.blur(np.ascontiguousarray(mask, dtype=np.float32), box))

    def _steady(self, region: Region, mask: Mask) -> Mask:
        last = self._last.get(region.track_id)
        if last is None:
            return mask
        doubt = 1.0 - np.abs(2.0 * mask - 1.0)
        doubt *= np.float32(self._options.steadiness)
        return np.clip(mask + doubt * (last - mask), 0.0, 1.0).astype(np.float32, copy=False)


def _fit(mask: Mask, region: Region) -> Mask:
    size = (region.width_px, region.height_px)
    if mask.shape[::-1] == size:
        return mask
    return cast(Mask, cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR))
