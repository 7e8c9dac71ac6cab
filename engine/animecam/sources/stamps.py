"""Time stamps as a sink needs them: present, increasing, and otherwise exactly those of the source."""

from fractions import Fraction

from av.container import InputContainer
from av.format import Flags

CONTAINER_TIME_BASE = Fraction(1, 1_000_000)  # unit of a container's own times
JUMP_SECONDS = 1  # a step back of more than this is a new count (joined files, a restarted sender), less is an error
LONGEST_GAP_SECONDS = 10  # a step ahead of more than this, where clocks jump, is a new count; less is a lost signal
GAP_FRAMES = 3  # of a film of few pictures, as a time lapse, that a gap may be long, too
LATE_SECONDS = 1  # of a film that begins later by its own clock, the part of a recording, nothing is shown until then
MAX_REORDERED = 16  # frames that a decoder may wait for: the most of H.264 and HEVC


class Stamps:
    """Gives every frame a presentation time later than the one before.

    Args:
        time_base: Seconds per unit.
        rate: Frames per second, for frames that carry no time at all.
        starts_at_zero: Count from the first frame: the clock of a device tells when the machine was switched on.
        start_s: Else count from here, see `clock_start_s`.
        may_leap: The clock may go ahead where nothing is missing, as where films were joined or a sender has set it.
    """

    def __init__(
        self,
        time_base: Fraction,
        rate: Fraction,
        *,
        starts_at_zero: bool,
        start_s: Fraction = Fraction(0),
        may_leap: bool = False,
    ) -> None:
        self._time_base = time_base
        self._step = max(1, round(1 / (rate * time_base)))
        self._jump = round(JUMP_SECONDS / time_base)
        self._longest_gap = max(round(LONGEST_GAP_SECONDS / time_base), GAP_FRAMES * self._step) if may_leap else None
        self._starts_at_zero = starts_at_zero
        self._begin = round(start_s / time_base)
        self._offset = -self._begin
        self._last: int | None = None

    @property
    def offset_s(self) -> Fraction:
        """What the newest frame's time has more than its source says, in seconds; changes with each new count."""
        return self._offset * self._time_base

    @property
    def leapt_s(self) -> Fraction:
        """How much was left out until now where the clock went ahead, in seconds."""
        return max(Fraction(0), -(self._begin + self._offset) * self._time_base)

    def stamp(self, pts: int | None, dts: int | None, waited_s: Fraction = Fraction(0)) -> int:
        """The presentation time of the next frame.

        Args:
            pts: What the decoder says, None if it does not know.
            dts: When the packet was due for decoding, the next best guess.
            waited_s: How long a live source sent nothing before it; its clock goes ahead by as much.

        Returns:
            `pts` itself, counted from the start, wherever it is usable, in the same units.
        """
        given = pts if pts is not None else dts
        if self._last is None:
            first = -self._offset if given is None else given
            if self._starts_at_zero:
                self._offset = -first
            self._last = first + self._offset
            return self._last
        stamp = self._last + self._step if given is None else given + self._offset
        if stamp <= self._last:
            stamp = self._mend(stamp)
        elif self._longest_gap is not None and stamp - self._last > self._longest_gap + waited_s / self._time_base:
            stamp = self._begin_count(stamp)
        self._last = stamp
        return stamp

    def _mend(self, stamp: int) -> int:
        last = self._last or 0
        if last - stamp < self._jump:
            return last + 1  # a tick later, so that the frames after it keep their own times
        return self._begin_count(stamp)

    def _begin_count(self, stamp: int) -> int:
        follows = (self._last or 0) + self._step
        self._offset += follows - stamp
        return follows


class ShownAt:
    """When a decoded frame is shown: at its presentation time, or where that is no good at its decoding time.

    FFmpeg makes up the presentation times of a format that stores none, and is wrong about pictures that are stored
    before others that are shown first. Decoding times, which go with the order in which frames leave the decoder, are
    late by as many frames as the decoder waits for.

    Args:
        has_times: The format stores presentation times. Where they go back all the same, more often than decoding
            times do, those are taken; as by FFmpeg's "best effort" stamp.
    """

    def __init__(self, *, has_times: bool) -> None:
        self._has_times = has_times
        self._first_key: int | None = None
        self._delay: int | None = None
        self._pts, self._dts = _Steps(), _Steps()

    def sent(self, dts: int | None, *, is_key: bool) -> None:
        """A packet goes into the decoder."""
        if self._first_key is None and is_key:
            self._first_key = dts

    def time(self, pts: int | None, dts: int | None) -> int | None:
        """The time of the next frame that the decoder gave, None if nobody knows."""
        if self._has_times:
            self._pts.goes_to(pts)
            self._dts.goes_to(dts)
            is_better = pts is None or self._pts.back > self._dts.back
            return dts if is_better and dts is not None else pts
        if dts is None:  # one of the last, for which the decoder waited for nothing
            return None
        if self._delay is None:
            waited = 0 if self._first_key is None else dts - self._first_key
            self._delay = waited if 0 < waited <= MAX_REORDERED else 0
        return dts - self._delay


class _Steps:
    """How often a time went back or stood still."""

    def __init__(self) -> None:
        self.back = 0
        self._last: int | None = None

    def goes_to(self, stamp: int | None) -> None:
        if stamp is not None:
            self.back += self._last is not None and stamp <= self._last
            self._last = stamp


def stores_times(container: InputContainer) -> bool:
    """Whether a format says when a picture is shown; AVI only says in which order they are decoded."""
    return container.format.name != "avi"


def may_jump(container: InputContainer) -> bool:
    """Whether the format's clock begins anywhere, and jumps where files were joined, as that of MPEG-TS does."""
    return bool(container.format.flags & Flags.ts_discont.value)


def clock_start_s(container: InputContainer) -> Fraction:
    """When the clock of a film begins: what must be taken off its times, 0 where they mean what they say."""
    return _start_s(container) if may_jump(container) else Fraction(0)


def late_start_s(container: InputContainer) -> Fraction:
    """When the first sound or picture of a film comes, on the clock of its frames, if that is late; else 0."""
    start_s = _start_s(container) - clock_start_s(container)
    return start_s if start_s >= LATE_SECONDS else Fraction(0)


def _start_s(container: InputContainer) -> Fraction:
    return (container.start_time or 0) * CONTAINER_TIME_BASE
