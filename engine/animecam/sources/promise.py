"""How long a film is, beside what its file says: one that promises no number of frames may have been cut off."""

import logging
import re
from fractions import Fraction

from av.container import InputContainer
from av.video.stream import VideoStream

from animecam.sources.stamps import CONTAINER_TIME_BASE, clock_start_s, late_start_s

log = logging.getLogger(__name__)

TAG = "DURATION"
_TIME = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")

MISSING_SECONDS = 1.0  # the last frame's own time, and rounding, are less
FROM_ZERO = ("matroska", "mp4")
"""Found in FFmpeg's names of formats whose length counts from zero, whenever the first packet comes: Matroska, WebM,
and MP4 in fragments, of which some may come without those before them. An MP4 in one piece promises frames."""


def length_s(container: InputContainer, stream: VideoStream) -> float:
    """How long a film says it is, in seconds; 0 if it does not."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    whole_s, late_s = _said_s(container, stream), late_start_s(container)
    return float(whole_s - late_s if _is_from_zero(container) and whole_s > late_s else whole_s)


class Promise:
    """What a file says of its length, and what comes of it.

    Args:
        uri: Name for messages.
        container: The file, open.
        stream: Its pictures.
        promised_s: How long it says it is, by `length_s`.
    """

    def __init__(self, uri: str, container: InputContainer, stream: VideoStream, promised_s: float) -> None:
        self._uri, self._container, self._stream = uri, container, stream
        self._promised_s = 0.0 if stream.frames else promised_s
        self._first_s: Fraction | None = None
        self._last_s = Fraction(0)
        self._is_told = False

    def shown(self, time_s: Fraction, leapt_s: Fraction) -> None:
        """Takes note of a frame.

        Args:
            time_s: When it is shown.
            leapt_s: How much was left out until then where the clock went ahead, which the promise counts.
        """
        self._first_s = time_s if self._first_s is None else min(self._first_s, time_s)
        self._last_s = time_s + leapt_s

    def tell_if_short(self) -> None:
        """Warns where the film ended long before the time it promises; once."""
        if not self._promised_s or self._is_told:
            return
        seen_s = float(self._last_s - self._counts_from_s())
        if seen_s + MISSING_SECONDS < self._promised_s:
            self._is_told = True
            text = "%s: its pictures end at %.1f s, of %.1f s that it says it has: it may be cut off"
            log.warning(text, self._uri, seen_s, self._promised_s)

    def _counts_from_s(self) -> Fraction:
        """From when the promised length counts, on the clock of the frames; sound may begin long before pictures."""
        stream, container = self._stream, self._container
        if _is_from_zero(container):
            return Fraction(0) if stream.duration else late_start_s(container)
        first_s = self._first_s or Fraction(0)
        if not stream.duration:
            return min(first_s, (container.start_time or 0) * CONTAINER_TIME_BASE)
        if stream.start_time is None or stream.time_base is None:
            return first_s
        # A recording may begin between two key frames: pictures that cannot be decoded are part of the promise.
        return min(first_s, stream.start_time * stream.time_base - clock_start_s(container))


def _said_s(container: InputContainer, stream: VideoStream) -> Fraction:
    """What a file says of its length, or a tag of Matroska's of that of its pictures, which sound may outlast."""
    all_s = (container.duration or 0) * CONTAINER_TIME_BASE
    tags = (told for name, told in stream.metadata.items() if name.partition("-")[0] == TAG)  # "DURATION-eng", too
    match = _TIME.fullmatch(next(tags, ""))
    if match is None:
        return all_s
    return min(all_s, (int(match[1]) * 60 + int(match[2])) * 60 + Fraction(match[3]))


def _is_from_zero(container: InputContainer) -> bool:
    return any(name in container.format.name for name in FROM_ZERO)
