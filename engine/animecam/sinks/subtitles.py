"""Subtitles of a film on their way into another: held until they are due, as a file may store them far ahead."""

# PyAV leaves some parameters of its methods untyped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import logging
from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from pathlib import Path

from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

log = logging.getLogger(__name__)

_KINDS = {
    "mp4": {"mov_text"},
    "mov": {"mov_text"},
    "matroska": {"subrip", "srt", "ass", "ssa", "webvtt", "pgssub", "dvdsub"},
    "webm": {"webvtt"},
}
"""By FFmpeg's names, what each container takes as it is. Of other kinds some muxers say so only when they begin."""

_MP4_TEXT = "mov_text"
_NO_TEXT = bytes(2)  # its length, which is none

STREAM_TAGS = ("language", "title")
"""What is told of a track; its other tags describe the old file: its writer, its byte counts."""


class Subtitles:
    """Tracks of subtitles that a container can hold as they are; of the others it says that they are left out.

    Args:
        path: The film, for messages.
        tracks: Those of the film.
        container: Open, its header not yet written; streams are added to it.
        end_s: When the film is cut, which none outlasts; None: not at all.
    """

    def __init__(
        self, path: Path, tracks: Sequence[Stream], container: OutputContainer, end_s: Fraction | None = None
    ) -> None:
        self._output = container
        self._end_s = end_s
        self._held: dict[int, deque[Packet[Stream]]] = {}
        self._streams: dict[int, Stream] = {}
        self._ends: dict[int, Packet[Stream]] = {}  # of tracks that must end themselves: what is to come last
        kinds = _KINDS.get(container.format.name, set())
        for track in tracks:
            if getattr(track.codec_context, "name", None) not in kinds:  # of an unknown kind FFmpeg has no context
                continue
            added = container.add_stream_from_template(track)
            added.metadata.update({tag: value for tag, value in track.metadata.items() if tag in STREAM_TAGS})
            added.disposition = track.disposition
            self._streams[track.index], self._held[track.index] = added, deque()
        if missing := len(tracks) - len(self._streams):
            text = "%s: %d of its %d subtitle tracks left out, of a kind that %s files cannot hold"
            log.warning(text, path, missing, len(tracks), container.format.name)

    @property
    def tracks(self) -> frozenset[int]:
        """Which tracks of the film are copied."""
        return frozenset(self._streams)

    def hold(self, packet: "Packet[Stream]") -> None:
        """Takes a packet of one of the tracks."""
        index = packet.stream_index
        if self._end_s is not None and packet.duration:  # those that begin later are never written
            left = ceil((self._end_s - _begin_s(packet)) / packet.time_base)
            packet.duration = max(1, min(packet.duration, left))
        packet.stream = self._streams[index]
        self._held[index].append(packet)

    def copy_until(self, time_s: Fraction) -> None:
        """Muxes what is shown up to a time.

        Raises:
            av.error.FFmpegError: The output cannot be written.
        """
        for held in self._held.values():
            while held and _begin_s(held[0]) <= time_s:
                self._mux(held.popleft())

    def copy_rest(self, end_s: Fraction, *, complete: bool) -> None:
        """Muxes what is left: everything, or what is shown before `end_s`, and no longer than that.

        Raises:
            av.error.FFmpegError: The output cannot be written.
        """
        for held in self._held.values():
            while held:
                packet = held.popleft()
                left_s = end_s - _begin_s(packet)
                if not complete and left_s <= 0:
                    continue
                if not complete and packet.duration:
                    packet.duration = min(packet.duration, round(left_s / packet.time_base))
                self._mux(packet)
        while self._ends:
            self._output.mux(self._ends.popitem()[1])

    def _mux(self, packet: "Packet[Stream]") -> None:
        stream = packet.stream
        if getattr(stream.codec_context, "name", None) == _MP4_TEXT:
            self._ends[stream.index] = _end_of(packet)
        self._output.mux(packet)


def _end_of(packet: "Packet[Stream]") -> "Packet[Stream]":
    """What shows nothing when a text is over.

    FFmpeg ends a track with such a packet by itself, and lets it last as long as the last one if an MP4 is written in
    fragments: a film ended with its last text, and then as late again. After this one, that is one unit of time.
    """
    end: Packet[Stream] = Packet(_NO_TEXT)
    end.pts = end.dts = (packet.dts or 0) + (packet.duration or 0)
    end.duration, end.time_base, end.stream = 1, packet.time_base, packet.stream
    return end


def _begin_s(packet: "Packet[Stream]") -> Fraction:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return (stamp or 0) * packet.time_base
