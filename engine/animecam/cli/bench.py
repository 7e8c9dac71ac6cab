"""`animecam bench`: what this machine holds, as one table, with the limit and what to do about it."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from animecam.cli.console import messages, results, show_note
from animecam.cli.options import look_options
from animecam.errors import UsageError
from animecam.settings import Settings

if TYPE_CHECKING:
    from animecam.measure.bench import Report

CAMERA = "pattern:1280x720"  # the synthetic camera, where no source is named
CAMERA_FPS = 30.0  # its rate, where none is asked for


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="About how long it may take.")
@click.option("--source", metavar="URI", help=f"Camera, file or pattern. [default: {CAMERA}@{CAMERA_FPS:g}]")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the figures to this file, too.")
@look_options
def bench(*, settings: Settings, seconds: float, source: str | None, path: Path | None) -> None:
    """Measures this machine: what it holds, what the limit is, what to do about it.

    A live run into no output; each network in each runtime and at each size; a run that tries the advice. With
    --target-fps or --max-fps it looks for what holds that rate.
    """
    from animecam.measure.bench import measure
    from animecam.measure.figures import check_report, write_report
    from animecam.measure.verdict import verdict
    from animecam.run.live_options import check_seconds

    check_seconds(seconds)
    if math.isinf(seconds):
        raise UsageError("a benchmark has an end", hint="leave --seconds out for a minute")
    if path is not None:
        check_report(path)
    source = source or f"{CAMERA}@{settings.target_fps or CAMERA_FPS:g}"
    with messages.status("") as status:
        report = measure(settings, source, seconds, status.update)
    if report.candidates:
        results.print(candidate_table(report))
    for line in verdict(report):
        results.print(line, soft_wrap=True, markup=False)
    if path is not None:
        write_report(path, report.as_json())
        show_note(f"wrote {path}")


def candidate_table(report: "Report") -> Table:
    """The networks that were timed, and what a frame would cost with each; what ran is marked."""
    from animecam.measure.networks import REFERENCE
    from animecam.measure.verdict import highest_held

    look, stream, reference = report.run.settings.look, report.run.stream, report.reference
    where = f"{report.run.info.device}, {report.machine['cores']} cores"
    table = Table(
        title=escape(f"{look.style} on {where} · {report.source}, {stream.width_px}x{stream.height_px}"),
        caption=escape(
            f"ms: the network for one head alone, median and p95; share: of {REFERENCE}"
            f"{f', {reference.p50:.0f} ms here' if reference else ''}; "
            "frame ms, fps: of a run with it, predicted from the run with *"
        ),
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("network", no_wrap=True)
    for head in ("size", "ms", "p95", "share", "frame ms", "fps", "holds"):
        table.add_column(head, justify="right")
    has_several = len({one.network.quality for one in report.candidates}) > 1
    for one in sorted(
        report.candidates, key=lambda one: (one.network.quality, one.network.backend, one.network.size_px)
    ):
        network = one.network
        name = f"{network.quality}, {network.backend}" if has_several else network.backend
        table.add_row(
            f"{name} {network.precision}{' *' if report.run.drew_with(network) else ''}",
            str(network.size_px),
            f"{network.ms.p50:.1f}",
            f"{network.ms.p95:.1f}",
            f"{network.ratio.median:.3f}",
            f"{one.frame_ms:.1f}",
            f"{one.fps:.1f}",
            highest_held(one, report),
        )
    return table
