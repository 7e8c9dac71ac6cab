"""Converts one file after another and tells a display of it: the terminal's, or that of another process."""

import logging
import os
import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from animecam.cli.jobs import Job
from animecam.cli.resuming import goes_on, why_anew, with_begun
from animecam.errors import AnimecamError, SinkError
from animecam.run.pipeline import Figures
from animecam.settings import Scope, Settings
from animecam.sinks.options import SinkOptions
from animecam.sinks.paths import OutputKind, Target, output_kind
from animecam.sinks.sequence import numbered
from animecam.types import StreamFormat

if TYPE_CHECKING:
    from animecam.drawing.networks import Networks


log = logging.getLogger(__name__)


class Bar(Protocol):
    """How far one file is."""

    def resize(self, total: float | None) -> None:
        """Says how long it is, in frames or seconds; None: nobody knows."""
        ...

    def move(self, done: float, rate: str) -> None:
        """Says how much of it is done, and how fast it goes."""
        ...


class Display(Protocol):
    """What a conversion tells whoever waits for it."""

    def bar(self, name: str) -> AbstractContextManager[Bar]:
        """Shows a file for as long as the block lasts."""
        ...

    def note(self, text: str) -> None:
        """Tells a line."""
        ...

    def error(self, message: str, hint: str) -> None:
        """Tells a failure after which it goes on, or ends."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a batch ended.

    Attributes:
        failures: Files that could not be converted.
        faceless: Files in which nobody was found, so that what the look says of unseen faces was done to all of them.
        is_interrupted: The user stopped it.
    """

    failures: int = 0
    faceless: int = 0
    is_interrupted: bool = False

    def __add__(self, other: "Outcome") -> "Outcome":
        """How both together ended."""
        return Outcome(
            self.failures + other.failures,
            self.faceless + other.faceless,
            self.is_interrupted or other.is_interrupted,
        )


def convert_jobs(
    jobs: Iterable[Job],
    networks: "Networks",
    settings: Settings,
    display: Display,
    options: SinkOptions,
    *,
    is_only_one: bool = False,
) -> Outcome:
    """Converts files in their order; one that fails is told, and the next one follows.

    Args:
        jobs: What to convert.
        networks: Open, and stay the caller's.
        settings: As the networks were opened with.
        display: Is told.
        options: How outputs are written.
        is_only_one: There is one file: its failure is raised.

    Raises:
        AnimecamError: The only file failed.
    """
    failures = faceless = 0
    for job in jobs:
        try:
            figures, written = _convert_or_go_on(job, networks, settings, display, options)
            if figures.is_interrupted:
                _tell_stop(job, settings, display, options, is_only_one=is_only_one)
                return Outcome(failures, faceless, is_interrupted=True)
            faceless += _is_faceless(figures, settings, written)
        except KeyboardInterrupt:  # before the first frame is drawn, or a second one before the first is answered
            _tell_stop(job, settings, display, options, is_only_one=is_only_one)
            return Outcome(failures, faceless, is_interrupted=True)
        except AnimecamError as error:
            left = "" if isinstance(error, SinkError) else _part(job.target)  # of what it wrote, a sink tells itself
            if is_only_one:
                error.message += left
                raise
            whose = "" if _is_told(job, error.message) else f"{job.source.name}: "
            display.error(f"{whose}{error.message}{left}", error.hint)
            failures += 1
    return Outcome(failures, faceless)


def _is_told(job: Job, message: str) -> bool:
    """Whether a message says which file it is about."""
    return any(re.search(rf"(?<!\S){re.escape(str(path))}(?!\w)", message) for path in (job.source, job.target))


def _convert_or_go_on(
    job: Job, networks: "Networks", settings: Settings, display: Display, options: SinkOptions
) -> tuple[Figures, SinkOptions]:
    """Converts a file from where an earlier run was stopped, if it can; returns the options that were used, too."""
    from animecam.sinks.begun import EncodedOtherwiseError

    written = with_begun(job, settings, options)
    if why := why_anew(job, written):
        display.note(why)
    try:
        return _convert_one(job, networks, settings, display, written), written
    except EncodedOtherwiseError as error:
        display.note(f"{error.message}: begun anew")
        written = replace(written, begun=None)
        return _convert_one(job, networks, settings, display, written), written


def _convert_one(job: Job, networks: "Networks", settings: Settings, display: Display, options: SinkOptions) -> Figures:
    from animecam.run.session import convert_file

    begun = options.begun
    if begun is not None:
        display.note(f"{job.source.name}: going on at {float(begun.last_s):.1f} s, where it was stopped")
    with display.bar(job.source.name) as bar:
        figures = convert_file(
            job.source,
            job.target,
            networks,
            lambda stream: _Teller(bar, stream, job.seconds),
            options,
            folder=job.folder,
            seconds=job.seconds,
        )
    if not figures.is_interrupted:
        _date_like(job)
        rate, frames = figures.frames_out / figures.seconds, figures.passed + figures.frames_out
        nobody = _told_of_nobody(settings) if _is_faceless(figures, settings, options) else ""
        count = "1 frame" if frames == 1 else f"{frames} frames, {rate:.1f} a second"
        display.note(f"wrote {job.target}: {count}{_lost(figures)}{nobody}")
    return figures


def _told_of_nobody(settings: Settings) -> str:
    """That no face was found, with what finds more: by itself the program takes both of its detectors."""
    more = " (--detector auto finds smaller ones)" if settings.detector == "short" else ""
    return f"; no face was found{more}"


def _is_faceless(figures: Figures, settings: Settings, options: SinkOptions) -> bool:
    """Whether nobody was found in a film; of one that was gone on with, nobody knows."""
    return settings.look.scope is Scope.HEAD and not figures.with_faces and options.begun is None


def _date_like(job: Job) -> None:
    """Gives a file the time of its source, by which galleries sort what says nothing of its date."""
    if output_kind(str(job.target)) is OutputKind.IMAGE_SEQUENCE:
        return
    try:
        os.utime(job.target, ns=(job.target.stat().st_atime_ns, job.source.stat().st_mtime_ns))
    except OSError as error:  # a source that is gone by now, a disk that is too simple: the file itself is complete
        log.warning("%s has the time of its conversion: %s", job.target, error.strerror)


def _tell_stop(job: Job, settings: Settings, display: Display, options: SinkOptions, *, is_only_one: bool) -> None:
    """Says where that is which was written until a stop, and how to go on."""
    part = _part(job.target)
    again = "start it again without --overwrite" if options.overwrite else "start it again"
    if options.overwrite and job.target.exists():  # without it, the old result would be kept
        hint = f"start it again to convert {'it' if is_only_one else 'all'} from the beginning"
    elif part and goes_on(job, settings, options):
        hint = f"{again} to go on from near there" + ("" if is_only_one else ": what is done is skipped")
    elif is_only_one:
        hint = "start it again to convert it from its beginning"
    else:
        hint = f"{again} to go on: what is done is skipped, this file is converted from its beginning"
    display.error(f"stopped in {job.source.name}{part}", hint)


def _part(target: Path) -> str:
    """Where that is which was written until a stop, to end a message with; empty where nothing was."""
    if output_kind(str(target)) is OutputKind.IMAGE_SEQUENCE:
        return f"; what is done is in {target.parent}" if numbered(target, 0).exists() else ""
    part = Target.of(target).partial
    return f"; what is done plays: {part}" if part.exists() else ""


def _lost(figures: Figures) -> str:
    if not figures.skipped:
        return ""
    return f"; {figures.skipped} damaged frame{'s were' if figures.skipped > 1 else ' was'} left out"


class _Teller:
    """Takes the figures of a run to a bar: by frames where their number is known, else by time."""

    def __init__(self, bar: Bar, stream: StreamFormat, seconds: float | None) -> None:
        is_part = seconds is not None and seconds < stream.duration_s
        self._bar, self._counts_frames = bar, stream.frames > 0 and not is_part
        bar.resize(seconds if is_part else stream.frames or stream.duration_s or None)

    def __call__(self, figures: Figures) -> None:
        done = figures.passed + figures.frames_out + figures.skipped if self._counts_frames else figures.position_s
        is_passing = figures.passed and not figures.frames_out
        self._bar.move(done, "drawn already" if is_passing else f"{figures.fps_out:.0f} fps")
