"""Frames, formats and readers that the tests of the outputs share."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest

from animecam.sinks.base import Sink
from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions
from animecam.types import Color, Frame, PixelFormat, StreamFormat, allocate_planes

WIDTH_PX, HEIGHT_PX = 96, 64
RATE = Fraction(30)


@pytest.fixture
def stream_format() -> StreamFormat:
    """A small file at 30 frames per second; `dataclasses.replace` changes it."""
    return StreamFormat(
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        pixel_format=PixelFormat.YUV420P,
        color=Color(),
        rotation_deg=0,
        time_base=1 / RATE,
        rate=RATE,
        is_live=False,
    )


@pytest.fixture(scope="session")
def converted() -> Callable[[Path, Path], Path]:
    """`converted(source, out)`: the film as `convert` writes it, its pictures as they are."""
    return _converted


def _converted(source: Path, out: Path) -> Path:
    film = open_file(source, SourceOptions(threads=1))
    sink = FileSink(str(out), film.format, SinkOptions(audio_from=source, threads=1))
    while (frame := film.read()) is not None:
        sink.write(frame)
    sink.close(complete=True)
    film.close()
    return out


@pytest.fixture
def make_frame() -> Callable[..., Frame]:
    """`make_frame(format, index, pts=None, level=None)`: a smooth picture that moves, or all of one code."""
    return _make_frame


def _smooth(plane: np.ndarray, index: int, number: int) -> np.ndarray:
    y, x = np.mgrid[0 : plane.shape[0], 0 : plane.shape[1]]
    smooth = 128 + 60 * np.sin(x / 9 + index / 3 + number) + 30 * np.cos(y / 7 - number)
    return smooth if plane.ndim == 2 else smooth[..., None]


def _make_frame(stream: StreamFormat, index: int = 0, pts: int | None = None, duration: int = 0, level=None) -> Frame:
    planes, packed = allocate_planes(stream.pixel_format, stream.width_px, stream.height_px)
    for number, plane in enumerate(planes):
        plane[...] = _smooth(plane, index, number) if level is None else level[number]
    return Frame(
        planes=planes,
        pixel_format=stream.pixel_format,
        color=stream.color,
        rotation_deg=stream.rotation_deg,
        index=index,
        pts=index if pts is None else pts,
        time_base=stream.time_base,
        captured_ns=0,
        duration=duration,
        packed=packed,
        pixel_aspect=stream.pixel_aspect,
    )


@dataclass(frozen=True)
class Packets:
    """What a demuxer finds in one stream: when each packet is shown, in seconds, how long, and its bytes."""

    times_s: list[Fraction]
    lengths_s: list[Fraction]
    data: list[bytes]


@pytest.fixture
def read_packets() -> Callable[..., list[Packets]]:
    """`read_packets(path, "audio")`: one `Packets` for each stream of the kind, in the order of presentation."""
    return _read_packets


def _read_packets(path: Path, kind: str) -> list[Packets]:
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        if not streams:
            return []
        found = {stream.index: [] for stream in streams}
        for packet in container.demux(streams):
            if packet.size:
                found[packet.stream_index].append(
                    (packet.pts * packet.time_base, (packet.duration or 0) * packet.time_base, bytes(packet))
                )
    return [Packets(*map(list, zip(*sorted(rows), strict=True))) for rows in found.values()]


@pytest.fixture
def decode() -> Callable[[Path], list[av.VideoFrame]]:
    """All pictures of a file."""
    return _decode


def _decode(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


@pytest.fixture
def write_all() -> Callable[..., None]:
    """`write_all(sink, frames, complete=True)`: writes them and closes the sink."""
    return _write_all


def _write_all(sink: Sink, frames: Iterable[Frame], *, complete: bool = True) -> None:
    for frame in frames:
        sink.write(frame)
    sink.close(complete=complete)


@pytest.fixture
def live_format(stream_format: StreamFormat) -> StreamFormat:
    """A camera whose clock counts microseconds from the start of the machine."""
    return replace(stream_format, is_live=True, time_base=Fraction(1, 1_000_000))


@pytest.fixture(scope="session")
def screens(load_module: Callable[[str], ModuleType]) -> ModuleType:
    """screens.py beside this file."""
    return load_module("engine/sinks/screens.py")


@pytest.fixture
def screen(screens: ModuleType) -> Generator[tuple]:
    """A screen in memory: (environment, function that takes a picture of it)."""
    with screens.open_screen(1280, 960) as opened:
        yield opened
