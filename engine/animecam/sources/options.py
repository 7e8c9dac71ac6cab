"""How a source is opened; one set of options for every kind, each kind takes what concerns it."""

from dataclasses import dataclass

from animecam.errors import UsageError
from animecam.types import StreamFormat

OPEN_SECONDS = 10.0  # a webcam or an RTSP camera answers within a few seconds, if it ever does
READ_SECONDS = 5.0  # longer than any pause of a healthy stream; the user waits no longer for the bad news
SLOWEST_FPS = 0.001  # a picture in a quarter of an hour; with a denominator up to 1001 a slower rate may become 0
FASTEST_FPS = 1_000_000
"""Most frames per second: far above every camera, and as a fraction it still fits the 32 bits that FFmpeg has."""
MAX_PIXELS = 1 << 27
"""Most pixels of one picture: 16K (15360 x 8640) passes, a picture made to fill the memory does not."""


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Options of sources.

    Attributes:
        width_px: Width to ask of a camera or a pattern; None leaves it to them.
        height_px: Height, given if and only if the width is.
        fps: Frames per second to ask of a camera or a pattern, and at which a folder of pictures is shown.
        threads: Threads of the decoder, 0 lets it choose.
        open_s: Longest time that opening may take.
        read_s: Longest time to wait for the next frame.
        gpu: Index of the GPU that decodes a file and keeps the frames; None decodes on the processor.
        max_pixels: Most pixels of a film's picture, for a film from a stranger; None allows all that are read at all.
        like: What the pictures of a camera, a stream or a film are made to be, as it was open before and others count
            on what it was then; None: what the first one is.

    Raises:
        UsageError: A value makes no sense.
    """

    width_px: int | None = None
    height_px: int | None = None
    fps: float | None = None
    threads: int = 0
    open_s: float = OPEN_SECONDS
    read_s: float = READ_SECONDS
    gpu: int | None = None
    max_pixels: int | None = None
    like: StreamFormat | None = None

    def __post_init__(self) -> None:
        if (self.width_px is None) != (self.height_px is None):
            raise UsageError("width and height are asked for together", hint="for example 1280x720")
        if self.width_px is not None and self.height_px is not None and min(self.width_px, self.height_px) < 1:
            raise UsageError(f"size {self.width_px}x{self.height_px} is no picture", hint="for example 1280x720")
        if self.fps is not None and not SLOWEST_FPS <= self.fps <= FASTEST_FPS:
            hint = f"{SLOWEST_FPS:g} to {FASTEST_FPS} can be asked for, for example 30"
            raise UsageError(f"{self.fps:g} frames per second is no rate", hint=hint)
        if self.max_pixels is not None and self.max_pixels < 1:
            raise UsageError(f"max_pixels {self.max_pixels} is below 1", hint="leave it out for no limit")
        if self.threads < 0:
            raise UsageError(f"threads {self.threads} is below 0", hint="0 lets the decoder choose")
        if not (self.open_s > 0 and self.read_s > 0):
            raise UsageError("a time-out of a source is not above 0", hint="leave it out for the usual one")
