"""The time stamps of an output."""

from fractions import Fraction

from av import VideoFrame
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from animecam.sinks.codecs import X265
from animecam.types import Frame, StreamFormat

UNKNOWN_RATE = Fraction(30)  # what a source that promises no rate is taken for; only the last frame's length shows it
X265_DELAY = 3  # frames; of fewer libx265 gives decoding times that it never set


class Clock:
    """Gives every frame its time in the output: its own, unless the output can only count.

    Live sources start at zero, since their stamps are those of the machine; a file's first stamp is kept, so that
    pictures and copied sound stay together.

    Args:
        stream: What the frames will be.
        keeps_time: The output has a time stamp for each frame; else frames are counted at the nominal rate.

    Attributes:
        time_base: Seconds per unit of the output's stamps.
        frames: Frames stamped so far.
        late_s: What is taken off the frames' times, as the film begins late by its own clock.
    """

    def __init__(self, stream: StreamFormat, *, keeps_time: bool = True) -> None:
        rate = stream.rate or UNKNOWN_RATE
        self.time_base = stream.time_base if keeps_time else 1 / rate
        self.frames = 0
        self.late_s = Fraction(0)
        self._usual_duration = max(1, round(1 / (rate * self.time_base)))
        self._starts_at_zero = stream.is_live
        self._start_s = Fraction(0)
        self._first_pts = 0
        self._pts = 0
        self._duration = 0

    def go_on(self, frames: int, start_s: Fraction, last_s: Fraction) -> None:
        """Counts frames that were stamped by an earlier run of the same film.

        Args:
            frames: How many.
            start_s: When the first one is shown.
            last_s: When the last one is.
        """
        self.frames = frames
        self._first_pts, self._pts = round(start_s / self.time_base), round(last_s / self.time_base)

    @property
    def begin_s(self) -> Fraction:
        """When the first frame is shown."""
        return self._first_pts * self.time_base

    @property
    def end_s(self) -> Fraction:
        """When the last frame ends."""
        return (self._pts + self._duration) * self.time_base

    def stamp(self, frame: Frame) -> tuple[int, int]:
        """Time and length of a frame, in units of `time_base`.

        A frame that is not later than the one before it (a camera's clock that stood still, or two frames within one
        unit) comes one unit after it: containers hold no two pictures of the same time.
        """
        time_s = frame.pts * frame.time_base
        if self.frames == 0 and self._starts_at_zero:
            self._start_s = time_s
        pts = round((time_s - self._start_s - self.late_s) / self.time_base)
        if self.frames == 0:
            self._first_pts = pts
        self._pts = pts if self.frames == 0 else max(pts, self._pts + 1)
        self._duration = round(frame.duration * frame.time_base / self.time_base) or self._usual_duration
        self.frames += 1
        return self._pts, self._duration


class KeyFrames:
    """Asks for a key frame when it is time: encoders count pictures, and live ones come as the machine draws them.

    Args:
        every_s: Seconds from one to the next; None asks for none.
    """

    def __init__(self, every_s: int | None) -> None:
        self._every_s = every_s
        self._last_s: Fraction | None = None

    def ask(self, picture: VideoFrame, time_s: Fraction) -> None:
        """Makes a picture one if it is time.

        Args:
            picture: Goes into the encoder next.
            time_s: When it is shown.
        """
        if self._last_s is None:
            self._last_s = time_s  # it is one; its packet may come out after many more pictures
        elif self._every_s is not None and time_s - self._last_s >= self._every_s:
            picture.pict_type, self._last_s = PictureType.I, time_s

    def seen(self, packets: "list[Packet[VideoStream]]") -> "list[Packet[VideoStream]]":
        """What comes out of the encoder, as it is; it begins with a key frame, and makes some by itself."""
        for packet in packets:
            if packet.is_keyframe and packet.pts is not None and self._last_s is not None:
                self._last_s = max(self._last_s, packet.pts * packet.time_base)
        return packets


def settled(codec: str, frames: int, packets: "list[Packet[VideoStream]]") -> "list[Packet[VideoStream]]":
    """The last packets of an encoder, with decoding times where it set none.

    Args:
        codec: The encoder.
        frames: How many it was given.
        packets: What came out after the last one.
    """
    if codec == X265 and frames < X265_DELAY:  # which are too few to be reordered
        for packet in packets:
            packet.dts = packet.pts
    return packets
