"""Pictures that stay in a GPU's memory on their way from its decoder to its encoder."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animecam.cuda.dlpack import Shared

NV12 = "nv12"
"""FFmpeg's name of the layout that decoders and encoders of GPUs speak: luma, then chroma at half size in pairs."""


@dataclass(frozen=True, slots=True)
class DevicePixels:
    """The planes of an NV12 picture on a GPU; they live as long as this, or as whoever took them.

    Attributes:
        luma: Shares uint8 [H, W].
        chroma: Shares uint8 [H/2, W/2, 2].
        width_px: Width, even.
        height_px: Height, even.
    """

    luma: Shared
    chroma: Shared
    width_px: int
    height_px: int

    def fetch(self) -> NDArray[np.uint8]:
        """Luma and chroma in the host's memory, one below the other, uint8 [H * 3/2, W]."""
        from animecam.cuda.ffmpeg import downloaded

        return downloaded(self)


@dataclass(frozen=True, slots=True)
class GpuVideo:
    """What a GPU does of a video's way.

    Attributes:
        decoder: Index of the GPU that decodes; None: the processor does.
        encoder: Index of the GPU that encodes what it has decoded; None: the processor does.
    """

    decoder: int | None = None
    encoder: int | None = None


NO_GPU_VIDEO = GpuVideo()
