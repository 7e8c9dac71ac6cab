"""How an output is written; one set of options for every kind, each kind takes what concerns it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from animecam.sinks.talk import Panel
from animecam.sound import SoundFeed

if TYPE_CHECKING:
    from animecam.sinks.begun import Begun, Making

AUTO = "auto"
"""Name of the codec that stands for the usual one of the container."""

EXACT_ENDINGS = (".mp4", ".m4v", ".mov")
"""Of files whose time stamps are as they were written, so that an unfinished one can be gone on with. Matroska moves
all of them where sound begins before zero, as AAC does, and keeps no decoding times; AVI keeps none."""


@dataclass(frozen=True, slots=True)
class SinkOptions:
    """Options of outputs.

    Attributes:
        audio_from: File whose audio packets, chapters and titles go into a video file unchanged; none go into a stream.
        microphone: Live sound for video files and network streams; None for none.
        audio_delay_ms: How much later than its pictures the microphone's sound is placed; below 0 earlier.
        reads: File or folder of the input, which an output must not overwrite; None: that of `audio_from`.
        begun: What an earlier run encoded of a video file: it goes on after that. None begins anew.
        making: What a video file is made of and how; it stands beside an unfinished one, for `find_begun`. None:
            nothing does.
        cut_s: How much of the input is written, from its first picture: sound, chapters and subtitles end with that.
            None: all of it.
        overwrite: An existing file may be replaced, once the new one is complete.
        codec: FFmpeg's name of a video encoder; "auto" is H.264, on the GPU where `gpu` says so, or VP9 in WebM.
        crf: Quality, from 0 (best) to 51, of VP9 and AV1 to 63; None is what looks lossless at a glance for the codec
            (18 for H.264).
        preset: Speed of the software H.264 and H.265 encoders. "veryfast" leaves most of a two-core CPU to the style
            and costs about a tenth more bytes than "medium".
        gpu: Index of the GPU whose encoder "auto" is, for frames that it has decoded, and on which one of NVIDIA's
            encoders named by `codec` runs; None encodes on the processor, or on the first GPU that can.
        threads: Threads of the encoder, 0 lets it choose.
        keeps_location: Where a photo or a film was taken is written into what is drawn of it, as are its date and
            camera always. Subtitles are copied as they are, whatever they tell.
        window_title: Text above the window.
        panel: What a window's keys act on; None for a window whose keys only close and enlarge it.
        timeout_s: Longest time that opening a network stream, or one write to it, may take.
    """

    audio_from: Path | None = None
    microphone: SoundFeed | None = None
    audio_delay_ms: int = 0
    reads: Path | None = None
    begun: "Begun | None" = None
    making: "Making | None" = None
    cut_s: float | None = None
    overwrite: bool = False
    codec: str = AUTO
    crf: int | None = None
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"] = "veryfast"
    gpu: int | None = None
    threads: int = 0
    keeps_location: bool = False
    window_title: str = "animecam"
    panel: Panel | None = None
    timeout_s: float = 5.0
