"""What the benchmarks share: commands, samples of stages, tables and reports. Imports nothing heavy."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from machine import Watch
from rich.console import Console
from rich.table import Table

from animecam.errors import AnimecamError
from animecam.measure.figures import check_report, write_report
from animecam.timing import Timing

BYTES_PER_MIB = 1 << 20
PEAK_UNIT_PER_MIB = 1 << 20 if sys.platform == "darwin" else 1 << 10  # ru_maxrss is in bytes on a Mac, else in KiB

COUNT = click.IntRange(min=1)
"""Of frames, rounds, starts, pixels: nothing is measured in none."""

THREADS = click.IntRange(min=0)
"""Of a runtime; 0 is its own choice."""

LENGTH = click.FloatRange(min=0.0, min_open=True)
"""Of a run, in seconds or minutes."""

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

EXACT_DB = 200.0  # stands for no difference at all: JSON knows no infinity

FILE_COLUMNS = 180  # of a table that goes into a file or a log

_console = Console(highlight=False, width=None if sys.stdout.isatty() else FILE_COLUMNS)


class BenchmarkCommand(click.Command):
    """A command that shows the errors of animecam as the product does: a line, a hint, a status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except AnimecamError as error:
            raise _Told(error) from error


class _Told(click.ClickException):
    """An error of animecam in one line, with its own exit status."""

    def __init__(self, error: AnimecamError) -> None:
        super().__init__(f"{error.message} ({error.hint})" if error.hint else error.message)
        self._exit_status = error.exit_status

    @property
    def exit_code(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride] - click asks the instance
        """As the product ends with."""
        return self._exit_status


def json_option(command: Command) -> Command:
    """Gives a command `--json FILE`, handed over as `report`; a place that takes no file is refused at once."""
    option = click.option(
        "--json",
        "report",
        type=click.Path(dir_okay=False, path_type=Path),
        callback=_writable,
        help="Write the figures to this file, too.",
    )
    return option(command)


def _writable(_context: click.Context, _option: click.Parameter, report: Path | None) -> Path | None:
    """The file, as minutes of measuring would be lost if it were found wrong after them."""
    if report is not None:
        try:
            check_report(report)
        except AnimecamError as error:
            raise click.BadParameter(error.message) from error
    return report


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


def resident_mib() -> float:
    """Memory of this process that is in RAM now, in MiB."""
    import psutil

    return psutil.Process().memory_info().rss / BYTES_PER_MIB


def show(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table; all but the first column are numbers.

    The last column is broken where there is no room for all: of figures that are cut nobody would have anything.
    """
    say(title)
    table = Table()
    for index, head in enumerate(heads):
        is_last = index == len(heads) - 1
        table.add_column(head, justify="left" if index == 0 else "right", no_wrap=not is_last)
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
