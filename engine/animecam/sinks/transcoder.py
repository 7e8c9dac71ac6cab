"""Sound of a kind that a container cannot hold, in one that it can, at its own times."""

# PyAV leaves some parameters of its methods untyped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations  # av.packet.Packet is generic for type checkers only

import ctypes
from contextlib import suppress
from io import BytesIO

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.codec import Codec
from av.codec.context import Flags
from av.container import OutputContainer
from av.error import FFmpegError, InvalidDataError
from av.format import Flags as FormatFlags
from av.packet import Packet
from av.stream import Stream

from animecam.sinks.avi_sound import AVI, MISCOUNTED

USUAL_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""By the number of channels, what FFmpeg and so most players take them for where the file does not say."""

_ENCODERS = {"webm": "libopus", AVI: "libmp3lame"}  # of all others it is AAC; an AVI with that plays nearly nowhere
_NAMES = {"aac": "AAC", "libopus": "Opus", "libmp3lame": "MP3"}
_MOST_CHANNELS = {"libmp3lame": 2}
_REFUSED = {"libopus": {"2.1": "3.0", "4.0": "quad"}}
"""By the encoder, usual layouts that it does not take, and one of as many channels that it does."""

_CHANNEL_BIT_RATE = 96_000  # where AAC is hard to tell from what it was made of
_SAMPLE_BITS = 4  # as many bits a sample suffice where there are few samples a second; encoders refuse far more
_FILL_GAPS = {"async": "1"}
"""Silence where no sound is, by time stamps: encoders count samples, and what comes after a gap would come early."""


def layout_of(sound: AudioCodecContext | AudioFrame) -> AudioLayout:
    """Which channels a sound has. It is read through here alone, and not by its number of channels, either.

    Of channels in an order of their own, such as the 7.1 of a MOV, FFmpeg keeps a list. PyAV 18 hands it out as it is
    and frees it with the layout, and once more with the sound, which ends the program: such a layout stays for good.
    It has no name of one word, as 5.1(side) is, but is described, as "8 channels (FR+FL+…)".
    """
    layout = sound.layout
    if " " in layout.name:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))  # some bytes for each of them
    return layout


def can_hold(container: OutputContainer, stream: AudioStream) -> bool:
    """Whether sound can be copied into a kind of container; some muxers say only when they begin that it cannot."""
    if container.format.name == AVI and stream.codec_context.codec.canonical_name.startswith(MISCOUNTED):
        return False
    probe = av.open(BytesIO(), "w", format=container.format.name)
    try:
        probe.add_stream_from_template(stream)
        probe.start_encoding()
    except (FFmpegError, ValueError):
        return False
    finally:
        with suppress(FFmpegError):  # it has no packets, which some miss
            probe.close()
    return True


class Transcoder:
    """Decodes a track and encodes it anew.

    Args:
        source: The track, of an open film.
        container: Open, its header not yet written; a stream is added to it.

    Attributes:
        stream: What was added.
        name: Of what the sound becomes, as people call it.

    Raises:
        av.error.FFmpegError: The encoder cannot be opened.
    """

    def __init__(self, source: AudioStream, container: OutputContainer) -> None:
        encoder = _ENCODERS.get(container.format.name, "aac")
        layout = layout_of(source.codec_context)
        channels = min(layout.nb_channels, _MOST_CHANNELS.get(encoder, max(USUAL_LAYOUTS)))
        is_kept = channels == layout.nb_channels and layout.name in USUAL_LAYOUTS.values()
        kept = layout.name if is_kept else USUAL_LAYOUTS[channels]
        rate = _rate(encoder, source.codec_context.sample_rate)
        self.name = _NAMES[encoder]
        stream = container.add_stream(
            encoder,
            rate=rate,
            layout=_REFUSED.get(encoder, {}).get(kept, kept),
            bit_rate=channels * min(_CHANNEL_BIT_RATE, _SAMPLE_BITS * rate),
        )
        assert isinstance(stream, AudioStream), "all of these encode sound"
        self.stream = stream
        self._encoder: AudioCodecContext = self.stream.codec_context
        if container.format.flags & FormatFlags.global_header.value:
            self._encoder.flags |= Flags.global_header
        self._encoder.open()
        self._source = source
        self._kind = ("", "", 0)  # of the sound that the resampler takes
        self._resampler: AudioResampler | None = None

    def take(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """The next packet of the track; returns what it gives of the encoded sound.

        Raises:
            av.error.FFmpegError: The track cannot be decoded, or its sound not be encoded.
        """
        try:
            frames = packet.decode()
        except InvalidDataError:  # the next one may be sound
            frames = []
        return self._encoded([frame for frame in frames if isinstance(frame, AudioFrame)])

    def end(self) -> list[Packet[Stream]]:
        """What decoder and encoder still hold; nothing is taken after it.

        Raises:
            av.error.FFmpegError: As `take`.
        """
        packets = self._encoded(self._source.codec_context.decode(None))
        return [*packets, *self._drained(), *self._encoder.encode(None)]

    def _encoded(self, frames: list[AudioFrame]) -> list[Packet[Stream]]:
        packets: list[Packet[Stream]] = []
        for frame in frames:
            kind = (frame.format.name, layout_of(frame).name, frame.sample_rate)
            if self._resampler is None or kind != self._kind:
                packets += self._drained()
                self._resampler, self._kind = self._new_resampler(), kind
            for even in self._resampler.resample(frame):
                packets += self._encoder.encode(even)
        return packets

    def _drained(self) -> list[Packet[Stream]]:
        resampler, self._resampler = self._resampler, None
        frames = [] if resampler is None else resampler.resample(None)
        return [packet for frame in frames for packet in self._encoder.encode(frame)]

    def _new_resampler(self) -> AudioResampler:
        encoder = self._encoder
        size = encoder.frame_size  # unsaid, sound of the encoder's own format is passed on, and its gaps with it
        return AudioResampler(encoder.format, encoder.layout, encoder.sample_rate, size, options=_FILL_GAPS)


def _rate(encoder: str, rate: int) -> int:
    """The samples a second that an encoder takes: as many as there are, or the next more, or the most."""
    known = sorted(Codec(encoder, "w").audio_rates or [rate])
    return next((one for one in known if one >= rate), known[-1])
