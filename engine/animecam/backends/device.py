"""The seam between the frame path on a GPU and the runtime that computes the network there."""

from typing import Protocol, runtime_checkable

from animecam.backends.base import BackendInfo


class DeviceNetwork(Protocol):
    """A network whose input and output stay on the GPU: half [N, 3, S, S], RGB in [-1, 1], N from 1 to `max_batch`.

    `max_batch` may become smaller with the first `bind` of a size, where the GPU's memory is short. Whatever is called
    may leave the thread on another GPU, see `Gpu.use`.

    Attributes:
        is_recordable: `enqueue` may be captured in a CUDA graph of the caller; otherwise it is called for each frame.
    """

    is_recordable: bool
    max_batch: int

    @property
    def info(self) -> BackendInfo:
        """What computes what is bound; another one may take over between two frames.

        What was recorded of the one before stays good, but others are faster: record anew.
        """
        ...

    def bind(self, input_address: int, output_address: int, *, batch: int, size_px: int) -> None:
        """Says what the next `enqueue` reads and writes; costs next to nothing when that was bound before.

        The first time for a size the engine is loaded, or built: seconds to minutes. What was bound once stays ready:
        who comes and goes changes the number of pictures with any frame.

        Args:
            input_address: On the GPU, half [batch, 3, size_px, size_px].
            output_address: Likewise.
            batch: Pictures.
            size_px: Their side.

        Raises:
            BackendError: There is no engine for that size and none can be built, or the runtime refuses the shape.
            DeviceMemoryError: The memory of the GPU is full.
        """
        ...

    def enqueue(self, stream_handle: int) -> None:
        """Queues the network on a stream of the caller; neither allocates nor waits.

        Where `is_recordable`, it may be captured once it has run after a `bind`. The graph keeps the addresses and
        the memory that were bound. What is bound for another number or size of pictures leaves it alone; once other
        addresses are bound for its own, or after `close`, it must not be launched any more.

        Raises:
            BackendError: Nothing is bound, or the runtime refuses.
        """
        ...

    def end(self) -> None:
        """Lets a build that `bind` is at in another thread end soon; nothing can be loaded any more."""
        ...

    def close(self) -> None:
        """Frees the engines; may be called twice. Nothing of it may be running."""
        ...


@runtime_checkable
class Compiling(Protocol):
    """A network that compiles at its first runs."""

    def keep_compiled(self) -> None:
        """Keeps what was compiled so far for the next start; where that fails, it is slower and nothing else."""
        ...
