"""What smoothing does for calm: the warping error of a clip and of what is drawn of it, with and without each part.

    python benchmarks/flicker.py [CLIP…] --style cel --frames 120 --json benchmarks/results/flicker.json

The warping error is what is left between two frames once the motion of the source is taken out (see
`animecam_training.metrics.flicker`). It is measured on the face, in a window of fixed size that follows it by whole
pixels, the same for every variant: what is filmed around the head would only dilute it. Faces are tracked as `convert`
tracks them, who sees where a clip is cut: each shot is measured on the face that is seen longest in it, and two frames
between which the clip is cut are left out. The variants are the crop's place smoothed or not (One-Euro filter) and the
drawing calmed or not (`render/calm.py`); colours are matched alike in all. A clip carries its camera's noise; patterns
have none, so some is added.
"""

import math
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import click
import numpy as np
from inputs import read_frames, with_noise
from machine import Watch
from measuring import COUNT, BenchmarkCommand, json_option, save, show

from animecam.backends.base import BackendOptions
from animecam.cli.options import look_options
from animecam.drawing.networks import Networks, open_networks
from animecam.drawing.renderer import Renderer
from animecam.drawing.steps import Steps
from animecam.faces.align import Aligner, AlignOptions, Pose, head_pose
from animecam.faces.base import Detector
from animecam.faces.opening import SCAN_PX, glances_of, open_detector, open_follower
from animecam.faces.smooth import OneEuroOptions
from animecam.faces.track import Tracker, TrackerOptions
from animecam.render.backdrop import Backdrop
from animecam.render.calm import Calm, CalmOptions
from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.render.hair import HairTint
from animecam.settings import Controls, Settings
from animecam.sinks.convert import to_rgb
from animecam.timing import Timing
from animecam.types import Frame, Image
from animecam_training.metrics.flicker import measure_flicker

SOURCES = ("pattern:640x480@30?live=0",)
NOISE_LEVELS = 2.0  # standard deviation of a webcam in a lit room
WINDOW_SIDE = 0.6  # of a head's crop: little of it is mixed with what was filmed
FEWEST_FRAMES = 2  # between which something can flicker
LEAST_CONTRAST = 1e-6  # of a level: one grey wall has none
UNSMOOTHED = OneEuroOptions(min_cutoff_hz=math.inf, beta=0.0)  # lets every sample through as it is

Window = tuple[slice, slice]
"""Rows and columns of a frame."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A renderer with some of its smoothing."""

    name: str
    align: AlignOptions
    calm: CalmOptions


BARE_ALIGN = AlignOptions(place=UNSMOOTHED, size=UNSMOOTHED, angle=UNSMOOTHED)
BARE_CALM = CalmOptions(keep=0.0)
BARE = Variant("neither", BARE_ALIGN, BARE_CALM)
VARIANTS = (
    BARE,
    Variant("One-Euro", AlignOptions(), BARE_CALM),
    Variant("calm", BARE_ALIGN, CalmOptions()),
    Variant("both", AlignOptions(), CalmOptions()),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A variant on a clip.

    Attributes:
        clip: Name of the clip.
        variant: Name of the variant.
        frames: Pairs of frames that were compared.
        cuts: Pairs that were not, as the clip is cut between them.
        source: Warping error of the clip, in levels of 255.
        styled: Warping error of what was drawn.
        ratio: Of the two.
        contrast: Mean difference of neighbouring pixels in what was drawn, times the clip's: harder lines make more of
            every error of the flow, and a ratio up to this is no trembling.
        change: Of the drawn error against no smoothing at all: -0.3 is thirty per cent less.
        difference: Mean difference to the drawing without any smoothing, in levels: how much of it is altered.
    """

    clip: str
    variant: str
    frames: int
    cuts: int
    source: float
    styled: float
    ratio: float
    contrast: float
    change: float
    difference: float


@dataclass(frozen=True, slots=True)
class Detectors:
    """Open detectors; trackers over them start with nobody known."""

    scan: Detector
    follow: Detector
    options: TrackerOptions

    def tracker(self) -> Tracker:
        """A new tracker."""
        return Tracker(self.scan, self.follow, CpuImageOps().glimpse, self.options, glances=glances_of(self.scan))


@click.command(cls=BenchmarkCommand)
@click.argument("sources", nargs=-1)
@click.option("--frames", type=COUNT, default=120, show_default=True, help="Frames of each clip.")
@click.option(
    "--noise",
    type=click.FloatRange(min=0.0),
    default=NOISE_LEVELS,
    show_default=True,
    help="Added to patterns, in levels of 255.",
)
@json_option
@look_options
def main(*, settings: Settings, sources: tuple[str, ...], frames: int, noise: float, report: Path | None) -> None:
    """Measures every variant on every clip."""
    watch = Watch()
    rows: list[Row] = []
    with open_networks(settings) as networks, _opened(settings) as detectors:
        for uri in sources or SOURCES:
            _, filmed = read_frames(uri, frames)
            if uri.startswith("pattern:"):
                filmed = [with_noise(frame, noise) for frame in filmed]
            rows += measure(Path(uri).name, filmed, networks, detectors, settings)
        summary = networks.summary
    measured = ("source", "drawn", "ratio", "contrast", "against neither", "altered by")
    heads = ("clip", "smoothing", "pairs", "cuts left out", *measured)
    show(f"warping error in levels of 255, {summary}", heads, [_cells(row) for row in rows])
    save(report, watch, {"summary": summary, "rows": [asdict(row) for row in rows]})


def measure(
    clip: str, filmed: Sequence[Frame], networks: Networks, detectors: Detectors, settings: Settings
) -> list[Row]:
    """Draws one clip in every variant and compares.

    Raises:
        click.ClickException: Nobody is in the clip, or in no two frames one after the other.
    """
    windows, cuts = face_windows(filmed, detectors.tracker())
    if len(windows) - len(cuts) < FEWEST_FRAMES:
        raise click.ClickException(
            f"{clip}: no two frames of a shot show a face, and two are compared: give more of them"
        )
    source = _cut(filmed, windows)
    rows: list[Row] = []
    bare: list[Image] = []
    for variant in VARIANTS:
        renderer = make_renderer(variant, networks, detectors, settings)
        drawn = _cut([renderer(frame).frame for frame in filmed], windows)
        bare = bare or drawn
        flicker = measure_flicker(source, drawn, cuts)
        rows.append(
            Row(
                clip=clip,
                variant=variant.name,
                frames=flicker.frames,
                cuts=flicker.cuts,
                source=flicker.source,
                styled=flicker.styled,
                ratio=flicker.ratio,
                contrast=_contrast(drawn) / max(_contrast(source), LEAST_CONTRAST),
                change=flicker.styled / (rows[0].styled if rows else flicker.styled) - 1.0,
                difference=_difference(drawn, bare),
            )
        )
    return rows


def make_renderer(variant: Variant, networks: Networks, detectors: Detectors, settings: Settings) -> Renderer:
    """A renderer as `Networks.renderer` makes it, but with the variant's smoothing."""
    ops = CpuImageOps()
    steps = Steps(
        track=detectors.tracker().pausing,
        align=Aligner(variant.align),
        ops=ops,
        draw=networks.draw,
        calm=Calm(variant.calm),
        tint=HairTint(networks.persons()),
        compositor=Compositor(ops, networks.persons(), settings.head_edge),
        backdrop=Backdrop(ops, networks.persons()),
    )
    return Renderer(steps, Controls(settings.look), Timing())


def face_windows(frames: Sequence[Frame], tracker: Tracker) -> tuple[dict[int, Window], frozenset[int]]:
    """Where the face that is seen longest in its shot is, from its first frame to the shot's last.

    Returns:
        By the frame's place a window, inside the frame, all of one size; and which of them, counted without the frames
        that have none, are the first of a shot, but for the first of all.

    Raises:
        click.ClickException: There is no face.
    """
    shots: list[dict[int, dict[int, Pose]]] = [{}]
    for place, tracked in enumerate(map(tracker, frames)):
        if tracked.is_new_shot:
            shots.append({})
        shots[-1][place] = {face.track_id: head_pose(face.detection) for face in tracked.faces}
    followed = [poses for shot in shots if (poses := _longest(shot))]
    if not followed:
        raise click.ClickException("nobody is in this clip: give one with a face")
    side = round(WINDOW_SIDE * median(pose.side_px for poses in followed for pose in poses.values()))
    windows: dict[int, Window] = {}
    cuts: set[int] = set()
    for poses in followed:
        if windows:
            cuts.add(len(windows))
        windows |= {place: _window(frames[place], pose, side) for place, pose in poses.items()}
    return windows, frozenset(cuts)


def _longest(shot: Mapping[int, Mapping[int, Pose]]) -> dict[int, Pose]:
    """By the frame's place the face that is seen longest in a shot; where it is lost, its last place stands in."""
    counts = Counter(track_id for poses in shot.values() for track_id in poses)
    followed: dict[int, Pose] = {}
    for track_id, _ in counts.most_common(1):
        for place, poses in shot.items():
            pose = poses.get(track_id, followed.get(place - 1))
            if pose is not None:
                followed[place] = pose
    return followed


def _window(frame: Frame, pose: Pose, side: int) -> Window:
    left = min(max(0, round(pose.x_px - side / 2)), max(0, frame.width_px - side))
    top = min(max(0, round(pose.y_px - side / 2)), max(0, frame.height_px - side))
    return slice(top, top + side), slice(left, left + side)


@contextmanager
def _opened(settings: Settings) -> Generator[Detectors]:
    options = BackendOptions(threads=1)  # as in a run
    with ExitStack() as stack:
        scan = stack.enter_context(closing(open_detector(settings.detector, settings.backend, options)))
        follow = stack.enter_context(closing(open_follower(settings.backend, options)))
        scan_px = SCAN_PX[settings.detector.partition(":")[0]]
        options = TrackerOptions(max_faces=settings.max_faces, scan_px=scan_px, sees_cuts=True)  # as in `convert`
        yield Detectors(scan, follow, options)


def _cut(frames: Sequence[Frame], windows: Mapping[int, Window]) -> list[Image]:
    """The windows' pixels, in the order of the frames."""
    return [to_rgb(frames[place], upright=False)[window].copy() for place, window in windows.items()]


def _difference(drawn: Sequence[Image], bare: Sequence[Image]) -> float:
    pairs = zip(drawn, bare, strict=True)
    return float(np.mean([np.abs(one.astype(np.int16) - other).mean() for one, other in pairs]))


def _contrast(pictures: Sequence[Image]) -> float:
    """Mean difference of pixels to those beside and below them, in levels."""
    wide = (picture.astype(np.int16) for picture in pictures)
    return float(np.mean([np.abs(np.diff(one, axis=0)).mean() + np.abs(np.diff(one, axis=1)).mean() for one in wide]))


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.clip,
        row.variant,
        str(row.frames),
        str(row.cuts),
        *(f"{value:.2f}" for value in (row.source, row.styled, row.ratio, row.contrast)),
        f"{row.change:+.1%}",
        f"{row.difference:.2f}",
    )


if __name__ == "__main__":
    main()
