"""A virtual camera that never goes dark: whatever happens to the pictures, the program that shows it gets one."""

import threading
import time

from animecam.errors import SinkError
from animecam.sinks.base import Sink
from animecam.sinks.convert import upright_size
from animecam.sinks.fit import fitted
from animecam.types import Frame, StreamFormat

QUIET_SECONDS = 1.0  # without a frame for this long, the placeholder is shown; slow engines draw one a second
REPEAT_SECONDS = 0.2  # some programs take a camera for dead after half a second without a picture
JOIN_SECONDS = 5.0  # longest wait for a write in progress, by the thread here or by whoever shows frames


class Standby:
    """Passes frames on to a camera, fitted to its size; shows a placeholder while none come.

    Args:
        sink: The camera, open; from now on this object closes it.
        stream: What the camera was opened for: its size cannot change while others look at it.
        placeholder: A frame of that stream.

    Attributes:
        uri: As the camera's.
    """

    def __init__(self, sink: Sink, stream: StreamFormat, placeholder: Frame) -> None:
        self.uri = sink.uri
        self._sink, self._placeholder = sink, placeholder
        self._size_px = upright_size(stream.width_px, stream.height_px, stream.rotation_deg)
        self._writing = threading.Lock()
        self._last_s = 0.0  # nothing was ever shown
        self._failure: SinkError | None = None
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._stand_by, name="standby", daemon=True)
        self._thread.start()

    def write(self, frame: Frame) -> None:
        """Shows one frame, at once.

        Raises:
            SinkError: The camera is gone.
        """
        if self._failure is not None:
            raise self._failure
        if upright_size(frame.width_px, frame.height_px, frame.rotation_deg) != self._size_px:
            frame = fitted(frame, *self._size_px)
        with self._writing:
            self._sink.write(frame)
            self._last_s = time.monotonic()

    def close(self, *, complete: bool) -> None:
        """Lets the camera go; may be called twice.

        Raises:
            SinkError: It cannot be closed, or hangs in a write.
        """
        self._is_ending.set()
        self._thread.join(JOIN_SECONDS)
        if not self._writing.acquire(timeout=JOIN_SECONDS):  # closing under a write would free what it writes from
            raise SinkError(f"{self.uri}: a write hangs, it was not closed", hint="check the virtual camera's driver")
        try:
            self._sink.close(complete=complete)
        finally:
            self._writing.release()

    def _stand_by(self) -> None:
        while True:
            with self._writing:
                if time.monotonic() - self._last_s >= QUIET_SECONDS and not self._is_ending.is_set():
                    try:
                        self._sink.write(self._placeholder)
                    except SinkError as error:
                        self._failure = error  # raised where the next frame is written
                        return
            if self._is_ending.wait(REPEAT_SECONDS):
                return
