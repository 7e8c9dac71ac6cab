"""Video files: written beside the target under a temporary name, and renamed when complete."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from av.error import FFmpegError

from animecam.errors import SinkError
from animecam.sinks.claim import Claim
from animecam.sinks.codecs import CONTAINERS, file_encoding
from animecam.sinks.encoder import Encoder, reason
from animecam.sinks.options import SinkOptions
from animecam.sinks.paths import Target, is_full_disk
from animecam.types import Frame, StreamFormat


class FileSink:
    """Encodes frames into a file, each at its own time stamp, with the sound of the input or of a microphone.

    Matroska and WebM count in milliseconds and from zero, and AVI counts frames; MP4 and MOV keep every stamp exactly.

    Args:
        uri: Path of the file; its ending chooses the container. `check_output` has looked at it.
        stream: What the frames will be.
        options: How to encode.

    Attributes:
        uri: As opened.

    Raises:
        UsageError: There is no such encoder.
        SinkError: The encoder does not work here, the container cannot hold the sound, the file cannot be opened, or
            another run is writing it.
    """

    def __init__(self, uri: str, stream: StreamFormat, options: SinkOptions) -> None:
        self.uri = uri
        self._target = Target.of(Path(uri))
        self._overwrite = options.overwrite
        self._is_closed = False
        self._has_failed = False
        encoding = file_encoding(CONTAINERS[Path(uri).suffix.lower()], stream, options)
        is_new = not self._target.partial.exists()
        self._claim = Claim(self._target.partial, self._target.final)
        try:
            with self._explained("open"):
                # The prefix keeps FFmpeg from taking a colon in the name for the end of a protocol's name.
                self._encoder = Encoder(f"file:{self._target.partial}", encoding, stream, options)
        except BaseException:  # Ctrl-C, too: the file would stay taken as long as the traceback lives
            if is_new:  # most fail before they touch what an earlier run left there
                self._target.partial.unlink(missing_ok=True)
            self._claim.close()
            raise

    def write(self, frame: Frame) -> None:
        """Encodes one frame.

        Raises:
            SinkError: The disk is full, the picture changed its size, or the encoder failed.
        """
        with self._explained("write"):
            self._encoder.write(frame)

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
            self._claim.close()

    def _finish(self, *, complete: bool) -> None:
        if self._encoder.frames == 0:
            self._encoder.abandon()
            self._target.partial.unlink(missing_ok=True)
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

    @contextmanager
    def _explained(self, doing: str) -> Generator[None]:
        try:
            yield
        except SinkError:
            self._has_failed = True
            raise
        except FFmpegError as error:
            self._has_failed = True
            is_open = doing != "open"
            part = self._target.partial
            kept = f"what was written so far is in {part}" if part.exists() else f"{part} was deleted meanwhile"
            if isinstance(error, OSError) and is_full_disk(error):
                message = f"the disk is full: cannot {doing} {self.uri}"
                raise SinkError(message, hint=f"free some space; {kept}" if is_open else "free some space") from error
            hint = kept if is_open else "if the codec does not suit this kind of file: a .mkv file holds nearly all"
            raise SinkError(f"cannot {doing} {self.uri}: {reason(error)}", hint=hint) from error
