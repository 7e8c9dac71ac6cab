"""Recordings and snapshots that begin and end while a live run goes on."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from animecam.errors import AnimecamError, SinkError
from animecam.sinks.base import Sink
from animecam.sinks.options import SinkOptions
from animecam.sound import SoundFeed
from animecam.types import Frame, StreamFormat

log = logging.getLogger(__name__)

RECORDING_ENDING = ".mp4"
PICTURE_ENDING = ".png"

OpenSink = Callable[[str, StreamFormat, SinkOptions], Sink]
"""As `open_sink`."""


@dataclass(slots=True)
class _Recording:
    sink: Sink
    path: Path
    first_s: float


class Recorder:
    """An output that takes every frame and keeps those between two calls of `toggle`, each time in a new file.

    A recording that fails ends; the run goes on, as a picture that others watch must not stop for a full disk.
    One thread calls everything but `close`.

    Args:
        stream: What the frames will be.
        folder: Where recordings and snapshots go.
        open_sink: Opens a file by its name.
        microphone: Sound of the recordings; None for none.
        audio_delay_ms: As in `SinkOptions`.

    Attributes:
        uri: For messages.
        news: What happened last, in a few words for the user; empty at first.
        shows_view: It records what the window shows whose keys begin it.
    """

    shows_view = True

    def __init__(
        self,
        stream: StreamFormat,
        folder: Path,
        open_sink: OpenSink,
        microphone: SoundFeed | None = None,
        audio_delay_ms: int = 0,
    ) -> None:
        self.uri = "recording"
        self.news = ""
        self._stream = replace(stream, is_live=True)  # starts at zero whenever it starts, and is safe at any time
        self._folder = folder
        self._open_sink = open_sink
        self._options = SinkOptions(microphone=microphone, audio_delay_ms=audio_delay_ms)
        self._is_wanted = False
        self._recording: _Recording | None = None
        self._newest_s = 0.0

    @property
    def seconds(self) -> float | None:
        """Length of the recording under way; None when there is none."""
        return None if self._recording is None else self._newest_s - self._recording.first_s

    def toggle(self) -> None:
        """Begins a recording with the next frame, or ends the one under way before it."""
        self._is_wanted = not self._is_wanted

    def write(self, frame: Frame) -> None:
        """Takes one frame; never fails, see `news`."""
        self._newest_s = frame.time_s
        try:
            if self._is_wanted and self._recording is None:
                sink, path = self._open(RECORDING_ENDING, self._stream, self._options)
                self._recording = _Recording(sink, path, frame.time_s)
            if self._recording is not None and self._is_wanted:
                self._recording.sink.write(frame)
            elif self._recording is not None:
                self._finish(self._recording)
        except AnimecamError as error:
            self._is_wanted = False
            self._report(error)
            self._abandon()

    def snapshot(self, frame: Frame) -> None:
        """Writes one frame as a picture; a failure is told in `news`."""
        still = replace(self._stream, is_live=False, frames=1)
        try:
            sink, path = self._open(PICTURE_ENDING, still, SinkOptions())
            sink.write(frame)
            sink.close(complete=True)
        except AnimecamError as error:
            self._report(error)
        else:
            self.news = f"saved {path.name}"

    def close(self, *, complete: bool) -> None:  # noqa: ARG002 - a recording is complete whenever it ends
        """Ends the recording under way, if any; may be called twice.

        Raises:
            SinkError: It cannot be finished.
        """
        self._is_wanted = False
        if self._recording is not None:
            self._finish(self._recording)

    def _open(self, ending: str, stream: StreamFormat, options: SinkOptions) -> tuple[Sink, Path]:
        """A new file in the folder, which may have been deleted or pulled out meanwhile."""
        try:
            path = self._fresh_path(ending)
            return self._open_sink(str(path), stream, options), path
        except OSError as error:
            message = f"the folder for recordings cannot be used: {error.strerror}"
            raise SinkError(message, hint="start again in another folder") from error

    def _finish(self, recording: _Recording) -> None:
        self._recording = None
        recording.sink.close(complete=True)
        self.news = f"saved {recording.path.name}"

    def _abandon(self) -> None:
        if self._recording is None:
            return
        recording, self._recording = self._recording, None
        try:
            recording.sink.close(complete=False)
        except AnimecamError as error:
            log.warning("%s", error.message)  # the failure before this one was told

    def _report(self, error: AnimecamError) -> None:
        self.news = error.message
        log.warning("%s (%s)" if error.hint else "%s%s", error.message, error.hint)

    def _fresh_path(self, ending: str) -> Path:
        """A name with today's date and time that no file has."""
        stem = f"animecam-{datetime.now():%Y%m%d-%H%M%S}"
        path, number = self._folder / f"{stem}{ending}", 2
        while path.exists():
            path, number = self._folder / f"{stem}-{number}{ending}", number + 1
        return path
