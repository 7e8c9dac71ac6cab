"""The command `animecam-train`. Everything heavy is imported by the command that runs."""

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click
from rich.markup import escape

from animecam_training import named
from animecam_training.console import drop_output, results, set_up_logging, show_error, stages
from animecam_training.errors import TrainingError, needed_packages
from animecam_training.figures_cli import evaluate, report
from animecam_training.run.stopping import end_like_ctrl_c
from animecam_training.run.telling import is_first_process, is_mine_to_tell
from animecam_training.weights_cli import mean, pass_on_learned, show

GO_ON = {
    "prepare": "what was done is kept: give the command again to go on",
    "run": "a checkpoint that was written is kept: add --resume to go on with it",
}
"""What an interrupted command keeps; the others keep nothing."""
RUN_TIME_ERROR = 1
INTERRUPTED_STATUS = 130
PIPE_CLOSED_STATUS = 141  # as shells say it of a command whose reader has gone: 128 and SIGPIPE's number
LEAST_SIDE_PX = 64

_FOLDER = click.Path(path_type=Path)

_CHANGES = click.option(
    "--set",
    "changes",
    metavar="KEY=VALUE",
    multiple=True,
    help="Another value for a key of the recipe, as optim.betas.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
def app() -> None:
    """Trains anime styles for animecam."""


@app.command()
@click.argument("source", type=_FOLDER)
@click.argument("folder", type=_FOLDER)
@click.option(
    "--kind",
    type=click.Choice(("photo", "pairs", "style")),
    default="pairs",
    help="photo: head crops and their superpixels; pairs: crops and drawn targets; style: edge-smoothed copies.",
)
@click.option("--weights", type=_FOLDER, help="Folder of other face networks than those that come with the program.")
@click.option("--copies", type=click.IntRange(min=1), default=1, help="Crops of each photo.")
@click.option(
    "--beard-copies",
    type=click.IntRange(min=0),
    default=0,
    help="Crops of each photo of a face with a beard, if that is more than --copies.",
)
@click.option("--size", type=click.IntRange(min=LEAST_SIDE_PX), default=320, help="Side of the results, pixels.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes. [default: one for each core, 8 at most]")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of margins and of all that is drawn at random.")
@click.option(
    "--recipe",
    type=named.recipe,
    help="File, or name of one that comes with it: how heads are changed and drawn. [default: not; as those of cel]",
)
@_CHANGES
@click.option(
    "--teacher", type=named.style, help='Instead of the recipe\'s teacher: what the drawing "flat" is painted over.'
)
@click.pass_context
def prepare(
    context: click.Context,
    *,
    source: Path,
    folder: Path,
    kind: Literal["photo", "pairs", "style"],
    weights: Path | None,
    copies: int,
    beard_copies: int,
    size: int,
    workers: int | None,
    seed: int,
    recipe: Path | None,
    changes: tuple[str, ...],
    teacher: Path | None,
) -> None:
    """Makes training pictures of the pictures in SOURCE; run again to go on where it stopped."""
    from dataclasses import replace

    with needed_packages():
        from animecam_training.data.crops import CropOptions
        from animecam_training.data.prepare import prepare as run_prepare
        from animecam_training.data.prepare_options import PrepareOptions
        from animecam_training.data.workers import default_workers
        from animecam_training.recipe.changes import changed
        from animecam_training.recipe.files import load_recipe, recipe_from_table
        from animecam_training.target.drawings import choose_drawing, describe_drawing, describe_drawing_formerly
        from animecam_training.useless import check_prepare, typed_options

    wanted = load_recipe(recipe, changes) if recipe else recipe_from_table(changed({}, changes))
    check_prepare(kind, wanted, typed_options(context))
    wanted = replace(wanted, teacher=named.teacher(teacher, wanted.teacher))
    options = PrepareOptions(
        kind,
        weights,
        copies=copies,
        beard_copies=beard_copies,
        crop=CropOptions(side_px=size),
        draw=choose_drawing(wanted),
        drawn_by=describe_drawing(wanted) if kind == "pairs" else {},
        drawn_formerly=describe_drawing_formerly(wanted) if kind == "pairs" else {},
        expressions=wanted.expressions,
        turns=wanted.turns,
        beards=wanted.beards,
        lip_shadows=wanted.lip_shadows,
        glasses=wanted.glasses,
        gloss=wanted.gloss,
        even_light=wanted.even_light,
        backgrounds=wanted.augment.walls > 0,
        workers=workers or default_workers(),
        seed=seed,
    )
    with stages() as stage:
        report = run_prepare(source, folder, options, stage("preparing"), stage("looking"))
    dropped = ", ".join(f"{number} {reason}" for reason, number in sorted(report.dropped.items()))
    results.print(f"kept {report.kept}; dropped: {dropped or 'none'}", soft_wrap=True)


@app.command()
@click.argument("recipe", type=named.recipe)
@click.option("--out", "-o", "folder", type=_FOLDER, required=True, help="Run folder.")
@click.option("--minutes", type=click.FloatRange(min=0), help="End cleanly after this time.")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option("--from", "start_from", type=named.style, help="Start from a checkpoint, or from a style: cel, cel:lite.")
@click.option("--threads", type=click.IntRange(min=0), default=0, help="CPU threads; 0 leaves the choice to torch.")
@click.option("--estimate", "is_estimate", is_flag=True, help="Try some steps, say how long it takes, write nothing.")
@_CHANGES
@click.option("--photos", help="Instead of the recipe's data.photos.")
@click.option("--styles", help="Instead of the recipe's data.styles.")
@click.option("--validation", help="Instead of the recipe's data.validation: people who are not trained on.")
@click.option("--teacher", type=named.style, help="Instead of the recipe's teacher.")
@click.pass_context
def run(
    context: click.Context,
    *,
    recipe: Path,
    folder: Path,
    minutes: float | None,
    resume: bool,
    start_from: Path | None,
    threads: int,
    is_estimate: bool,
    changes: tuple[str, ...],
    photos: str | None,
    styles: str | None,
    validation: str | None,
    teacher: Path | None,
) -> None:
    """Trains a style; under torchrun (-m animecam_training.cli run ...) several processes share the work."""
    from dataclasses import replace

    with needed_packages():
        from animecam_training.recipe.files import load_recipe
        from animecam_training.run.estimate import estimate
        from animecam_training.run.loop import RunOptions, train
        from animecam_training.useless import check_run, typed_options

    loaded = load_recipe(recipe, changes)
    places = {"photos": photos, "styles": styles, "validation": validation}
    data = replace(loaded.data, **{name: place for name, place in places.items() if place})
    loaded = replace(loaded, data=data, teacher=named.teacher(teacher, loaded.teacher))
    check_run(loaded, typed_options(context))
    options = RunOptions(folder, minutes, resume=resume, start_from=start_from, threads=threads)
    with stages(is_shown=is_first_process()) as stage:
        if is_estimate:
            done = str(estimate(loaded, options, stage))
        else:
            tell = stage(loaded.name)
            last = train(loaded, options, lambda step: tell(step, loaded.steps), stage("reading pictures"))
            done = f"step {last.step} of {loaded.steps}: {folder / 'last.pt'}"
    if is_first_process():
        results.print(escape(done), soft_wrap=True)


app.add_command(evaluate)
app.add_command(mean)
app.add_command(pass_on_learned)
app.add_command(report)
app.add_command(show)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; errors are one line and a hint.

    Args:
        arguments: Words after the program's name; None takes them from `sys.argv`.

    Returns:
        Exit status: 0 done, 1 run-time error, 2 usage, 130 interrupted, 141 nobody reads the output any more.
    """
    outputs = sys.stdout, sys.stderr
    try:
        return _main(arguments)
    except SystemExit as end:  # rich and click both make it of a closed pipe, with the status of an error
        is_clicks = sys.stdout is not outputs[0]  # which puts something in its place that fails no more
        if not is_clicks and not isinstance(end.__context__, BrokenPipeError):
            raise
        sys.stdout, sys.stderr = outputs
        drop_output()
        return PIPE_CLOSED_STATUS


def _main(arguments: Sequence[str] | None) -> int:
    set_up_logging(is_told=is_first_process())
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")  # it warns of damaged pictures, which we count and name
    words = list(arguments) if arguments is not None else None
    try:
        with end_like_ctrl_c():
            app.main(args=words, prog_name="animecam-train", standalone_mode=False)
    except click.ClickException as error:
        asked = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "animecam-train"
        if is_mine_to_tell(error, error.exit_code):
            show_error(error.format_message(), f"{asked} --help")
        return error.exit_code
    except TrainingError as error:
        if is_mine_to_tell(error, error.exit_status):
            show_error(error.message, error.hint)
        return error.exit_status
    except (click.Abort, KeyboardInterrupt):
        if is_first_process():
            show_error("interrupted", GO_ON.get((words or sys.argv[1:])[0], ""))
        return INTERRUPTED_STATUS
    except OSError as error:
        if error.errno == errno.ENOSPC:
            show_error("cannot write the output: no space is left on the device", "free some, or send it elsewhere")
        elif error.filename is not None:  # a folder without the right to look into it, a name that is too long
            show_error(f"{error.filename}: {error.strerror}", "check its name and its rights")
        else:
            raise
        return RUN_TIME_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
