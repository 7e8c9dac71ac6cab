"""What the terminal shows: notes, a line of figures while live, tables at the end. Messages go to stderr."""

import logging
import sys
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.logging import RichHandler
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from animecam.command_line import messages
from animecam.run.pipeline import Figures
from animecam.timing import Percentiles
from animecam.wording import in_options

results = Console(highlight=False, emoji=False)

LINES_PER_SECOND = 4  # faster is not readable


def print_whatever_comes() -> None:
    """Lets what the encoding of the output lacks be a question mark there: Latin-1 has no …, and names have anything.

    Standard error is so by itself.
    """
    if reconfigure := getattr(sys.stdout, "reconfigure", None):  # that of a notebook has none
        reconfigure(errors="replace")


def show_note(text: str) -> None:
    """Prints a line of information."""
    messages.print(escape(text), soft_wrap=True)


def set_up_logging(*, verbose: bool) -> None:
    """Sends the package's log to the terminal: warnings always, the rest when asked."""
    handler = RichHandler(console=messages, show_time=False, show_path=False, markup=False)
    handler.setFormatter(_InOptions())
    log = logging.getLogger("animecam")
    log.handlers = [handler]
    log.setLevel(logging.INFO if verbose else logging.WARNING)


class _InOptions(logging.Formatter):
    """Names settings by their options."""

    def format(self, record: logging.LogRecord) -> str:
        return in_options(super().format(record))


class FigureLine:
    """A line of figures that renews itself while live; above it stands what draws, and at the end what did, if changed.

    A narrow terminal cuts the line, and a pipe or a file gets none: neither hides which runtime was taken.

    Args:
        drawn_by: Says what draws: style, size, backend.
    """

    def __init__(self, drawn_by: Callable[[], str]) -> None:
        self._drawn_by = drawn_by
        self._began_with = ""
        self._live = Live(console=messages, refresh_per_second=LINES_PER_SECOND, transient=True)

    def __enter__(self) -> "FigureLine":
        self._began_with = self._drawn_by()
        show_note(self._began_with)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        if (ended_with := self._drawn_by()) != self._began_with:
            show_note(f"at the end: {ended_with}")

    def __call__(self, figures: Figures) -> None:
        """Shows the newest figures."""
        self._live.update(Text(f"{figure_line(figures)} · {self._drawn_by()}", no_wrap=True, overflow="ellipsis"))


def figure_line(figures: Figures) -> str:
    """The figures in one line."""
    latency = figures.latency_ms
    faces = "1 face" if figures.faces == 1 else f"{figures.faces} faces"
    return (
        f"{figures.fps_in:.0f} fps in · {figures.fps_out:.0f} fps out · "
        f"latency {latency.p50:.0f} ms, p95 {latency.p95:.0f} ms · {faces} · {figures.dropped} dropped"
    )


def figure_table(figures: Figures, title: str) -> Table:
    """The figures of a whole run: one row a stage, then the whole way from capture to sink."""
    table = Table(title=title, title_justify="left", caption=_summary(figures), caption_justify="left")
    table.add_column("stage")
    for name in ("p50 ms", "p95 ms", "p99 ms", "max ms"):
        table.add_column(name, justify="right")
    for stage, percentiles in figures.stage_ms.items():
        table.add_row(stage, *_cells(percentiles))
    table.add_section()
    table.add_row("capture to sink, with waiting", *_cells(figures.latency_ms))
    return table


def _cells(percentiles: Percentiles) -> list[str]:
    return [f"{value:.1f}" for value in (percentiles.p50, percentiles.p95, percentiles.p99, percentiles.max)]


def _at_start(figures: Figures) -> str:
    """Says how many of the dropped frames tell nothing of the rest of the run."""
    if not figures.dropped_at_start:
        return ""
    share = "" if figures.dropped_at_start == figures.dropped else f"{figures.dropped_at_start} of them "
    return f" ({share}before the first was drawn)"


def _summary(figures: Figures) -> str:
    frames = "1 frame" if figures.frames_out == 1 else f"{figures.frames_out} frames"
    words = [f"{frames} in {figures.seconds:.1f} s"]
    if figures.frames_in > 1:  # a picture has no rate
        words += [f"{figures.fps_in:.1f} fps in", f"{figures.fps_out:.1f} fps out"]
    words.append(f"{figures.dropped} dropped{_at_start(figures)}")
    if figures.capped:
        words.append(f"{figures.capped} more than wanted")
    if figures.idle:
        words.append(f"network idle in {figures.idle_share:.0%}")
    if figures.skipped:
        words.append(f"{figures.skipped} could not be decoded")
    return ", ".join(words)
