"""The packets of one track: what is damaged is passed over, what is late is waited for, a backlog is left out."""

from __future__ import annotations  # av.packet.Packet is generic for type checkers only

from collections import deque
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
UNREAD_SECONDS = 0.1  # a shorter pause before the first picture is drawn leaves nothing behind
WAITED_SECONDS = 0.004  # a packet that took longer was not there yet: one that is comes in a fraction of this
MOST_FPS = 120  # of what senders send: more packets than these were not queued in a second
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
        self._again: deque[Packet[VideoStream]] = deque()  # taken too early; comes before the others
        self._read_ns = clock.now_ns()  # when the newest packet was
        self._is_stopped = False

    def next(self) -> Packet[VideoStream] | None:
        """The next packet, or None at the end or once stopped; waits for it.

        Raises:
            av.error.InvalidDataError: It is damaged, and so is what follows.
            SourceError: The source is gone or broken, or nothing came in time.
        """
        if self._again:
            return self._again.popleft()
        start_ns = self._clock.now_ns()
        while not self._is_stopped:
            try:
                packet = self._poll()
                self._read_ns = self._clock.now_ns()
                return packet
            except av.error.BlockingIOError as error:
                if self._is_overdue(start_ns):
                    raise nothing_came(self._uri, self._read_s) from error
                self._clock.sleep(RETRY_SECONDS)
        return None

    def leave_out_backlog(self, decode: Callable[[Packet[VideoStream]], None]) -> None:
        """Drops what came while nobody read, before the first picture is drawn: networks load for seconds.

        Args:
            decode: Takes each packet on which what follows builds, which would be torn without.

        Raises:
            SourceError: The source is gone or broken, or nothing came in time.
        """
        is_alone = self._stream.codec_context.codec.intra_only
        if not self._container.flags & Flags.non_block.value:
            self._leave_out_sent(self._clock.now_ns() - self._read_ns, _forget if is_alone else decode)
        elif is_alone:  # pictures of a device that build on others are read all the same
            self._leave_out_captured()

    def _leave_out_captured(self) -> None:
        """Drops what a device that never blocks queued."""
        start_ns = self._clock.now_ns()
        for _ in range(MAX_BACKLOG):
            try:
                is_over = self._poll() is None
            except (av.error.BlockingIOError, av.error.InvalidDataError):  # none is left; the next read meets damage
                return
            if is_over or self._is_stopped or self._is_overdue(start_ns):
                return

    def _leave_out_sent(self, unread_ns: int, pass_by: Callable[[Packet[VideoStream]], None]) -> None:
        """Drops what a sender sent and the system kept, which may be seconds: nothing tells how much it is.

        What is there comes at once, so the first packet that is waited for is a new one. Catching up takes no longer
        than nobody read: a processor that decodes more slowly than frames come would never end.
        """
        if unread_ns < UNREAD_SECONDS * NS_PER_SECOND:
            return
        start_ns = self._clock.now_ns()
        newest: Packet[VideoStream] | None = None
        for _ in range(unread_ns * MOST_FPS // NS_PER_SECOND):
            asked_ns = self._clock.now_ns()
            try:
                packet = self.next()
            except av.error.InvalidDataError:  # the next read meets it
                break
            if packet is None or packet.size == 0:  # the sender is done: its last picture is shown
                self._again.extend(one for one in (newest, packet) if one is not None)
                return
            came_ns = self._clock.now_ns()
            if newest is not None:
                pass_by(newest)
            newest = packet
            if came_ns - asked_ns > WAITED_SECONDS * NS_PER_SECOND or came_ns - start_ns > unread_ns:
                break
        if newest is not None:
            self._again.append(newest)

    def stop(self) -> None:
        """Makes a wait in another thread end soon."""
        self._is_stopped = True

    def let_go(self) -> None:
        """Frees what the demuxer holds; there are no more packets."""
        self._demuxed = iter(())
        self._again.clear()

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


def _forget(_: Packet[VideoStream]) -> None:
    """Takes a packet on which nothing builds."""
