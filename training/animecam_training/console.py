"""What the terminal shows of `animecam-train`: results on stdout; errors, progress and notes on stderr."""

import logging
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

results = Console(highlight=False, emoji=False)
messages = Console(stderr=True, highlight=False, emoji=False)


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


def progress_bar(*, is_shown: bool = True) -> Progress:
    """A bar with counts and the time that is left."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=messages, disable=not is_shown)


@contextmanager
def stages() -> Generator[Callable[[str], Callable[[int, int], None]]]:
    """Bars that appear with the first thing done: each by its name, as a function of things done and their total."""
    progress = progress_bar()

    def stage(description: str) -> Callable[[int, int], None]:
        tasks: list[TaskID] = []

        def tell(done: int, total: int) -> None:
            progress.start()  # once: a bar of nothing would be an empty line before what went wrong
            if not tasks:
                tasks.append(progress.add_task(description))
            progress.update(tasks[0], completed=done, total=total)

        return tell

    try:
        yield stage
    finally:
        if progress.tasks:
            progress.stop()
