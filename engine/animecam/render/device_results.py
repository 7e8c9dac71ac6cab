"""Frames that come back from a GPU: each stays in its slot until it is asked for, or the slot goes."""

from collections.abc import Callable
from dataclasses import dataclass

from animecam.types import Frame


@dataclass(frozen=True, slots=True)
class Drawn:
    """A frame that came back.

    Attributes:
        frame: With planes of its own.
        gpu_ms: How long the GPU drew, from the first crop to the last pixel pasted.
    """

    frame: Frame
    gpu_ms: float


class Results:
    """What was sent and not asked for yet; used by one thread at a time.

    Args:
        most: So many may be waited for at a time. What nobody has asked for when as many more are sent is dropped.
    """

    def __init__(self, most: int) -> None:
        self._most, self._sent = most, 0
        self._fetches: dict[int, Callable[[], Drawn]] = {}

    def add(self, fetch: Callable[[], Drawn]) -> Callable[[], Drawn]:
        """A frame was sent.

        Args:
            fetch: Waits for it and takes it out of its slot.

        Returns:
            What gives it to whoever waits for it, once.
        """
        number = self._sent
        self._sent += 1
        self._fetches[number] = fetch
        self._fetches.pop(number - self._most, None)
        return lambda: self._fetches.pop(number)()

    def take_out(self) -> None:
        """Takes all frames out of their slots, which may go then.

        Raises:
            BackendError: The GPU failed, or the wait was too long.
        """
        for number, fetch in self._fetches.items():
            self._fetches[number] = _given(fetch())


def _given(drawn: Drawn) -> Callable[[], Drawn]:
    return lambda: drawn
