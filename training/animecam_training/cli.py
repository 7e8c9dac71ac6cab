"""The command `animecam-train`."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

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
