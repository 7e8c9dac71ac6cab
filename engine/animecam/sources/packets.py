"""The packets of one track: what is damaged is passed over, what is late is waited for, a backlog is left out."""

from __future__ import annotations  # av.packet.Packet is generic for type checkers only

from collections.abc import Callable, Iterator

import av.error
from av.container import Flags, InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from animecam.errors import SourceError
from animecam.sources.clock import NS_PER_SECOND, Clock
from animecam.sources.faults import nothing_came

RETRY_SECONDS = 0.002  # pause before a device without a frame is asked again: little delay, little work
MAX_DAMAGED_READS = 8  # demuxers find their way back within a few packets, or never
MAX_BACKLOG = 64  # packets; drivers queue up to 32, and one that blocks although asked not to never says "none yet"

Describe = Callable[[av.error.FFmpegError], SourceError]
"""Says what a failed read means for this kind of source."""


class Packets:
    """Reads the packets of a track, one at a time.

    Args:
        uri: Name for messages.
        container: Open; it stays its owner's.
        stream: The track.
        describe: Turns an error of FFmpeg into one for the user.
        read_s: Longest time to wait for a packet.
        clock: Where time and pauses come from.
    """

    def __init__(
        self,
        uri: str,
        container: InputContainer,
        stream: VideoStream,
        describe: Describe,
        *,
        read_s: float,
        clock: Clock,
    ) -> None:
        self._uri = uri
        self._container, self._stream = container, stream
        self._describe = describe
        self._read_s = read_s
        self._clock = clock
        self._demuxed: Iterator[Packet[VideoStream]] = container.demux(stream)
        self._is_stopped = False

    def next(self) -> Packet[VideoStream] | None:
        """The next packet, or None at the end or once stopped; waits for it.

        Raises:
            av.error.InvalidDataError: It is damaged, and so is what follows.
            SourceError: The source is gone or broken, or nothing came in time.
        """
        start_ns = self._clock.now_ns()
        while not self._is_stopped:
            try:
                return self._poll()
            except av.error.BlockingIOError as error:
                if self._is_overdue(start_ns):
                    raise nothing_came(self._uri, self._read_s) from error
                self._clock.sleep(RETRY_SECONDS)
        return None

    def leave_out_backlog(self) -> None:
        """Drops what a device that never blocks queued while nobody read; others queue nothing that is seen here.

        Pictures that build on others are read all the same, or what follows would be torn.

        Raises:
            SourceError: The source is gone or broken.
        """
        if not self._container.flags & Flags.non_block.value or not self._stream.codec_context.codec.intra_only:
            return
        start_ns = self._clock.now_ns()
        for _ in range(MAX_BACKLOG):
            try:
                is_over = self._poll() is None
            except (av.error.BlockingIOError, av.error.InvalidDataError):  # none is left; the next read meets damage
                return
            if is_over or self._is_stopped or self._is_overdue(start_ns):
                return

    def stop(self) -> None:
        """Makes a wait in another thread end soon."""
        self._is_stopped = True

    def let_go(self) -> None:
        """Frees what the demuxer holds; there are no more packets."""
        self._demuxed = iter(())

    def _is_overdue(self, start_ns: int) -> bool:
        return self._clock.now_ns() - start_ns > self._read_s * NS_PER_SECOND

    def _poll(self) -> Packet[VideoStream] | None:
        """The next packet that is there, or None at the end; BlockingIOError is raised while a device has none."""
        damaged = 0
        while True:
            try:
                return next(self._demuxed, None)
            except IndexError:  # a packet of a stream that appears on the way, which PyAV does not know
                self._demuxed = self._container.demux(self._stream)
            except av.error.FFmpegError as error:
                self._demuxed = self._container.demux(self._stream)  # an error ends the iterator, not the container
                if isinstance(error, av.error.InvalidDataError) and damaged < MAX_DAMAGED_READS:
                    damaged += 1
                elif isinstance(error, av.error.InvalidDataError | av.error.BlockingIOError):
                    raise
                else:
                    raise self._describe(error) from error
