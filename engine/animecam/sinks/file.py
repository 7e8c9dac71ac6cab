"""Video files: written beside the target under a temporary name, and renamed when complete."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from av.error import FFmpegError

from animecam.errors import SinkError
from animecam.sinks.begun import WARM_UP_FRAMES, Begun, Making, forget, note_making
from animecam.sinks.claim import Claim
from animecam.sinks.codecs import CONTAINERS, file_encoding
from animecam.sinks.convert import stream_of_squares, with_squares
from animecam.sinks.encoder import MP4_MUXERS, Encoder, reason
from animecam.sinks.options import AUTO, SinkOptions
from animecam.sinks.paths import Target, earlier, is_full_disk
from animecam.types import Frame, StreamFormat

_TELLING_SHAPE = ("libx264", "h264_", "libx265", "hevc_", "mpeg", "libxvid")
"""How the names of encoders begin whose pictures say themselves how wide their pixels are."""


class FileSink:
    """Encodes frames into a file, each at its own time stamp, with the sound of the input or of a microphone.

    Matroska and WebM count in milliseconds and from zero, and AVI counts frames; MP4 and MOV keep every stamp exactly.
    Pixels that are no squares are stored as they are, but of VP9 and AV1 in MP4 and MOV alone: PyAV cannot tell the
    other containers of them, and pictures are drawn out there.

    Args:
        uri: Path of the file; its ending chooses the container. `check_output` has looked at it.
        stream: What the frames will be.
        options: How to encode.

    Attributes:
        uri: As opened.

    Raises:
        UsageError: There is no such encoder.
        SinkError: The encoder does not work here, the sound cannot be read, the file cannot be opened, or
            another run is writing it.
    """

    def __init__(self, uri: str, stream: StreamFormat, options: SinkOptions) -> None:
        self.uri = uri
        self._target = Target.of(Path(uri))
        self._overwrite = options.overwrite
        self._is_closed = False
        self._has_failed = False
        self._copied = options.begun.frames if options.begun else 0
        self._unwritten = 0  # frames that are drawn again, and stand in the file already
        container = CONTAINERS[Path(uri).suffix.lower()]
        codec = container.codec if options.codec == AUTO else options.codec
        self._keeps_shape = container.muxer in MP4_MUXERS or codec.startswith(_TELLING_SHAPE)
        stream = stream if self._keeps_shape else stream_of_squares(stream)
        encoding = file_encoding(container, stream, options)
        partial, begun = self._target.partial, options.begun
        is_new = not partial.exists()
        with ExitStack() as on_failure:  # Ctrl-C, too: the file would stay taken as long as the traceback lives
            self._claims = on_failure.enter_context(ExitStack())
            self._claims.callback(Claim(partial, self._target.final).close)
            if is_new and begun is None:  # most fail before they touch what an earlier run left there
                on_failure.callback(partial.unlink, missing_ok=True)
            if begun is not None:
                begun = self._put_aside(begun)
                on_failure.callback(earlier(partial).replace, partial)
            with self._explained("open"):
                # The prefix keeps FFmpeg from taking a colon in the name for the end of a protocol's name.
                self._encoder = Encoder(f"file:{partial}", encoding, stream, options)
            on_failure.callback(self._encoder.abandon)
            with self._explained("write"):
                self._begin(begun, options.making)
            on_failure.pop_all()

    def _put_aside(self, begun: Begun) -> Begun:
        """Makes room for the new file."""
        partial = self._target.partial
        if begun.path == partial:
            with self._explained("write"):
                begun = replace(begun, path=partial.replace(earlier(partial)))
            self._claims.callback(Claim(partial, self._target.final).close)  # another file by now
        return begun

    def _begin(self, begun: Begun | None, making: Making | None) -> None:
        """Takes what an earlier run encoded; else forgets it."""
        if begun is not None:
            self._encoder.go_on(begun)
            self._unwritten = WARM_UP_FRAMES
            return
        forget(self._target.partial)
        if making is not None:
            note_making(self._target.partial, making, self._encoder.head)

    def write(self, frame: Frame) -> None:
        """Encodes one frame.

        Raises:
            SinkError: The disk is full, or the encoder failed.
        """
        if self._unwritten:
            self._unwritten -= 1
            return
        with self._explained("write"):
            self._encoder.write(frame if self._keeps_shape else with_squares(frame))

    def close(self, *, complete: bool) -> None:
        """Writes the rest and closes the file, so that it plays; may be called twice.

        Args:
            complete: Every frame arrived: the file gets its name. An incomplete one keeps its temporary name, and its
                sound ends with its pictures.

        Raises:
            SinkError: The file cannot be finished or renamed, or not one frame arrived.
        """
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self._finish(complete=complete)
        finally:
            self._claims.close()

    def _finish(self, *, complete: bool) -> None:
        if self._encoder.frames == 0:
            self._encoder.abandon()
            self._target.partial.unlink(missing_ok=True)
            forget(self._target.partial)
            if complete:
                raise SinkError(f"no frame arrived, so {self.uri} was not written", hint="is the input a video?")
            return
        if self._has_failed:
            self._encoder.salvage()
            return
        with self._explained("finish"):
            self._encoder.finish(complete=complete)
        if complete:
            self._target.commit(overwrite=self._overwrite)
            forget(self._target.partial)
            return
        with self._explained("finish"):
            if self._encoder.frames > self._copied:
                earlier(self._target.partial).unlink(missing_ok=True)  # all of it is in the new one
            else:  # without a picture after it, the last group that was copied is not known to be whole
                earlier(self._target.partial).replace(self._target.partial)

    @contextmanager
    def _explained(self, doing: str) -> Generator[None]:
        try:
            yield
        except SinkError:
            self._has_failed = True
            raise
        except (FFmpegError, OSError) as error:
            self._has_failed = True
            is_open = doing != "open"
            part = self._target.partial
            kept = f"what was written so far is in {part}" if part.exists() else f"{part} was deleted meanwhile"
            if isinstance(error, OSError) and is_full_disk(error):
                message = f"the disk is full: cannot {doing} {self.uri}"
                raise SinkError(message, hint=f"free some space; {kept}" if is_open else "free some space") from error
            hint = kept if is_open else "if the codec does not suit this kind of file: a .mkv file holds nearly all"
            raise SinkError(f"cannot {doing} {self.uri}: {reason(error)}", hint=hint) from error
