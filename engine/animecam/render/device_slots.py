"""The ring of frames that are under way on a GPU: each slot holds all that one frame needs."""

from contextlib import ExitStack, closing
from dataclasses import replace

import numpy as np

from animecam.cuda.base import Gpu
from animecam.render.device_job import JobOptions, JobWriter
from animecam.render.device_layout import BlockLayout
from animecam.types import Frame, allocate_planes


class Slot:
    """Memory and marks of one frame under way.

    Args:
        gpu: Where it lies.
        layout: Of the block that goes there and comes back.
        options: How drawings are steadied and matched.

    Raises:
        DeviceMemoryError: The GPU or the memory that it can reach is full.

    Attributes:
        buffer: The block on the GPU.
        pinned: What is copied there.
        result: What is copied back.
        writer: Writes into `pinned`.
        uploaded: The block has arrived.
        started: The GPU begins to draw.
        drawn: The faces are in the frame.
        downloaded: `result` holds the frame, and everything may be used for the next one.
    """

    def __init__(self, gpu: Gpu, layout: BlockLayout, options: JobOptions) -> None:
        self._layout = layout
        with ExitStack() as parts:
            self.buffer = parts.enter_context(closing(gpu.buffer(layout.nbytes)))
            self.pinned = parts.enter_context(closing(gpu.pinned(layout.nbytes)))
            self.result = parts.enter_context(closing(gpu.pinned(layout.geometry.nbytes)))
            events = [parts.enter_context(closing(gpu.event(is_timed=True))) for _ in range(4)]
            self.uploaded, self.started, self.drawn, self.downloaded = events
            self.writer = JobWriter(self.pinned, self.buffer.address, layout, options)
            self._parts = parts.pop_all()

    @property
    def job(self) -> int:
        """Address of the job on the GPU."""
        return self.buffer.address + self._layout.job

    @property
    def faces(self) -> int:
        """Address of the faces on the GPU."""
        return self.buffer.address + self._layout.faces

    def fetch(self, like: Frame) -> Frame:
        """The downloaded frame, in memory of its own: the next one is about to come here.

        Args:
            like: The frame that was filmed.
        """
        geometry = self._layout.geometry
        planes, packed = allocate_planes(geometry.pixel_format, geometry.width_px, geometry.height_px)
        packed.reshape(-1)[:] = self.result.array(np.uint8, (geometry.nbytes,))
        return replace(like, planes=planes, packed=packed)

    def close(self) -> None:
        """Frees it; may be called twice."""
        self._parts.close()
