"""A frame's way into pinned memory beside the caller, who looks for its faces meanwhile."""

from concurrent.futures import Future, ThreadPoolExecutor, wait

from animecam.cuda.base import WAIT_SECONDS
from animecam.errors import BackendError
from animecam.render.device_job import JobWriter
from animecam.types import Frame


class Carrier:
    """Copies one frame at a time in a thread of its own, used by one other thread; closed by whoever opened it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="upload")
        self._frame: Frame | None = None
        self._copying: Future[None] | None = None

    def begin(self, frame: Frame, writer: JobWriter) -> None:
        """Begins to copy a frame; the one before must be finished.

        Args:
            frame: Must not change until it is finished.
            writer: Of the block that it is copied to, which must stay until then, too.
        """
        self._frame = frame
        self._copying = self._thread.submit(writer.write_frame, frame)

    def finish(self, frame: Frame | None = None) -> bool:
        """Waits for what is being copied.

        Args:
            frame: The frame that is wanted.

        Returns:
            Whether it is that one that was copied.

        Raises:
            BackendError: It takes too long; the block that it is copied to is still written.
        """
        copying, copied = self._copying, self._frame
        if copying is None:
            return False
        if not wait([copying], WAIT_SECONDS).done:
            hint = "the machine may be out of memory, or overloaded"
            raise BackendError(f"copying a frame took more than {WAIT_SECONDS:g} s", hint=hint)
        self._copying = self._frame = None
        copying.result()
        return copied is frame

    def close(self) -> None:
        """Waits for what is being copied and ends the thread; may be called twice.

        Raises:
            BackendError: As for `finish`.
        """
        self._thread.shutdown(wait=False)
        self.finish()
