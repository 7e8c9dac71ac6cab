"""One video stream in one container, each frame at its own time stamp, with sound beside it."""

# PyAV leaves some parameters of its methods untyped.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from hashlib import sha256
from math import floor, lcm

import av
from av.codec.context import Flags
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from animecam.cuda.ffmpeg import encoding as encoding_on
from animecam.errors import SinkError
from animecam.sinks.audio import APPLE_TAGS, AudioCopier, Sound
from animecam.sinks.avframe import to_video_frame
from animecam.sinks.begun import Begun, EncodedOtherwiseError
from animecam.sinks.clock import UNKNOWN_RATE, Clock, KeyFrames, settled
from animecam.sinks.codecs import SVT_AV1, Encoding, FFmpegSettings
from animecam.sinks.convert import encoded_color, even, to_yuv420, upright, upright_size
from animecam.sinks.fit import Fitter
from animecam.sinks.live_sound import LiveSound
from animecam.sinks.mark import mark
from animecam.sinks.options import SinkOptions
from animecam.sinks.refusal import refusal
from animecam.sinks.told_color import told_color
from animecam.types import Frame, StreamFormat

MP4_MUXERS = ("mp4", "mov")
KEEP_ALL_TAGS = "+use_metadata_tags"  # not without need: titles are then where only some players look
MAX_TIMESCALE = 10_000_000  # units a second in which an MP4 counts the film; a larger one overflows in old players


class Encoder:
    """Takes frames, gives packets to a container.

    Args:
        url: As FFmpeg understands it.
        encoding: The kind of container and the encoder.
        stream: What the frames will be.
        options: Whose sound goes along: a file's, a microphone's, or none.

    Raises:
        SinkError: The encoder does not work here, or the sound cannot be read.
        av.error.FFmpegError: The file or address cannot be opened.
    """

    def __init__(self, url: str, encoding: Encoding, stream: StreamFormat, options: SinkOptions) -> None:
        self._encoding = encoding
        self._clock = Clock(stream, keeps_time=encoding.container.keeps_time)
        self._key_frames = KeyFrames(encoding.key_frame_s)
        color = stream.color if stream.pixel_format.is_yuv else encoded_color(stream.color, stream.height_px)
        self._color = told_color(color, encoding.codec)
        self._container = av.open(url, "w", format=encoding.container.muxer)
        self._sound: Sound | None = None
        self._encoded = 0  # frames, without those of an earlier run
        self._is_cut = options.cut_s is not None
        self._first_dts_s: Fraction | None = None  # packets that are copied count in other units
        self._copied_dts_s: Fraction | None = None  # of the last packet that an earlier run encoded
        with ExitStack() as on_failure:
            on_failure.callback(self.abandon)
            self._video = self._add_video(stream)
            if options.audio_from is not None:
                copier = AudioCopier(
                    options.audio_from, self._container, keeps_location=options.keeps_location, cut_s=options.cut_s
                )
                self._sound, self._clock.late_s = copier, copier.late_s
            elif options.microphone is not None:
                self._sound = LiveSound(options.microphone, self._container, encoding.container, options.audio_delay_ms)
            mark(self._container.metadata)
            self._container.container_options.update(self._muxer_settings())
            self._container.start_encoding()
            on_failure.pop_all()

    @property
    def head(self) -> str:
        """Digest of what decoders need to know before the first picture: pictures of others do not follow on it."""
        return sha256(self._video.codec_context.extradata or b"").hexdigest()

    @property
    def frames(self) -> int:
        """Frames taken so far."""
        return self._clock.frames

    def go_on(self, begun: Begun) -> None:
        """Begins with the pictures that an earlier run encoded, as they are.

        Raises:
            EncodedOtherwiseError: They were encoded otherwise; nothing is written.
            av.error.FFmpegError: They cannot be read or written.
        """
        if begun.head != self.head:
            raise EncodedOtherwiseError(
                f"{begun.path} was encoded otherwise than this encoder does", hint="`overwrite=True` begins anew"
            )
        with begun.opened() as packets:
            for packet in packets:
                self._copied_dts_s = _dts_s(packet)
                packet.stream = self._video
                self._mux([packet])
        self._clock.go_on(begun.frames, begun.start_s, begun.last_s)

    def write(self, frame: Frame) -> None:
        """Encodes one frame; one of another size than the stream's is fitted into that.

        Raises:
            av.error.FFmpegError: It cannot be encoded or written.
        """
        picture = to_video_frame(self._fitted(frame))
        picture.time_base = self._clock.time_base
        picture.pts, picture.duration = self._clock.stamp(frame)
        time_s = picture.pts * self._clock.time_base
        if self._sound is not None:
            self._sound.follow(time_s, frame.captured_ns)
        self._key_frames.ask(picture, time_s)
        self._encoded += 1
        self._mux(self._after_copied(self._key_frames.seen(self._video.encode(picture))))

    def finish(self, *, complete: bool) -> None:
        """Writes what the encoder still holds, the sound and the index, and closes the container.

        Args:
            complete: All sound is written; else it ends with the video.

        Raises:
            av.error.FFmpegError: It cannot be written.
        """
        try:
            held = self._after_copied(settled(self._encoding.codec, self._encoded, self._video.encode(None)))
            self._end_in_time(held)
            self._mux(held)
            if self._sound is not None:
                self._sound.copy_rest(self._clock.end_s, complete=complete and not self._is_cut)
            self._container.close()
        finally:
            self.abandon()
            # Ends the encoder now, though an error may still hold this object: a GPU's is one of few, and must not
            # outlive the pictures that it was lent.
            del self._video

    def salvage(self) -> None:
        """Finishes as well as it goes, after a failure that was reported."""
        try:
            self.finish(complete=False)
        except FFmpegError:
            return  # the disk or the network that just failed fails again

    def abandon(self) -> None:
        """Closes everything, as well as it goes, without what the encoder still holds; may be called twice."""
        if self._sound is not None:
            self._sound.close()
        try:
            self._container.close()
        except FFmpegError:
            return  # it was never opened, or broke: that failure is the one to show

    def _add_video(self, stream: StreamFormat) -> VideoStream:
        encoding = self._encoding
        width_px, height_px = self._stored_size(stream)
        self._fit = Fitter(width_px, height_px, stream.rotation_deg if encoding.container.keeps_rotation else 0)
        try:
            video = self._container.add_stream(
                encoding.codec,
                rate=stream.rate or UNKNOWN_RATE,
                options=dict(encoding.settings),
                width=width_px,
                height=height_px,
                bit_rate=encoding.bit_rate,
                time_base=self._clock.time_base,
                hwaccel=None if encoding.gpu is None else encoding_on(encoding.gpu),
            )
        except ValueError as error:
            elsewhere = "" if encoding.container.muxer == "matroska" else ", or write to a .mkv file"
            raise SinkError(
                f"{encoding.container.muxer} files cannot hold video of the encoder {encoding.codec}",
                hint=f"choose the codec auto{elsewhere}",
            ) from error
        assert isinstance(video, VideoStream), "the encoder was looked up before"
        video.disposition = Disposition.default  # Matroska says so of no track by itself, and players ask for it
        if encoding.container.keeps_rotation and stream.rotation_deg:
            video.set_display_rotation(stream.rotation_deg)
        video.codec_context.sample_aspect_ratio = self._stored_aspect(stream)
        self._open_codec(video.codec_context)
        return video

    def _open_codec(self, context: VideoCodecContext) -> None:
        context.pix_fmt = self._encoding.codec_format
        context.color_range = ColorRange.JPEG if self._color.full_range else ColorRange.MPEG
        context.colorspace = self._color.matrix
        context.color_primaries = self._color.primaries
        context.color_trc = self._color.transfer
        context.thread_count = self._encoding.threads
        context.flags |= Flags.frame_duration
        if self._encoding.container.needs_global_header:
            context.flags |= Flags.global_header
        if self._encoding.codec == SVT_AV1:
            os.environ.setdefault("SVT_LOG", "1")  # errors only: it writes to the terminal by itself
        try:
            # Opening is the only way to know: hardware encoders are listed on machines that have no such hardware.
            context.open()
        except (FFmpegError, ValueError) as error:
            raise refusal(self._encoding, context.width, context.height, reason(error)) from error

    def _stored_size(self, stream: StreamFormat) -> tuple[int, int]:
        width_px, height_px = stream.width_px, stream.height_px
        if not self._encoding.container.keeps_rotation:
            width_px, height_px = upright_size(width_px, height_px, stream.rotation_deg)
        return even(width_px), even(height_px)

    def _stored_aspect(self, stream: StreamFormat) -> Fraction:
        across, down = stream.pixel_aspect.as_integer_ratio()
        if not self._encoding.container.keeps_rotation:
            across, down = upright_size(across, down, stream.rotation_deg)  # pixels are turned with the picture
        return Fraction(across, down)

    def _muxer_settings(self) -> FFmpegSettings:
        settings = self._encoding.container.settings
        if self._encoding.container.muxer not in MP4_MUXERS:
            return settings
        # The edit list, which holds the first time stamps, counts in units of the film: they must divide the units of
        # the pictures, and if possible of the sound, or the whole film shifts by up to a millisecond.
        picture_units = self._clock.time_base.denominator
        units = lcm(picture_units, *(self._sound.rates if self._sound else ()))
        more: dict[str, str] = {"movie_timescale": str(units if units <= MAX_TIMESCALE else picture_units)}
        if any(tag.startswith(APPLE_TAGS) for tag in self._container.metadata):
            more["movflags"] = dict(settings).get("movflags", "") + KEEP_ALL_TAGS
        return (*settings, *more.items())

    def _fitted(self, frame: Frame) -> Frame:
        """The frame as the encoder takes it."""
        if self._encoding.gpu is None:
            frame = frame.on_host()
        if not self._encoding.container.keeps_rotation:
            frame = upright(frame)
        frame = self._fit(frame)
        return frame if frame.pixel_format is self._encoding.pixel_format else to_yuv420(frame, self._color)

    def _end_in_time(self, held: "Sequence[Packet[VideoStream]]") -> None:
        """Lets an MP4 end when its last picture does, by both of the numbers that say so.

        Its pictures last, in sum, from the first time of decoding to the end of what is decoded last: a film whose last
        picture stands for seconds, as that of a GIF or of a screen often does, would lose them. So what is decoded last
        is decoded as late as it may be, and lasts until the end. Its header takes the latest end of what is shown, so
        that to last longer alone would not do: what is decoded last may be shown long after that.
        """
        if self._encoding.container.muxer not in MP4_MUXERS or not held:
            return
        last = held[-1]
        first_dts_s = _dts_s(held[0]) if self._first_dts_s is None else self._first_dts_s
        if last.dts is None or last.pts is None or first_dts_s is None:
            return
        end = round((self._clock.end_s - self._clock.begin_s + first_dts_s) / last.time_base)
        last.dts = max(last.dts, min(last.pts, end - (last.duration or 0)))
        last.duration = max(last.duration or 0, end - last.dts)

    def _after_copied(self, packets: "list[Packet[VideoStream]]") -> "list[Packet[VideoStream]]":
        """Packets whose decoding times rise from those that were copied.

        An encoder guesses the first of these times from the pictures that follow; where those come at an uneven rate
        it may guess one that the earlier run has passed.
        """
        for packet in packets:
            if self._copied_dts_s is None or packet.dts is None:
                continue
            least = floor(self._copied_dts_s / packet.time_base) + 1
            if packet.dts >= least:
                self._copied_dts_s = None  # from here on they rise by themselves
            else:
                packet.dts = least
                self._copied_dts_s = least * packet.time_base
        return packets

    def _mux(self, packets: "Iterable[Packet[VideoStream]]") -> None:
        for packet in packets:
            dts_s = _dts_s(packet)
            if self._first_dts_s is None:
                self._first_dts_s = dts_s
            if self._sound is not None and dts_s is not None:
                self._sound.copy_until(dts_s)
            self._container.mux(packet)


def _dts_s(packet: "Packet[VideoStream]") -> Fraction | None:
    """When a packet is decoded."""
    return None if packet.dts is None else packet.dts * packet.time_base


def reason(error: Exception) -> str:
    """What FFmpeg or the system says went wrong, one line without file names."""
    return str(getattr(error, "strerror", None) or error)
