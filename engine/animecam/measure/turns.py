"""Things that are compared take turns, so that whatever slows the machine down slows all of them."""

import math
import time
from collections.abc import Callable, Mapping

PAUSE_SECONDS = 0.02  # threads of a runtime spin for some milliseconds after a run and would slow down the next one


def interleave(
    cases: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    pause_s: float = PAUSE_SECONDS,
    budget_s: float = math.inf,
    least_rounds: int = 1,
) -> dict[str, list[float]]:
    """Times cases in turn (A B C, C B A, A B C …).

    Before each timed call stands one that is not: it brings the case's memory back into the caches.

    Args:
        cases: What to call, by name.
        rounds: How often each is timed, at most.
        pause_s: Rest before each case.
        budget_s: No round is begun after this time, once there are `least_rounds`.
        least_rounds: How often each is timed, at least.

    Returns:
        Milliseconds of each call by name; those of one round have the same index.
    """
    names = list(cases)
    times_ms: dict[str, list[float]] = {name: [] for name in names}
    end_s = time.monotonic() + budget_s
    for number in range(rounds):
        if number >= least_rounds and time.monotonic() > end_s:
            break
        for name in names if number % 2 == 0 else reversed(names):
            time.sleep(pause_s)
            cases[name]()
            start_ns = time.perf_counter_ns()
            cases[name]()
            times_ms[name].append((time.perf_counter_ns() - start_ns) / 1e6)
    return times_ms
