"""The seam between the pipeline and whatever delivers frames."""

from typing import Protocol

from animecam.types import Frame, StreamFormat


class Source(Protocol):
    """Something that is open and delivers frames; whoever opened it closes it.

    Attributes:
        uri: What it was opened with, for messages.
        format: What it delivers.
        skipped: Frames so far that could not be decoded and were left out.
    """

    uri: str
    format: StreamFormat
    skipped: int

    def read(self) -> Frame | None:
        """The next frame, or None at the end.

        Raises:
            SourceError: The device is gone, the stream broke, or nothing came within the source's time-out.
        """
        ...

    def close(self) -> None:
        """Frees the device or file; may be called twice and from another thread than `read`."""
        ...
