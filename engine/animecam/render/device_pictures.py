"""Drawn frames that stay on the GPU: lent to an encoder, and used again once it has let go of them."""

import threading
import weakref
from collections import deque
from dataclasses import replace

from animecam.cuda.base import DeviceBuffer, Gpu
from animecam.cuda.current import context_kept
from animecam.cuda.dlpack import Lent, Rows
from animecam.cuda.pixels import DevicePixels
from animecam.errors import DeviceMemoryError
from animecam.render.device_layout import Geometry, aligned
from animecam.types import Frame, PixelFormat

MOST_PICTURES = 32
"""So many are lent at a time: an encoder that looks ahead holds about twenty."""


class DevicePictures:
    """Pictures of one size, given out and taken back from any thread.

    Whoever opened the GPU closes this before it, and after every encoder that was lent a picture.

    Args:
        gpu: Where they lie; stays the caller's.
    """

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._geometry: Geometry | None = None
        self._free: deque[DeviceBuffer] = deque()
        self._lent: list[DeviceBuffer] = []
        self._changing = threading.RLock()  # a picture may be given back by garbage collection within `take`

    def take(self, geometry: Geometry) -> "Picture | None":
        """A picture to draw into; None if all are lent, the GPU is full, or a GPU's encoder takes no such frames."""
        if geometry.pixel_format is not PixelFormat.NV12:
            return None
        with self._changing:
            if geometry != self._geometry:
                self._geometry = geometry  # first: what comes back meanwhile is of another size
                self._drop_free()
            if not self._free and len(self._lent) < MOST_PICTURES:
                try:
                    self._free.append(self._gpu.buffer(_pitch(geometry) * geometry.height_px * 3 // 2))
                except DeviceMemoryError:
                    return None
            if not self._free:
                return None
            self._lent.append(self._free.popleft())
            return Picture(self, self._lent[-1], geometry, self._gpu.shared_as)

    def give_back(self, buffer: DeviceBuffer, geometry: Geometry) -> None:
        """A picture that nobody looks at any more."""
        with self._changing:
            if buffer not in self._lent:
                return  # freed by `close`
            self._lent.remove(buffer)
            if geometry == self._geometry:
                self._free.append(buffer)
                return
            with context_kept():  # the thread that lets go may be an encoder's
                self._gpu.use()
                buffer.close()

    def close(self) -> None:
        """Frees all, those that are lent, too: whoever still has one must not look at it; may be called twice."""
        self._gpu.use()
        with self._changing:
            self._drop_free()
            while self._lent:
                self._lent.pop().close()

    def _drop_free(self) -> None:
        while self._free:
            self._free.pop().close()


class Picture:
    """Memory of one drawn frame; it goes back when nobody holds it or its pixels any more.

    Args:
        pictures: Whose it is.
        buffer: The memory.
        geometry: Of the frame.
        device: Kind and index of the GPU, as DLPack counts devices.
    """

    def __init__(
        self, pictures: DevicePictures, buffer: DeviceBuffer, geometry: Geometry, device: tuple[int, int]
    ) -> None:
        self._buffer, self._geometry, self._device = buffer, geometry, device
        weakref.finalize(self, pictures.give_back, buffer, geometry).atexit = False

    @property
    def rows(self) -> tuple[Rows, Rows]:
        """Where luma and chroma lie: an encoder looks for chroma right behind as many rows as the picture is high."""
        width, height, pitch = self._geometry.width_px, self._geometry.height_px, _pitch(self._geometry)
        luma = Rows(self._buffer.address, pitch, width, height)
        return luma, Rows(luma.address + pitch * height, pitch, width, height // 2)

    def frame(self, like: Frame) -> Frame:
        """What was drawn, once it is: whoever holds the frame, or took its pixels, keeps the memory.

        Args:
            like: The frame that was filmed.
        """
        width, height = self._geometry.width_px, self._geometry.height_px
        shapes = ((height, width), (height // 2, width // 2, 2))
        luma, chroma = (
            Lent(rows.address, shape, pitch=rows.pitch, device=self._device, owner=self)
            for rows, shape in zip(self.rows, shapes, strict=True)
        )
        return replace(like, planes=(), packed=None, on_gpu=DevicePixels(luma, chroma, width, height))


def _pitch(geometry: Geometry) -> int:
    """Bytes from one row to the next: encoders want rows to begin at round addresses."""
    return aligned(geometry.width_px)
