"""What all heads of one size share on the GPU: their mask, and how pixels count when colours are matched."""

from dataclasses import dataclass

import numpy as np

from animecam.cuda.base import DeviceBuffer, Gpu, Stream
from animecam.errors import PipelineError
from animecam.render.masks import head_mask, head_ring
from animecam.render.match import pixel_weights, reach
from animecam.render.touched import shown_box
from animecam.types import Box


@dataclass(frozen=True, slots=True)
class Head:
    """A head's shape in a crop of one size.

    Attributes:
        mask: Address of float32 [size, size].
        ring: Address of float32 [PARTS, size, size], each part of which sums to 1.
        reach: Address of float32 [PARTS, size, size], which sum to 1 at each pixel.
        shown: The crop pixels that the mask lets through.
    """

    mask: int
    ring: int
    reach: int
    shown: Box


class Heads:
    """The heads of all sizes that were asked for, brought to the GPU once each.

    Args:
        gpu: Where they are kept.
        stream: Brings them there.
    """

    def __init__(self, gpu: Gpu, stream: Stream) -> None:
        self._gpu, self._stream = gpu, stream
        self._heads: dict[int, Head] = {}
        self._buffers: list[DeviceBuffer] = []

    def __call__(self, size_px: int) -> Head:
        """The head of a size; the first time it waits for the GPU.

        Raises:
            DeviceMemoryError: The GPU is full.
        """
        if size_px not in self._heads:
            self._heads[size_px] = self._make(size_px)
        return self._heads[size_px]

    def close(self) -> None:
        """Frees them; may be called twice."""
        for buffer in self._buffers:
            buffer.close()
        self._heads.clear()

    def _make(self, size_px: int) -> Head:
        mask, ring = head_mask(size_px, size_px), pixel_weights(head_ring(size_px, size_px))
        shown = shown_box(mask)
        if ring is None or shown is None:
            raise PipelineError(f"a head of {size_px} px shows nothing")
        maps = np.concatenate([mask[None], ring, reach(size_px, size_px)])
        pinned = self._gpu.pinned(maps.nbytes)
        try:
            pinned.array(np.float32, maps.shape)[:] = maps
            buffer = self._gpu.buffer(pinned.nbytes)
            self._buffers.append(buffer)
            self._stream.copy_in(buffer, pinned, pinned.nbytes)
            self._stream.synchronize()
        finally:
            pinned.close()
        ring_at = buffer.address + mask.nbytes
        return Head(buffer.address, ring_at, ring_at + ring.nbytes, shown)
