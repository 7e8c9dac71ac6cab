"""The command `animecam-train`."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from animecam_training.errors import TrainingError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Train anime styles for animecam.")
_console = Console()
_errors = Console(stderr=True)

INTERRUPTED_STATUS = 130


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=_console
    )


@app.command()
def prepare(
    source: Annotated[Path, typer.Argument(help="Folder of pictures.")],
    folder: Annotated[Path, typer.Argument(help="Where the prepared pictures go.")],
    kind: Annotated[str, typer.Option(help="photo: head crops; pairs: crops and drawn targets; style.")] = "pairs",
    weights: Annotated[Path, typer.Option(help="Folder of the face networks.")] = Path("weights"),
    copies: Annotated[int, typer.Option(min=1, help="Crops of each photo.")] = 1,
    size: Annotated[int, typer.Option(min=64, help="Side of the results, pixels.")] = 320,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the random margins.")] = 0,
) -> None:
    """Make training pictures of a folder; run again to go on where it stopped."""
    from animecam_training.data.crops import CropOptions
    from animecam_training.data.prepare import PrepareOptions
    from animecam_training.data.prepare import prepare as run_prepare

    if kind not in ("photo", "pairs", "style"):
        raise typer.BadParameter("one of photo, pairs, style", param_hint="--kind")
    options = PrepareOptions(kind, weights, copies=copies, crop=CropOptions(side_px=size), workers=workers, seed=seed)
    with _progress() as progress:
        task = progress.add_task("preparing", total=None)
        report = run_prepare(
            source, folder, options, lambda done, total: progress.update(task, completed=done, total=total)
        )
    dropped = ", ".join(f"{number} {reason}" for reason, number in sorted(report.dropped.items()))
    _console.print(f"kept {report.kept}; dropped: {dropped or 'none'}")


@app.command()
def run(
    recipe: Annotated[Path, typer.Argument(help="Recipe, a TOML file.")],
    folder: Annotated[Path, typer.Option("--out", "-o", help="Run folder.")],
    minutes: Annotated[float | None, typer.Option(help="End cleanly after this time.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    start_from: Annotated[Path | None, typer.Option("--from", help="Fine-tune from this checkpoint.")] = None,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 leaves the choice to torch.")] = 0,
    photos: Annotated[str | None, typer.Option(help="Instead of the recipe's data.photos.")] = None,
    styles: Annotated[str | None, typer.Option(help="Instead of the recipe's data.styles.")] = None,
) -> None:
    """Train a style; under torchrun (-m animecam_training.cli run ...) several processes share the work."""
    from dataclasses import replace

    from animecam_training.config import load_recipe
    from animecam_training.loop import RunOptions, train

    loaded = load_recipe(recipe)
    data = replace(loaded.data, photos=photos or loaded.data.photos, styles=styles or loaded.data.styles)
    loaded = replace(loaded, data=data)
    options = RunOptions(folder, minutes, resume=resume, start_from=start_from, threads=threads)
    with _progress() as progress:
        task = progress.add_task(loaded.name, total=loaded.steps)
        checkpoint = train(loaded, options, lambda step: progress.update(task, completed=step))
    _console.print(f"step {checkpoint.step} of {loaded.steps}: {folder / 'last.pt'}")


@app.command()
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint of a run.")],
    photos: Annotated[Path, typer.Option(help="Folder of portraits.")],
    anime: Annotated[Path, typer.Option(help="Folder of pictures of the style aimed at.")],
    weights: Annotated[Path, typer.Option(help="Folder of the face and identity networks.")] = Path("weights"),
    only: Annotated[str, typer.Option(help="Portraits whose name contains this.")] = "",
    clip_frames: Annotated[Path | None, typer.Option(help="Folder of a clip's frames: measures flicker.")] = None,
    size: Annotated[int, typer.Option(min=64, help="Side of the head crops, pixels.")] = 256,
    grid: Annotated[Path | None, typer.Option(help="Write a before/after grid here.")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Measure a checkpoint: distance to the style, identity, flicker."""
    import json
    from dataclasses import asdict

    from animecam_training.evaluation import EvaluateOptions
    from animecam_training.evaluation import evaluate as run_evaluation

    options = EvaluateOptions(photos, anime, weights, only=only, clip_frames=clip_frames, size_px=size)
    result = run_evaluation(checkpoint, options, grid)
    figures = result.figures
    table = Table("figure", "value")
    table.add_row("portraits", str(figures.pictures))
    table.add_row("squeeze KID to the style, share of the photos' own", f"{figures.relative_distance:.3f}")
    table.add_row("squeeze distance to the photo", f"{figures.squeeze_distance:.3f}")
    table.add_row("PSNR to the photo, dB", f"{figures.psnr_db:.1f}")
    if figures.identity:
        table.add_row("identity cosine, mean", f"{figures.identity.mean:.3f}")
        table.add_row("identity cosine, worst", f"{figures.identity.worst:.3f}")
    if result.flicker:
        table.add_row("flicker, times the source's", f"{result.flicker.styled / result.flicker.source:.2f}")
    _console.print(table)
    if json_out:
        json_out.write_text(json.dumps(asdict(result), indent=2) + "\n", "utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors are one line and a hint, the exit status says which kind.

    Args:
        arguments: Instead of those of the process.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[RichHandler(console=_errors)])
    try:
        app(arguments, standalone_mode=True)
    except TrainingError as error:
        _errors.print(f"[bold red]error:[/] {error.message}", highlight=False)
        if error.hint:
            _errors.print(f"[dim]hint:[/] {error.hint}", highlight=False)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        _errors.print("interrupted; the last checkpoint is kept")
        sys.exit(INTERRUPTED_STATUS)


if __name__ == "__main__":
    main()
