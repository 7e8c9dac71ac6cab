"""Files on an NVIDIA GPU: what it is worth that it decodes and encodes, too.

    python benchmarks/gpu_files.py --style cel --size 512 --json benchmarks/results/gpu_files.json

The same film is converted, end to end, with the codecs of the processor, with the GPU's decoder, and with both of the
GPU's codecs, so that no frame leaves it; as far as these work. They take turns, and networks have run before.
"""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import click
from inputs import local_clip
from machine import Watch
from measuring import COUNT, BenchmarkCommand, json_option, save, show

from animecam.cli.options import look_options
from animecam.cuda.gpu import open_gpu
from animecam.cuda.pixels import NO_GPU_VIDEO, GpuVideo
from animecam.drawing.networks import Networks, open_networks
from animecam.measure.spread import Ratio
from animecam.measure.turns import interleave
from animecam.run.session import convert_file
from animecam.settings import Settings
from animecam.sinks.options import SinkOptions

PROCESSOR = "both on the processor"


@click.command(cls=BenchmarkCommand)
@click.argument("source", default="pattern:1920x1080@30?live=0")
@click.option("--frames", type=COUNT, default=300, show_default=True, help="Frames to record of a pattern.")
@click.option(
    "--rounds", type=COUNT, default=5, show_default=True, help="How often each way is timed; they take turns."
)
@json_option
@look_options
def gpu_files(*, settings: Settings, source: str, frames: int, rounds: int, report: Path | None) -> None:
    """Converts a film with the codecs of the processor and with those of the GPU."""
    device = open_gpu(settings.gpu)
    name = device.name
    device.close()
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder, open_networks(settings) as networks:
        clip = local_clip(source, frames, Path(folder))
        rows = measure_files(clip, Path(folder), networks, networks.gpu_video, rounds)
    cells = [(way, f"{row['fps']:.0f}", f"{row['ratio']['median']:.2f}") for way, row in rows.items()]
    show(f"a film on {name}", ("codecs", "frames a second", "share of the time"), cells)
    save(report, watch, {"gpu": name, "settings": asdict(settings), "source": source, "codecs": rows})


def measure_files(clip: Path, folder: Path, networks: Networks, works: GpuVideo, rounds: int) -> dict[str, Any]:
    """Times a film by each way that works.

    Args:
        clip: The film.
        folder: Where results go.
        networks: Open.
        works: What the GPU does.
        rounds: How often each is timed.

    Returns:
        Frames a second of each way, and its time as a share of the first's.
    """
    frames = 0

    def way(video: GpuVideo) -> Callable[[], None]:
        def convert() -> None:
            nonlocal frames
            options = SinkOptions(overwrite=True)
            frames = convert_file(clip, folder / "out.mp4", networks, _tell_nobody, options, video).frames_out

        return convert

    ways = {PROCESSOR: way(NO_GPU_VIDEO)}
    if works.decoder is not None:
        ways["decoder on the GPU"] = way(replace(works, encoder=None))
    if works.encoder is not None:
        ways["both on the GPU"] = way(works)
    times_ms = interleave(ways, rounds)
    return {
        name: {"fps": 1000 * frames / median(ms), "ratio": asdict(Ratio.of(ms, times_ms[PROCESSOR]))}
        for name, ms in times_ms.items()
    }


def _tell_nobody(_format: object) -> Callable[[object], None]:
    return lambda _figures: None


if __name__ == "__main__":
    gpu_files()
