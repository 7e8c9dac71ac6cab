"""The kernels of kernels/*.cu: their source, and how each is launched."""

from functools import cache
from importlib.resources import files

from animecam.cuda.base import Gpu, Grid, Stream
from animecam.render.match import PARTS

NAMES = ("crop", "light", "feed", "calm", "ring", "finish", "enlarge", "paste")

_DEVICE = "device.cuh"
_PARTS = ("job.cuh", "sampling.cuh", "light.cu", "crop.cu", "settle.cu", "paste.cu")

TILE_PX = (32, 8)
"""Threads of a block: a row of 32 reads what lies side by side."""

LIGHT_GRID = 64, 64  # blocks and threads: one for each cell that is looked at, on as many processors as there are
FEED_GRID = 128, 256  # few enough, as each thread of a dim crop looks for its light by itself
RING_THREADS = 256
RING_BLOCKS = 2  # for each part of the ring; more would wait for one another at the sums
PASTE_BLOCKS = 1024  # share the tiles of all boxes, so that a recorded launch fits any boxes


@cache
def kernel_source(device: str | None = None) -> str:
    """All kernels as one source.

    Args:
        device: What stands for `device.cuh`, where something else than a GPU's compiler reads it.
    """
    folder = files("animecam.render") / "kernels"
    parts = [device if device is not None else (folder / _DEVICE).read_text(encoding="utf-8")]
    for name in _PARTS:
        parts.append(f'#line 1 "{name}"\n' + (folder / name).read_text(encoding="utf-8"))
    return "\n".join(parts)


class FaceKernels:
    """Launches of all faces of a frame.

    Args:
        gpu: Compiles and loads them.

    Raises:
        BackendError: They do not compile, or the compiler is not installed.
    """

    def __init__(self, gpu: Gpu) -> None:
        self._kernels = gpu.kernels(kernel_source(), NAMES)

    def cut(self, stream: Stream, job: int, faces: int, count: int, size: tuple[int, int]) -> None:
        """Queues the crops of `count` faces, of `size` pixels across and down, as they were filmed."""
        stream.launch(self._kernels["crop"], _pixels(size, count), (job, faces))

    def crop(self, stream: Stream, job: int, faces: int, network_input: int, count: int, size: tuple[int, int]) -> None:
        """Queues the same, and then for a network's input at an address, in good light."""
        self.cut(stream, job, faces, count, size)
        stream.launch(self._kernels["light"], _line(LIGHT_GRID, count), (job, faces))
        stream.launch(self._kernels["feed"], _line(FEED_GRID, count), (job, faces, network_input))

    def calm(
        self, stream: Stream, job: int, faces: int, network_output: int, count: int, size: tuple[int, int]
    ) -> None:
        """Queues a network's output at an address, of `count` faces, to be dimmed as they were, and steadied."""
        stream.launch(self._kernels["calm"], _pixels(size, count), (job, faces, network_output))

    def settle(self, stream: Stream, job: int, faces: int, count: int, size: tuple[int, int]) -> None:
        """Queues what happens to all drawn faces before they are pasted: matched, shared, enlarged."""
        ring = Grid((RING_BLOCKS, PARTS, count), (RING_THREADS, 1, 1))
        stream.launch(self._kernels["ring"], ring, (job, faces))
        for name in ("finish", "enlarge"):
            stream.launch(self._kernels[name], _pixels(size, count), (job, faces))

    def paste(self, stream: Stream, job: int, faces: int) -> None:
        """Queues the faces' way back into the frame."""
        stream.launch(self._kernels["paste"], Grid((PASTE_BLOCKS, 1, 1), (*TILE_PX, 1)), (job, faces))


def _pixels(size: tuple[int, int], count: int) -> Grid:
    """A thread for each pixel of `count` crops."""
    across, down = (-(-side_px // tile) for side_px, tile in zip(size, TILE_PX, strict=True))
    return Grid((across, down, count), (*TILE_PX, 1))


def _line(grid: tuple[int, int], count: int) -> Grid:
    """Blocks of threads that share the pixels of a crop, for each of `count` crops."""
    blocks, threads = grid
    return Grid((blocks, 1, count), (threads, 1, 1))
