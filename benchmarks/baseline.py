"""What a user would do instead, on the same clip in the same run: a loop around a network, as tutorials have it.

    python benchmarks/baseline.py [CLIP] --frames 120 --json benchmarks/results/baseline.json

The loop reads a frame with OpenCV, brings it whole to a network's size, runs that by ONNX Runtime in float32, writes it
with OpenCV as MPEG-4 Part 2, one frame after another; the sound is lost. It draws with the network that ours draws
with, so that the ways are compared and not the networks, and with the style's full one, which such scripts take. It
comes in two kinds: the whole frame at its own size, as such scripts do it, and scaled until its shorter side is that of
our crops of heads, which leaves a blurred frame. All take turns with `animecam convert`, which draws the heads and
writes H.264.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# onnxruntime ships no type information.

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, cast

import av
import click
import cv2
import numpy as np
import onnxruntime
from av.error import FFmpegError
from inputs import local_clip
from machine import Watch
from measuring import COUNT, BenchmarkCommand, json_option, save, say, show
from numpy.typing import NDArray

from animecam.backends.base import Tensor
from animecam.cli.options import look_options
from animecam.drawing.networks import Networks, open_networks
from animecam.measure.spread import Ratio
from animecam.measure.turns import interleave
from animecam.render.scope import whole_frame_size
from animecam.run.session import convert_file
from animecam.settings import Settings
from animecam.sinks.opening import SinkOptions
from animecam.styles.card import FULL, Layout, StyleCard
from animecam.styles.registry import Style, find_style, verified_model

SOURCE = "pattern:1280x720@30?live=0"
CODEC = "mp4v"  # what OpenCV writes everywhere; its H.264 is missing from many builds

Picture = NDArray[Any]
"""uint8 [H, W, 3], BGR as OpenCV has it."""

Convert = Callable[[Path], int]
"""Converts the clip into a file, over what is there, and gives the number of its frames."""


@dataclass(frozen=True, slots=True)
class Row:
    """A way to convert the clip.

    Attributes:
        way: Its name, with the network that it draws with.
        fps: Frames a second, at the median time of a frame.
        times_slower: How many times longer than ours a frame takes, in the same round.
        keeps_sound: Whether the sound of the clip is in the result; None if it has none.
    """

    way: str
    fps: float
    times_slower: Ratio
    keeps_sound: bool | None


class Loop:
    """The user's script, with a network that stays loaded, as ours do."""

    def __init__(self, card: StyleCard, model: Path, short_px: int | None, threads: int = 0) -> None:
        self._card = card
        self._short_px = short_px
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._input: str = self._session.get_inputs()[0].name

    def draw(self, frame: Picture) -> Picture:
        """A whole frame through the network."""
        height, width = frame.shape[:2]
        size = whole_frame_size(width, height, self._short_px or min(width, height))
        taken, given = self._card.contract.input, self._card.contract.output
        numbers = cv2.cvtColor(cv2.resize(frame, size), cv2.COLOR_BGR2RGB).astype(np.float32) / 255
        numbers = (numbers * (taken.white - taken.black) + taken.black).astype(taken.pixel_type.dtype)[None]
        if taken.layout is Layout.NCHW:
            numbers = np.ascontiguousarray(numbers.transpose(0, 3, 1, 2))
        drawn = cast(list[Tensor], self._session.run(None, {self._input: numbers}))[0][0].astype(np.float32)
        if given.layout is Layout.NCHW:
            drawn = drawn.transpose(1, 2, 0)
        pixels = np.clip((drawn - given.black) / (given.white - given.black) * 255, 0, 255).astype(np.uint8)
        return cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), (width, height))

    def __call__(self, clip: Path, frames: int, target: Path) -> int:
        """Converts the first frames of a clip; gives their number.

        Raises:
            click.ClickException: OpenCV reads nothing of the clip, or has no encoder: it says neither by itself.
        """
        reader = cv2.VideoCapture(str(clip))
        size = (int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)), int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*CODEC), reader.get(cv2.CAP_PROP_FPS), size)
        try:
            if not writer.isOpened() and reader.isOpened():
                raise click.ClickException(f"this OpenCV cannot write {CODEC}, and a loop that writes nothing is quick")
            count = 0
            while count < frames:
                has_frame, frame = reader.read()
                if not has_frame:
                    break
                writer.write(self.draw(frame))
                count += 1
        finally:
            writer.release()
            reader.release()
        if not count:
            raise click.ClickException(f"OpenCV reads no frame of {clip}: give a clip that it can decode")
        return count


@click.command(cls=BenchmarkCommand)
@click.argument("source", default=SOURCE)
@click.option(
    "--frames",
    type=COUNT,
    default=120,
    show_default=True,
    help="Frames to record of a pattern; most that the loop does.",
)
@click.option(
    "--whole-frames", type=COUNT, default=8, show_default=True, help="Frames that it does at full size: seconds each."
)
@click.option(
    "--rounds", type=COUNT, default=3, show_default=True, help="How often each way is timed; they take turns."
)
@json_option
@look_options
def main(*, settings: Settings, source: str, frames: int, whole_frames: int, rounds: int, report: Path | None) -> None:
    """Times the loop against animecam."""
    watch = Watch()
    style, size_px = find_style(settings.look.style), settings.look.size_px
    with tempfile.TemporaryDirectory() as name, open_networks(settings) as networks:
        folder = Path(name)
        clip = local_clip(source, frames, folder)
        quality = networks.drawn_quality(style.name)
        ours = f"animecam, {quality} network in {networks.backend_info.precision}"
        ways: dict[str, Convert] = {ours: partial(convert, networks, clip)}
        for drawn_with in dict.fromkeys((quality, FULL)):
            ways |= loops(style, drawn_with, settings, clip, (frames, whole_frames))
        rows = measure(ways, rounds, folder, has_sound=bool(sounds_in(clip)))
        summary = networks.summary
    show(
        f"{Path(source).name}: {summary}, against ONNX Runtime {onnxruntime.__version__} in float32",
        ("way", "fps", "times our time a frame", "sound"),
        [_cells(row) for row in rows],
    )
    say("the loop draws whole frames, blurred where it scales them; animecam draws the heads and leaves the rest alone")
    content = {"source": Path(source).name, "summary": summary, "size_px": size_px}
    save(report, watch, content | {"rows": [asdict(row) for row in rows]})


def convert(networks: Networks, clip: Path, target: Path) -> int:
    """`animecam convert` with networks that are loaded; gives the number of frames."""
    return convert_file(clip, target, networks, lambda _: lambda _: None, SinkOptions(overwrite=True)).frames_out


def loops(style: Style, quality: str, settings: Settings, clip: Path, frames: tuple[int, int]) -> dict[str, Convert]:
    """The loop with one network of a style, in both kinds.

    Args:
        style: The style.
        quality: Which of its networks.
        settings: Of ours: as many threads, and the shorter side that the first kind scales frames to.
        clip: What is converted.
        frames: How many frames of it either kind does.
    """
    model, size_px, threads = verified_model(style, quality), settings.look.size_px, settings.threads
    way = f"loop, {quality} network in f32, frame"
    return {
        f"{way} at {size_px} px": partial(Loop(style.card, model, size_px, threads), clip, frames[0]),
        f"{way} as it is": partial(Loop(style.card, model, None, threads), clip, frames[1]),
    }


def measure(ways: Mapping[str, Convert], rounds: int, folder: Path, *, has_sound: bool) -> list[Row]:
    """Lets ways to convert a clip take turns.

    Args:
        ways: What converts it, by name, ours first.
        rounds: How often each is timed.
        folder: Where results go.
        has_sound: Whether there is sound to keep.
    """
    targets = {way: folder / f"{index}.mp4" for index, way in enumerate(ways)}
    frames: dict[str, int] = {}

    def call(way: str) -> None:
        frames[way] = ways[way](targets[way])

    times_ms = interleave({way: partial(call, way) for way in ways}, rounds)
    frame_ms = {way: [ms / frames[way] for ms in samples_ms] for way, samples_ms in times_ms.items()}
    ours_ms = next(iter(frame_ms.values()))
    return [
        Row(
            way=way,
            fps=1e3 / median(samples_ms),
            times_slower=Ratio.of(samples_ms, ours_ms),
            keeps_sound=bool(sounds_in(targets[way])) if has_sound else None,
        )
        for way, samples_ms in frame_ms.items()
    ]


def sounds_in(path: Path) -> int:
    """Number of audio tracks of a file.

    Raises:
        click.ClickException: It is no video.
    """
    try:
        with av.open(str(path)) as container:
            return len(container.streams.audio)
    except FFmpegError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from error


def _cells(row: Row) -> tuple[str, ...]:
    sound = {True: "kept", False: "lost", None: "had none"}[row.keeps_sound]
    return row.way, f"{row.fps:.2f}", str(row.times_slower), sound


if __name__ == "__main__":
    main()
