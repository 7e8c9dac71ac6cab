"""An engine that is fed from the host: pinned memory, one stream, and one wait a run, for the download."""

from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from animecam.backends.base import Port, Tensor
from animecam.cuda.base import DeviceBuffer, Gpu, PinnedBuffer
from animecam.engines.session import EngineSession


class _Slot:
    """Memory of one port, on both sides, for the largest batch."""

    def __init__(self, gpu: Gpu, shape: tuple[int, ...], dtype: np.dtype[np.generic], stack: ExitStack) -> None:
        self.picture_bytes = int(np.prod(shape[1:])) * dtype.itemsize
        nbytes = shape[0] * self.picture_bytes
        self.device: DeviceBuffer = gpu.buffer(nbytes)
        stack.callback(self.device.close)
        self.pinned: PinnedBuffer = gpu.pinned(nbytes)
        stack.callback(self.pinned.close)
        self.array: NDArray[np.generic] = self.pinned.array(dtype, shape)


class HostSession:
    """Runs an engine on arrays; used by one thread at a time, whose GPU it must be.

    Args:
        gpu: Where the engine is.
        session: The engine; closed with this, also when this cannot be made.
        input: As the engine has it.
        outputs: Likewise.

    Raises:
        DeviceMemoryError: The memory of the GPU is full.
    """

    def __init__(self, gpu: Gpu, session: EngineSession, input: Port, outputs: tuple[Port, ...]) -> None:
        self._session = session
        with ExitStack() as stack:
            stack.callback(session.close)
            self._stream = gpu.stream()
            stack.callback(self._stream.close)
            picture = tuple(side or 0 for side in input.shape[1:])
            self._input = _Slot(gpu, (session.max_batch, *picture), input.dtype, stack)
            self._outputs = [_Slot(gpu, session.output_shape(port.name), port.dtype, stack) for port in outputs]
            names = (input.name, *(port.name for port in outputs))
            self._places = list(zip(names, (self._input, *self._outputs), strict=True))
            self._stack = stack.pop_all()

    @property
    def max_batch(self) -> int:
        """Most pictures at a time."""
        return self._session.max_batch

    def run(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Computes the network.

        Args:
            batch: At most `max_batch` pictures; rounded to the engine's type on the way into pinned memory.

        Returns:
            The outputs; half ones as float32. They belong to the caller.

        Raises:
            BackendError: The runtime failed, or did not answer in time.
        """
        count = batch.shape[0]
        self._session.set_batch(count)
        for name, slot in self._places:
            self._session.bind(name, slot.device.address)
        np.copyto(self._input.array[:count], batch, casting="same_kind")
        self._stream.copy_in(self._input.device, self._input.pinned, count * self._input.picture_bytes)
        self._session.enqueue(self._stream.handle)
        for slot in self._outputs:
            self._stream.copy_out(slot.pinned, slot.device, count * slot.picture_bytes)
        self._stream.synchronize()
        return tuple(_owned(slot.array[:count]) for slot in self._outputs)

    def keep_compiled(self) -> None:
        """See `EngineSession.keep_compiled`."""
        self._session.keep_compiled()

    def close(self) -> None:
        """Frees everything; may be called twice."""
        self._stack.close()


def _owned(array: NDArray[np.generic]) -> Tensor:
    return array.astype(np.float32) if array.dtype == np.float16 else array.copy()
