"""What the terminal shows of `animecam-train`: results on stdout; errors, progress and notes on stderr."""

import logging
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from time import perf_counter

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from animecam_training.progress import Stages, Tell, ignore

results = Console(highlight=False, emoji=False)
messages = Console(stderr=True, highlight=False, emoji=False)

SPOKEN_EVERY_S = 60.0


class _Lines(logging.Handler):
    """Prints each note as one line, above the bars: a terminal that is narrow would break paths within a column."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints it; what is no mere note begins with its level."""
        level = "" if record.levelno <= logging.INFO else f"[bold yellow]{record.levelname.lower()}:[/] "
        messages.print(level + escape(record.getMessage()), soft_wrap=True)


def set_up_logging(*, is_told: bool) -> None:
    """Sends notes and warnings of this package to the terminal.

    Args:
        is_told: False for one of several processes whose first tells the same: it keeps its errors alone.
    """
    log = logging.getLogger("animecam_training")
    log.handlers = [_Lines()]
    log.setLevel(logging.INFO if is_told else logging.ERROR)


def show_error(message: str, hint: str) -> None:
    """Prints an error in one line and, if there is one, its hint in a second."""
    messages.print(f"[bold red]animecam-train:[/] {escape(message)}", soft_wrap=True)
    if hint:
        messages.print(f"[bold]hint:[/] {escape(hint)}", soft_wrap=True)


def drop_output() -> None:
    """Sends to nowhere what is left of an output that nobody reads: Python's last flush would complain of it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


class _Spoken:
    """A stage in lines, where there is no terminal for bars that move: the log of a long run shows that it goes on.

    Args:
        description: What is done.
    """

    def __init__(self, description: str) -> None:
        self._description = description
        self._since: tuple[float, int] | None = None  # when it began, and with how many things done
        self._spoken = perf_counter()

    def tell(self, done: int, total: int) -> None:
        """Says how far it is, now and then."""
        now = perf_counter()
        if self._since is None:
            self._since = now, done  # what a run had done before it goes on says nothing of how fast it is
        start, before = self._since
        if now - self._spoken < SPOKEN_EVERY_S or done in (before, total):
            return
        self._spoken = now
        left = timedelta(seconds=round((now - start) * (total - done) / (done - before)))
        messages.print(f"{escape(self._description)}: {done} of {total}, {left} left", soft_wrap=True)


@contextmanager
def stages(*, is_shown: bool = True) -> Generator[Stages]:
    """Bars that appear with the first thing done, each by its name.

    Where the output is no terminal there are lines now and then, and bars at the end alone.

    Args:
        is_shown: False shows nothing.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=messages, disable=not is_shown)

    def stage(description: str) -> Tell:
        if not is_shown:
            return ignore
        spoken = ignore if messages.is_terminal else _Spoken(description).tell
        tasks: list[TaskID] = []

        def tell(done: int, total: int) -> None:
            progress.start()  # once: a bar of nothing would be an empty line before what went wrong
            if not tasks:
                tasks.append(progress.add_task(escape(description)))
            progress.update(tasks[0], completed=done, total=total)
            spoken(done, total)

        return tell

    try:
        yield stage
    finally:
        if progress.tasks:
            progress.stop()
