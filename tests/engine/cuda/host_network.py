"""A style for the GPU on the host: what a network draws there is known, and queued as on hardware."""

from collections.abc import Sequence

import numpy as np

from animecam.backends.base import BackendInfo
from animecam.cuda.base import view


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
        stream.queue("network", lambda: drawn.__setitem__(slice(None), self.compute(given)))

    def compute(self, numbers: np.ndarray) -> np.ndarray:
        """Half [N, 3, S, S] in [-1, 1] → the same."""
        wide = numbers.astype(np.float32)
        edges = np.abs(np.roll(wide, 1, -1) - wide) + np.abs(np.roll(wide, 1, -2) - wide)
        return np.clip(0.2 - 0.7 * wide - self._strokes * edges, -1, 1).astype(np.float16)

    def __call__(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The same for the CPU's path: RGB uint8 [H, W, 3] each."""
        numbers = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32) * (2 / 255) - 1
        drawn = self.compute(numbers.astype(np.float16)).astype(np.float32)
        levels = np.clip(np.rint(drawn * 127.5 + 127.5), 0, 255).astype(np.uint8)
        return [np.ascontiguousarray(picture) for picture in levels.transpose(0, 2, 3, 1)]

    def end(self) -> None:
        self.is_ended = True

    def close(self) -> None:
        self._arrays = None
