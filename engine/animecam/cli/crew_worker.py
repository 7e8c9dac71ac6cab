"""What a process for one GPU does, and what it tells the one that started it (see `crew`)."""

import logging
import os
import signal
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TypeAlias

from animecam.cli.conversion import Bar, Display, Outcome, convert_jobs
from animecam.cli.jobs import Job
from animecam.errors import AnimecamError
from animecam.settings import Settings
from animecam.sinks.options import SinkOptions


@dataclass(frozen=True, slots=True)
class Free:
    """Wants the next file."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line to tell."""

    text: str


@dataclass(frozen=True, slots=True)
class Error:
    """A failure after which it goes on, or ends."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Logged:
    """A line of the log."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A file is begun."""

    name: str


@dataclass(frozen=True, slots=True)
class Sized:
    """How long the file is, in frames or seconds; None: nobody knows."""

    total: float | None


@dataclass(frozen=True, slots=True)
class Moved:
    """How much of the file is done, and how fast it goes."""

    done: float
    rate: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The file that was begun is shown no more."""


@dataclass(frozen=True, slots=True)
class Left:
    """It has closed all that it opened, and ends."""


Message: TypeAlias = Free | Note | Error | Logged | Begun | Sized | Moved | Ended | Outcome | Left
"""An `Outcome` is that of the file which was handed out, told at once: closing may break the process."""


def work(pipe: Connection, settings: Settings, options: SinkOptions, log_level: int) -> None:
    """Converts the files that come through a pipe, until there are no more.

    Args:
        pipe: `Job` or None comes in, `Message` goes out.
        settings: How to convert.
        options: How outputs are written.
        log_level: What of the log is passed on.
    """
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C reaches the first process alone, which passes it on: it would count twice
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    line = _Line(pipe)
    ours = logging.getLogger("animecam")
    ours.handlers = [_LineLog(line)]
    ours.setLevel(log_level)
    display = _LineDisplay(line)
    try:
        _convert(line, settings, display, options)
    except KeyboardInterrupt:
        line.tell(Outcome(is_interrupted=True))
    except AnimecamError as error:
        display.error(f"GPU {settings.gpu}: {error.message}", error.hint)  # it has no file: another one may take them
    except (EOFError, BrokenPipeError):
        return  # nobody is there any more who would be told
    line.tell(Left())


def _convert(line: "_Line", settings: Settings, display: Display, options: SinkOptions) -> None:
    from animecam.drawing.networks import open_networks

    with open_networks(settings) as networks:
        networks.require_detectors()
        display.note(networks.summary)
        for job in line.jobs():
            outcome = convert_jobs([job], networks, settings, display, options)
            line.tell(outcome)
            if outcome.is_interrupted:
                return


class _Line:
    """The pipe, for whichever thread has something to tell."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._telling = threading.Lock()

    def tell(self, message: Message) -> None:
        """Sends a message."""
        with self._telling:
            self._pipe.send(message)

    def jobs(self) -> Iterator[Job]:
        """Asks for one file after another."""
        while True:
            self.tell(Free())
            job: Job | None = self._pipe.recv()
            if job is None:
                return
            yield job


@dataclass(frozen=True, slots=True)
class _LineDisplay:
    """`Display` that is elsewhere."""

    line: _Line

    @contextmanager
    def bar(self, name: str) -> Generator[Bar]:
        self.line.tell(Begun(name))
        try:
            yield _LineBar(self.line)
        finally:
            self.line.tell(Ended())

    def note(self, text: str) -> None:
        self.line.tell(Note(text))

    def error(self, message: str, hint: str) -> None:
        self.line.tell(Error(message, hint))


@dataclass(frozen=True, slots=True)
class _LineBar:
    line: _Line

    def resize(self, total: float | None) -> None:
        self.line.tell(Sized(total))

    def move(self, done: float, rate: str) -> None:
        self.line.tell(Moved(done, rate))


class _LineLog(logging.Handler):
    """Sends what is logged, as text: a record may hold what no pipe takes."""

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        self._line.tell(Logged(record.levelno, record.getMessage()))
