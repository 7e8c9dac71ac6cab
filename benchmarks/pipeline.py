"""Frames per second and latency of the whole pipeline, for clips, backends and sizes.

    python benchmarks/pipeline.py pattern:640x480@30 clip.mp4 --backend openvino --backend onnxruntime --size 256 \
        --json benchmarks/results/pipeline.json

A live source (pattern:, a camera) is run for --seconds; a file as fast as it goes, to its end or for --seconds. With
--encode frames go through the H.264 encoder into a temporary file, else to no output. The rate of a file is that of all
of it, until what was written is closed: the encoder holds back a dozen frames till then. "Rested" is the share of live
frames for which the network did not run, as nothing had changed: with many of them the rate is not that of drawing.
Right after each run, while the machine is as it was, the reference is timed: the network's median in the run is also
told as a share of it.
"""

import tempfile
from dataclasses import replace
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

import click
from machine import Watch
from measuring import LENGTH, BenchmarkCommand, json_option, save, say, show
from others import others

from animecam.backends.base import BackendChoice
from animecam.drawing.networks import open_networks
from animecam.measure.figures import as_json
from animecam.measure.networks import REFERENCE, opened_reference
from animecam.measure.spread import Spread
from animecam.measure.turns import interleave
from animecam.run.outputs import Outputs
from animecam.run.pipeline import Figures
from animecam.run.session import opened_outputs, opened_source, run
from animecam.settings import DEFAULT_STYLE, Look, Quality, Scope, Settings
from animecam.sinks.opening import SinkOptions
from animecam.sources.opening import SourceOptions

BACKENDS, SCOPES, QUALITIES = ([choice.value for choice in choices] for choices in (BackendChoice, Scope, Quality))
REFERENCE_ROUNDS = 5
DRAW = "draw"  # the renderer's name of the network's stage
HEADS = (
    *("source", "frame", "other programs", "style", "backend", "size"),
    *("fps out", "rested", "dropped", "p50", "p95", "p99", "network, of reference", "stages p50 ms"),
)


@click.command(cls=BenchmarkCommand)
@click.argument("sources", nargs=-1, required=True)
@click.option("--backend", "backends", multiple=True, type=click.Choice(BACKENDS), default=["auto"])
@click.option("--size", "sizes", multiple=True, type=int, default=[256])
@click.option("--style", "styles", multiple=True, default=[DEFAULT_STYLE])
@click.option("--quality", "qualities", multiple=True, type=click.Choice(QUALITIES), default=[Quality.AUTO.value])
@click.option("--scope", type=click.Choice(SCOPES), default=Scope.HEAD.value)
@click.option("--target-fps", type=float, help="Hold this rate live by choosing size and network.")
@click.option("--seconds", type=LENGTH, default=20.0, help="Longest time for one row.")
@click.option("--encode", is_flag=True, help="Encode into a temporary file.")
@click.option("--others", "counts", multiple=True, type=click.IntRange(0), default=[0], help="Busy programs beside it.")
@json_option
def main(
    sources: tuple[str, ...],
    backends: tuple[str, ...],
    sizes: tuple[int, ...],
    styles: tuple[str, ...],
    qualities: tuple[str, ...],
    scope: str,
    target_fps: float | None,
    seconds: float,
    encode: bool,
    counts: tuple[int, ...],
    report: Path | None,
) -> None:
    """Measures every combination of source, style, network, backend, size and other programs, one row each."""
    asked = [  # all of them first: a wrong one would lose what was measured before it
        Settings(
            Look(style, scope=Scope(scope), size_px=size_px),
            backend=BackendChoice(backend),
            quality=Quality(quality),
            target_fps=target_fps,
        )
        for style, quality, backend, size_px in product(styles, qualities, backends, sizes)
    ]
    watch = Watch()
    rows = [
        measure(source, settings, seconds=seconds, encode=encode, busy=busy)
        for source, settings, busy in product(sources, asked, counts)
    ]
    show("the whole pipeline, from capture to sink", HEADS, [_cells(row) for row in rows])
    say(f"the reference: {REFERENCE}")
    save(report, watch, {"reference": REFERENCE, "rows": rows})


def measure(source: str, settings: Settings, *, seconds: float, encode: bool, busy: int = 0) -> dict[str, Any]:
    """One run; the first frame's warm-up is outside the measured time."""
    with (
        tempfile.TemporaryDirectory() as folder,
        opened_source(source, SourceOptions()) as camera,
        open_networks(settings) as networks,
    ):
        networks.warm_up(camera.format)
        uri = str(Path(folder) / "out.mp4") if encode else "null:"
        with opened_outputs((uri,), camera.format, SinkOptions()) as outputs:
            with others(busy):
                figures = run(camera, networks, outputs, seconds=seconds)
            if not camera.format.is_live:
                figures = _with_the_end(figures, outputs)
        info, quality = networks.backend_info, networks.drawn_quality(settings.look.style)
        reference_ms = time_reference(settings.threads)
        draw = figures.stage_ms.get(DRAW)
        frame = f"{camera.format.width_px}x{camera.format.height_px}"
    return as_json(figures) | {
        "source": Path(source).name if Path(source).exists() else source,
        "frame": frame,
        "others": busy,
        "encode": encode,
        "style": settings.look.style,
        "quality": quality,
        "backend": info.name,
        "precision": info.precision,
        "size": settings.look.size_px,
        "scope": settings.look.scope.value,
        "reference_ms": reference_ms,
        "network_share": round(draw.p50 / reference_ms, 4) if draw else None,
    }


def _with_the_end(figures: Figures, outputs: Outputs) -> Figures:
    """The figures of a file, with the time that its end takes: the outputs are closed."""
    start_s = perf_counter()
    outputs.close()
    seconds = figures.seconds + perf_counter() - start_s
    return replace(figures, seconds=seconds, fps_out=figures.frames_out / seconds)


def time_reference(threads: int) -> float:
    """Median time of the reference in milliseconds, see `animecam.measure.networks`."""
    with opened_reference(threads) as reference:
        return Spread.of(interleave({"reference": reference}, REFERENCE_ROUNDS)["reference"]).p50


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table, with the medians of the renderer's stages."""
    latency = row["latency_ms"]
    return (
        row["source"],
        row["frame"],
        str(row["others"]),
        f"{row['style']} {row['quality']}",
        f"{row['backend']} {row['precision']}",
        str(row["size"]),
        f"{row['fps_out']:.1f}",
        f"{row['idle']:.0%}",
        str(row["dropped"]),
        *(f"{latency[name]:.0f}" for name in ("p50", "p95", "p99")),
        "" if row["network_share"] is None else f"{row['network_share']:.3f}",
        " ".join(f"{name} {p['p50']:.1f}" for name, p in row["stage_ms"].items()),
    )


if __name__ == "__main__":
    main()
