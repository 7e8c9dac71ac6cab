"""A style for the GPU on the host: what a network draws there is known, and queued as on hardware."""

from collections.abc import Sequence

import numpy as np

from animecam.backends.base import BackendInfo
from animecam.cuda.base import view
from animecam.render.device_path import RING, DevicePath
from animecam.render.light import Light


class HostNetwork:
    """A style that computes on the host when its stream gets there: negative, edges drawn, softly mixed.

    Args:
        gpu: The `HostGpu` where its streams are.
        strokes: How strongly edges are drawn.
        max_batch: As `DeviceNetwork.max_batch`.
    """

    is_recordable = True
    is_ended = False
    info = BackendInfo("host", "1", device="a GPU on the host", precision="f16")

    def __init__(self, gpu, strokes: float = 0.5, max_batch: int = 4) -> None:
        self._gpu, self._strokes, self.max_batch = gpu, strokes, max_batch
        self.bound: list[tuple[int, int]] = []
        self.queued = 0
        self._arrays: tuple[np.ndarray, np.ndarray] | None = None

    def bind(self, input_address: int, output_address: int, *, batch: int, size_px: int) -> None:
        assert batch <= self.max_batch
        self.bound.append((batch, size_px))
        shape = (batch, 3, size_px, size_px)
        nbytes = 2 * int(np.prod(shape))
        self._arrays = tuple(view(a, nbytes, np.float16, shape, self._gpu) for a in (input_address, output_address))

    def enqueue(self, stream_handle: int) -> None:
        stream = self._gpu.objects[stream_handle - 1]
        given, drawn = self._arrays
        self.queued += 1
        stream.queue("network", lambda: drawn.__setitem__(slice(None), self.compute(given)))

    def compute(self, numbers: np.ndarray) -> np.ndarray:
        """Half [N, 3, S, S] in [-1, 1] → the same."""
        wide = numbers.astype(np.float32)
        edges = np.abs(np.roll(wide, 1, -1) - wide) + np.abs(np.roll(wide, 1, -2) - wide)
        return np.clip(0.2 - 0.7 * wide - self._strokes * edges, -1, 1).astype(np.float16)

    def __call__(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The same for the CPU's path, lit and dimmed as styles are there: RGB uint8 [H, W, 3] each."""
        lights = [Light.of(picture) for picture in pictures]
        lit = [light.lit(picture) for light, picture in zip(lights, pictures, strict=True)]
        numbers = np.stack(lit).transpose(0, 3, 1, 2).astype(np.float32) * (2 / 255) - 1
        drawn = self.compute(numbers.astype(np.float16)).astype(np.float32)
        levels = np.clip(np.rint(drawn * 127.5 + 127.5), 0, 255).astype(np.uint8)
        drawings = [np.ascontiguousarray(picture) for picture in levels.transpose(0, 2, 3, 1)]
        return [light.drawn(drawing) for light, drawing in zip(lights, drawings, strict=True)]

    def end(self) -> None:
        self.is_ended = True

    def close(self) -> None:
        self._arrays = None


class Seen:
    """A network that keeps what it is given, and draws what it is told.

    Args:
        gpu: As for `HostNetwork`.
        drawing: What it draws of each picture, half [1, 3, S, S]; None: the picture.
        max_batch: As `DeviceNetwork.max_batch`.

    Attributes:
        pictures: All that it was given, RGB uint8 [H, W, 3] each.
    """

    info = BackendInfo("seen", "", "", "f16")
    is_recordable = True

    def __init__(self, gpu, drawing: np.ndarray | None = None, max_batch: int = 8) -> None:
        self._gpu, self._drawing, self.max_batch = gpu, drawing, max_batch
        self.pictures: list[np.ndarray] = []

    def bind(self, input_address: int, output_address: int, *, batch: int, size_px: int) -> None:
        shape = (batch, 3, size_px, size_px)
        nbytes = 2 * int(np.prod(shape))
        self._arrays = [view(a, nbytes, np.float16, shape, self._gpu) for a in (input_address, output_address)]

    def enqueue(self, stream_handle: int) -> None:
        given, drawn = self._arrays
        self._gpu.objects[stream_handle - 1].queue("network", lambda: self._run(given, drawn))

    def _run(self, given: np.ndarray, drawn: np.ndarray) -> None:
        levels = np.rint((given.astype(np.float32) + 1) * 127.5).astype(np.uint8)
        self.pictures += list(levels.transpose(0, 2, 3, 1))
        drawn[...] = given if self._drawing is None else self._drawing


def remembered(gpu, path: DevicePath, name: str) -> np.ndarray:
    """What lies in the memory of the faces drawn last, "filmed" or "drawn": RGB, uint8 [N, S, S, 3]."""
    writer = path.slots[(path._sent - 1) % RING].writer
    count, (width, height) = writer._job["faces"][0], writer._job["size"][0]
    shape = (3, int(height), int(width))
    pictures = [view(int(place), int(np.prod(shape)), np.uint8, shape, gpu) for place in writer._faces[name][:count]]
    return np.ascontiguousarray(np.stack(pictures).transpose(0, 2, 3, 1))
