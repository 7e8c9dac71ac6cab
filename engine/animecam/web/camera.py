"""What a browser's camera sends, as frames of the pipeline."""

import time
from fractions import Fraction
from typing import TYPE_CHECKING

from animecam.sources.pixels import Unwrapper
from animecam.types import Frame

if TYPE_CHECKING:
    from av import VideoFrame

RTP_TIME_BASE = Fraction(1, 90_000)  # the clock of every video codec in WebRTC


class CameraFrames:
    """Turns decoded frames into frames of the pipeline.

    A browser changes the size of its picture as the network allows; each size is passed on as it is.
    """

    def __init__(self) -> None:
        self._unwrap: Unwrapper | None = None
        self._size_px = (0, 0)
        self._index = 0

    def __call__(self, video_frame: "VideoFrame") -> Frame:
        """The frame, its planes views of the decoder's where possible."""
        size_px = (video_frame.width, video_frame.height)
        if self._unwrap is None or size_px != self._size_px:
            self._unwrap, self._size_px = Unwrapper("the browser's camera", threads=1), size_px
        pixels = self._unwrap(video_frame)
        index, self._index = self._index, self._index + 1
        time_base = video_frame.time_base
        return Frame(
            planes=pixels.planes,
            pixel_format=pixels.pixel_format,
            color=pixels.color,
            rotation_deg=0,  # a browser turns the picture upright before it sends it
            index=index,
            pts=video_frame.pts or 0,
            time_base=RTP_TIME_BASE if time_base is None else Fraction(time_base.numerator, time_base.denominator),
            captured_ns=time.perf_counter_ns(),
        )
