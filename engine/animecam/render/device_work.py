"""What is queued for a frame between its upload and its download: crop → network → paste, recorded where that goes."""

from animecam.backends.base import BackendInfo
from animecam.backends.device import DeviceNetwork
from animecam.cuda.base import Gpu, Stream
from animecam.render.device_graphs import Graphs
from animecam.render.device_kernels import FaceKernels
from animecam.render.device_layout import FACE
from animecam.render.device_room import FaceRoom
from animecam.render.device_slots import Slot


class DeviceWork:
    """Draws the faces of frames that have been brought up; used by one thread at a time.

    Args:
        gpu: Stays the caller's, as all that follows.
        kernels: What is launched beside networks.
        stream: Where everything is queued.
        room: What networks read and write.
        uses_graphs: Launch recorded work; without, every kernel is launched on its own.
    """

    def __init__(self, gpu: Gpu, kernels: FaceKernels, stream: Stream, room: FaceRoom, *, uses_graphs: bool) -> None:
        self._gpu, self._kernels, self._stream, self._room = gpu, kernels, stream, room
        self._uses_graphs = uses_graphs
        self._graphs = Graphs(stream)

    def __call__(self, slot: Slot, turn: int, network: DeviceNetwork, count: int, size_px: int) -> None:
        """Queues the work, as a graph where that goes.

        Args:
            slot: Of the frame.
            turn: The slot's number in its ring.
            network: Draws.
            count: Faces.
            size_px: Side of their crops.

        Raises:
            BackendError: The GPU or the network failed.
        """
        if not (self._uses_graphs and network.is_recordable):
            self._queue(slot, network, count, size_px)
            return
        made_by: list[BackendInfo] = []
        for _, batch in _parts(count, network.max_batch):
            self._bind(network, batch, size_px)
            made_by.append(network.info)  # compiled code takes over: it is recorded anew
        self._gpu.use()
        what = (network, count, size_px)  # itself, which is kept with it: no later one can be taken for it
        self._graphs.run(what, tuple(made_by), turn, lambda: self._queue(slot, network, count, size_px))

    def forget(self) -> None:
        """Frees what was recorded, when it has run: the slots go, whose addresses it names."""
        self._graphs.clear()

    def _queue(self, slot: Slot, network: DeviceNetwork, count: int, size_px: int) -> None:
        size = (size_px, size_px)
        for start, batch in _parts(count, network.max_batch):
            faces = slot.faces + start * FACE.itemsize
            self._kernels.crop(self._stream, slot.job, faces, self._room.network_input.address, batch, size)
            self._bind(network, batch, size_px)
            network.enqueue(self._stream.handle)
            self._gpu.use()
            self._kernels.calm(self._stream, slot.job, faces, self._room.network_output.address, batch, size)
        self._kernels.settle(self._stream, slot.job, slot.faces, count, size)
        self._kernels.paste(self._stream, slot.job, slot.faces)

    def _bind(self, network: DeviceNetwork, batch: int, size_px: int) -> None:
        """Parts take turns in the same memory: in its midst pictures may begin where TensorRT takes none."""
        network.bind(self._room.network_input.address, self._room.network_output.address, batch=batch, size_px=size_px)


def _parts(count: int, most: int) -> list[tuple[int, int]]:
    """What a network takes at a time of so many faces: the number of the first one, and how many they are."""
    return [(start, min(most, count - start)) for start in range(0, count, most)]
