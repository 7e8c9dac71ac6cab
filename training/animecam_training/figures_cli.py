"""Commands of `animecam-train` that measure a style, and tell what came of it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from animecam_training import named
from animecam_training.console import results, stages
from animecam_training.errors import needed_packages

if TYPE_CHECKING:
    from animecam_training.metrics.choice import MetricNetwork

LEAST_SIDE_PX = 64

_FOLDER = click.Path(path_type=Path)


@click.command()
@click.argument("style", type=named.style)
@click.option("--photos", type=_FOLDER, required=True, help="Folder of portraits.")
@click.option("--anime", type=_FOLDER, required=True, help="Folder of pictures of the style aimed at.")
@click.option("--weights", type=_FOLDER, help="Folder of other face networks than those that come with the program.")
@click.option("--only", default="", help="Portraits whose name contains this.")
@click.option("--clip", "--clip-frames", type=_FOLDER, help="Video, or folder of frames: measures flicker.")
@click.option("--frames", type=click.IntRange(min=2), default=48, help="Frames of the clip at most.")
@click.option("--size", type=click.IntRange(min=LEAST_SIDE_PX), default=256, help="Side of the head crops, pixels.")
@click.option("--teacher", type=named.style, help="What it was distilled from: measures how near it is to that.")
@click.option("--pairs", type=_FOLDER, help="Pairs it was not trained on: measures how near it is to their drawings.")
@click.option(
    "--features",
    "networks",
    type=named.metric_network,
    multiple=True,
    metavar="[squeezenet1_1|inception|alexnet][=FILE]",
    default=("squeezenet1_1",),
    help="On what distances are taken. squeezenet1_1, always: squeeze KID and distance. inception: FID, KID, Inception "
    "Score. alexnet: LPIPS. These two are downloads; FILE is a copy. May be repeated.",
)
@click.option("--published", is_flag=True, help="On inception and alexnet, too, as far as they can be had.")
@click.option("--grid", type=_FOLDER, help="Write a before/after grid here.")
@click.option("--json", "json_out", type=_FOLDER, help="Write the figures here.")
def evaluate(
    *,
    style: Path,
    photos: Path,
    anime: Path,
    weights: Path | None,
    only: str,
    clip: Path | None,
    frames: int,
    size: int,
    teacher: Path | None,
    pairs: Path | None,
    networks: "tuple[tuple[MetricNetwork, Path | None], ...]",
    published: bool,
    grid: Path | None,
    json_out: Path | None,
) -> None:
    """Measures STYLE, a checkpoint or an exported style: distance to the style aimed at, identity, flicker."""
    with needed_packages():
        from animecam_training.reporting.evaluation import EvaluateOptions, check_places, write_figures
        from animecam_training.reporting.evaluation import evaluate as run_evaluation
        from animecam_training.reporting.table import figure_table

    check_places(grid, json_out)
    options = EvaluateOptions(
        photos,
        anime,
        weights,
        only=only,
        clip=clip,
        clip_frames=frames,
        size_px=size,
        networks=dict(networks),
        with_published=published,
        teacher=teacher,
        pairs=pairs,
    )
    with stages() as stage:
        result = run_evaluation(style, options, grid, stage)
    results.print(figure_table(result))
    if json_out:
        write_figures(result, json_out)


@click.command()
@click.argument("runs", type=_FOLDER, nargs=-1, required=True)
@click.option("--out", "-o", "folder", type=_FOLDER, required=True, help="Where NAME.md and its pictures go.")
@click.option("--figures", type=_FOLDER, help="What evaluate --json wrote.")
@click.option("--grid", type=_FOLDER, help="What evaluate --grid wrote. [default: the run's last sample grid]")
@click.option("--name", default="", show_default="as the last run's recipe says", help="Of the style.")
@click.option("--replace", is_flag=True, help="Overwrite an existing report.")
def report(
    *, runs: tuple[Path, ...], folder: Path, figures: Path | None, grid: Path | None, name: str, replace: bool
) -> None:
    """Reports on a style that went through RUNS, in order: grid, loss curves and figures as Markdown."""
    with needed_packages("report"):
        from animecam_training.reporting.report import ReportOptions, write_report

    options = ReportOptions(folder, figures, grid, replace, name)
    results.print(escape(str(write_report(runs, options))), soft_wrap=True)
