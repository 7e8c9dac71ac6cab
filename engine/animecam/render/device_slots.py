"""The ring of frames that are under way on a GPU: each slot holds all that one frame needs."""

from contextlib import ExitStack, closing
from dataclasses import replace

import numpy as np

from animecam.cuda.base import Gpu
from animecam.cuda.dlpack import Rows
from animecam.render.device_job import JobOptions, JobWriter
from animecam.render.device_layout import BlockLayout, Geometry
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
        downloaded: `result`, or the picture that the frame is to stay in, holds it, and everything may be used for the
            next one.
        source: The frame under way, held until the next one comes: the GPU may still be reading it.
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
        self.source: Frame | None = None

    @property
    def geometry(self) -> Geometry:
        """Of the frame."""
        return self._layout.geometry

    @property
    def rows(self) -> tuple[Rows, ...]:
        """Where the planes of the frame lie on the GPU."""
        return self._layout.geometry.rows(self.buffer.address)

    @property
    def written_bytes(self) -> int:
        """Size of all that follows the frame in the block."""
        return self._layout.nbytes - self._layout.job

    @property
    def job_start(self) -> int:
        """Where that begins."""
        return self._layout.job

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
        return replace(like, planes=planes, packed=packed, on_gpu=None)

    def close(self) -> None:
        """Frees it; may be called twice."""
        self._parts.close()
