"""What the benchmarks share: commands, exact percentiles, runs in turn, tables and reports. Imports nothing heavy."""

import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Self, TypeVar

import click
from machine import Watch
from rich.console import Console
from rich.table import Table

from animecam.cli.bench import write_report
from animecam.errors import AnimecamError
from animecam.timing import Timing

PAUSE_SECONDS = 0.02  # threads of a runtime spin for some milliseconds after a run and would slow down the next one
QUARTILES = (0.25, 0.75)
BYTES_PER_MIB = 1 << 20

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

FILE_COLUMNS = 180  # of a table that goes into a file or a log

_console = Console(highlight=False, width=None if sys.stdout.isatty() else FILE_COLUMNS)


class BenchmarkCommand(click.Command):
    """A command that shows the errors of animecam as the product does: a line, a hint, a status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except AnimecamError as error:
            raise click.ClickException(f"{error.message} ({error.hint})" if error.hint else error.message) from error


def json_option(command: Command) -> Command:
    """Gives a command `--json FILE`, handed over as `report`."""
    option = click.option(
        "--json", "report", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures to this file, too."
    )
    return option(command)


@dataclass(frozen=True, slots=True)
class Spread:
    """Durations in milliseconds: exact, unlike the histogram with which a run reports itself."""

    mean: float
    p50: float
    p95: float
    p99: float
    max: float
    count: int

    @classmethod
    def of(cls, samples_ms: Sequence[float]) -> Self:
        """The spread of some durations, nearest rank; at least one is needed."""
        ordered = sorted(samples_ms)
        ranks = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.50, 0.95, 0.99))
        return cls(sum(ordered) / len(ordered), *ranks, ordered[-1], len(ordered))

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


class Samples(Timing):
    """Keeps every duration of every stage, so that frames can be compared one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.ms: dict[str, list[float]] = {}

    def add(self, name: str, duration_ms: float) -> None:
        """As `Timing.add`."""
        super().add(name, duration_ms)
        self.ms.setdefault(name, []).append(duration_ms)


def timed(function: Callable[..., T], *columns: Sequence[Any]) -> tuple[list[T], list[float]]:
    """Calls a function with each row of some columns.

    Args:
        function: What to time.
        columns: Its arguments, as many of each as there are calls.

    Returns:
        The results, and how long each took in milliseconds.
    """
    results: list[T] = []
    times_ms: list[float] = []
    for row in zip(*columns, strict=True):
        start_ns = time.perf_counter_ns()
        results.append(function(*row))
        times_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
    return results, times_ms


def interleave(
    cases: Mapping[str, Callable[[], object]], rounds: int, *, pause_s: float = PAUSE_SECONDS
) -> dict[str, list[float]]:
    """Times cases in turn (A B C, C B A, A B C …), so that what slows the machine down slows all of them.

    Before each timed call stands one that is not: it brings the case's memory back into the caches.

    Args:
        cases: What to call, by name.
        rounds: How often each is timed.
        pause_s: Rest before each case.

    Returns:
        Milliseconds of each call by name; those of one round have the same index.
    """
    times_ms: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds):
        order = list(cases) if number % 2 == 0 else list(reversed(cases))
        for name in order:
            time.sleep(pause_s)
            cases[name]()
            start_ns = time.perf_counter_ns()
            cases[name]()
            times_ms[name].append((time.perf_counter_ns() - start_ns) / 1e6)
    return times_ms


def resident_mib() -> float:
    """Memory of this process that is in RAM now, in MiB.

    Raises:
        click.ClickException: The system does not tell.
    """
    statm = Path("/proc/self/statm")
    if not statm.exists():
        raise click.ClickException("resident memory can be read on Linux only")
    return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / BYTES_PER_MIB


def show(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table; all but the first column are numbers."""
    say(title)
    table = Table()
    for index, head in enumerate(heads):
        table.add_column(head, justify="left" if index == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    _console.print(table)


def say(text: str) -> None:
    """Prints a line."""
    _console.print(text, markup=False, soft_wrap=True)


def save(report: Path | None, watch: Watch, content: Mapping[str, Any]) -> None:
    """Writes figures as JSON, where that is asked for, with the machine they are of.

    Raises:
        SinkError: The file cannot be written.
    """
    if report is not None:
        write_report(report, {"machine": watch.report(), **content})
