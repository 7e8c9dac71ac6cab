"""A film from memory to nowhere through the renderer on a GPU: what is left of a file's way without its codecs."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from time import perf_counter_ns
from typing import Any

from measuring import show

from animecam.backends.device import DeviceNetwork
from animecam.cuda.base import Gpu
from animecam.drawing.gpu_renderer import GpuRenderer
from animecam.drawing.networks import Networks, open_networks
from animecam.errors import UsageError
from animecam.render.device_path import RING, DevicePath, PathOptions
from animecam.run.outputs import Outputs
from animecam.run.pipeline import Pipeline
from animecam.settings import Settings
from animecam.timing import Timing
from animecam.types import Frame, StreamFormat

NANOSECONDS = 1e9
WARM_UP_FRAMES = 10 * RING  # what is sent is recorded by then, channels are full, and the face is followed

STAGES = ("read", "track", "send", "fetch")
"""Of the thread that reads, and of the one that renders, which waits for the GPU while it fetches."""


class Reel:
    """Frames in memory as a film of any length: there and back again, so that nobody jumps; a `Source`.

    Args:
        stream: What they are.
        frames: At least one.
        count: How many are read.
    """

    def __init__(self, stream: StreamFormat, frames: Sequence[Frame], count: int) -> None:
        self.uri, self.skipped = "memory:", 0
        self.format = replace(stream, is_live=False, frames=count)
        self._there_and_back = (*frames, *frames[-2:0:-1])
        self._step = max(1, round(1 / (stream.rate * stream.time_base)))
        self._count, self._read = count, 0

    def read(self) -> Frame | None:
        """As `Source.read`."""
        if self._read == self._count:
            return None
        frame = self._there_and_back[self._read % len(self._there_and_back)]
        number, self._read = self._read, self._read + 1
        return replace(frame, index=number, pts=number * self._step, captured_ns=perf_counter_ns())

    def close(self) -> None:
        """As `Source.close`."""


class StampSink:
    """Keeps no frame, and notes when each arrived."""

    def __init__(self) -> None:
        self.uri = "null:"
        self.arrived_ns: list[int] = []

    def write(self, frame: Frame) -> None:  # noqa: ARG002 - the seam's signature
        """As `Sink.write`."""
        self.arrived_ns.append(perf_counter_ns())

    def close(self, *, complete: bool) -> None:
        """As `Sink.close`."""


def measure_film(
    device: Gpu, network: DeviceNetwork, networks: Networks, settings: Settings, film: Reel
) -> dict[str, Any]:
    """Draws a film as `convert` does, three frames under way, each from the host's memory and back.

    Args:
        device: The GPU, in use.
        network: What draws there.
        networks: Open, for what finds faces.
        settings: As those were opened with; the size of the crops and the number of faces are used.
        film: More than `WARM_UP_FRAMES` frames.

    Returns:
        Frames a second after the warm-up, how many frames showed somebody, and the medians of the stages.

    Raises:
        UsageError: It shows nobody, so that there was nothing to draw.
    """
    timing, sink = Timing(), StampSink()
    options = PathOptions(most_faces=settings.max_faces, largest_px=settings.look.size_px)
    with closing(DevicePath(device, options)) as path, Outputs([sink]) as outputs:
        render = GpuRenderer(
            path,
            networks.renderer(timing, is_live=False),
            find_network=lambda _style, _size_px: network,
            note_network=lambda _style, _info: None,
            can_fade=True,
        )
        figures = Pipeline(film, render, outputs, timing).run()
    if not figures.with_faces:
        raise UsageError(f"{film.uri} shows nobody", hint="choose frames with a face")
    arrived_ns = sink.arrived_ns[WARM_UP_FRAMES - 1 :]
    return {
        "fps": NANOSECONDS * (len(arrived_ns) - 1) / (arrived_ns[-1] - arrived_ns[0]),
        "frames": len(arrived_ns) - 1,
        "with_faces_share": figures.with_faces / figures.frames_out,
        "stages_p50_ms": {name: stage.p50 for name, stage in figures.stage_ms.items()},
    }


def measure_films(
    device: Gpu,
    drawing: Mapping[str, DeviceNetwork],
    settings: Settings,
    stream: StreamFormat,
    frames: Sequence[Frame],
    count: int,
) -> dict[str, Any]:
    """Times a film with each of some networks, and shows it.

    Args:
        device: The GPU, in use.
        drawing: What draws, by name.
        settings: As for `measure_film`.
        stream: What the frames are.
        frames: Of the film.
        count: How many are timed.
    """
    with open_networks(settings) as networks:
        rows = {
            name: measure_film(device, network, networks, settings, Reel(stream, frames, WARM_UP_FRAMES + count))
            for name, network in drawing.items()
        }
    heads = ("a film from memory", "frames a second", *(f"{name} p50 ms" for name in STAGES))
    cells = [
        (name, f"{row['fps']:.0f}", *(f"{row['stages_p50_ms'][stage]:.2f}" for stage in STAGES))
        for name, row in rows.items()
    ]
    show(f"{stream.width_px} x {stream.height_px}, with tracking, without codecs", heads, cells)
    return rows
