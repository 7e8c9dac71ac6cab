"""What a frame costs against its size, faces, crops, how much is drawn, the palette, and what is behind persons.

    python benchmarks/scaling.py --frames 60 --json benchmarks/results/scaling.json

The claim to check: cost grows with the pixels of the faces, not with those of the frame. The whole renderer runs, as in
a run but in one thread: find, crop, draw, paste. "Besides" is all of it but the network. Cases of one sweep take turns
frame by frame, and each is compared with the first of its sweep in the same turn.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from time import perf_counter_ns

import click
from inputs import crowd
from machine import Watch
from measuring import COUNT, BenchmarkCommand, Samples, json_option, save, say, show, timed

from animecam.backgrounds import AS_FILMED, BACKGROUND_COLORS, BLURRED
from animecam.cli.options import look_options
from animecam.drawing.networks import open_networks
from animecam.drawing.renderer import Renderer
from animecam.measure.networks import REFERENCE, opened_reference
from animecam.measure.spread import Ratio, Spread
from animecam.run.session import opened_source
from animecam.settings import Look, Palette, Scope, Settings
from animecam.sources.opening import SourceOptions
from animecam.timing import ms_since
from animecam.types import Frame

FRAME_SIZES_PX = ((854, 480), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160))
SWEEPS = ("frame", "faces", "crop", "scope", "palette", "background")
FACES = (1, 2, 4)
CROP_SIZES_PX = (192, 256, 320, 384, 448, 512)
HD_PX = (1280, 720)
CROWD_FRAMES = 15  # held in memory and shown again and again
WARM_UP_FRAMES = 3  # the first sees nobody known, compiles nothing any more but fills memory
NETWORK = "draw"  # the renderer's name of the stage


@dataclass(frozen=True, slots=True)
class Case:
    """One point of a sweep.

    Attributes:
        sweep: What is varied.
        value: To what, as plots call it.
        label: As the tables call it.
        settings: How it is rendered.
        frames: Makes the frames, which never end.
    """

    sweep: str
    value: int | str
    label: str
    settings: Settings
    frames: Callable[[], Iterator[Frame]]


@dataclass(frozen=True, slots=True)
class Row:
    """What a case cost.

    Attributes:
        sweep: As of the case.
        value: As of the case.
        label: As of the case.
        faces: Mean number of faces that were found.
        frame_ms: The whole frame.
        network_ms: The network.
        besides_ms: The rest.
        frame_ratio: The whole frame to that of the first case.
        besides_ratio: The rest to that of the first case.
        network_share: The network to the reference, in the same turns.
        stage_ms: Stage → mean.
    """

    sweep: str
    value: int | str
    label: str
    faces: float
    frame_ms: Spread
    network_ms: Spread
    besides_ms: Spread
    frame_ratio: Ratio
    besides_ratio: Ratio
    network_share: Ratio
    stage_ms: dict[str, float]


class Running:
    """A case while it is measured."""

    def __init__(self, case: Case, renderer: Renderer, samples: Samples) -> None:
        self.case = case
        self._frames = case.frames()
        self._renderer = renderer
        self._samples = samples
        self._faces: list[int] = []
        self._frame_ms: list[float] = []

    def step(self) -> None:
        """Renders the next frame."""
        (rendered,), (took_ms,) = timed(self._renderer, [next(self._frames)])
        self._frame_ms.append(took_ms)
        self._faces.append(len(rendered.faces.faces))

    def row(self, first: "Running", reference_ms: Sequence[float]) -> Row:
        """The figures, compared with those of another case and of the reference."""
        stage_ms = {name: fmean(ms[WARM_UP_FRAMES:]) for name, ms in self._samples.ms.items()}
        return Row(
            sweep=self.case.sweep,
            value=self.case.value,
            label=self.case.label,
            faces=fmean(self._faces[WARM_UP_FRAMES:]),
            frame_ms=Spread.of(self.frame_ms),
            network_ms=Spread.of(self._network_ms),
            besides_ms=Spread.of(self.besides_ms),
            frame_ratio=Ratio.of(self.frame_ms, first.frame_ms),
            besides_ratio=Ratio.of(self.besides_ms, first.besides_ms),
            network_share=Ratio.of(self._network_ms, reference_ms),
            stage_ms=stage_ms,
        )

    @property
    def frame_ms(self) -> list[float]:
        """Each frame after the warm-up."""
        return self._frame_ms[WARM_UP_FRAMES:]

    @property
    def besides_ms(self) -> list[float]:
        """Likewise, without the network."""
        return [frame - network for frame, network in zip(self.frame_ms, self._network_ms, strict=True)]

    @property
    def _network_ms(self) -> list[float]:
        return self._samples.ms[NETWORK][WARM_UP_FRAMES:]


@click.command(cls=BenchmarkCommand)
@click.option("--frames", type=COUNT, default=60, show_default=True, help="Frames of each case.")
@click.option("--sweep", "wanted", multiple=True, type=click.Choice(SWEEPS), help="[default: all]")
@json_option
@look_options
def main(*, settings: Settings, frames: int, wanted: tuple[str, ...], report: Path | None) -> None:
    """Measures each sweep; a style and a size hold where they are not varied."""
    watch = Watch()
    sweeps = [make(settings) for make in (frame_sizes, face_counts, crop_sizes, scopes, palettes, backgrounds)]
    rows: list[Row] = []
    for name, cases in zip(SWEEPS, sweeps, strict=True):
        if name in (wanted or SWEEPS):
            rows += measure(cases, frames)
    heads = (
        "case",
        "faces",
        "frame ms p50",
        "network",
        "besides",
        "besides p95",
        "frame, of first",
        "besides, of first",
        "network, of reference",
    )
    show(f"{settings.look.style} at {settings.look.size_px} px", heads, [_cells(row) for row in rows])
    say(f"the reference: {REFERENCE}")
    save(report, watch, {"reference": REFERENCE, "style": settings.look.style, "rows": [asdict(row) for row in rows]})


def frame_sizes(settings: Settings) -> list[Case]:
    """One face that fills the same part of frames of growing size."""
    return [
        Case("frame", height, f"{width}x{height}", settings, lambda size=(width, height): _pattern(*size))
        for width, height in FRAME_SIZES_PX
    ]


def face_counts(settings: Settings) -> list[Case]:
    """Frames of one size with a growing crowd of faces of one size."""
    return [
        Case("faces", count, f"faces: {count}", replace(settings, max_faces=count), lambda n=count: _crowd(n))
        for count in FACES
    ]


def crop_sizes(settings: Settings) -> list[Case]:
    """Frames of one size and crops of growing size."""
    return [_looking("crop", px, settings, replace(settings.look, size_px=px)) for px in CROP_SIZES_PX]


def scopes(settings: Settings) -> list[Case]:
    """Frames of one size, of which heads alone are drawn, persons, or everything."""
    return [_looking("scope", scope.value, settings, replace(settings.look, scope=scope)) for scope in Scope]


def palettes(settings: Settings) -> list[Case]:
    """Frames of one size in their colours, and printed."""
    return [
        _looking("palette", palette.value, settings, replace(settings.look, palette=palette)) for palette in Palette
    ]


def backgrounds(settings: Settings) -> list[Case]:
    """Frames of one size with what was filmed behind persons, that blurred, and a colour."""
    kinds = (AS_FILMED, BLURRED, next(iter(BACKGROUND_COLORS)))
    return [_looking("background", kind, settings, replace(settings.look, background=kind)) for kind in kinds]


def _looking(sweep: str, value: int | str, settings: Settings, look: Look) -> Case:
    """Frames of one size, drawn with a look."""
    return Case(sweep, value, f"{sweep} {value}", replace(settings, look=look), lambda: _pattern(*HD_PX))


def measure(cases: Sequence[Case], frames: int) -> list[Row]:
    """Runs cases in turn, a frame each, and the reference once a turn."""
    with ExitStack() as stack:
        reference = stack.enter_context(opened_reference(cases[0].settings.threads))
        running = [stack.enter_context(_opened(case)) for case in cases]
        # The reference leaves the caches full of its own: the first case would pay for that, so one is drawn before it
        # that does not count.
        uncounted = stack.enter_context(_opened(cases[0]))
        reference_ms: list[float] = []
        for _ in range(WARM_UP_FRAMES + frames):
            start_ns = perf_counter_ns()
            reference()
            reference_ms.append(ms_since(start_ns))
            uncounted.step()
            for one in running:
                one.step()
        return [one.row(running[0], reference_ms[WARM_UP_FRAMES:]) for one in running]


@contextmanager
def _opened(case: Case) -> Generator[Running]:
    with open_networks(case.settings) as networks:
        samples = Samples()
        yield Running(case, networks.renderer(samples, is_live=False), samples)


def _pattern(width_px: int, height_px: int) -> Iterator[Frame]:
    with opened_source(f"pattern:{width_px}x{height_px}@30?live=0", SourceOptions()) as source:
        while (frame := source.read()) is not None:
            yield frame


def _crowd(faces: int) -> Iterator[Frame]:
    frames = crowd(faces, *HD_PX, CROWD_FRAMES, room_for=max(FACES))
    index = 0
    while True:
        for frame in frames:
            yield replace(frame, index=index, pts=index)
            index += 1


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.label,
        f"{row.faces:.1f}",
        *(f"{spread.p50:.1f}" for spread in (row.frame_ms, row.network_ms, row.besides_ms)),
        f"{row.besides_ms.p95:.1f}",
        f"{row.frame_ratio.median:.2f}",
        f"{row.besides_ratio.median:.2f}",
        f"{row.network_share.median:.3f}",
    )


if __name__ == "__main__":
    main()
