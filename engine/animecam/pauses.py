"""Work that pauses on its way, so that whoever does it may do something else in between.

A generator that yields where it may be left for a while, and returns what was asked of it. Nobody calls back: who
goes on with it decides when, and for how long.
"""

import time
from collections.abc import Generator
from typing import TypeAlias, TypeVar

from animecam.timing import ms_since

T = TypeVar("T")

Pausing: TypeAlias = Generator[None, None, T]
"""Work that gives a `T` in the end."""


def at_once(work: Pausing[T]) -> T:
    """Does some work without a pause."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def has_ended(work: Pausing[None], while_ms: float) -> bool:
    """Goes on with some work for so long, and then to its next pause; says whether it is done."""
    start_ns = time.perf_counter_ns()
    return all(ms_since(start_ns) < while_ms for _ in work)
