"""What a user would do instead, on the same clip in the same run: a loop around a network, as tutorials have it.

    python benchmarks/baseline.py [CLIP] --frames 120 --json benchmarks/results/baseline.json

The loop reads a frame with OpenCV, brings it whole to the network's size, runs the style's full network by ONNX Runtime
in float32, and writes it with OpenCV, one frame after another; the sound is lost. It comes in two kinds: the whole
frame at its own size, as such scripts do it, and scaled until its shorter side is that of our crops of heads, which
leaves a blurred frame. Both are timed against `animecam convert`, which draws the heads.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import av
import click
import cv2
import numpy as np
import onnxruntime
from inputs import local_clip
from machine import Watch
from measuring import BenchmarkCommand, json_option, save, say, show
from numpy.typing import NDArray

from animecam.cli.options import look_options
from animecam.measure.spread import Ratio
from animecam.networks import Networks, open_networks
from animecam.render.scope import whole_frame_size
from animecam.session import convert_file, opened_source
from animecam.settings import Settings
from animecam.sources.opening import SourceOptions
from animecam.styles.card import Layout, StyleCard
from animecam.styles.registry import find_style, verified_model

SOURCE = "pattern:1280x720@30?live=0"
CODEC = "mp4v"  # what OpenCV writes everywhere; its H.264 is missing from many builds
OURS = "animecam"

Picture = NDArray[Any]
"""uint8 [H, W, 3], BGR as OpenCV has it."""


@dataclass(frozen=True, slots=True)
class Done:
    """One conversion: how many frames a second, and what is in the file."""

    fps: float
    frames: int
    sounds: int


@dataclass(frozen=True, slots=True)
class Row:
    """A way to convert the clip.

    Attributes:
        way: Its name.
        fps: Median of its frames a second.
        times_slower: How many times longer than ours a frame takes, in the same round.
        keeps_sound: Whether the sound of the clip is in the result; None if it has none.
    """

    way: str
    fps: float
    times_slower: Ratio
    keeps_sound: bool | None


class Loop:
    """The user's script. The network is loaded and has run once before it is timed, as ours has."""

    def __init__(self, card: StyleCard, model: Path, short_px: int | None) -> None:
        self._card = card
        self._short_px = short_px
        self._session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def draw(self, frame: Picture) -> Picture:
        """A whole frame through the network."""
        height, width = frame.shape[:2]
        size = whole_frame_size(width, height, self._short_px or min(width, height))
        taken, given = self._card.contract.input, self._card.contract.output
        numbers = cv2.cvtColor(cv2.resize(frame, size), cv2.COLOR_BGR2RGB).astype(np.float32) / 255
        numbers = (numbers * (taken.white - taken.black) + taken.black).astype(taken.pixel_type.dtype)[None]
        if taken.layout is Layout.NCHW:
            numbers = np.ascontiguousarray(numbers.transpose(0, 3, 1, 2))
        drawn = self._session.run(None, {self._input: numbers})[0][0].astype(np.float32)
        if given.layout is Layout.NCHW:
            drawn = drawn.transpose(1, 2, 0)
        pixels = np.clip((drawn - given.black) / (given.white - given.black) * 255, 0, 255).astype(np.uint8)
        return cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), (width, height))

    def __call__(self, clip: Path, target: Path, frames: int) -> Done:
        """Converts the first frames of a clip."""
        reader = cv2.VideoCapture(str(clip))
        size = (int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)), int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        self.draw(np.zeros((size[1], size[0], 3), np.uint8))
        start_s = time.perf_counter()
        writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*CODEC), reader.get(cv2.CAP_PROP_FPS), size)
        count = 0
        while count < frames:
            has_frame, frame = reader.read()
            if not has_frame:
                break
            writer.write(self.draw(frame))
            count += 1
        writer.release()
        took_s = time.perf_counter() - start_s
        reader.release()
        return Done(count / took_s, count, sounds_in(target))


class Ours:
    """`animecam convert` with networks that are loaded and have run once."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    def __call__(self, clip: Path, target: Path) -> Done:
        """Converts the whole clip."""
        with opened_source(str(clip), SourceOptions()) as source:
            self._networks.warm_up(source.format)
        start_s = time.perf_counter()
        figures = convert_file(clip, target, self._networks, lambda _: lambda _: None)
        took_s = time.perf_counter() - start_s
        return Done(figures.frames_out / took_s, figures.frames_out, sounds_in(target))


@click.command(cls=BenchmarkCommand)
@click.argument("source", default=SOURCE)
@click.option(
    "--frames", default=120, show_default=True, help="Frames to record of a pattern; most that the loop does."
)
@click.option("--whole-frames", default=8, show_default=True, help="Frames that it does at full size: seconds each.")
@click.option("--rounds", default=3, show_default=True, help="How often each way is timed; they take turns.")
@json_option
@look_options
def main(*, settings: Settings, source: str, frames: int, whole_frames: int, rounds: int, report: Path | None) -> None:
    """Times the loop against animecam."""
    watch = Watch()
    style = find_style(settings.look.style)
    model, size_px = verified_model(style), settings.look.size_px
    with tempfile.TemporaryDirectory() as name, open_networks(settings) as networks:
        folder = Path(name)
        clip = local_clip(source, frames, folder)
        scaled, whole = Loop(style.card, model, size_px), Loop(style.card, model, None)
        ways: dict[str, Callable[[Path], Done]] = {
            OURS: lambda target: Ours(networks)(clip, target),
            f"loop, frame at {size_px} px": lambda target: scaled(clip, target, frames),
            "loop, frame as it is": lambda target: whole(clip, target, whole_frames),
        }
        done: dict[str, list[Done]] = {way: [] for way in ways}
        for number in range(rounds):
            for index, (way, convert) in enumerate(ways.items()):
                done[way].append(convert(folder / f"{number}-{index}.mp4"))
        has_sound = bool(sounds_in(clip))
        summary = networks.summary
    rows = [_row(way, results, done[OURS], has_sound=has_sound) for way, results in done.items()]
    show(
        f"{Path(source).name}: {summary}, against ONNX Runtime {onnxruntime.__version__} in float32",
        ("way", "fps", "times our time a frame", "sound"),
        [_cells(row) for row in rows],
    )
    say("the loop draws whole frames, blurred where it scales them; animecam draws the heads and leaves the rest alone")
    content = {"source": Path(source).name, "summary": summary, "size_px": size_px}
    save(report, watch, content | {"rows": [asdict(row) for row in rows]})


def sounds_in(path: Path) -> int:
    """Number of audio tracks of a file."""
    with av.open(str(path)) as container:
        return len(container.streams.audio)


def _row(way: str, done: Sequence[Done], ours: Sequence[Done], *, has_sound: bool) -> Row:
    slower = Ratio.of([1 / one.fps for one in done], [1 / one.fps for one in ours])
    return Row(way, median(one.fps for one in done), slower, bool(done[-1].sounds) if has_sound else None)


def _cells(row: Row) -> tuple[str, ...]:
    sound = {True: "kept", False: "lost", None: "had none"}[row.keeps_sound]
    return row.way, f"{row.fps:.2f}", str(row.times_slower), sound


if __name__ == "__main__":
    main()
