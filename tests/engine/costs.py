"""What tests of costs share: processor time of pieces of work that take turns."""

from collections.abc import Callable

TURNS = 15  # a neighbour on the host may fill the memory for several of them


def least_costs(clock: Callable[[], float], *cases: Callable[[], object]) -> list[float]:
    """Cost of each case in seconds of a clock, the least of some turns; they take turns, and the first is a warm-up."""
    costs: list[list[float]] = [[] for _ in cases]
    for turn in range(1 + TURNS):
        for case, taken in zip(cases, costs, strict=True):
            start_s = clock()
            case()
            if turn:
                taken.append(clock() - start_s)
    return [min(taken) for taken in costs]
