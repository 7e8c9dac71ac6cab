"""A live source whose failure is not the end: a placeholder is delivered until it can be opened again."""

import logging
from collections.abc import Callable
from dataclasses import replace

from animecam.errors import AnimecamError, SourceError
from animecam.sources.base import Source
from animecam.sources.clock import NS_PER_SECOND, SYSTEM_CLOCK, Clock
from animecam.types import Frame

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0  # between two attempts to open it; a camera takes about as long after it was plugged in
BEAT_SECONDS = 0.2  # between two placeholders, as `sinks.standby` repeats its own


class ReturningSource:
    """As a `Source`; time goes on while it is away.

    Args:
        source: Open and live; from now on this object closes it.
        reopen: Opens it once more.
        placeholder: A frame of its format.
        clock: Where time comes from.

    Attributes:
        uri: As the source's.
        format: As the source's when it was opened first.
        skipped: Frames so far that could not be decoded.
    """

    def __init__(
        self, source: Source, reopen: Callable[[], Source], placeholder: Frame, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self.uri, self.format, self.skipped = source.uri, source.format, 0
        self._source: Source | None = source
        self._reopen, self._placeholder, self._clock = reopen, placeholder, clock
        self._skipped_before = 0
        self._count = 0
        self._pts, self._shown_ns = 0, clock.now_ns()  # of the newest frame, and when it was taken
        self._shift: int | None = None  # added to the source's stamps; None: the next frame tells
        self._retry_ns = 0
        self._is_closed = False

    def read(self) -> Frame | None:
        """The next frame, or a placeholder while there is none; None when closed or at the source's end.

        Raises:
            SourceError: It came back as another: with other pictures than before, which `reopen` did not fit.
        """
        if self._source is None and not self._is_closed:
            self._look_for_it()
        if self._is_closed:
            return None
        if self._source is not None:
            try:
                frame = self._source.read()
            except SourceError as error:
                self._lose(self._source, error)
            else:
                return None if frame is None else self._passed_on(frame)
        return self._stand_in()

    def close(self) -> None:
        """Ends everything soon; may be called twice and from another thread."""
        self._is_closed = True
        if (source := self._source) is not None:
            source.close()

    def _lose(self, source: Source, error: SourceError) -> None:
        log.warning("%s; it is looked for until it is back", error.message)
        source.close()
        self._skipped_before = self.skipped
        self._source, self._shift = None, None
        self._retry_ns = self._clock.now_ns() + round(RETRY_SECONDS * NS_PER_SECOND)

    def _look_for_it(self) -> None:
        if self._clock.now_ns() < self._retry_ns:
            return
        try:
            source = self._reopen()
        except AnimecamError as error:
            log.info("not yet: %s", error.message)
            self._retry_ns = self._clock.now_ns() + round(RETRY_SECONDS * NS_PER_SECOND)
            return
        self._source = source
        if self._is_closed:  # meanwhile, by another thread that saw nothing to close
            source.close()
        elif _kind(source) != _kind(self):
            found = f"{source.format.width_px}x{source.format.height_px} {source.format.pixel_format.value}"
            raise SourceError(f"{self.uri} came back with other pictures ({found})", hint="start again")
        else:
            log.warning("%s is back", self.uri)

    def _passed_on(self, frame: Frame) -> Frame:
        assert self._source is not None, "it gave the frame"
        self.skipped = self._skipped_before + self._source.skipped
        units = round(frame.pts * frame.time_base / self.format.time_base)
        if self._shift is None:
            self._shift = 0 if self._count == 0 else self._pts + self._elapsed(frame.captured_ns) - units
        return self._numbered(frame, units + self._shift, frame.captured_ns)

    def _stand_in(self) -> Frame:
        self._clock.sleep(BEAT_SECONDS)
        now_ns = self._clock.now_ns()
        return self._numbered(self._placeholder, self._pts + self._elapsed(now_ns), now_ns)

    def _elapsed(self, now_ns: int) -> int:
        """Units of the time base since the newest frame, at least one."""
        return max(1, round((now_ns - self._shown_ns) / NS_PER_SECOND / self.format.time_base))

    def _numbered(self, frame: Frame, pts: int, captured_ns: int) -> Frame:
        self._pts, self._shown_ns = pts, captured_ns
        index, self._count = self._count, self._count + 1
        return replace(frame, index=index, pts=pts, time_base=self.format.time_base, captured_ns=captured_ns)


def _kind(source: "Source | ReturningSource") -> tuple[object, ...]:
    stream = source.format
    return (stream.width_px, stream.height_px, stream.pixel_format, stream.rotation_deg)
