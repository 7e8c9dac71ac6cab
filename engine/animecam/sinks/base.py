"""The seam between the pipeline and whatever takes the finished frames."""

from typing import Protocol

from animecam.types import Frame


class Sink(Protocol):
    """Something that is open and takes frames; whoever opened it closes it.

    Attributes:
        uri: What it was opened with, for messages.
    """

    uri: str

    def write(self, frame: Frame) -> None:
        """Takes one frame.

        Raises:
            SinkError: The frame cannot be written.
            SinkClosed: The user closed the output; the run ends as if the source had ended.
        """
        ...

    def close(self, *, complete: bool) -> None:
        """Finishes the output so that what was written can be played; may be called twice.

        Args:
            complete: Every frame arrived. An incomplete file keeps its temporary name.

        Raises:
            SinkError: The output cannot be finished.
        """
        ...


class SinkClosed(Exception):  # noqa: N818 - an event, not an error
    """The user closed the output (the window's button or its key)."""
