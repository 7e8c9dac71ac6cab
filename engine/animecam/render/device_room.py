"""The GPU's memory for as many faces as are wanted, or as there is room for."""

import logging
from contextlib import ExitStack, closing

from animecam.cuda.base import Gpu
from animecam.errors import DeviceMemoryError
from animecam.render.device_memory import FaceMemory

_PICTURE_BYTES = 3 * 2  # of one pixel of a network's input: three numbers of 16 bits

log = logging.getLogger(__name__)


class FaceRoom:
    """Memory of faces, and what a network reads and writes of as many.

    Args:
        gpu: Where it lies.
        faces: So many.
        largest_px: Side of the largest crop.

    Raises:
        DeviceMemoryError: There is no room for them.

    Attributes:
        faces: What is remembered of each.
        network_input: What a network reads, float16 [faces, 3, side, side].
        network_output: What it writes, likewise.
    """

    def __init__(self, gpu: Gpu, faces: int, largest_px: int) -> None:
        batch_bytes = faces * _PICTURE_BYTES * largest_px**2
        with ExitStack() as parts:
            self.faces = [parts.enter_context(closing(FaceMemory(gpu, largest_px))) for _ in range(faces)]
            self.network_input = parts.enter_context(closing(gpu.buffer(batch_bytes)))
            self.network_output = parts.enter_context(closing(gpu.buffer(batch_bytes)))
            self._parts = parts.pop_all()

    def close(self) -> None:
        """Frees it; may be called twice."""
        self._parts.close()


def take_room(gpu: Gpu, most_faces: int, largest_px: int) -> FaceRoom:
    """Room for `most_faces`, or for half as many as often as there is none for more; the log says so.

    Raises:
        DeviceMemoryError: There is none for one.
    """
    while True:
        try:
            return FaceRoom(gpu, most_faces, largest_px)
        except DeviceMemoryError:
            if most_faces == 1:
                raise
            log.warning("the memory of %s is too small for %d faces: %d", gpu.name, most_faces, most_faces // 2)
            most_faces //= 2
