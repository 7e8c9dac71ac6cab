"""The frame path and the networks on an NVIDIA GPU: what each costs, and against what people would do otherwise.

    python benchmarks/gpu.py --style cel --size 512 --json benchmarks/results/gpu.json

Times on the GPU are between two events. "crop + paste" is the frame path with a network that only copies, so that it
holds everything but the style. The network alone is told as so many times what the GPU's memory allows, whose speed is
measured by a large copy within it (`gpu_floor.traffic_bytes` says what passes through it). The films go from memory to
nowhere through all of the renderer, so that faces are found in them. The ways to compute the network take turns, and
what is reported is the median of the ratios within a turn. The naive form loads the engine and makes its context for
every call, waits after every step, and crops and pastes on the processor, as the method's authors publish it.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import click
from gpu_films import measure_films
from gpu_floor import copied_per_second, measure_floor, traffic_bytes
from gpu_ways import CopyNetwork, heads, network_ways, wait_compiled
from inputs import read_frames
from machine import Watch
from measuring import BYTES_PER_MIB, COUNT, BenchmarkCommand, json_option, resident_mib, save, say, show, timed

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.device import DeviceNetwork
from animecam.cache import model_cache
from animecam.cuda.base import Gpu
from animecam.cuda.gpu import open_gpu
from animecam.drawing.device_opening import open_device_style
from animecam.errors import BackendError
from animecam.measure.spread import Ratio, Spread
from animecam.measure.turns import interleave
from animecam.render.device_path import RING, DevicePath, PathOptions
from animecam.settings import DEFAULT_STYLE, Look, Settings
from animecam.styles.registry import find_style, verified_half, verified_model
from animecam.types import Frame

WARM_UP_FRAMES = 3 * RING  # every slot has run, been recorded, and run recorded
FILM_FRAMES = 60  # of 1080p: 187 MB
SOAK_WARM_UP_FRAMES = 100  # allocators fill up first
SOAK_FRAMES = 1000
CASES = ((BackendChoice.TENSORRT, False), (BackendChoice.TORCH, False), (BackendChoice.TORCH, True))
"""Runtimes that draw on a GPU, and whether they may compile."""


@click.command(cls=BenchmarkCommand)
@click.option("--style", default=DEFAULT_STYLE, show_default=True)
@click.option("--size", "size_px", default=512, show_default=True)
@click.option("--resolution", default="1920x1080", show_default=True)
@click.option("--frames", type=COUNT, default=200, show_default=True, help="Timed frames of each case.")
@click.option("--rounds", type=COUNT, default=50, show_default=True, help="Turns of the ways to compute the network.")
@click.option("--gpu", "index", default=0, show_default=True)
@json_option
def gpu(style: str, size_px: int, resolution: str, frames: int, rounds: int, index: int, report: Path | None) -> None:
    """Measures the frame path and the network on a GPU."""
    settings = Settings(Look(style=style, size_px=size_px), max_faces=1, gpu=index)
    device = open_gpu(index)
    watch = Watch()
    with ExitStack() as stack:
        stack.callback(device.close)
        say(f"{device.name}, compute capability {'.'.join(map(str, device.compute_capability))}")
        stream, film = read_frames(f"pattern:{resolution}@30?live=0&frames={FILM_FRAMES}", FILM_FRAMES)
        films = film[:RING]
        rows: dict[str, Any] = {}
        networks: dict[str, DeviceNetwork] = {}
        copy = stack.enter_context(closing(CopyNetwork()))
        rows["crop + paste"] = measure_path(device, copy, films, size_px, frames)
        options = BackendOptions(gpu=index, cache_dir=model_cache())
        for choice, is_compiled in CASES:
            name = f"{style}, {choice}{', compiled' if is_compiled else ''}"
            with suppress_missing(name):
                how = replace(options, allow_compiling=is_compiled)
                network = stack.enter_context(closing(open_device_style(style, size_px, how, choice)))
                if is_compiled:
                    wait_compiled(partial(measure_path, device, network, films, size_px, RING), network)
                rows[name] = measure_path(device, network, films, size_px, frames)
                networks[name] = network
        _show_paths(rows)
        rows["films"] = measure_films(device, {"crop + paste": copy, **networks}, settings, stream, film, frames)
        with suppress_missing("the floor of the memory"):
            found = find_style(style)
            moved = traffic_bytes(verified_half(found) or verified_model(found), size_px)
            copied = copied_per_second(device, copy, frames)
            rows["floor"] = measure_floor(device, networks, moved, copied, size_px, frames)
        rows["soak"] = {
            name: soak(device, each, films, size_px) for name, each in {"crop + paste": copy, **networks}.items()
        }
        _show_soaks(rows["soak"])
        content = {"gpu": device.name, "style": style, "size_px": size_px, "resolution": resolution}
        save(report, watch, content | rows)  # the ways are others' software, too, which may fail in ways of its own
        ways = network_ways(stack, device, style, size_px, options, films[0])
        rows["network"] = compare(ways, rounds)
    save(report, watch, content | rows)


@contextmanager
def suppress_missing(what: str) -> Generator[None]:
    """Leaves out a case that does not work here, and says so."""
    try:
        yield
    except BackendError as error:
        say(f"without {what}: {error.message}")


def measure_path(
    device: Gpu, network: DeviceNetwork, films: Sequence[Frame], size_px: int, frames: int
) -> dict[str, Any]:
    """One frame at a time for the latency, then three under way for the rate.

    Args:
        device: The GPU.
        network: What draws.
        films: At least one frame, which are repeated.
        size_px: Side of the crops.
        frames: How many are timed.

    Returns:
        Milliseconds on the GPU and until the frame is back, frames a second, and whether streams overlapped.
    """
    with closing(DevicePath(device, PathOptions(most_faces=1, largest_px=size_px))) as path:
        regions = heads(films[0], size_px)

        def send(number: int) -> Callable[[], Any]:
            frame = films[number % len(films)]
            return path.submit(replace(frame, index=number, pts=number), regions, "style", network, 1.0)

        def draw(number: int) -> float:
            return send(number)().gpu_ms

        for number in range(WARM_UP_FRAMES):
            draw(number)
        first = WARM_UP_FRAMES
        # Frames are let go, as a sink lets them go: memory that is new for each of them costs more than all the rest.
        gpu_ms, latency_ms = timed(draw, range(first, first + frames))
        first += frames
        overlaps: list[bool] = []
        waiting: list[Callable[[], Any]] = []

        def send_ahead(number: int) -> None:
            waiting.append(send(number))
            if len(waiting) == RING:
                waiting.pop(0)()
                overlaps.append(_overlap(path, number - RING + 1))

        for number in range(first, first + RING - 1):
            send_ahead(number)  # these wait for no frame: counted, they would raise the rate
        first += RING - 1
        _, rate_ms = timed(send_ahead, range(first, first + frames))
        for result in waiting:
            result()
    return {
        "gpu_ms": asdict(Spread.of(gpu_ms)),
        "latency_ms": asdict(Spread.of(latency_ms)),
        "fps": 1000.0 / (sum(rate_ms) / len(rate_ms)),
        "overlapping_share": sum(overlaps) / len(overlaps),
    }


def _overlap(path: DevicePath, number: int) -> bool:
    """Whether the frame after frame `number`, which is back, began to be drawn before that one was down."""
    came_back, next_one = (path.slots[sent % RING] for sent in (number, number + 1))
    next_one.started.wait()
    return came_back.downloaded.since_ms(next_one.started) > 0


def soak(
    device: Gpu, network: DeviceNetwork, films: Sequence[Frame], size_px: int, frames: int = SOAK_FRAMES
) -> dict[str, float]:
    """The memory that a thousand frames cost the GPU, and this process.

    Args:
        device: The GPU, which nobody else uses meanwhile.
        network: What draws.
        films: At least one frame, which are repeated.
        size_px: Side of the crops.
        frames: How many are drawn after the warm-up.
    """
    with closing(DevicePath(device, PathOptions(most_faces=1, largest_px=size_px))) as path:
        regions = heads(films[0], size_px)

        def draw(count: int) -> None:
            for number in range(count):
                path.submit(films[number % len(films)], regions, "style", network, 1.0)()

        draw(SOAK_WARM_UP_FRAMES)
        free_bytes, resident = device.free_bytes(), resident_mib()
        draw(frames)
        return {
            "frames": frames,
            "grown_mib": (free_bytes - device.free_bytes()) / BYTES_PER_MIB,
            "resident_grown_mib": resident_mib() - resident,
        }


def compare(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, Any]:
    """The ways to compute the network in turn, each as a share of the first."""
    if not ways:
        say("no way to compute the network works here")
        return {}
    times_ms = interleave(ways, rounds)
    reference = next(iter(ways))
    middles = {name: median(ms) for name, ms in times_ms.items()}
    ratios = {name: Ratio.of(ms, times_ms[reference]) for name, ms in times_ms.items()}
    cells = [(name, f"{middles[name]:.3f}", f"{ratio.median:.2f}") for name, ratio in ratios.items()]
    show("one picture through the network, host to host", ("way", "p50 ms", f"share of {reference}"), cells)
    return {name: {"p50_ms": middles[name], "ratio": asdict(ratio)} for name, ratio in ratios.items()}


def _show_soaks(rows: dict[str, dict[str, float]]) -> None:
    cells = [(name, f"{row['grown_mib']:+.1f}", f"{row['resident_grown_mib']:+.1f}") for name, row in rows.items()]
    show(f"memory after {SOAK_FRAMES} frames", ("frame path", "GPU MiB", "process MiB"), cells)


def _show_paths(rows: dict[str, Any]) -> None:
    cells = [
        (
            name,
            f"{row['gpu_ms']['p50']:.3f}",
            f"{row['latency_ms']['p50']:.2f}",
            f"{row['latency_ms']['p95']:.2f}",
            f"{row['fps']:.0f}",
            f"{row['overlapping_share']:.0%}",
        )
        for name, row in rows.items()
    ]
    heads = ("frame path", "GPU p50 ms", "latency p50 ms", "p95 ms", "frames a second", "overlap")
    show("one face, without codecs and tracking", heads, cells)


if __name__ == "__main__":
    gpu()
