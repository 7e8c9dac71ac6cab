"""The seam between the GPU's frame path and the runtime that computes a network there."""

from typing import Protocol, runtime_checkable

from animecam.backends.base import BackendInfo


@runtime_checkable
class DeviceNetwork(Protocol):
    """A network whose input and output stay on the GPU: half [N, 3, S, S], RGB in [-1, 1]."""

    info: BackendInfo
    max_batch: int

    def bind(self, input_address: int, output_address: int, *, batch: int, size_px: int) -> None:
        """Says where the next batches lie.

        Args:
            input_address: Of half [batch, 3, size_px, size_px] on the GPU.
            output_address: Likewise.
            batch: How many pictures, at most `max_batch`.
            size_px: Their side.

        Raises:
            BackendError: The network does not take such a batch.
        """
        ...

    def enqueue(self, stream_handle: int) -> None:
        """Queues the network on a stream; allocates nothing, and can be recorded in a graph once it has run bound so.

        What was recorded stays valid when the network is bound otherwise, until it is closed.

        Raises:
            BackendError: It cannot be queued.
        """
        ...

    def close(self) -> None:
        """Frees the network; may be called twice."""
        ...
