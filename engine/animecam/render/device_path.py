"""The way of a frame through a GPU: up once, crop → network → paste there, down once.

A frame that the GPU has decoded does not go up, and one that it will encode does not come down.

Three streams work on three frames at a time: one is brought up while another is drawn and a third is brought down. What
is done between is recorded once for each number and size of faces and then launched as one; who comes and goes costs no
recording of what was there before.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from animecam.backends.device import DeviceNetwork
from animecam.cuda.base import WAIT_SECONDS, Gpu, Stream
from animecam.cuda.dlpack import Rows, rows_of
from animecam.cuda.pixels import DevicePixels
from animecam.errors import BackendError
from animecam.render.calm import IN_PLACE, CalmOptions
from animecam.render.device_carrier import Carrier
from animecam.render.device_heads import Heads
from animecam.render.device_job import JobOptions
from animecam.render.device_kernels import FaceKernels
from animecam.render.device_layout import BlockLayout, Geometry
from animecam.render.device_memory import Memory
from animecam.render.device_pictures import DevicePictures
from animecam.render.device_results import Drawn, Results
from animecam.render.device_room import take_room
from animecam.render.device_slots import Slot
from animecam.render.device_work import DeviceWork
from animecam.render.match import MatchOptions
from animecam.types import Frame, Region

RING = 3
"""Frames under way: one going up, one being drawn, one coming down."""

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


class DevicePath:
    """Draws the heads of one stream of frames on a GPU, in order; used by one thread at a time.

    Args:
        gpu: Stays the caller's, and is closed after this.
        options: How frames are drawn.

    Raises:
        BackendError: The kernels do not compile.
        DeviceMemoryError: There is no room for one face.

    Attributes:
        gpu: As given.
    """

    def __init__(self, gpu: Gpu, options: PathOptions | None = None) -> None:
        self.gpu, self._options = gpu, options or PathOptions()
        kernels = FaceKernels(gpu)
        with ExitStack() as parts:
            self._up, self._draw, self._down = (parts.enter_context(closing(gpu.stream())) for _ in range(3))
            self._decoded = parts.enter_context(closing(gpu.event()))
            self._heads = parts.enter_context(closing(Heads(gpu, self._up)))
            room = take_room(gpu, self._options.most_faces, self._options.largest_px)
            self._room = parts.enter_context(closing(room))
            self._parts = parts.pop_all()
        self._memory = Memory(self._options.match)
        uses_graphs = self._options.uses_graphs
        self._work = DeviceWork(gpu, kernels, self._draw, self._room, uses_graphs=uses_graphs)
        self._carrier = Carrier()
        self._slots: list[Slot] = []
        self._results = Results(RING)
        self._geometry: Geometry | None = None
        self._sent = 0
        self._had_faces = False
        self._is_closed = False

    @property
    def most_faces(self) -> int:
        """So many faces can be drawn in one frame."""
        return len(self._room.faces)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """What the frames under way use; their events tell what was done when."""
        return tuple(self._slots)

    def expect(self, frame: Frame) -> None:
        """Begins to copy a frame to where the GPU fetches it, while the caller looks for its faces.

        Nothing happens where that is for nothing, or needs other memory: nobody was in the last frame, or it was of
        another size.

        Args:
            frame: What was filmed; must not change before `submit` or `skip`.

        Raises:
            BackendError: The GPU failed.
        """
        self._carrier.finish()
        if self._had_faces and frame.on_gpu is None and _geometry(frame) == self._geometry:
            self._carrier.begin(frame, self._next_slot(frame).writer)

    def submit(
        self,
        frame: Frame,
        regions: Sequence[Region],
        style: str,
        network: DeviceNetwork,
        strength: float,
        pictures: DevicePictures | None = None,
    ) -> Callable[[], Drawn]:
        """Sends a frame on its way.

        Args:
            frame: What was filmed; may be changed once this returns.
            regions: Heads, at least one and at most `most_faces`, all of one size.
            style: Which the network draws; nothing is steadied across styles.
            network: Of the same GPU.
            strength: Share of the drawing in what shows.
            pictures: Where the drawn frame may stay on the GPU; it comes down without, and if there is no room.

        Returns:
            What waits for the frame and gives it, once. It must be called before the `RING`th frame after this is sent.

        Raises:
            BackendError: The GPU failed.
        """
        is_there, self._had_faces = self._carrier.finish(frame), True
        slot = self._next_slot(frame)
        count, size_px = len(regions), regions[0].width_px
        head = self._heads(size_px)
        recalls = self._memory.recall(regions, style, frame.time_s)
        if not is_there:
            slot.writer.write_frame(frame)
        slot.writer.write(frame, regions, head, [(each, self._room.faces[each.slot]) for each in recalls], strength)

        self._bring_up(slot, frame)
        self._up.record(slot.uploaded)

        self._draw.wait(slot.uploaded)
        self._draw.record(slot.started)
        self._work(slot, self._sent % RING, network, count, size_px)
        self._draw.record(slot.drawn)

        picture = pictures.take(slot.geometry) if pictures else None
        self._down.wait(slot.drawn)
        if picture is None:
            self._down.copy_out(slot.result, slot.buffer, slot.result.nbytes)
        else:
            _copy(self._down, picture.rows, slot.rows)
        self._down.record(slot.downloaded)
        self._sent += 1

        def fetch() -> Drawn:
            slot.downloaded.wait(self._options.wait_s)
            drawn = slot.fetch(frame) if picture is None else picture.frame(frame)
            return Drawn(drawn, slot.drawn.since_ms(slot.started))

        return self._results.add(fetch)

    def skip(self, frame: Frame, pictures: DevicePictures | None = None) -> Frame:
        """A frame shows nobody: drawings are forgotten, the colours of faces are not.

        Args:
            frame: What was filmed.
            pictures: As for `submit`.

        Returns:
            The frame; if it was decoded on the GPU, a copy of it that an encoder can take, or on the host.

        Raises:
            BackendError: The GPU failed.
        """
        self._carrier.finish()
        self._had_faces = False
        self._memory.recall((), "", 0.0)
        if frame.on_gpu is None or pictures is None:
            return frame.on_host()
        picture = pictures.take(_geometry(frame))
        if picture is None:
            return frame.on_host()
        self._copy_decoded(picture.rows, frame.on_gpu)
        self._up.synchronize(self._options.wait_s)
        return picture.frame(frame)

    def forget(self) -> None:
        """Frames were drawn elsewhere meanwhile: nothing that is remembered fits any more."""
        self._memory.forget()

    def close(self) -> None:
        """Waits for what is under way and frees everything, unless that never ends; may be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        self.gpu.use()
        try:
            self._carrier.close()
            for stream in (self._up, self._draw, self._down):  # a frame that failed on its way has no mark at its end
                stream.synchronize(self._options.wait_s)
            self._drop_slots()
        except BackendError as error:  # it may still write there; what failed before is the error to raise
            log.warning("the memory of %s is not freed: %s", self.gpu.name, error.message)
            return
        self._parts.close()

    def _bring_up(self, slot: Slot, frame: Frame) -> None:
        """Queues the way of a frame, and of what the kernels must know of it, into a slot."""
        slot.source = frame
        if frame.on_gpu is None:
            self._up.copy_in(slot.buffer, slot.pinned, slot.pinned.nbytes)
            return
        self._copy_decoded(slot.rows, frame.on_gpu)
        self._up.copy_in(slot.buffer, slot.pinned, slot.written_bytes, start=slot.job_start)

    def _copy_decoded(self, to: Sequence[Rows], pixels: DevicePixels) -> None:
        """Queues a copy of a decoded frame: the decoder's own memory is not for drawing into."""
        self.gpu.mark_others(self._decoded)  # it may still be at this frame
        self._up.wait(self._decoded)
        _copy(self._up, to, (rows_of(pixels.luma), rows_of(pixels.chroma)))

    def _next_slot(self, frame: Frame) -> Slot:
        geometry = _geometry(frame)
        if geometry != self._geometry:
            self._results.take_out()
            self._drop_slots()
            layout = BlockLayout(geometry, self.most_faces)
            job = JobOptions(self._options.calm, self._options.match)
            for _ in range(RING):
                self._slots.append(Slot(self.gpu, layout, job))
            self._geometry = geometry
        slot = self._slots[self._sent % RING]
        slot.downloaded.wait(self._options.wait_s)  # done long ago, unless nobody asked for the frame before
        return slot

    def _drop_slots(self) -> None:
        """What was recorded names addresses of the slots, so it goes with them."""
        for slot in self._slots:
            slot.downloaded.wait(self._options.wait_s)
        self._work.forget()
        for slot in self._slots:
            slot.close()
        self._slots, self._geometry = [], None


def _geometry(frame: Frame) -> Geometry:
    return Geometry(frame.pixel_format, frame.width_px, frame.height_px)


def _copy(stream: Stream, to: Sequence[Rows], source: Sequence[Rows]) -> None:
    """Queues a copy of a frame from one place on the GPU to another."""
    for mine, theirs in zip(to, source, strict=True):
        stream.copy_rows(mine, theirs)
