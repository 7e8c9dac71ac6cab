"""Sound beside the pictures of an output; that of a file, and its subtitles, are copied where it can hold them."""

# PyAV leaves some parameters of its methods untyped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import logging
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Protocol

from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.error import FFmpegError, InvalidDataError
from av.format import Flags
from av.packet import Packet
from av.stream import Stream

from animecam.errors import SinkError
from animecam.sinks.avi_sound import AVI, avi_template
from animecam.sinks.subtitles import STREAM_TAGS, Subtitles
from animecam.sinks.transcoder import USUAL_LAYOUTS, Transcoder, can_hold, layout_of
from animecam.sources.soundtrack import Soundtrack
from animecam.sources.stamps import may_jump

log = logging.getLogger(__name__)

APPLE_TAGS = "com.apple.quicktime."
"""How the names begin of what iPhones say of a film; an MP4 or MOV holds them only if its muxer is told to."""

_KEEPING_START = ("matroska", "webm")
"""Formats whose films may begin late by their own clock. Elsewhere players show nothing until then."""

_EDITED = ("mp4", "mov")  # formats that say what of their sound is not heard
_AAC = "aac"
APART_SECONDS = 0.04  # sound that is further from its pictures is seen to be
_FILE_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder")  # of the old file's container
_PAIR_TAGS = (f"{APPLE_TAGS}content.identifier", f"{APPLE_TAGS}live-photo")
"""They tie a film to the photo that it was taken with: a gallery would take the drawing and the photo for one."""
_PLACE_WORDS = ("location", "gps")


class Sound(Protocol):
    """Sound that an encoder muxes beside its pictures."""

    @property
    def rates(self) -> tuple[int, ...]:
        """Samples per second of each stream."""
        ...

    def follow(self, time_s: Fraction, captured_ns: int) -> None:
        """Takes note of a picture: its time in the output, and when it was taken by `time.perf_counter_ns`."""
        ...

    def copy_until(self, decode_s: Fraction) -> None:
        """Muxes what is due up to a decoding time.

        Raises:
            av.error.FFmpegError: The output cannot be written.
        """
        ...

    def copy_rest(self, end_s: Fraction, *, complete: bool) -> None:
        """Muxes what is left.

        Args:
            end_s: When the last picture ends.
            complete: Every picture arrived; else sound ends with the pictures.

        Raises:
            av.error.FFmpegError: The output cannot be written.
        """
        ...

    def close(self) -> None:
        """Frees what was opened; may be called twice."""
        ...


class AudioCopier:
    """All audio streams of a file that FFmpeg knows, and its subtitles, given to a container in step with its video.

    Args:
        path: The file with the sound.
        container: Open, its header not yet written; streams, chapters and titles are added to it.
        keeps_location: Among what the file says of itself, it may say where it was filmed.
        cut_s: How much of the file is written, from its first picture; None: all of it.

    Raises:
        SinkError: The file cannot be read, or its sound has too many channels.
        av.error.FFmpegError: Sound that the container cannot hold cannot be encoded anew.
    """

    def __init__(
        self, path: Path, container: OutputContainer, *, keeps_location: bool = False, cut_s: float | None = None
    ) -> None:
        self._path = path
        self._keeps_location = keeps_location
        self._output = container
        self._is_avi = container.format.name == AVI
        self._is_edited = container.format.name in _EDITED
        self._is_step_known = not self._is_avi
        try:
            self._input = Soundtrack(path, keeps_start=container.format.name in _KEEPING_START)
        except FFmpegError as error:
            raise SinkError(f"cannot read the sound of {path}: {error.strerror}") from error
        if self.late_s:
            log.warning("%s begins at %.1f s by its own clock: its result begins at 0", path, self.late_s)
        self._filters: dict[int, BitStreamFilterContext] = {}
        self._transcoders: dict[int, Transcoder] = {}  # by the track's number, of what is not copied
        with ExitStack() as on_failure:
            on_failure.callback(self._input.close)
            self._end_s = None if cut_s is None else self._input.pictures_begin_s + Fraction(cut_s)
            self._streams = {stream.index: self._add(stream) for stream in self._input.streams}
            self._subtitles = self._add_subtitles()
            self._copy_descriptions()
            self._newest: dict[int, int] = {}  # time of decoding of each track's last packet, as the file counts
            self._left_out = 0
            self._packets = self._all_fitted()
            self._next = self._read()
            on_failure.pop_all()

    @property
    def late_s(self) -> Fraction:
        """How much earlier all is written than the file has it, as it begins late by its own clock."""
        return self._input.late_s

    @property
    def rates(self) -> tuple[int, ...]:
        """Samples per second of each stream."""
        return tuple(stream.codec_context.sample_rate for stream in self._streams.values())

    def follow(self, time_s: Fraction, captured_ns: int) -> None:  # noqa: ARG002 - one shape for all
        """Says where an AVI moves sound against pictures; elsewhere both keep their stamps, which are of one file."""
        if self._is_step_known or self._next is None:
            return
        self._is_step_known = True
        apart_s = abs(float(_decode_s(self._next) - time_s))
        if apart_s > APART_SECONDS:
            text = "%s: sound and pictures begin %.2f s apart, and together in an AVI; a .mkv file keeps them in step"
            log.warning(text, self._path, apart_s)

    def copy_until(self, decode_s: Fraction) -> None:
        """Muxes the packets due up to a decoding time.

        Raises:
            av.error.FFmpegError: The output cannot be written.
        """
        while self._next is not None and _decode_s(self._next) <= decode_s:
            self._output.mux(self._next)
            self._next = self._read()
        self._subtitles.copy_until(decode_s)

    def copy_rest(self, end_s: Fraction, *, complete: bool) -> None:
        """Muxes what is left: everything, or what is heard before `end_s` of an incomplete output.

        Raises:
            av.error.FFmpegError: The output cannot be written.
        """
        while self._next is not None:
            if complete or _decode_s(self._next) < end_s:
                self._output.mux(self._next)
            self._next = self._read()
        self._subtitles.copy_rest(end_s, complete=complete)

    def close(self) -> None:
        """Closes the file with the sound; may be called twice."""
        self._input.close()

    def _add(self, stream: AudioStream) -> AudioStream:
        added = self._copied(stream) or self._transcoded(stream)
        added.metadata.update({tag: value for tag, value in stream.metadata.items() if tag in STREAM_TAGS})
        added.disposition = stream.disposition
        return added

    def _copied(self, stream: AudioStream) -> AudioStream | None:
        """The stream for a track that is copied; None where the output cannot hold its kind."""
        with avi_template(self._path, stream) if self._is_avi else nullcontext(stream) as template:
            if not can_hold(self._output, template):
                return None
            added = self._output.add_stream_from_template(template)
        self._name_channels(added)
        # Sound of a broadcast says in every packet what it is, most files say it once and apart. FFmpeg sees to that by
        # itself, but not in an MP4 whose index is delayed, nor in an AVI.
        is_apart = self._is_avi or self._output.format.flags & Flags.global_header.value
        if is_apart and stream.codec_context.name == _AAC and not stream.codec_context.extradata:
            self._filters[stream.index] = BitStreamFilterContext("aac_adtstoasc", stream)
        return added

    def _transcoded(self, stream: AudioStream) -> AudioStream:
        transcoder = self._transcoders[stream.index] = Transcoder(stream, self._output)
        text = "%s: its %s sound becomes %s, as %s files cannot hold it"
        log.warning(
            text, self._path, stream.codec_context.codec.canonical_name, transcoder.name, self._output.format.name
        )
        return transcoder.stream

    def _add_subtitles(self) -> Subtitles:
        tracks = self._input.subtitles
        if tracks and may_jump(self._input.container):
            log.warning("%s: its %d subtitle tracks are left out, as their clock may jump", self._path, len(tracks))
            tracks = []
        subtitles = Subtitles(self._path, tracks, self._output, self._end_s)
        self._input.follow(subtitles.tracks)
        return subtitles

    def _name_channels(self, added: AudioStream) -> None:
        """Says which channel is which where the input does not, as AVI with PCM: an MP4 must be told, and says so late.

        Raises:
            SinkError: They are too many to be guessed.
        """
        layout = layout_of(added.codec_context)
        if layout.name != f"{layout.nb_channels} channels":  # FFmpeg's word for channels without places
            return
        if layout.nb_channels in USUAL_LAYOUTS:
            added.codec_context.layout = USUAL_LAYOUTS[layout.nb_channels]
        elif self._output.format.name == "mp4":
            what = f"{self._path} does not say where its {layout.nb_channels} channels of sound belong"
            raise SinkError(f"{what}, which an MP4 must", hint="write to a .mkv file")

    def _copy_descriptions(self) -> None:
        container = self._input.container
        self._output.metadata.update({tag: told for tag, told in container.metadata.items() if self._is_kept(tag)})
        chapters = self._input.chapters()
        if self._end_s is not None:  # a player takes a film for as long as its last chapter
            for chapter in chapters:
                chapter["end"] = min(chapter["end"], ceil(self._end_s / (chapter["time_base"] or 1)))
            chapters = [chapter for chapter in chapters if chapter["start"] < chapter["end"]]
        self._output.set_chapters(chapters)

    def _is_kept(self, tag: str) -> bool:
        name = tag.casefold()  # Matroska writes capitals
        is_place = any(word in name for word in _PLACE_WORDS)
        return name not in _FILE_TAGS and not name.startswith(_PAIR_TAGS) and (self._keeps_location or not is_place)

    def _fitted(self, packet: "Packet[Stream]") -> "list[Packet[Stream]]":
        """The packet as the output takes it, none if it is damaged, or belongs to what is not heard."""
        if (transcoder := self._transcoders.get(packet.stream_index)) is not None:
            return transcoder.take(packet)
        if packet.is_discard and not self._is_edited and not _is_priming(packet):
            return []  # what was trimmed away would be heard again
        if (apart := self._filters.get(packet.stream_index)) is None:
            return [packet]
        try:
            return apart.filter(packet)
        except InvalidDataError:  # the next one may be sound
            return []

    def _all_fitted(self) -> "Iterator[tuple[int, Packet[Stream]]]":
        """Packets as the output takes them, each with the number of its track in the file."""
        for packet in self._input.packets():
            index = packet.stream_index  # a filter empties the packet that it takes
            if index in self._streams:
                yield from ((index, fitted) for fitted in self._fitted(packet))
            else:
                self._subtitles.hold(packet)
        for index, transcoder in self._transcoders.items():
            yield from ((index, fitted) for fitted in transcoder.end())

    def _read(self) -> "Packet[Stream] | None":
        """The next packet as the output takes it, or None at the end."""
        try:
            for index, packet in self._packets:
                if self._rises(index, packet):
                    packet.stream = self._streams[index]
                    return packet
        except FFmpegError as error:
            log.warning("the sound of %s ends early: %s", self._path, error.strerror)
        if self._left_out:
            text = "%s: packets of its sound left out, whose times repeat or go back: %d"
            log.warning(text, self._path, self._left_out)
            self._left_out = 0
        return None

    def _rises(self, index: int, packet: "Packet[Stream]") -> bool:
        """Whether the output takes a packet after the one before; it fails at one whose time does not rise."""
        if packet.dts is None:
            return True
        may_repeat = bool(self._output.format.flags & Flags.ts_nonstrict.value)
        least = self._newest.get(index, packet.dts - 1) + (0 if may_repeat else 1)
        if packet.dts < least:
            self._left_out += 1
            return False
        self._newest[index] = packet.dts
        return True


def _is_priming(packet: "Packet[Stream]") -> bool:
    """Whether a packet that is not heard is one of those before the first that is, which decoders need to begin."""
    return -2 * (packet.duration or 0) <= (packet.pts or 0) < 0


def _decode_s(packet: "Packet[Stream]") -> Fraction:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return (stamp or 0) * packet.time_base
