"""Limits: on the rate of a live source, without delay, as a frame goes on at once or not at all; on a film's length."""

import math
from dataclasses import replace
from fractions import Fraction

from animecam.types import Frame, StreamFormat

TICKS_PER_SECOND = 1_000_000  # to which a length in decimals is taken for what it was written as: 0.1 is a tenth
UNTOLD_FPS = 1.0  # of a source that tells no rate: what is measured counts, a second after its first frame, if more
EARLY_SHARE = 0.25  # of the wanted distance by which a frame may come early: cameras are not even


def told_fps(stream: StreamFormat) -> float:
    """Frames a second that a live source is known for before any is measured; a rate that FFmpeg makes up is none."""
    return float(stream.rate) if stream.is_rate_told else UNTOLD_FPS


class RateCap:
    """Says of each frame as it comes whether it is wanted.

    Args:
        max_fps: Most frames a second, over a second or longer.
    """

    def __init__(self, max_fps: float) -> None:
        self._step_s = 1.0 / max_fps
        self._due_s: float | None = None

    def admits(self, now_s: float) -> bool:
        """Whether the frame that came now goes on.

        Args:
            now_s: A clock in seconds that does not jump.
        """
        if self._due_s is None:
            self._due_s = now_s
        if now_s < self._due_s - EARLY_SHARE * self._step_s:
            return False
        # From when it was due, so that the rate is met on average; a source that paused is owed nothing.
        self._due_s = max(self._due_s, now_s - self._step_s) + self._step_s
        return True


def longest_gap_s(rate: Fraction, max_fps: float | None) -> float:
    """How long, in seconds, no frame of a live source may come without a fault; a cap may just have missed one.

    Args:
        rate: Frames a second of the source.
        max_fps: Most frames a second that go on; None: all.
    """
    return 2.0 / min(float(rate), max_fps or math.inf)


def cut_at_s(seconds: float | None) -> float | None:
    """How much of a film is taken, in seconds, or None for all of it, which may be written as infinite, too."""
    return None if seconds is None or math.isinf(seconds) else seconds


class Excerpt:
    """The beginning of a film, by the film's own time.

    Args:
        seconds: Its length from the first frame; None for all of it.
    """

    def __init__(self, seconds: float | None) -> None:
        self._length_s: Fraction | None = None
        if (length_s := cut_at_s(seconds)) is not None:
            shortest = Fraction(1, TICKS_PER_SECOND)  # in which one frame is shown
            self._length_s = max(shortest, Fraction(length_s).limit_denominator(TICKS_PER_SECOND))
        self._first_pts: int | None = None

    def part_of(self, frame: Frame) -> Frame | None:
        """The next frame, shorter if the excerpt ends while it is shown; None if it ends before."""
        if self._length_s is None:
            return frame
        if self._first_pts is None:
            self._first_pts = frame.pts
        left = self._length_s / frame.time_base - (frame.pts - self._first_pts)
        if left <= 0:
            return None
        return frame if frame.duration <= left else replace(frame, duration=math.ceil(left))
