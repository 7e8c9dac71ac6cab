"""Where the person is in a picture: MediaPipe's selfie segmentation, run by the project's own backends.

The network is the "general" model of MediaPipe Selfie Segmentation (Apache-2.0); how it is fed and read follows from
its shape and the note beside it.
"""

from collections.abc import Callable, Sequence
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


FEATHER_PX = 5
"""Width of the box that softens the mask's edge, in pixels of the network's 256; odd."""

STEADINESS = 0.6
"""How much of the last mask stays where the new one is undecided, in [0, 1); where it is sure (0 or 1) it rules alone,
so that nothing lags behind a moving head."""


class PersonMasker:
    """`FindPersons` with the bundled network.

    Args:
        network: Gives the network, which stays the caller's to close; asked only when there are pictures, as most runs
            never look for persons.
    """

    def __init__(self, network: Callable[[], Backend]) -> None:
        self._network = network
        self._last: dict[int, Mask] = {}

    def __call__(self, regions: Sequence[Region], pictures: Sequence[Image]) -> tuple[Mask, ...]:
        """As `FindPersons`.

        Raises:
            BackendError: The network is of another shape, or its runtime failed.
        """
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
        network = self._network()
        size = _input_size(network)
        if picture.shape[1::-1] != size:
            picture = cast(Image, cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        batch = picture[None].astype(np.float32)
        batch *= np.float32(1.0 / WHITE)
        mask = network.run(batch)[0][0, :, :, 0]
        return cast(Mask, cv2.blur(np.ascontiguousarray(mask, dtype=np.float32), (FEATHER_PX, FEATHER_PX)))

    def _steady(self, region: Region, mask: Mask) -> Mask:
        last = self._last.get(region.track_id)
        if last is None:
            return mask
        doubt = 1.0 - np.abs(2.0 * mask - 1.0)
        doubt *= np.float32(STEADINESS)
        return np.clip(mask + doubt * (last - mask), 0.0, 1.0).astype(np.float32, copy=False)


def _input_size(network: Backend) -> tuple[int, int]:
    """Width and height of what a network of persons takes: float32 NHWC RGB in [0, 1]; it gives one such channel."""
    match network.input.shape, [port.shape for port in network.outputs]:
        case (1, int(height), int(width), 3), [(1, out_height, out_width, 1)] if (height, width) == (
            out_height,
            out_width,
        ):
            return width, height
        case shape, outputs:
            raise BackendError(
                f"this is no person mask network: it takes {shape} and gives {outputs}",
                hint="use the file that comes with animecam",
            )


def _fit(mask: Mask, region: Region) -> Mask:
    size = (region.width_px, region.height_px)
    if mask.shape[::-1] == size:
        return mask
    return cast(Mask, cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR))
