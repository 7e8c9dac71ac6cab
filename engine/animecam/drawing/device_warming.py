"""The first runs of a network on the GPU, in which it loads, compiles and allocates."""

from contextlib import ExitStack, closing, suppress

from animecam.backends.device import DeviceNetwork
from animecam.cuda.base import Gpu
from animecam.errors import AnimecamError, BackendError

_PICTURE_BYTES = 3 * 2  # of one pixel: three numbers of 16 bits


def warm_up(gpu: Gpu, network: DeviceNetwork, size_px: int) -> None:
    """Runs a network once for each number of pictures: what it loads late, it loads now.

    Args:
        gpu: Where it runs; the thread's own from now on.
        network: For pictures of that size.
        size_px: Side of the pictures.

    Raises:
        BackendError: It cannot be loaded, built or run.
        DeviceMemoryError: The memory of the GPU is full.
    """
    gpu.use()
    with closing(gpu.stream()) as stream, ExitStack() as memory:

        def room_for(pictures: int) -> int:
            nbytes = pictures * _PICTURE_BYTES * size_px**2
            return memory.enter_context(closing(gpu.buffer(nbytes))).address

        try:
            # The first one loads the engine, which may find that fewer fit at a time than was thought.
            network.bind(room_for(1), room_for(1), batch=1, size_px=size_px)
            gpu.use()
            given, drawn = room_for(network.max_batch), room_for(network.max_batch)
            for batch in range(1, network.max_batch + 1):
                network.bind(given, drawn, batch=batch, size_px=size_px)
                network.enqueue(stream.handle)
            gpu.use()
        except AnimecamError:
            gpu.use()
            with suppress(BackendError):  # what was queued before uses this memory, and the network's own
                stream.synchronize()
            raise
        stream.synchronize()
