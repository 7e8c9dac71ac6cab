"""A limit on the rate of a live source that adds no delay: a frame goes on at once or not at all."""

EARLY_SHARE = 0.25  # of the wanted distance by which a frame may come early: cameras are not even


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
