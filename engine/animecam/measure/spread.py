"""Durations and their ratios, exact: a benchmark keeps every sample, unlike a run that may have no end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Self

QUARTILES = (0.25, 0.75)
_SHARES = (0.50, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Spread:
    """Durations in milliseconds, nearest rank."""

    mean: float
    p50: float
    p95: float
    p99: float
    max: float
    count: int

    @classmethod
    def of(cls, samples_ms: Sequence[float]) -> Self:
        """The spread of some durations; at least one is needed."""
        ordered = sorted(samples_ms)
        p50, p95, p99 = (ordered[math.ceil(share * len(ordered)) - 1] for share in _SHARES)
        return cls(fmean(ordered), p50, p95, p99, ordered[-1], len(ordered))

    def cells(self) -> tuple[str, ...]:
        """p50, p95, p99, max and mean for a table, in the order of `SPREAD_HEADS`."""
        return tuple(f"{value:.2f}" for value in (self.p50, self.p95, self.p99, self.max, self.mean))


SPREAD_HEADS = ("p50 ms", "p95 ms", "p99 ms", "max ms", "mean ms")


@dataclass(frozen=True, slots=True)
class Ratio:
    """A duration as a share of a reference that ran beside it: the median over rounds, and its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: Sequence[float], references: Sequence[float]) -> Self:
        """The ratio of pairs that were measured side by side."""
        ratios = sorted(sample / reference for sample, reference in zip(samples, references, strict=True))
        low, high = (ratios[math.ceil(share * len(ratios)) - 1] for share in QUARTILES)
        return cls(median(ratios), low, high)

    def __str__(self) -> str:
        return f"{self.median:.3f} ({self.low:.3f}–{self.high:.3f})"
