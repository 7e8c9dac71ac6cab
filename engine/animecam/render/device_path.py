"""The way of a frame through a GPU: up once, crop → network → paste there, down once.

Three streams work on three frames at a time: one is brought up while another is drawn and a third is brought down. What
is done between is recorded once for each number and size of faces and then launched as one.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from animecam.backends.device import DeviceNetwork
from animecam.cuda.base import WAIT_SECONDS, DeviceBuffer, Gpu
from animecam.errors import BackendError, DeviceMemoryError
from animecam.render.calm import IN_PLACE, CalmOptions
from animecam.render.device_graphs import Graphs
from animecam.render.device_heads import Heads
from animecam.render.device_job import JobOptions
from animecam.render.device_kernels import FaceKernels
from animecam.render.device_layout import BlockLayout, Geometry
from animecam.render.device_memory import FaceMemory, Memory
from animecam.render.device_slots import Slot
from animecam.render.match import MatchOptions
from animecam.types import Frame, Region

RING = 3
"""Frames under way: one going up, one being drawn, one coming down."""

_PICTURE_BYTES = 3 * 2
"""Of one pixel of a network's input: three numbers of 16 bits."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PathOptions:
    """How frames are drawn.

    Attributes:
        most_faces: So many are drawn in one frame; fewer if the GPU's memory is small.
        largest_px: Side of the largest crop.
        uses_graphs: Launch recorded work; without, every kernel is launched on its own.
        calm: How drawings are steadied.
        match: How colours are matched.
        wait_s: Longest wait for a frame.
    """

    most_faces: int = 4
    largest_px: int = 512
    uses_graphs: bool = True
    calm: CalmOptions = IN_PLACE
    match: MatchOptions = field(default_factory=MatchOptions)
    wait_s: float = WAIT_SECONDS


@dataclass(frozen=True, slots=True)
class Drawn:
    """A frame that came back.

    Attributes:
        frame: With planes of its own.
        gpu_ms: How long the GPU drew, from the first crop to the last pixel pasted.
    """

    frame: Frame
    gpu_ms: float


class DevicePath:
    """Draws the heads of one stream of frames on a GPU, in order; used by one thread at a time.

    Args:
        gpu: Stays the caller's, and is closed after this.
        options: How frames are drawn.

    Raises:
        BackendError: The kernels do not compile.
        DeviceMemoryError: There is no room for one face.
    """

    def __init__(self, gpu: Gpu, options: PathOptions | None = None) -> None:
        self._gpu, self._options = gpu, options or PathOptions()
        self._kernels = FaceKernels(gpu)
        self._up, self._draw, self._down = gpu.stream(), gpu.stream(), gpu.stream()
        self._heads = Heads(gpu, self._up)
        self._memory = Memory(self._options.match)
        self._graphs = Graphs(self._draw)
        self._slots: list[Slot] = []
        self._geometry: Geometry | None = None
        self._sent = 0
        self._faces: list[FaceMemory] = []
        self._batches: list[DeviceBuffer] = []
        try:
            self._take_memory()
        except BackendError:
            self.close()
            raise

    @property
    def most_faces(self) -> int:
        """So many faces can be drawn in one frame."""
        return len(self._faces)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """What the frames under way use; their events tell what was done when."""
        return tuple(self._slots)

    def submit(
        self, frame: Frame, regions: Sequence[Region], style: str, network: DeviceNetwork, strength: float
    ) -> Callable[[], Drawn]:
        """Sends a frame on its way.

        Args:
            frame: What was filmed; may be changed once this returns.
            regions: Heads, at least one and at most `most_faces`, all of one size.
            style: Which the network draws; nothing is steadied across styles.
            network: Of the same GPU.
            strength: Share of the drawing in what shows.

        Returns:
            What waits for the frame and gives it. It must be called before the `RING`th frame after this is sent.

        Raises:
            BackendError: The GPU failed.
        """
        slot = self._next_slot(frame)
        count, size_px = len(regions), regions[0].width_px
        head = self._heads(size_px)
        recalls = self._memory.recall(regions, style, frame.time_s)
        slot.writer.write(frame, regions, head, [(recall, self._faces[recall.slot]) for recall in recalls], strength)

        self._up.copy_in(slot.buffer, slot.pinned, slot.pinned.nbytes)
        self._up.record(slot.uploaded)

        self._draw.wait(slot.uploaded)
        self._draw.record(slot.started)
        self._launch(slot, network, count, size_px)
        self._draw.record(slot.drawn)

        self._down.wait(slot.drawn)
        self._down.copy_out(slot.result, slot.buffer, slot.result.nbytes)
        self._down.record(slot.downloaded)
        self._sent += 1

        def result() -> Drawn:
            slot.downloaded.wait(self._options.wait_s)
            return Drawn(slot.fetch(frame), slot.drawn.since_ms(slot.started))

        return result

    def skip(self) -> None:
        """A frame showed nobody: drawings are forgotten, the colours of faces are not."""
        self._memory.recall((), "", 0.0)

    def forget(self) -> None:
        """Frames were drawn elsewhere meanwhile: nothing that is remembered fits any more."""
        self._memory.forget()

    def close(self) -> None:
        """Waits for what is under way and frees everything; may be called twice."""
        self._gpu.use()
        self._drop_slots()
        for part in (*self._faces, *self._batches, self._heads, self._up, self._draw, self._down):
            part.close()

    def _launch(self, slot: Slot, network: DeviceNetwork, count: int, size_px: int) -> None:
        """Queues everything between upload and download, as a graph where that goes."""
        is_one_batch = count <= network.max_batch  # else a part of it is bound after another
        if not (self._options.uses_graphs and network.is_recordable and is_one_batch):
            self._graphs.clear()
            self._work(slot, network, count, size_px)
            return
        binding = (network, count, size_px)
        self._graphs.run(binding, self._sent % RING, lambda: self._work(slot, network, count, size_px))

    def _work(self, slot: Slot, network: DeviceNetwork, count: int, size_px: int) -> None:
        network_input, network_output = (batch.address for batch in self._batches)
        self._kernels.crop(self._draw, slot.job, slot.faces, network_input, count, size_px)
        for start in range(0, count, network.max_batch):
            skipped = start * _PICTURE_BYTES * size_px**2
            batch = min(network.max_batch, count - start)
            network.bind(network_input + skipped, network_output + skipped, batch=batch, size_px=size_px)
            network.enqueue(self._draw.handle)
        self._kernels.settle(self._draw, slot.job, slot.faces, network_output, count, size_px)
        self._kernels.paste(self._draw, slot.job, slot.faces)

    def _next_slot(self, frame: Frame) -> Slot:
        geometry = Geometry(frame.pixel_format, frame.width_px, frame.height_px)
        if geometry != self._geometry:
            self._drop_slots()
            layout = BlockLayout(geometry, self.most_faces)
            job = JobOptions(self._options.calm, self._options.match)
            for _ in range(RING):
                self._slots.append(Slot(self._gpu, layout, job))
            self._geometry = geometry
        slot = self._slots[self._sent % RING]
        slot.downloaded.wait(self._options.wait_s)  # done long ago, unless nobody asked for the frame before
        return slot

    def _drop_slots(self) -> None:
        """What was recorded names addresses of the slots, so it goes with them."""
        for slot in self._slots:
            slot.downloaded.wait(self._options.wait_s)
        self._graphs.clear()
        for slot in self._slots:
            slot.close()
        self._slots, self._geometry = [], None

    def _take_memory(self) -> None:
        """Memory for as many faces as are wanted, or as there is room for."""
        wanted = self._options.most_faces
        while True:
            try:
                self._take_memory_for(wanted)
                return
            except DeviceMemoryError:
                for part in (*self._faces, *self._batches):
                    part.close()
                self._faces, self._batches = [], []
                if wanted == 1:
                    raise
                log.warning("the memory of %s is too small for %d faces: %d", self._gpu.name, wanted, wanted // 2)
                wanted //= 2

    def _take_memory_for(self, faces: int) -> None:
        side_px = self._options.largest_px
        for _ in range(faces):
            self._faces.append(FaceMemory(self._gpu, side_px))
        for _ in ("input", "output"):
            self._batches.append(self._gpu.buffer(faces * _PICTURE_BYTES * side_px**2))
