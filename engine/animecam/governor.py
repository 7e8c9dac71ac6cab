"""Holds a frame rate by choosing the size of the crops from measured time.

The time of the network grows with the pixels of the crop, everything else stays: time = rest + draw * (size / size
now)^2. That is enough to know what another size would cost before trying it.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median

WINDOW_FRAMES = 15  # half a second at 30 fps: one slow frame is no reason to change
HEADROOM = 0.9  # share of a frame's time that may be spent; the rest absorbs what the system does besides
CLIMB_SHARE = 0.75  # a larger size must fit into this share, so that it does not have to be given back at once
CLIMB_SECONDS = 2.0  # and must have done so for this long


@dataclass(frozen=True, slots=True)
class Choice:
    """A size, and why.

    Attributes:
        size_px: Side of the crops.
        reason: One line for the log.
    """

    size_px: int
    reason: str


class Governor:
    """Decides after each frame whether another size is due; quick to give way, slow to climb.

    Args:
        target_fps: Frames per second to hold.
        sizes_px: Sizes to choose from, all warmed up.
    """

    def __init__(self, target_fps: float, sizes_px: tuple[int, ...]) -> None:
        self._budget_ms = HEADROOM * 1000.0 / target_fps
        self._target_fps = target_fps
        self._sizes_px = tuple(sorted(sizes_px))
        self._draw_ms: deque[float] = deque(maxlen=WINDOW_FRAMES)
        self._rest_ms: deque[float] = deque(maxlen=WINDOW_FRAMES)
        self._fits_since_s: float | None = None
        self._size_px = 0

    def observe(self, now_s: float, size_px: int, draw_ms: float, rest_ms: float) -> Choice | None:
        """Takes the times of one frame.

        Args:
            now_s: A clock in seconds that does not jump.
            size_px: Size at which the frame was drawn.
            draw_ms: Time of the network.
            rest_ms: Time of everything else that this thread did for the frame.

        Returns:
            The size to take from the next frame on, or None to stay.
        """
        if size_px != self._size_px:  # the user chose another
            self._forget()
            self._size_px = size_px
        self._draw_ms.append(draw_ms)
        self._rest_ms.append(rest_ms)
        if len(self._draw_ms) < WINDOW_FRAMES:
            return None
        draw_ms, rest_ms = median(self._draw_ms), median(self._rest_ms)
        costs_ms = {s: rest_ms + draw_ms * (s / size_px) ** 2 for s in self._sizes_px}
        if draw_ms + rest_ms > self._budget_ms:
            smaller = [s for s in self._sizes_px if s < size_px]
            fitting = [s for s in smaller if costs_ms[s] <= self._budget_ms]
            return self._changed(max(fitting or smaller[:1]), draw_ms + rest_ms) if smaller else None
        larger = [s for s in self._sizes_px if s > size_px and costs_ms[s] <= CLIMB_SHARE * self._budget_ms]
        if not larger:
            self._fits_since_s = None
            return None
        if self._fits_since_s is None:
            self._fits_since_s = now_s
        has_lasted = now_s - self._fits_since_s >= CLIMB_SECONDS
        return self._changed(max(larger), draw_ms + rest_ms) if has_lasted else None

    def _forget(self) -> None:
        """What was measured at the old size says nothing about the new one."""
        self._draw_ms.clear()
        self._rest_ms.clear()
        self._fits_since_s = None

    def _changed(self, size_px: int, took_ms: float) -> Choice:
        self._forget()
        return Choice(size_px, f"{took_ms:.0f} ms a frame, {self._target_fps:g} fps wanted: crops of {size_px} px now")
