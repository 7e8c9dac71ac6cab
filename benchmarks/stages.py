"""Each stage of the pipeline alone, one after another in one thread, with everything it needs ready in memory.

    python benchmarks/stages.py [SOURCES] --frames 120 --size 256 --json benchmarks/results/stages.json

SOURCES are clips or patterns; a pattern is first recorded as H.264, so that there is something to decode. Scan and
follow are what the tracker is made of, track is the tracker's own mix of the two. The filmed frames are held in memory,
drawn ones are let go as in a run: those that are kept cost fresh memory each. What is encoded are the filmed ones. The
first two of each stage are not counted: they fill caches and pools.
"""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter_ns

import click
from inputs import MIN_SCORE, local_clip, read_frames
from machine import Watch
from measuring import COUNT, BenchmarkCommand, json_option, save, say, show, timed

from animecam.backends.base import BackendOptions
from animecam.cli.options import look_options
from animecam.drawing.networks import Networks, open_networks
from animecam.faces.align import Aligner, follow_region
from animecam.faces.geometry import upright_region
from animecam.faces.opening import SCAN_PX, glances_of, open_detector, open_follower
from animecam.faces.track import Tracker, TrackerOptions
from animecam.measure.networks import REFERENCE, head_picture, opened_reference
from animecam.measure.spread import SPREAD_HEADS, Ratio, Spread
from animecam.measure.turns import interleave
from animecam.render.base import Patch
from animecam.render.calm import Calm
from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.run.session import opened_outputs, opened_source
from animecam.settings import Settings
from animecam.sinks.opening import SinkOptions
from animecam.sources.opening import SourceOptions
from animecam.timing import ms_since
from animecam.types import Face, Frame, Image, Region, StreamFormat

SOURCE = "pattern:1280x720@30?live=0"
SHARE_ROUNDS = 10
WARM_UP_FRAMES = 2
IN_A_RUN = ("track", "align", "crop", "calm, match, mask", "paste")  # what a frame costs besides network and codecs


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage costs a frame."""

    stage: str
    ms: Spread


@dataclass(frozen=True, slots=True)
class Run:
    """What the stages cost on one source.

    Attributes:
        source: Its name.
        frame: Size of its frames.
        summary: What drew.
        stages: Each of them.
        besides_ms: All of them but network and codecs.
        network_share: The network for one head, of the reference.
    """

    source: str
    frame: str
    summary: str
    stages: tuple[Stage, ...]
    besides_ms: float
    network_share: Ratio


def _stage(name: str, frames_ms: Sequence[float]) -> Stage:
    """A stage from the time of every frame, the first ones left out.

    Raises:
        click.ClickException: There are no others.
    """
    if len(frames_ms) <= WARM_UP_FRAMES:
        few = f"{name} had {len(frames_ms)} frames, of which the first {WARM_UP_FRAMES} are not counted"
        raise click.ClickException(f"{few}: give more --frames, or a longer clip with a face")
    return Stage(name, Spread.of(frames_ms[WARM_UP_FRAMES:]))


class TimedOps(CpuImageOps):
    """Notes how long each paste took, in milliseconds."""

    def __init__(self) -> None:
        self.paste_ms: list[float] = []

    def paste(self, frame: Frame, patches: Sequence[Patch]) -> Frame:
        """As `CpuImageOps.paste`."""
        start_ns = perf_counter_ns()
        pasted = super().paste(frame, patches)
        self.paste_ms.append(ms_since(start_ns))
        return pasted


@click.command(cls=BenchmarkCommand)
@click.argument("sources", nargs=-1)
@click.option("--frames", type=COUNT, default=120, show_default=True, help="How many frames each stage gets.")
@json_option
@look_options
def main(*, settings: Settings, sources: tuple[str, ...], frames: int, report: Path | None) -> None:
    """Measures each stage alone."""
    watch = Watch()
    runs = [measure(source, frames, settings) for source in sources or (SOURCE,)]
    for run in runs:
        title = f"{run.frame}, {run.summary}"
        show(title, ("stage", *SPREAD_HEADS), [(stage.stage, *stage.ms.cells()) for stage in run.stages])
        say(f"besides the network and the codecs: {run.besides_ms:.2f} ms a frame")
        say(f"the network: {run.network_share} of {REFERENCE}")
    save(report, watch, {"reference": REFERENCE, "runs": [asdict(run) for run in runs]})


def measure(source: str, frames: int, settings: Settings) -> Run:
    """Measures each stage on the first frames of one source."""
    with tempfile.TemporaryDirectory() as name, open_networks(settings) as networks:
        clip = local_clip(source, frames, Path(name))
        stages = [decode_stage(clip, frames)]
        stream, filmed = read_frames(str(clip), frames)
        networks.warm_up(stream)
        found, tracked = track_stages(filmed, settings)
        stages += tracked
        shown = [(frame, faces) for frame, faces in zip(filmed, found, strict=True) if faces]
        stages += draw_stages(shown, networks, settings)
        share = network_share(networks, settings)
        stages.append(encode_stage(filmed, stream, Path(name)))
        summary = networks.summary
    besides_ms = sum(stage.ms.mean for stage in stages if stage.stage in IN_A_RUN)  # medians would hide the scans
    size = f"{stream.width_px}x{stream.height_px}"
    return Run(Path(source).name, size, summary, tuple(stages), besides_ms, share)


def decode_stage(clip: Path, count: int) -> Stage:
    """Reading a clip; decoders work ahead in threads of their own, so the mean says more than the median."""
    with opened_source(str(clip), SourceOptions()) as source:

        def read(_number: int) -> Frame | None:
            return source.read()

        frames, read_ms = timed(read, range(count))
    return _stage("decode", [ms for ms, frame in zip(read_ms, frames, strict=True) if frame is not None])


def track_stages(frames: Sequence[Frame], settings: Settings) -> tuple[list[tuple[Face, ...]], list[Stage]]:
    """Finding faces: in the whole frame, near a known place, and as the tracker mixes the two.

    Raises:
        click.ClickException: There is nobody in the frames.
    """
    ops, scan_px = CpuImageOps(), SCAN_PX[settings.detector.partition(":")[0]]
    options = BackendOptions(threads=1)  # as in a run
    with ExitStack() as stack:
        scan = stack.enter_context(closing(open_detector(settings.detector, settings.backend, options)))
        follow = stack.enter_context(closing(open_follower(settings.backend, options)))
        track = Tracker(
            scan,
            follow,
            ops.glimpse,
            TrackerOptions(max_faces=settings.max_faces, scan_px=scan_px, sees_cuts=True),  # as of any file
            glances=glances_of(scan),
        )

        def look_at_all(frame: Frame) -> object:
            return scan.detect(ops.glimpse(frame, upright_region(frame, scan_px)), MIN_SCORE)

        def look_around(frame: Frame, face: Face) -> object:
            region = follow_region(frame, face.detection)
            return follow.detect(ops.glimpse(frame, region), MIN_SCORE)

        tracked, track_ms = timed(track, frames)
        found = [faces.faces for faces in tracked]
        seen = [(frame, faces[0]) for frame, faces in zip(frames, found, strict=True) if faces]
        if not seen:
            raise click.ClickException("nobody is in these frames: give a clip with a face")
        _, scan_ms = timed(look_at_all, frames)
        _, follow_ms = timed(look_around, *zip(*seen, strict=True))
    spreads = {"scan": scan_ms, "follow": follow_ms, "track": track_ms}
    return found, [_stage(name, ms) for name, ms in spreads.items()]


def draw_stages(shown: Sequence[tuple[Frame, tuple[Face, ...]]], networks: Networks, settings: Settings) -> list[Stage]:
    """Drawing the faces that were found: their places, crops, pictures, and putting them back."""
    frames, found = [frame for frame, _ in shown], [faces for _, faces in shown]
    look, ops = settings.look, TimedOps()
    align, calm, draw = Aligner(), Calm(), networks.draw(look.style)
    compose = Compositor(ops, networks.persons(), settings.head_edge)

    def cut_out(frame: Frame, places: Sequence[Region]) -> tuple[Image, ...]:
        return tuple(ops.crop(frame, place) for place in places)

    regions, align_ms = timed(align, frames, found, [look.size_px] * len(frames))
    crops, crop_ms = timed(cut_out, frames, regions)
    drawn, network_ms = timed(draw, crops)

    def put_back(frame: Frame, places: Sequence[Region], pictures: Sequence[Image], drawings: Sequence[Image]) -> float:
        drawings = calm(look.style, places, pictures, drawings)
        before = len(ops.paste_ms)
        compose(frame, places, pictures, drawings, look)
        return sum(ops.paste_ms[before:])

    paste_ms, finish_ms = timed(put_back, frames, regions, crops, drawn)
    rest_ms = [all_ms - ms for all_ms, ms in zip(finish_ms, paste_ms, strict=True)]
    spreads = {
        "align": align_ms,
        "crop": crop_ms,
        "network": network_ms,
        "calm, match, mask": rest_ms,
        "paste": paste_ms,
    }
    return [_stage(name, ms) for name, ms in spreads.items()]


def network_share(networks: Networks, settings: Settings) -> Ratio:
    """The network for one head as a share of the reference, in turns."""
    look = settings.look
    picture, draw = head_picture(look.size_px, look.size_px), networks.draw(look.style)
    with opened_reference(settings.threads) as reference:
        times_ms = interleave({"network": lambda: draw((picture,)), "reference": reference}, SHARE_ROUNDS)
    return Ratio.of(times_ms["network"], times_ms["reference"])


def encode_stage(frames: Sequence[Frame], stream: StreamFormat, folder: Path) -> Stage:
    """Writing H.264; the encoder works in threads of its own, and what it still holds is counted in the last frame."""
    with opened_outputs((str(folder / "drawn.mp4"),), stream, SinkOptions()) as outputs:
        _, write_ms = timed(outputs.write, frames[:-1])
        start_ns = perf_counter_ns()
        outputs.write(frames[-1])
        outputs.is_complete = True
        outputs.close()
        write_ms.append(ms_since(start_ns))
    return _stage("encode", write_ms)


if __name__ == "__main__":
    main()
