"""What a live run reads and writes."""

from dataclasses import dataclass
from pathlib import Path

from animecam.errors import UsageError
from animecam.file_address import path_text
from animecam.shell import as_word
from animecam.sinks.paths import OutputKind, Target, output_kind
from animecam.sources.opening import SourceOptions
from animecam.types import StreamFormat

_FILES = (OutputKind.VIDEO, OutputKind.ANIMATION, OutputKind.IMAGE, OutputKind.IMAGE_SEQUENCE)
_RECORDING = (OutputKind.VIDEO, OutputKind.STREAM, OutputKind.WINDOW)

MOST_AUDIO_DELAY_MS = 2000  # far more than cameras and microphones take; earlier sound holds a stream up by as much


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """What a live run reads and writes.

    Raises:
        UsageError: The time is no length of time, two outputs are one file, there is nothing for a microphone, or no
            window whose view could be shared, or sound is moved that is not recorded, or too far.
    """

    source: str
    outputs: tuple[str, ...]  # the address of a file, file://…, becomes its path
    resolution_px: tuple[int, int] | None = None  # what to ask of the camera
    fps: float | None = None  # what to ask of the camera
    seconds: float | None = None  # None: until it is stopped; else of a live source's time, or of a film's own
    overwrite: bool = False
    microphone: str | None = None  # as `open_microphone` takes it; None: no sound
    audio_delay_ms: int | None = None  # sound is placed so much later than the pictures, below 0 earlier; None: 0
    share_view: bool = False  # other outputs than the window show mirror, before and after, and boxes, too
    live_only: tuple[str, ...] = ()  # rates of the settings that a source that is not live does without

    def __post_init__(self) -> None:
        object.__setattr__(self, "outputs", tuple(map(path_text, self.outputs)))
        check_seconds(self.seconds)
        if self.share_view and not self.has_window:
            raise UsageError("--share-view shares what a window shows, and there is none", hint="add --output window:")
        files = [Target.of(Path(uri)).final for uri in self.outputs if output_kind(uri) in _FILES]
        for file in files:
            if files.count(file) > 1:
                raise UsageError(f"{file} is named as output twice", hint="name it once")
        if self.microphone is not None and not any(output_kind(uri) in _RECORDING for uri in self.outputs):
            raise UsageError("--audio records sound, and no output records", hint="add --output me.mp4, or window:")
        self._check_audio_delay()

    @property
    def has_window(self) -> bool:
        """Whether one of the outputs is a window."""
        return any(output_kind(uri) is OutputKind.WINDOW for uri in self.outputs)

    @property
    def is_view_shared(self) -> bool:
        """Whether all outputs show mirror, before and after, and boxes, or the window among them alone."""
        others = [uri for uri in self.outputs if output_kind(uri) not in (OutputKind.WINDOW, OutputKind.NULL)]
        return self.share_view or not others or not self.has_window

    @property
    def source_options(self) -> SourceOptions:
        """What to ask of the source."""
        width_px, height_px = self.resolution_px or (None, None)
        return SourceOptions(width_px=width_px, height_px=height_px, fps=self.fps)

    def check_lasts(self, stream: StreamFormat) -> None:
        """Refuses a window that closes before anybody has seen what is in it.

        Raises:
            UsageError: Windows are the only outputs, and the source is a single picture.
        """
        is_one_picture = not stream.is_live and stream.frames == 1
        if is_one_picture and all(output_kind(uri) is OutputKind.WINDOW for uri in self.outputs):
            hint = f"animecam convert {as_word(self.source)} writes it drawn"
            raise UsageError(f"{self.source} is one picture: a window would be gone at once", hint=hint)

    def _check_audio_delay(self) -> None:
        if self.audio_delay_ms is None:
            return
        if self.microphone is None:
            raise UsageError("--audio-delay moves the sound of a microphone, and none is heard", hint="add --audio")
        check_audio_delay(self.audio_delay_ms)


def check_audio_delay(delay_ms: int) -> None:
    """Refuses what no camera and microphone take.

    Raises:
        UsageError: It is too far from 0.
    """
    if abs(delay_ms) > MOST_AUDIO_DELAY_MS:
        raise UsageError(
            f"audio-delay {delay_ms} is outside {-MOST_AUDIO_DELAY_MS}..{MOST_AUDIO_DELAY_MS}",
            hint="it is in milliseconds: 80 moves the sound 80 ms later, -80 earlier",
        )


def check_seconds(seconds: float | None) -> None:
    """Refuses what is no length of time for a run.

    Raises:
        UsageError: It is zero, negative or not a number.
    """
    if seconds is not None and not seconds > 0:
        raise UsageError(f"seconds {seconds:g} is not above 0", hint="for example --seconds 10")
