"""An output that takes every frame and keeps none, for measuring."""

from animecam.types import Frame


class NullSink:
    """Counts frames.

    Attributes:
        uri: As opened.
        frames: Frames written so far.
        is_complete: What `close` was told; None while open.
    """

    def __init__(self, uri: str = "null:") -> None:
        self.uri = uri
        self.frames = 0
        self.is_complete: bool | None = None

    def write(self, frame: Frame) -> None:  # noqa: ARG002 - the seam's signature
        """Counts one frame."""
        self.frames += 1

    def close(self, *, complete: bool) -> None:
        """Notes how the run ended; the first call counts."""
        if self.is_complete is None:
            self.is_complete = complete
