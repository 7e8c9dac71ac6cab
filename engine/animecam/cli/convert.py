"""`animecam convert`: videos and still pictures, one or many."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from animecam.backgrounds import TRANSPARENT
from animecam.cli.config import ConfiguredCommand, no_config_option
from animecam.cli.console import messages, show_note
from animecam.cli.conversion import Bar, Outcome, convert_jobs
from animecam.cli.jobs import Job, plan_conversion
from animecam.cli.naming import NAMEABLE_SUFFIXES
from animecam.cli.options import OutputPath, file_look_options, overwrite_option
from animecam.command_line import INTERRUPTED, RUN_TIME_ERROR, show_error
from animecam.errors import SourceError, UsageError
from animecam.settings import Settings, Unseen
from animecam.sinks.options import AUTO, SinkOptions
from animecam.sinks.paths import VIDEO_EXTENSIONS
from animecam.sinks.transparency import refuse_opaque
from animecam.sources.picture_header import PICTURE_SUFFIXES

_WITHOUT_FACES = {Unseen.DRAW: "were drawn whole", Unseen.KEEP: "were not drawn", Unseen.BLUR: "were blurred"}


@click.command(cls=ConfiguredCommand)
@click.argument("inputs", nargs=-1, required=True, metavar="IN…")
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=OutputPath(),
    help="A file for one input, else a folder, as is OUT/. [default: NAME-anime.EXT beside each input]",
)
@click.option(
    "--gpus",
    metavar="N,N…",
    help="Convert several files at a time, one on each of these GPUs, instead of --gpu.",
)
@click.option(
    "--codec",
    default=AUTO,
    show_default=True,
    help="Encoder of videos, as FFmpeg names it: libx264, libx265, libsvtav1, h264_nvenc, … "
    "auto is the GPU's for what the GPU has decoded, else libx264 (VP9 in .webm).",
)
@click.option(
    "--crf",
    type=click.IntRange(0, 63),
    help="Quality of videos, 0 is the best and largest; of H.264 and H.265 the last is 51, of VP9 and AV1 63. "
    "[default: what looks lossless, 18 for H.264]",
)
@click.option(
    "--seconds",
    type=float,
    metavar="S",
    help="Convert the first S seconds of each video alone, to see how it looks; name another OUT than for all of it.",
)
@click.option(
    "--keep-location",
    is_flag=True,
    help="Keep where a photo or a film was taken: what is drawn is made to be shown, so it is left out by default.",
)
@overwrite_option
@no_config_option
@file_look_options
def convert(
    *,
    settings: Settings,
    inputs: tuple[str, ...],
    output: str | None,
    gpus: str | None,
    codec: str,
    crf: int | None,
    keep_location: bool,
    seconds: float | None,
    overwrite: bool,
) -> int:
    """Converts videos and pictures; IN… are files, folders or patterns such as 'clips/*.mp4'.

    A folder is taken with those in it, and its tree is made anew below OUT; of several inputs each folder keeps its
    name there. What is hidden is passed over. Where two results would have one name, the one of another kind keeps its
    old ending in it: e.mts beside e.mp4 becomes e.mts.mp4.

    Every frame keeps its time stamp (but in AVI files, which count frames) and the sound is copied, or encoded anew
    where the result cannot hold its kind. Of several inputs, those whose output exists are skipped, so a batch that
    was cut can be started again.

    A result says when and with what it was taken, and has the time of its source, by which galleries sort.
    """
    from animecam.run.live_options import check_seconds

    chosen = _gpus(gpus) if gpus is not None else ()
    options = SinkOptions(overwrite=overwrite, codec=codec, crf=crf, keeps_location=keep_location)
    check_codec(codec)
    check_seconds(seconds)
    is_transparent = settings.look.background == TRANSPARENT
    plan = plan_conversion(inputs, output, overwrite=overwrite, is_transparent=is_transparent)
    jobs = plan.jobs
    _refuse_idle(jobs, options, seconds)
    _check_quality(jobs, options)
    refuse_opaque((str(job.target) for job in jobs), settings.look)
    if plan.passed_over:
        show_note(f"passed over: {plan.passed_over}")
    for job in jobs:
        if job.is_done:
            show_note(f"skipped {job.source.name}: {job.target} exists")
    waiting = tuple(replace(job, seconds=seconds) for job in jobs if not job.is_done)
    meant = _meant_output(inputs, jobs) if output is None else None
    there = _there(waiting, meant, is_only_one=len(jobs) == 1)
    outcome = Outcome(failures=len(waiting) - len(there))
    with _progress_bar() as progress:
        display = _Terminal(progress, begun=len(jobs) - len(there), files=len(jobs))
        if chosen and there:
            from animecam.cli.crew import convert_on

            outcome += convert_on(chosen, there, settings, display, options)
        else:
            outcome += _convert_here(there, settings, display, options, is_only_one=len(jobs) == 1)
    if outcome.is_interrupted:
        return INTERRUPTED
    if outcome.failures:
        show_error(f"{outcome.failures} of {len(jobs)} could not be converted", "")
    if outcome.faceless and len(jobs) > 1:  # of one file its own line says so
        show_note(f"{outcome.faceless} of {len(jobs)} show no face and {_WITHOUT_FACES[settings.look.unseen]}")
    return RUN_TIME_ERROR if outcome.failures else 0


def _meant_output(inputs: tuple[str, ...], jobs: tuple[Job, ...]) -> Path | None:
    """The second of two inputs where it is more likely the name of the result, as other programs take it."""
    if len(inputs) != 2 or len(jobs) != 2 or not jobs[0].is_there:
        return None
    second = jobs[1].source
    return second if second.suffix.lower() in NAMEABLE_SUFFIXES and not jobs[1].is_there else None


def _there(jobs: tuple[Job, ...], meant: Path | None, *, is_only_one: bool) -> tuple[Job, ...]:
    """The files that are there; of the others it is told before networks are opened, which takes a second.

    Args:
        jobs: The files that are to be converted.
        meant: The one of them that may be meant as the result of another.
        is_only_one: There is no other.

    Raises:
        SourceError: The only one is not there.
    """
    from animecam.sources.opening import SourceOptions, open_source

    there: list[Job] = []
    for job in jobs:
        if job.is_there:
            there.append(job)
            continue
        try:
            open_source(str(job.source), SourceOptions()).close()  # which knows what to say
        except SourceError as error:
            if is_only_one:
                raise
            hint = f"if that is to be the result: -o {job.source}" if job.source == meant else error.hint
            show_error(error.message, hint)
        else:
            there.append(job)  # it has come meanwhile
    return tuple(there)


def _convert_here(
    jobs: tuple[Job, ...], settings: Settings, display: "_Terminal", options: SinkOptions, *, is_only_one: bool
) -> Outcome:
    if not jobs:
        return Outcome()
    from animecam.drawing.networks import open_networks

    with open_networks(settings) as networks:
        networks.require_detectors()  # a fault of theirs is none of the first file
        display.note(networks.summary)
        return convert_jobs(jobs, networks, settings, display, options, is_only_one=is_only_one)


def check_codec(codec: str) -> None:
    """Refuses an encoder that there is not, once and not for every file.

    Raises:
        UsageError: FFmpeg has no such video encoder.
    """
    if codec != AUTO:
        from animecam.sinks.codecs import encoder_formats

        encoder_formats(codec)


def _refuse_idle(jobs: tuple[Job, ...], options: SinkOptions, seconds: float | None) -> None:
    """Refuses what is asked of videos where there is none: it would be dropped without a word.

    Raises:
        UsageError: All files are pictures, and one of the options is for videos.
    """
    are_written = any(job.target.suffix.lower() in VIDEO_EXTENSIONS for job in jobs)
    are_read = any(job.source.suffix.lower() not in PICTURE_SUFFIXES - {".webp"} for job in jobs)
    asked = {
        "--codec": options.codec != AUTO and not are_written,
        "--crf": options.crf is not None and not are_written,
        "--seconds": seconds is not None and not are_read,
    }
    if idle := next((option for option, is_idle in asked.items() if is_idle), None):
        which = jobs[0].target if len(jobs) == 1 else f"these {len(jobs)} pictures"
        raise UsageError(f"{idle} does nothing to {which}: it is for videos", hint=f"leave {idle} out")


def _check_quality(jobs: tuple[Job, ...], options: SinkOptions) -> None:
    """Refuses a quality that the encoder of one of the files does not know.

    Raises:
        UsageError: There is such a file.
    """
    if options.crf is not None:
        from animecam.sinks.codecs import check_quality

        for job in jobs:
            check_quality(job.target.suffix.lower(), options)


def _gpus(text: str) -> tuple[int, ...]:
    """The GPUs of a list such as `0,2`.

    Raises:
        UsageError: It is none, or names one twice.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in words) or len(set(map(int, words))) < len(words):
        raise UsageError(f"gpus {text!r} is no list of different GPUs", hint="--gpus 0,1; nvidia-smi lists them")
    return tuple(int(word) for word in words)


def _progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),  # a name is no markup: [draft] clip.mp4
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=messages,
        transient=True,
        disable=not messages.is_terminal,  # a file or a pipe gets an empty line and no bar
    )


class _Terminal:
    """`Display` of the terminal.

    Args:
        progress: Shows the bars.
        begun: Files of the batch that need no bar, as they are done.
        files: All of the batch.
    """

    def __init__(self, progress: Progress, *, begun: int, files: int) -> None:
        self._progress = progress
        self._begun, self._files = begun, files

    @contextmanager
    def bar(self, name: str) -> Generator[Bar]:
        """As `Display.bar`."""
        self._begun += 1
        place = f"file {self._begun} of {self._files} · " if self._files > 1 else ""
        task = self._progress.add_task(place + name, total=None, rate="")
        try:
            yield _TerminalBar(self._progress, task)
        finally:
            self._progress.remove_task(task)

    def note(self, text: str) -> None:
        """As `Display.note`."""
        show_note(text)

    def error(self, message: str, hint: str) -> None:
        """As `Display.error`."""
        show_error(message, hint)


@dataclass(frozen=True, slots=True)
class _TerminalBar:
    progress: Progress
    task: TaskID

    def resize(self, total: float | None) -> None:
        self._update(total=total)

    def move(self, done: float, rate: str) -> None:
        self._update(completed=done, rate=rate)

    def _update(self, **changes: Any) -> None:
        self.progress.update(self.task, **changes)
