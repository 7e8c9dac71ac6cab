"""The sound of a file, packet by packet and never decoded, at the times where `Stamps` puts its pictures."""

# PyAV leaves some parameters of its methods untyped.
# pyright: reportUnknownMemberType=false

from __future__ import annotations  # av.packet.Packet is generic for type checkers only

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.stream import VideoStream

from animecam.sources.file import open_container
from animecam.sources.options import SourceOptions
from animecam.sources.stamps import JUMP_SECONDS, Stamps, clock_start_s, late_start_s, may_jump
from animecam.sources.tracks import frame_rate

if TYPE_CHECKING:
    from av.container.core import Chapter

log = logging.getLogger(__name__)

RECORDED = (
    "flv",
)  # formats of servers that append to a recording, with a clock that starts over, when a sender returns
MAX_HELD = 256  # packets, seconds of sound: pictures that have not begun a new count by then do not


@dataclass(slots=True)
class _Track:
    """Where a sound track of a clock that may jump has come to, in units of its time base."""

    offset: int  # from the file's stamps to those given
    followed_s: Fraction  # offset of the pictures when the track last began a new count
    newest: int | None = None  # as the file has it
    last: int | None = None
    end: int = 0


class Soundtrack:
    """All sound of a file that can be copied.

    Stamps stay as they are but for formats whose clock begins anywhere and jumps where files were joined, or starts
    over on the way: they begin near zero, and each new count goes where that of the pictures does.

    Args:
        path: The file.
        keeps_start: A film that begins late by its own clock does so; else it begins at zero, and with it all that is
            given here.

    Attributes:
        container: The file, for what it says of itself.
        late_s: How much earlier all is given than the file has it, but for clocks that jump.
        streams: The tracks, without those of a kind that FFmpeg does not know, and those that are announced and never
            come: recorded broadcasts list languages that nobody speaks.
        subtitles: Tracks of subtitles; their packets come among the others once `follow` has asked for them.

    Raises:
        av.error.FFmpegError: It cannot be read.
    """

    def __init__(self, path: Path, *, keeps_start: bool = True) -> None:
        self.container: InputContainer = open_container(path, SourceOptions())
        self.late_s = Fraction(0) if keeps_start else late_start_s(self.container)
        tracks = self.container.streams.audio
        self.streams: list[AudioStream] = [track for track in tracks if _is_known(track)]
        if unknown := len(tracks) - len(self.streams):
            text = "%s: %d of its %d sound tracks left out, silent or of a kind that is unknown here"
            log.warning(text, path, unknown, len(tracks))
        self.subtitles: list[Stream] = [*self.container.streams.subtitles]
        self._pictures: Stamps | None = None
        self._tracks: dict[int, _Track] = {}
        self._demuxed: list[Stream] = [*self.streams]
        if self.streams and (may_jump(self.container) or self.container.format.name in RECORDED):
            self._demuxed += self._keep_clock()

    @property
    def pictures_begin_s(self) -> Fraction:
        """When the first picture is shown, as far as the file says; 0 where it does not."""
        pictures = self.container.streams.best("video")
        if not isinstance(pictures, VideoStream) or pictures.start_time is None or pictures.time_base is None:
            return Fraction(0)
        return pictures.start_time * pictures.time_base - clock_start_s(self.container) - self.late_s

    def chapters(self) -> list[Chapter]:
        """The chapters of the film; what of them comes before its beginning is left out."""
        chapters = self.container.chapters()
        for chapter in chapters if self.late_s else ():
            late = round(self.late_s / (chapter["time_base"] or 1))
            chapter["start"], chapter["end"] = max(0, chapter["start"] - late), chapter["end"] - late
        return [chapter for chapter in chapters if chapter["end"] > 0] if self.late_s else chapters

    def follow(self, tracks: Collection[int]) -> None:
        """Reads some of the tracks of subtitles, too; before any packet."""
        self._demuxed += [track for track in self.subtitles if track.index in tracks]

    def packets(self) -> Iterator[Packet[Stream]]:
        """The packets with something in them, in the order of the file; those that overlap after a jump are left out.

        Raises:
            av.error.FFmpegError: The file breaks off.
        """
        for packet in self._placed_packets():
            late = round(self.late_s / packet.time_base)
            packet.dts = None if packet.dts is None else packet.dts - late
            packet.pts = None if packet.pts is None else packet.pts - late
            yield packet

    def _placed_packets(self) -> Iterator[Packet[Stream]]:
        for stream in self.container.streams:
            if stream not in self._demuxed:
                stream.discard = Discard.all
        held: list[Packet[Stream]] = []
        for packet in self._known_packets() if self._demuxed else ():
            if not packet.size:
                continue
            if not isinstance(packet.stream, VideoStream):
                held.append(packet)
            elif self._pictures is not None:
                self._pictures.stamp(packet.pts, packet.dts)
            # Sound may come before the pictures that it belongs to, and then jumps before them.
            if held and (len(held) > MAX_HELD or not self._awaits_pictures(held[0])):
                yield from filter(self._place, held)
                held = []
        yield from filter(self._place, held)

    def _known_packets(self) -> Iterator[Packet[Stream]]:
        while True:
            try:
                yield from self.container.demux(self._demuxed)
                return
            except IndexError:  # as in `packets`: a packet of a stream that appears on the way
                continue

    def close(self) -> None:
        """Closes the file; may be called twice."""
        self.container.close()

    def _keep_clock(self) -> list[VideoStream]:
        """Gets ready for jumps; returns the track that shows where the pictures go, if there is one."""
        start_s = clock_start_s(self.container)
        for stream in self.streams:
            self._tracks[stream.index] = _Track(-round(start_s / (stream.time_base or 1)), followed_s=-start_s)
        pictures = self.container.streams.best("video")
        if not isinstance(pictures, VideoStream) or not pictures.time_base:
            return []
        rate, may_leap = frame_rate(pictures), may_jump(self.container)
        self._pictures = Stamps(pictures.time_base, rate, starts_at_zero=False, start_s=start_s, may_leap=may_leap)
        for track in self._tracks.values():
            track.followed_s = self._pictures.offset_s
        return [pictures]

    def _awaits_pictures(self, packet: Packet[Stream]) -> bool:
        track = self._tracks.get(packet.stream_index)
        if track is None or self._pictures is None or not _step_s(packet, track):
            return False
        return self._pictures.offset_s == track.followed_s

    def _place(self, packet: Packet[Stream]) -> bool:
        """Gives a packet its time; whether there is room for it there."""
        track = self._tracks.get(packet.stream_index)
        if track is None or packet.dts is None:
            return True
        if step_s := _step_s(packet, track):
            self._begin_count(packet, track, step_s)
        track.newest = packet.dts
        dts = packet.dts + track.offset
        if track.last is not None and dts <= track.last:
            return False
        packet.dts = track.last = dts
        packet.pts = None if packet.pts is None else packet.pts + track.offset
        track.end = dts + (packet.duration or 0)
        return True

    def _begin_count(self, packet: Packet[Stream], track: _Track, step_s: Fraction) -> None:
        pictures_s = track.followed_s if self._pictures is None else self._pictures.offset_s
        if pictures_s != track.followed_s:
            track.offset, track.followed_s = round(pictures_s / packet.time_base), pictures_s
        elif step_s < 0:  # pictures that go on say nothing: without a gap is the best guess; ahead it is silence
            track.offset = track.end - (packet.dts or 0)


def has_sound(path: Path) -> bool:
    """Whether a file says that it has any; one that cannot be read has none."""
    try:
        with open_container(path, SourceOptions()) as container:
            return bool(container.streams.audio)
    except FFmpegError:
        return False


def _step_s(packet: Packet[Stream], track: _Track) -> Fraction:
    """How far a packet is from the one before, where that may be a new count; else 0."""
    if packet.dts is None or track.newest is None:
        return Fraction(0)
    step_s = (packet.dts - track.newest) * packet.time_base
    return step_s if abs(step_s) >= JUMP_SECONDS else Fraction(0)


def _is_known(track: AudioStream) -> bool:
    """Whether FFmpeg can tell what is in a track; of one without packets it has no rate."""
    return getattr(track, "codec_context", None) is not None and track.codec_context.sample_rate > 0
