"""`animecam convert`: videos and still pictures, one or many."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from animecam.cli.console import messages, show_error, show_note
from animecam.cli.jobs import Job, plan_jobs
from animecam.cli.options import look_options, overwrite_option
from animecam.errors import AnimecamError, FaceError
from animecam.pipeline import Figures
from animecam.settings import Scope, Settings
from animecam.sinks.paths import Target
from animecam.types import StreamFormat

if TYPE_CHECKING:
    from animecam.networks import Networks

FAILED = 1


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="IN…")
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="A file for one input, a folder for several. [default: NAME-anime.EXT beside each input]",
)
@overwrite_option
@look_options
def convert(*, settings: Settings, inputs: tuple[str, ...], output: Path | None, overwrite: bool) -> int:
    """Converts videos and pictures; IN… are files, folders or patterns such as 'clips/*.mp4'.

    Every frame keeps its time stamp and the sound is copied. Of several inputs, those whose output exists are skipped,
    so a batch that was cut can be started again.
    """
    from animecam.networks import open_networks
    from animecam.session import parts_told

    jobs = plan_jobs(inputs, output, overwrite=overwrite)
    failures = 0
    with open_networks(settings) as networks, _progress_bar() as progress:
        networks.require_detectors()  # a fault of theirs is none of the first file
        show_note(networks.summary)
        for job in jobs:
            if job.is_done:
                show_note(f"skipped {job.source.name}: {job.target} exists")
                continue
            try:
                with parts_told([str(job.target)]):  # a second Ctrl-C may come before the first is answered
                    if _convert_one(job, networks, settings, progress, overwrite=overwrite).is_interrupted:
                        part = Target.of(job.target).partial
                        message = f"stopped in {job.source.name}; what is done plays: {part}"
                        show_error(message, "start it again to go on")
                        return FAILED
            except AnimecamError as error:
                if len(jobs) == 1:
                    raise
                show_error(f"{job.source.name}: {error.message}", error.hint)
                failures += 1
    if failures:
        show_error(f"{failures} of {len(jobs)} could not be converted", "")
    return FAILED if failures else 0


def _convert_one(job: Job, networks: "Networks", settings: Settings, progress: Progress, *, overwrite: bool) -> Figures:
    from animecam.session import convert_file

    task = progress.add_task(job.source.name, total=None, rate="")

    def start(stream: StreamFormat) -> "_Teller":
        return _Teller(progress, task, stream)

    try:
        figures = convert_file(job.source, job.target, networks, start, overwrite=overwrite)
    finally:
        progress.remove_task(task)
    if not figures.is_interrupted:
        rate = figures.frames_out / figures.seconds
        show_note(f"wrote {job.target}: {figures.frames_out} frames, {rate:.1f} a second{_lost(figures)}")
        if settings.look.scope is Scope.HEAD and not figures.with_faces:
            raise FaceError(
                f"no face was found in {job.source.name}: whole frames were drawn in {job.target}",
                hint="--scope frame says that this is wanted; --detector full finds smaller faces",
            )
    return figures


def _lost(figures: Figures) -> str:
    return f"; {figures.skipped} damaged frames were left out" if figures.skipped else ""


def _progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=messages,
        transient=True,
    )


class _Teller:
    """Takes the figures of a run to a bar: by frames where their number is known, else by time."""

    def __init__(self, progress: Progress, task: TaskID, stream: StreamFormat) -> None:
        self._progress, self._task, self._counts_frames = progress, task, stream.frames > 0
        progress.update(task, total=stream.frames or stream.duration_s or None)

    def __call__(self, figures: Figures) -> None:
        done = figures.frames_out + figures.skipped if self._counts_frames else figures.position_s
        self._progress.update(self._task, completed=done, rate=f"{figures.fps_out:.0f} fps")
