"""A virtual camera that never goes dark: whatever happens to the pictures, the program that shows it gets one."""

import threading
import time
from typing import cast

import cv2
import numpy as np

from animecam.errors import SinkError
from animecam.sinks.base import Sink
from animecam.sinks.convert import to_rgb, upright_size
from animecam.types import Color, Frame, Image, PixelFormat, StreamFormat

QUIET_SECONDS = 1.0  # without a frame for this long, the placeholder is shown; slow engines draw one a second
REPEAT_SECONDS = 0.2  # some programs take a camera for dead after half a second without a picture
JOIN_SECONDS = 5.0
FULL_RANGE_RGB = Color(full_range=True)


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
        fitted = self._fitted(frame)
        with self._writing:
            self._sink.write(fitted)
            self._last_s = time.monotonic()

    def close(self, *, complete: bool) -> None:
        """Lets the camera go; may be called twice."""
        self._is_ending.set()
        self._thread.join(JOIN_SECONDS)
        with self._writing:
            self._sink.close(complete=complete)

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

    def _fitted(self, frame: Frame) -> Frame:
        if upright_size(frame.width_px, frame.height_px, frame.rotation_deg) == self._size_px:
            return frame
        return Frame(
            planes=(letterboxed(to_rgb(frame), *self._size_px),),
            pixel_format=PixelFormat.RGB24,
            color=FULL_RANGE_RGB,
            rotation_deg=0,
            index=frame.index,
            pts=frame.pts,
            time_base=frame.time_base,
            captured_ns=frame.captured_ns,
        )


def letterboxed(picture: Image, width_px: int, height_px: int) -> Image:
    """A picture as large as fits into another size, in the middle of black bars.

    Args:
        picture: RGB, uint8 [H, W, 3].
        width_px: Width of the result.
        height_px: Height of the result.

    Returns:
        RGB, uint8 [height_px, width_px, 3].
    """
    scale = min(width_px / picture.shape[1], height_px / picture.shape[0])
    across, down = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cast(Image, cv2.resize(picture, (across, down), interpolation=method))
    box = np.zeros((height_px, width_px, 3), np.uint8)
    left, top = (width_px - across) // 2, (height_px - down) // 2
    box[top : top + down, left : left + across] = resized
    return box
