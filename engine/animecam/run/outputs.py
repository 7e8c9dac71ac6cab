"""Several sinks that are written and closed as one."""

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, runtime_checkable

from animecam.errors import SinkError
from animecam.sinks.base import Sink
from animecam.types import Frame

CLOSE_SECONDS = 30.0  # longest wait for a write in progress; an encoder's slowest frame is far below


@runtime_checkable
class Holding(Protocol):
    """A sink that holds frames back."""

    def hurry(self) -> None:
        """Holds back nothing from now on, nor what waits already; any thread may call it."""
        ...


@runtime_checkable
class Viewing(Protocol):
    """A sink for the user's own eyes: it shows mirror, before and after, and boxes, even where others do not."""

    shows_view: bool


class Outputs:
    """Owns open sinks: writes each frame to all of them and closes all of them, whatever happens to one.

    Args:
        sinks: Open sinks; from here on this object closes them.
        is_view_shared: All of them get frames as the user sees them; else those alone that are `Viewing`.
    """

    def __init__(self, sinks: Sequence[Sink], *, is_view_shared: bool = True) -> None:
        self._sinks = tuple(sinks)
        self._get_view = tuple(is_view_shared or (isinstance(s, Viewing) and s.shows_view) for s in self._sinks)
        self._writing = threading.Lock()
        self._is_closed = False
        self.is_complete = False
        """Set by the owner before closing: every frame arrived."""

    def write(self, frame: Frame, plain: Frame | None = None) -> None:
        """Hands the frame to every sink.

        Args:
            frame: What the user sees.
            plain: What others get in its place where the view is not shared; None: the frame.

        Raises:
            SinkError: A sink could not write it.
            SinkClosed: The user closed an output.
        """
        with self._writing:
            if self._is_closed:
                return
            for sink, gets_view in zip(self._sinks, self._get_view, strict=True):
                sink.write(frame if gets_view or plain is None else plain)

    def hurry(self) -> None:
        """Lets no sink hold frames back any more: the run was stopped. Any thread may call it, also during a write."""
        for sink in self._sinks:
            if isinstance(sink, Holding):
                sink.hurry()

    def close(self) -> None:
        """Closes every sink, in reverse; a failure is raised when all had their turn.

        Raises:
            SinkError: A sink could not finish, or hangs in a write.
        """
        if not self._writing.acquire(timeout=CLOSE_SECONDS):
            uris = ", ".join(sink.uri for sink in self._sinks)
            raise SinkError(f"{uris}: a write hangs, it was left unfinished", hint="check the disk or the network")
        try:
            if self._is_closed:
                return
            self._is_closed = True
            with ExitStack() as closing:  # the others get their turn whatever one of them raises
                for sink in self._sinks:
                    closing.callback(sink.close, complete=self.is_complete)
        finally:
            self._writing.release()

    def abandon(self, error: BaseException) -> None:
        """As `close`, after a failure: that is the one to show, so what fails here goes along with it as a note."""
        try:
            self.close()
        except SinkError as closing:
            error.add_note(f"closing the output failed too: {closing.message}")

    def __enter__(self) -> "Outputs":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon(error)
