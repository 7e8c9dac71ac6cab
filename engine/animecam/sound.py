"""Sound on its way from a microphone to the outputs that record it, and the clocks that keep it with the pictures."""

from collections import deque
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

SOUND_RATE_HZ = 48_000  # what sound cards run at, and one of the few that Opus takes
WINDOW_SECONDS = 2.0
"""How long an arrival counts: a delay by chance is over by then; a clock that is off by 0.1 per mille has moved by 0.2
ms."""

Samples: TypeAlias = NDArray[np.float32]
"""One channel at `SOUND_RATE_HZ`, float32 [N] in [-1, 1]."""


@dataclass(frozen=True, slots=True)
class SoundChunk:
    """Samples without a gap.

    Attributes:
        start_s: When the first one was heard, in seconds of `time.perf_counter`.
        samples: The sound.
    """

    start_s: float
    samples: Samples


class SoundFeed(Protocol):
    """Sound that goes on whether somebody takes it or not; any number of threads may ask."""

    def since(self, number: int) -> tuple[tuple[SoundChunk, ...], int]:
        """What was heard after the first `number` chunks, as far as it is kept, and how many there are now."""
        ...


class LeastDelay:
    """Finds out where another clock's zero lies on ours, from things that arrive late by chance but never early."""

    def __init__(self) -> None:
        self._least: deque[tuple[float, float]] = deque()  # arrivals whose offset none after them has undercut

    def add(self, theirs_s: float, arrival_s: float) -> float:
        """Takes one arrival.

        Args:
            theirs_s: When it happened, by their clock.
            arrival_s: When it arrived, by ours; not before the last one's.

        Returns:
            What to add to their time to get ours.
        """
        offset_s = arrival_s - theirs_s
        while self._least and self._least[-1][1] >= offset_s:
            self._least.pop()
        self._least.append((arrival_s, offset_s))
        while self._least[0][0] < arrival_s - WINDOW_SECONDS:
            self._least.popleft()
        return self._least[0][1]
