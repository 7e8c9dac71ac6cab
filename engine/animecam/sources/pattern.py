"""A synthetic camera: any size and rate, the same pixels in every run, and it fails when told to."""

from animecam.sources import faults
from animecam.sources.clock import NS_PER_SECOND, SYSTEM_CLOCK, Clock
from animecam.sources.options import SourceOptions
from animecam.sources.pattern_scene import Scene
from animecam.sources.pattern_uri import PatternOptions, parse_pattern
from animecam.types import Frame, StreamFormat

TICK_SECONDS = 0.05  # how often a wait looks whether the source was closed


def open_pattern(uri: str, options: SourceOptions, clock: Clock = SYSTEM_CLOCK) -> "PatternSource":
    """Opens `pattern:WxH@FPS?…`, see `animecam.sources.pattern_uri`.

    Raises:
        SourceError: The URI says `busy=1`.
        UsageError: The URI cannot be read.
    """
    pattern = parse_pattern(uri, options)
    if pattern.is_busy:
        raise faults.busy(uri)
    return PatternSource(uri, pattern, read_s=options.read_s, clock=clock)


class PatternSource:
    """The synthetic camera; as a `Source`.

    Live, it keeps to a schedule that begins with the first read and that no delay shifts. Like a camera it keeps no
    more than the newest frame: what nobody took in time is gone, and shows as a gap in `pts`.
    """

    def __init__(self, uri: str, pattern: PatternOptions, *, read_s: float, clock: Clock) -> None:
        self.uri = uri
        self.skipped = 0
        self._pattern = pattern
        self._read_s = read_s
        self._clock = clock
        size_px = (pattern.width_px, pattern.height_px)
        self._scene = Scene(pattern.pixel_format, *size_px, pattern.faces, pattern.rate)
        self._start_ns: int | None = None
        self._next = 0
        self._count = 0
        self._is_closed = False
        frames = pattern.frames or 0
        self.format = StreamFormat(
            width_px=pattern.width_px,
            height_px=pattern.height_px,
            pixel_format=pattern.pixel_format,
            color=self._scene.color,
            rotation_deg=0,
            time_base=1 / pattern.rate,
            rate=pattern.rate,
            is_live=pattern.is_live,
            frames=0 if pattern.is_live else frames,
            duration_s=0.0 if pattern.is_live else float(frames / pattern.rate),
        )

    def read(self) -> Frame | None:
        """The next frame, or None at the end; as `Source.read`.

        Raises:
            SourceError: The URI told it to be unplugged or to stall here.
        """
        pattern = self._pattern
        number = self._newest() if pattern.is_live else self._next
        if self._is_closed or (pattern.frames is not None and number >= pattern.frames):
            return None
        if pattern.unplug_at is not None and number >= pattern.unplug_at:
            raise faults.unplugged(self.uri)
        if pattern.stall_at is not None and number >= pattern.stall_at:
            self._wait_until(self._clock.now_ns() + round(self._read_s * NS_PER_SECOND))
            if self._is_closed:
                return None
            raise faults.nothing_came(self.uri, self._read_s)
        planes, packed = self._scene.draw(number)  # before it is due, so that drawing costs no time
        if pattern.is_live:
            self._wait_until(self._due_ns(number))
            if self._is_closed:
                return None
        self._next = number + 1
        index, self._count = self._count, self._count + 1
        return Frame(
            planes=planes,
            pixel_format=pattern.pixel_format,
            color=self.format.color,
            rotation_deg=0,
            index=index,
            pts=number,
            time_base=self.format.time_base,
            captured_ns=self._clock.now_ns(),
            duration=1,
            packed=packed,
        )

    def close(self) -> None:
        """Ends a wait in another thread soon; may be called twice."""
        self._is_closed = True

    def _newest(self) -> int:
        """Number of the frame that the next read gets: the newest that is due, else the one to come."""
        now_ns = self._clock.now_ns()
        if self._start_ns is None:
            self._start_ns = now_ns
        due = (now_ns - self._start_ns) * self._pattern.rate // NS_PER_SECOND
        return max(self._next, due)

    def _due_ns(self, number: int) -> int:
        return (self._start_ns or 0) + round(number * NS_PER_SECOND / self._pattern.rate)

    def _wait_until(self, due_ns: int) -> None:
        while not self._is_closed:
            left_s = (due_ns - self._clock.now_ns()) / NS_PER_SECOND
            if left_s <= 0:
                return
            self._clock.sleep(min(left_s, TICK_SECONDS))
