"""`animecam bench`: frames per second and latency of the whole pipeline, as a table and as JSON."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from animecam.cli.console import FigureLine, figure_table, results, show_note
from animecam.cli.options import look_options
from animecam.errors import SinkError
from animecam.pipeline import Figures
from animecam.settings import Settings
from animecam.timing import Percentiles

DIGITS = 3  # a microsecond


@click.command()
@click.option("--seconds", default=20.0, show_default=True, help="How long to measure.")
@click.option(
    "--source", default="pattern:640x480@30", show_default=True, metavar="URI", help="Camera, file or pattern."
)
@click.option("--json", "report", type=click.Path(path_type=Path), help="Write the figures to this file, too.")
@look_options
def bench(*, settings: Settings, seconds: float, source: str, report: Path | None) -> None:
    """Measures the whole pipeline into no output, after a warm-up."""
    from animecam.networks import open_networks
    from animecam.session import check_seconds, opened_outputs, opened_source, run
    from animecam.sinks.opening import SinkOptions
    from animecam.sources.opening import SourceOptions

    check_seconds(seconds)
    with opened_source(source, SourceOptions()) as camera, open_networks(settings) as networks:
        networks.warm_up(camera.format)
        with (
            opened_outputs(("null:",), camera.format, SinkOptions()) as outputs,
            FigureLine(networks.summary) as tell,
        ):
            figures = run(camera, networks, outputs, seconds=seconds, tell=tell)
        summary = networks.summary
        info = networks.backend_info
    results.print(figure_table(figures, f"{source} · {summary}"))
    results.print(f"the slowest part is {bottleneck(figures)}")
    if report is not None:
        content = as_json(figures) | {
            "source": source,
            "backend": info.name,
            "backend_version": info.version,
            "device": info.device,
            "precision": info.precision,
            "style": settings.look.style,
            "scope": settings.look.scope.value,
            "size": settings.look.size_px,
        }
        write_report(report, content)
        show_note(f"wrote {report}")


def as_json(figures: Figures) -> dict[str, Any]:
    """The figures under the names that benchmark scripts read; times in milliseconds."""
    return {
        "fps_in": round(figures.fps_in, DIGITS),
        "fps_out": round(figures.fps_out, DIGITS),
        "latency_ms": _rounded(figures.latency_ms),
        "stage_ms": {stage: _rounded(percentiles) for stage, percentiles in figures.stage_ms.items()},
        "frames_in": figures.frames_in,
        "frames_out": figures.frames_out,
        "with_faces": figures.with_faces,
        "dropped": figures.dropped,
        "skipped": figures.skipped,
        "capped": figures.capped,
        "idle": round(figures.idle_share, DIGITS),
        "seconds": round(figures.seconds, DIGITS),
    }


def bottleneck(figures: Figures) -> str:
    """The stage inside the renderer, or the reading or writing, with the largest median."""
    parts = {stage: p.p50 for stage, p in figures.stage_ms.items() if stage not in ("render", "read")}
    if not parts:
        return "not known: no frame was measured"
    slowest = max(parts, key=lambda stage: parts[stage])
    return f"{slowest}: {parts[slowest]:.1f} ms of {figures.latency_ms.p50:.1f} ms from capture to sink"


def write_report(path: Path, content: dict[str, Any]) -> None:
    """Writes a report as JSON.

    Raises:
        SinkError: The file cannot be written.
    """
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror}", hint="name a file in a folder that exists") from error


def _rounded(percentiles: Percentiles) -> dict[str, float]:
    return {name: round(value, DIGITS) for name, value in dataclasses.asdict(percentiles).items()}
