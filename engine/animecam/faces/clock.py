"""The tracker's own time, which time stamps that stand still, jump or begin anew cannot stop."""

from animecam.types import Frame

SHORTEST_STEP_SECONDS = 0.002
"""Films of 500 frames a second have it; time stamps that are nearer to each other were mended or are wrong."""

NOMINAL_STEP_SECONDS = 1 / 30
"""What passes between two frames whose time stamps do not grow, or by less than that."""

LONGEST_STEP_SECONDS = 1.0
"""A longer gap between two frames is a cut; what was before it has been lost either way."""


class FrameClock:
    """Counts seconds from the first frame on. Call it with the frames in order."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._frame_s: float | None = None

    def __call__(self, frame: Frame) -> float:
        """The time of a frame in seconds, later than that of the last one."""
        if self._frame_s is not None:
            step_s = frame.time_s - self._frame_s
            is_real = step_s >= SHORTEST_STEP_SECONDS
            self._now_s += min(step_s, LONGEST_STEP_SECONDS) if is_real else NOMINAL_STEP_SECONDS
        self._frame_s = frame.time_s
        return self._now_s
