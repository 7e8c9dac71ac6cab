"""The user's benchmark: a live run, every network and runtime at every size, and a second run that tries the advice."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

from animecam.backends.base import BackendChoice, BackendInfo, BackendOptions
from animecam.cache import usable_cache
from animecam.drawing.networks import open_networks
from animecam.engines.flavour import MODULES
from animecam.measure.capacity import (
    Candidate,
    NetworkTime,
    RunCost,
    best_for,
    predict,
)
from animecam.measure.figures import as_json
from animecam.measure.machine import Watch
from animecam.measure.networks import REFERENCE, NetworkBench, usable_backends
from animecam.measure.spread import Spread
from animecam.render.scope import whole_frame_size
from animecam.run.limit import Limit, find_limit, keeps_up
from animecam.run.pipeline import Figures
from animecam.run.session import opened_outputs, opened_source, run
from animecam.settings import GOVERNED_SIZES_PX, Quality, Scope, Settings
from animecam.sinks.opening import SinkOptions
from animecam.sources.addresses import public_uri
from animecam.sources.opening import SourceOptions
from animecam.styles.card import FULL
from animecam.styles.registry import find_style
from animecam.types import StreamFormat

DEFAULT_FPS = 30.0  # what most cameras deliver
COMMON_FPS = (24.0, 30.0, 60.0)
RUN_SHARE, NETWORKS_SHARE = 0.25, 0.4  # of the time; what is left is for trying the advice
MOST_CHECKS = 2  # candidates that are tried until one holds
ASKABLE = tuple(quality.value for quality in Quality if quality is not Quality.AUTO)  # others have no --quality

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """A live run.

    Attributes:
        settings: How it ran.
        figures: What came of it.
        stream: What the source delivers.
        info: What drew in the end, on a GPU or on the processor.
        quality: Which of the style's networks drew.
    """

    settings: Settings
    figures: Figures
    stream: StreamFormat
    info: BackendInfo
    quality: str = FULL

    @property
    def backend(self) -> str:
        """The runtime that drew, as --backend names it: `info` tells the two packages of TensorRT apart."""
        return BackendChoice.TENSORRT.value if self.info.name in MODULES else self.info.name

    def drew_with(self, network: NetworkTime) -> bool:
        """Whether a network that was timed is the one that drew."""
        drew = (self.quality, self.backend, self.settings.look.size_px)
        return (network.quality, network.backend, network.size_px) == drew


@dataclass(frozen=True, slots=True)
class Check:
    """The advice, tried.

    Attributes:
        candidate: What was tried.
        fps: The rate it was to hold.
        figures: What came of it.
    """

    candidate: Candidate
    fps: float
    figures: Figures

    @property
    def held(self) -> bool:
        """Whether it held the rate, with the network drawing every frame."""
        return keeps_up(self.figures.stage_ms, self.figures.fps_out, self.fps)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured.

    Attributes:
        source: URI of the source, as it may be shown.
        run: With the user's settings.
        candidates: Networks, runtimes and sizes; empty when nothing was drawn.
        reference: Times of the reference, see `networks.REFERENCE`; None when nothing was drawn.
        refused: Runtime → why it does not take a network.
        fps: The frame rate that was wanted.
        holds: That and common ones → the best that holds it by prediction, or None; empty when nothing was drawn.
        limit: What keeps the run from more frames; None when nothing was drawn.
        checks: What was tried, in this order; empty where nothing can hold the rate or the source is too slow.
        machine: Description, with the share that other programs took.
    """

    source: str
    run: Run
    candidates: tuple[Candidate, ...]
    reference: Spread | None
    refused: dict[str, str]
    fps: float
    holds: dict[float, Candidate | None]
    limit: Limit | None
    checks: tuple[Check, ...]
    machine: dict[str, object]

    def as_json(self) -> dict[str, Any]:
        """As plain values, for a file."""
        look, info = self.run.settings.look, self.run.info
        return as_json(self.run.figures) | {
            "source": self.source,
            "frame": f"{self.run.stream.width_px}x{self.run.stream.height_px}",
            "backend": info.name,
            "backend_version": info.version,
            "device": info.device,
            "precision": info.precision,
            "style": look.style,
            "scope": look.scope.value,
            "size": look.size_px,
            "quality": self.run.quality,
            "reference": {"what": REFERENCE, "ms": self.reference and asdict(self.reference)},
            "networks": [_candidate_json(one) for one in self.candidates],
            "refused": self.refused,
            "fps_wanted": self.fps,
            "holds": {f"{fps:g}": one and _candidate_json(one) for fps, one in self.holds.items()},
            "limit": self.limit and asdict(self.limit),
            "checks": [_check_json(one) for one in self.checks],
            "machine": self.machine,
        }


def measure(settings: Settings, source: str, seconds: float, tell: Tell) -> Report:
    """Measures this machine.

    Args:
        settings: The look to begin with; a target rate, or else a cap, is what is to be held: nothing is governed, and
            nothing held back, which would look like a network that is too slow.
        source: URI of the source.
        seconds: About how long it may take.
        tell: Says what is being done.

    Raises:
        AnimecamError: The source, the style or the runtime does not work.
    """
    watch, wanted_fps = Watch(), settings.target_fps or settings.max_fps
    settings = replace(settings, target_fps=None, max_fps=None)
    tell(f"a live run: {public_uri(source)}")
    first = run_once(settings, source, RUN_SHARE * seconds)
    live_fps = float(first.stream.rate) if first.stream.is_live else None
    fps = wanted_fps or live_fps or DEFAULT_FPS
    stage_ms = first.figures.stage_ms
    cost = RunCost.of(stage_ms)
    if cost is None:
        return Report(
            public_uri(source), first, (), None, {}, fps, holds={}, limit=None, checks=(), machine=watch.report()
        )
    times, reference, refused = _time_networks(settings, first, NETWORKS_SHARE * seconds, tell)
    ran = next((one for one in times if first.drew_with(one)), None)
    candidates = predict(times, ran, cost)
    check_s = (1.0 - RUN_SHARE - NETWORKS_SHARE) * seconds / MOST_CHECKS
    can_check = live_fps is not None and live_fps >= fps
    checks = tuple(_check(candidates, fps, first, source, check_s, tell)) if can_check else ()
    return Report(
        source=public_uri(source),
        run=first,
        candidates=candidates,
        reference=reference,
        refused=refused,
        fps=fps,
        holds={rate: best_for(candidates, rate) for rate in sorted({*COMMON_FPS, fps})},
        limit=find_limit(stage_ms, first.figures.fps_out, live_fps, settings),
        checks=checks,
        machine=watch.report(),
    )


def run_once(settings: Settings, source: str, seconds: float) -> Run:
    """One run into no output, after a warm-up.

    Raises:
        KeyboardInterrupt: The user stopped it.
    """
    with opened_source(source, SourceOptions()) as camera, open_networks(settings) as networks:
        networks.warm_up(camera.format)
        with opened_outputs(("null:",), camera.format, SinkOptions()) as outputs:
            figures = run(camera, networks, outputs, seconds=seconds)
        if figures.is_interrupted:
            raise KeyboardInterrupt  # a part of a run says nothing, and the user wants no more of it
        quality = networks.drawn_quality(settings.look.style)
        return Run(settings, figures, camera.format, networks.backend_info, quality)


def _time_networks(
    settings: Settings, first: Run, budget_s: float, tell: Tell
) -> tuple[list[NetworkTime], Spread, dict[str, str]]:
    """Every runtime at the size that ran, then the fastest of each network at every size."""
    look, stream = settings.look, first.stream

    def shape_of(size_px: int) -> tuple[int, int]:
        if look.scope is Scope.HEAD:
            return size_px, size_px
        width_px, height_px = whole_frame_size(stream.width_px, stream.height_px, size_px)
        return height_px, width_px

    asked = settings.backend
    choices = usable_backends(settings.gpu) if asked is BackendChoice.AUTO else (asked,)
    options = BackendOptions(threads=settings.threads, cache_dir=usable_cache(), gpu=settings.gpu)
    with ExitStack() as stack:
        bench = NetworkBench(find_style(look.style), options, choices, stack)
        tell(f"the networks in every runtime: {', '.join(choice.value for choice in choices)}")
        same_size = [(*key, look.size_px) for key in bench.networks]
        times = bench.time(same_size, shape_of, budget_s / 3)
        quickest = {
            quality: min((t for t in times if t.quality == quality), key=lambda t: t.ms.p50).backend
            for quality in {time.quality for time in times}
        }
        other_sizes = [
            (quality, backend, size_px)
            for quality, backend in quickest.items()
            for size_px in GOVERNED_SIZES_PX
            if size_px != look.size_px
        ]
        tell("the networks at every size")
        times += bench.time(other_sizes, shape_of, budget_s * 2 / 3)
        return times, Spread.of(bench.reference_ms), bench.refused


def _check(
    candidates: Sequence[Candidate], fps: float, first: Run, source: str, seconds: float, tell: Tell
) -> list[Check]:
    """Tries the best candidate, and the best that takes less if it does not hold the rate; what ran already counts."""
    left = [one for one in candidates if one.network.quality in ASKABLE]
    checks: list[Check] = []
    while len(checks) < MOST_CHECKS and (best := best_for(left, fps)) is not None:
        network = best.network
        if first.drew_with(network):
            figures = first.figures
        else:
            tell(f"trying the {network.quality} network in {network.backend} at {network.size_px} px")
            figures = run_once(_asking_for(network, first.settings), source, seconds).figures
        checks.append(Check(best, fps, figures))
        if checks[-1].held:
            break
        left = [one for one in left if one.frame_ms < best.frame_ms]
    return checks


def _asking_for(network: NetworkTime, settings: Settings) -> Settings:
    """The settings with which a network draws that was timed."""
    look = replace(settings.look, size_px=network.size_px)
    backend, quality = BackendChoice(network.backend), Quality(network.quality)
    return replace(settings, look=look, backend=backend, quality=quality)


def _check_json(one: Check) -> dict[str, Any]:
    network = one.candidate.network
    what = {"quality": network.quality, "backend": network.backend, "size": network.size_px}
    return what | {"fps": one.fps, "held": one.held} | as_json(one.figures)


def _candidate_json(one: Candidate) -> dict[str, Any]:
    return asdict(one.network) | {"frame_ms": round(one.frame_ms, 3), "fps": round(one.fps, 2)}
