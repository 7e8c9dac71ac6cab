"""Clips without sound that chats and pages play by themselves: GIF and animated WebP, upright, with square pixels."""

# PyAV leaves some parameters of its methods untyped.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import logging
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from animecam.errors import SinkError
from animecam.sinks.animation_mark import mark_animation
from animecam.sinks.claim import Claim
from animecam.sinks.convert import even, square_size, to_square_rgb, to_square_rgba
from animecam.sinks.fit import Fitter
from animecam.sinks.options import SinkOptions
from animecam.sinks.palettes import Palettes, timed
from animecam.sinks.paths import Target, is_full_disk
from animecam.sinks.webp_length import set_webp_length
from animecam.sources.soundtrack import has_sound
from animecam.types import Frame, StreamFormat

log = logging.getLogger(__name__)

_QUALITY = "90"  # of WebP, from 0 to 100: lines stay clean, at a tenth of a GIF's bytes


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of animation.

    Attributes:
        codec: FFmpeg's name of the encoder.
        muxer: That of the container.
        pixel_format: What the encoder takes.
        unit_s: In which times are counted.
        least_units: Between two frames; browsers show those that are nearer at a tenth of their pace.
        settings: Of the encoder.
        comes_last: All is written at the end: before it there is nothing to keep.
    """

    codec: str
    muxer: str
    pixel_format: str
    unit_s: Fraction
    least_units: int
    settings: tuple[tuple[str, str], ...] = ()
    comes_last: bool = False


_KINDS = {
    ".gif": _Kind("gif", "gif", "pal8", Fraction(1, 100), 2),
    ".webp": _Kind("libwebp_anim", "webp", "bgra", Fraction(1, 1000), 10, (("quality", _QUALITY),), comes_last=True),
}


class AnimationSink:
    """Writes a GIF, each frame with 256 colours of its own, or an animated WebP; both are shown again and again.

    Args:
        uri: Path of the file. `check_output` has looked at it.
        stream: What the frames will be.
        options: Whose sound is left out, which is told, and whether a file may be replaced.

    Attributes:
        uri: As opened.

    Raises:
        SinkError: The file cannot be opened, or another run is writing it.
    """

    def __init__(self, uri: str, stream: StreamFormat, options: SinkOptions) -> None:
        self.uri = uri
        self._target = Target.of(Path(uri))
        self._overwrite = options.overwrite
        self._kind = _KINDS[Path(uri).suffix.lower()]
        self._fit = Fitter(even(stream.width_px), even(stream.height_px), stream.rotation_deg)
        self._size_px = square_size(stream)
        self._is_closed = self._has_failed = self._has_opacity = False
        self._begin_s: Fraction | None = None
        self._last = -self._kind.least_units  # time of the newest frame, in units
        self._end_s = self._usual_s = 1 / stream.rate if stream.rate else self._kind.unit_s * self._kind.least_units
        self._held: Packet[VideoStream] | None = None  # the newest: it ends with what follows
        self._frames = self._left_out = 0
        if options.audio_from is not None and has_sound(options.audio_from):
            log.warning("%s: its sound does not go into %s; a video file takes it", options.audio_from, uri)
        with ExitStack() as on_failure, self._explained("open"):
            self._claim = Claim(self._target.partial, self._target.final)
            on_failure.callback(self._claim.close)
            on_failure.callback(self._target.partial.unlink, missing_ok=True)
            self._output = av.open(f"file:{self._target.partial}", "w", format=self._kind.muxer, options={"loop": "0"})
            on_failure.callback(self._output.close)
            self._stream = self._add_stream(stream.rate)
            is_indexed = self._kind.pixel_format == "pal8"
            self._palettes = Palettes(self._kind.unit_s) if is_indexed else None
            on_failure.pop_all()

    def write(self, frame: Frame) -> None:
        """Encodes one frame; one that comes too soon after the last is left out.

        Raises:
            SinkError: The disk is full, or the encoder failed.
        """
        time_s = frame.pts * frame.time_base
        self._begin_s = time_s if self._begin_s is None else self._begin_s
        at = round((time_s - self._begin_s) / self._kind.unit_s)
        self._end_s = time_s - self._begin_s + (frame.duration * frame.time_base or self._usual_s)
        if at < self._last + self._kind.least_units:
            self._left_out += 1
            return
        self._last = at
        if not self._frames:
            self._has_opacity = frame.opacity is not None
        self._frames += 1
        picture = (to_square_rgba if self._has_opacity else to_square_rgb)(self._fit(frame.on_host()))
        with self._explained("write"):
            palettes = self._palettes
            self._encode((timed(picture, at, self._kind.unit_s),) if palettes is None else palettes.take(picture, at))

    def close(self, *, complete: bool) -> None:
        """Writes the rest; may be called twice.

        Args:
            complete: Every frame arrived: the file gets its name. An incomplete one keeps its temporary name.

        Raises:
            SinkError: The file cannot be finished or renamed, or not one frame arrived.
        """
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self._finish(complete=complete)
        finally:
            self._claim.close()

    def _finish(self, *, complete: bool) -> None:
        if self._has_failed or not self._frames:
            self._end_quietly()
            if complete and not self._has_failed:
                raise SinkError(f"no frame arrived, so {self.uri} was not written", hint="is the input a video?")
            return
        try:
            with self._explained("finish"):
                self._encode(() if self._palettes is None else self._palettes.finish())
                self._mux(self._stream.encode(None))
                self._mux_last()
                self._output.close()
                if self._kind.comes_last:
                    set_webp_length(self._target.partial, self._end())
                mark_animation(self._target.partial)
        except SinkError:
            self._end_quietly()
            raise
        if complete:
            self._target.commit(overwrite=self._overwrite)
        if self._left_out:
            text = "%s shows at most %d frames a second: %d of %d left out"
            most = 1 / (self._kind.unit_s * self._kind.least_units)
            log.warning(text, self.uri, most, self._left_out, self._left_out + self._frames)

    def _end_quietly(self) -> None:
        """Closes the file after a failure, which was told; deletes it if nobody could show it."""
        with suppress(FFmpegError):
            self._output.close()
        if self._kind.comes_last or not self._frames:
            self._target.partial.unlink(missing_ok=True)

    def _add_stream(self, rate: Fraction) -> VideoStream:
        kind = self._kind
        stream = self._output.add_stream(kind.codec, rate=rate or 1 / kind.unit_s, options=dict(kind.settings))
        assert isinstance(stream, VideoStream), "both encode pictures"
        stream.width, stream.height = self._size_px
        stream.pix_fmt = kind.pixel_format
        stream.codec_context.time_base = kind.unit_s
        return stream

    def _encode(self, pictures: Iterable[VideoFrame]) -> None:
        for picture in pictures:
            self._mux(self._stream.encode(picture))

    def _mux(self, packets: "Iterable[Packet[VideoStream]]") -> None:
        for packet in packets:
            if self._held is not None:
                self._output.mux(self._held)
            self._held = packet

    def _mux_last(self) -> None:
        """Muxes the last packet: FFmpeg takes its picture, which may stand for seconds, to be as long as usual."""
        if self._held is not None:
            self._held.duration = round(self._end() * self._kind.unit_s / self._held.time_base) - (self._held.pts or 0)
            self._output.mux(self._held)

    def _end(self) -> int:
        """When the last picture ends, in units: with the last frame, whether that is shown or was left out."""
        return max(round(self._end_s / self._kind.unit_s), self._last + self._kind.least_units)

    @contextmanager
    def _explained(self, doing: str) -> Generator[None]:
        try:
            yield
        except (FFmpegError, OSError) as error:
            self._has_failed = True
            kept = self._frames and not self._kind.comes_last
            hint = f"; what was written so far is in {self._target.partial}" if kept else ""
            if isinstance(error, OSError) and is_full_disk(error):
                message = f"the disk is full: cannot {doing} {self.uri}"
                raise SinkError(message, hint=f"free some space{hint}") from error
            message = f"cannot {doing} {self.uri}: {error.strerror}"
            raise SinkError(message, hint=f"write to a .mp4 file{hint}") from error
