"""The core that files, network streams and cameras share: demux, decode, skip what is damaged, stamp, hand out."""

from __future__ import annotations  # av.packet.Packet is generic for type checkers only

import logging
import threading
from collections import deque
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.video.stream import VideoStream

from animecam.cuda.ffmpeg import is_uncropped
from animecam.errors import SourceError
from animecam.sources.alpha_track import AlphaTrack, open_alpha
from animecam.sources.clock import NS_PER_SECOND, SYSTEM_CLOCK, Clock
from animecam.sources.losses import Losses
from animecam.sources.options import SourceOptions
from animecam.sources.packets import Describe, Packets
from animecam.sources.pixel_limit import PixelLimit
from animecam.sources.pixels import Pixels, Unwrapper
from animecam.sources.promise import Promise, length_s
from animecam.sources.stamps import CONTAINER_TIME_BASE, ShownAt, Stamps, clock_start_s, may_jump, stores_times
from animecam.sources.tracks import FrameAspect, bit_rate, frame_rate, video_track
from animecam.types import ColorMatrix, Frame, StreamFormat

log = logging.getLogger(__name__)

RAW = "rawvideo"  # FFmpeg's codec of pixels that are not encoded
ARRIVAL_TIME_BASE = Fraction(1, 1_000_000)  # unit of the times that frames without one get
ARRIVAL_UNIT_NS = 1000


def open_decoded(
    uri: str,
    container: InputContainer,
    describe: Describe,
    options: SourceOptions,
    *,
    is_live: bool,
    clock: Clock = SYSTEM_CLOCK,
    raw_matrix: ColorMatrix = ColorMatrix.UNSPECIFIED,
    path: Path | None = None,
) -> DecodedSource:
    """Reads on from an open container, which is closed when that fails.

    Args:
        uri: Name for messages.
        container: What `av.open` returned; from now on the source's.
        describe: Turns an error of FFmpeg while reading into one for the user.
        options: Time-outs, threads and the most pixels.
        is_live: Deliver with little delay, time stamps from zero, and leave out the frame that opening had to look at.
        clock: Where time stamps and pauses come from.
        raw_matrix: Matrix of a device's raw YUV that names none.
        path: The file that it is, if it is one.

    Raises:
        SourceError: There is no video in it, or nothing that can be decoded.
    """
    with ExitStack() as on_failure:
        on_failure.callback(container.close)
        source = DecodedSource(uri, container, describe, options, is_live, clock, raw_matrix, path)
        on_failure.pop_all()
    return source


class DecodedSource:
    """The frames of an open container's video track; see `open_decoded`."""

    def __init__(
        self,
        uri: str,
        container: InputContainer,
        describe: Describe,
        options: SourceOptions,
        is_live: bool,
        clock: Clock,
        raw_matrix: ColorMatrix,
        path: Path | None,
    ) -> None:
        self.uri = uri
        self.skipped = 0
        self._container = container
        self._describe = describe
        self._read_s = options.read_s
        self._is_live = is_live
        self._clock = clock
        self._stream = video_track(uri, container)
        # Decoding several frames at a time delays each by as many; a live source cannot afford that.
        self._stream.thread_type = "SLICE" if is_live else "AUTO"
        self._stream.thread_count = options.threads
        self._limit = PixelLimit(uri, self._stream, options.max_pixels)
        self._packets = Packets(uri, container, self._stream, describe, read_s=options.read_s, clock=clock)
        # FFmpeg decodes a camera's raw pixels to where the driver put them, memory that is unmapped with the device.
        is_lent = is_live and self._stream.codec_context.name == RAW
        unsaid = raw_matrix if is_lent else ColorMatrix.UNSPECIFIED
        self._unwrap = Unwrapper(uri, options.threads, is_lent=is_lent, unsaid_matrix=unsaid, like=options.like)
        self._aspect_of = FrameAspect(self._stream)
        self._alpha: AlphaTrack | None = None
        self._losses = Losses()
        self._shown_at = ShownAt(has_times=stores_times(container))
        self._ready: deque[tuple[av.VideoFrame, int]] = deque()
        self._count = 0
        self._sent = 0
        self._ends_torn = False
        self._has_begun = self._has_ended = self._is_closed = False
        self._busy = threading.Lock()
        # Where the sender gives no times FFmpeg counts, at a rate that it makes up: a live frame's time is its arrival.
        self._is_untimed = is_live and bool(container.format.flags & Flags.no_timestamps.value)
        self._time_base = ARRIVAL_TIME_BASE if self._is_untimed else self._stream.time_base or CONTAINER_TIME_BASE
        with ExitStack() as on_failure:
            if path is not None and (alpha := open_alpha(path, container, self._stream, options)) is not None:
                on_failure.callback(alpha.close)
                self._alpha = alpha
            self.format = self._learn_format()
            on_failure.pop_all()
        start_s = Fraction(0) if is_live else clock_start_s(container)
        self._stamps = Stamps(
            self._time_base,
            self.format.rate,
            starts_at_zero=is_live,
            start_s=start_s,
            may_leap=is_live or may_jump(container),
        )
        self._promise = Promise(uri, container, self._stream, self.format.duration_s)
        self._came_ns: int | None = None  # when the last frame did

    def read(self) -> Frame | None:
        """The next frame, or None at the end; as `Source.read`.

        Raises:
            SourceError: The source is gone or broken, or nothing came in time.
        """
        try:
            with self._busy:
                return None if self._is_closed else self._read()
        finally:
            self._close_if_idle()

    def close(self) -> None:
        """Frees the source; while another thread is reading, that thread does it when it is done."""
        self._is_closed = True
        self._packets.stop()
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        # FFmpeg must not lose its memory in the middle of a read, so the later of reader and closer closes.
        if self._is_closed and self._busy.acquire(blocking=False):
            try:
                self._let_go()
                self._container.close()
                if self._alpha is not None:
                    self._alpha.close()
            finally:
                self._busy.release()

    def _let_go(self) -> None:
        """Drops what was read and not handed out: a camera's buffers must be freed before its device."""
        self._packets.let_go()
        self._ready.clear()

    def _read(self) -> Frame | None:
        if self._is_live and not self._has_begun:
            self._has_begun = True
            self._packets.leave_out_backlog(self._pass_by)
        decoded = self._next_frame()
        if decoded is None:
            if self._has_ended:
                self._promise.tell_if_short()
            return None
        frame, captured_ns = decoded
        pixels = self._unwrapped(frame)
        index, self._count = self._count, self._count + 1
        pts, duration = self._timed(frame, captured_ns)
        self._promise.shown(pts * self._time_base, self._stamps.leapt_s)
        return Frame(
            planes=pixels.planes,
            pixel_format=pixels.pixel_format,
            color=pixels.color,
            rotation_deg=self.format.rotation_deg,
            index=index,
            pts=pts,
            time_base=self._time_base,
            captured_ns=captured_ns,
            duration=duration,
            on_gpu=pixels.on_gpu,
            inset=pixels.inset,
            pixel_aspect=self.format.pixel_aspect,
            is_still=self.format.frames == 1,
        )

    def _pass_by(self, packet: Packet[VideoStream]) -> None:
        self._decode(packet)
        self._ready.clear()

    def _unwrapped(self, frame: av.VideoFrame) -> Pixels:
        alpha = None if self._alpha is None else self._alpha.at(frame.pts)
        try:
            return self._unwrap(frame, alpha, self._aspect_of(frame))
        except av.error.FFmpegError as error:
            what = f"{self.uri} stores pictures of a kind that cannot be converted: {frame.format.name}"
            raise SourceError(what, hint="convert it to H.264 first") from error

    def _timed(self, frame: av.VideoFrame, captured_ns: int) -> tuple[int, int]:
        """Presentation time and length of the next frame, in units of the time base."""
        waited_ns = captured_ns - (self._came_ns or captured_ns) if self._is_live else 0
        waited_s, self._came_ns = Fraction(waited_ns, NS_PER_SECOND), captured_ns
        if self._is_untimed:
            return self._stamps.stamp(captured_ns // ARRIVAL_UNIT_NS, None, waited_s), 0
        return self._stamps.stamp(self._shown_at.time(frame.pts, frame.dts), None, waited_s), frame.duration

    def _learn_format(self) -> StreamFormat:
        """What the first frame shows; containers often know too little or the wrong thing."""
        first = self._next_frame()
        if first is None:
            cause = "no frame of it can be decoded" if self.skipped else "its video track holds no frame"
            raise SourceError(f"{self.uri}: {cause}", hint="check that it plays elsewhere")
        frame, _ = first
        if not self._is_live:  # what a camera saw when it was opened is old news at the first read
            self._ready.appendleft(first)
        self._limit.check(frame.width, frame.height)
        self.is_uncropped = is_uncropped(frame, self._stream.codec_context)
        pixels = self._unwrapped(frame)
        width_px, height_px = pixels.size
        stream, container = self._stream, self._container
        return StreamFormat(
            width_px=width_px,
            height_px=height_px,
            pixel_format=pixels.pixel_format,
            color=pixels.color,
            rotation_deg=self._unwrap.shape.rotation_deg,
            time_base=self._time_base,
            rate=frame_rate(stream),
            is_live=self._is_live,
            frames=stream.frames,
            duration_s=0.0 if self._is_live else length_s(container, stream),
            bit_rate=bit_rate(container, stream),
            pixel_aspect=self._unwrap.shape.pixel_aspect,
            is_rate_told=not self._is_untimed,
        )

    def _next_frame(self) -> tuple[av.VideoFrame, int] | None:
        """The next decoded frame and when it came."""
        start_ns = self._clock.now_ns()
        while not self._ready and not self._has_ended and not self._is_closed:
            try:
                packet = self._packets.next()
            except av.error.InvalidDataError as error:
                raise self._cut_off() from error
            if packet is None:
                self._end()
                break
            self._decode(packet)
            del packet  # an error of the next read, which holds this call's variables, outlives the camera
            if self._is_live and not self._ready and self._clock.now_ns() - start_ns > self._read_s * NS_PER_SECOND:
                raise SourceError(f"{self.uri} sends nothing that can be decoded", hint="check that it plays elsewhere")
        return self._ready.popleft() if self._ready else None

    def _end(self) -> None:
        self._has_ended = True
        self._losses.ended()
        self.skipped = self._losses.count
        # Matroska, fragmented MP4 and the like promise no number: what is there is all there is.
        if self._ends_torn and self._sent < self._stream.frames:
            raise self._cut_off()

    def _cut_off(self) -> SourceError:
        what = f"{self.uri} is damaged or cut off after {self._count} frames"
        return SourceError(what, hint="copy it again; what came before the damage was read")

    def _decode(self, packet: Packet[VideoStream]) -> None:
        arrived_ns = self._clock.now_ns()
        is_flush = packet.size == 0 and packet.pts is None and packet.dts is None
        if packet.size == 0 and not is_flush:
            return  # AVI's "same again", a camera's failed transfer; a decoder would take it for the end
        if not is_flush:
            self._sent += 1
            self._shown_at.sent(packet.dts, is_key=packet.is_keyframe)
            self._ends_torn = packet.is_corrupt  # at the end of a file: only a part of it was there
        if not is_flush and not packet.is_discard:
            self._losses.sent(packet.pts)
        try:
            frames = packet.decode()
        except av.error.FFmpegError as error:  # whatever is wrong with a packet, the next one may be sound
            self._limit.check_failure(error)
            if isinstance(error, av.error.MemoryError):
                raise self._describe(error) from error
            self._losses.failed()
            frames = []
        for frame in frames:
            self._losses.shown(frame.pts)
            self._ready.append((frame, arrived_ns if self._is_live else self._clock.now_ns()))
        self.skipped = self._losses.count
