"""Searches in another thread than the one that waits for them."""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from typing import TypeVar

from animecam.channel import SLICE_SECONDS
from animecam.errors import FaceError
from animecam.faces.base import Detector
from animecam.types import Detection, Image

SEARCH_SECONDS = 10.0
"""Longest wait for a search that began a frame ago; it takes some hundredths of a second."""

Seen = TypeVar("Seen", bound=Sequence[Detection])


class Queued:
    """`Detector` whose pictures take their turn in the one thread that uses it, and are waited for.

    Args:
        detector: What searches; stays the caller's.
        thread: Its one thread.
    """

    def __init__(self, detector: Detector, thread: Executor) -> None:
        self.name = detector.name
        self._detector, self._thread = detector, thread

    def detect(self, picture: Image, min_score: float) -> tuple[Detection, ...]:
        """As `Detector.detect`.

        Raises:
            FaceError: It took too long.
        """
        return awaited(self._thread.submit(self._detector.detect, picture, min_score))

    def close(self) -> None:
        """As `Detector.close`; the detector itself is closed by whoever opened it."""


def awaited(search: Future[Seen]) -> Seen:
    """What a search finds; waited for in slices, as a process that was stopped (Ctrl-Z) wakes up hours later.

    Raises:
        FaceError: It took too long.
    """
    left_s = SEARCH_SECONDS
    while True:
        slice_s = min(left_s, SLICE_SECONDS)
        try:
            return search.result(slice_s)
        except TimeoutError as error:
            left_s -= slice_s
            if left_s <= 0:
                hint = "the machine may be overloaded; another `detector` or `backend` shows which part hangs"
                raise FaceError(f"a search for faces took more than {SEARCH_SECONDS:g} s", hint=hint) from error
