"""What a machine can hold, from measured times: which size for which frame rate, and which part is the limit.

A frame costs what the network takes and the rest, which does not depend on the size of the crops. In a run the network
takes longer than alone (other threads want the cores, there may be several faces); by how much is known for the size
that ran and taken to be so for the others. What comes out is a prediction; `animecam bench` tries it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from animecam.governor import HEADROOM
from animecam.measure.spread import Ratio, Spread
from animecam.settings import HeadEdge, Scope, Settings
from animecam.styles.card import FULL
from animecam.timing import Percentiles

KEEPS_UP = 0.97  # share of a rate that counts as held: a clock's drift or one late frame is no failure
READ, RENDER, EMIT = "read", "render", "emit"  # the threads' names in `Figures.stage_ms`
DRAW, PASTE, WRITE = "draw", "paste", "write"  # and those of stages that are told apart here
EMITTING = (PASTE, WRITE)  # what thread "emit" does
SOURCE = "source"  # the part that is the limit when nothing else is


@dataclass(frozen=True, slots=True)
class NetworkTime:
    """A network in a runtime on pictures of one size.

    Attributes:
        quality: Which of the style's networks.
        backend: The runtime.
        precision: In which it computes.
        size_px: Side of a head's crop, shorter side of a whole frame.
        ms: Time of one picture, with the bytes going in and coming out.
        ratio: Of that time to the reference's, in the same turns.
    """

    quality: str
    backend: str
    precision: str
    size_px: int
    ms: Spread
    ratio: Ratio


@dataclass(frozen=True, slots=True)
class RunCost:
    """What one frame that was drawn cost in a run; those for which the network rested are left out.

    Attributes:
        draw_ms: The networks of all faces, median.
        rest_ms: All else that thread "render" did, mean: faces are looked for in some frames only, and a median would
            hide that.
        emit_ms: What thread "emit" did meanwhile, mean.
    """

    draw_ms: float
    rest_ms: float
    emit_ms: float = 0.0

    @classmethod
    def of(cls, stage_ms: Mapping[str, Percentiles]) -> "RunCost | None":
        """From the stages of a run; None when no frame was drawn."""
        if not _has_drawn(stage_ms):
            return None
        return cls(stage_ms[DRAW].p50, _rest_ms(stage_ms), stage_ms[EMIT].mean)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network at a size, and what a whole frame would cost with it.

    Attributes:
        network: What it takes alone.
        frame_ms: What a frame would take.
    """

    network: NetworkTime
    frame_ms: float

    @property
    def fps(self) -> float:
        """Frames a second, at most."""
        return 1000.0 / self.frame_ms

    def holds(self, fps: float) -> bool:
        """Whether it leaves what a governor leaves free at this rate."""
        return self.frame_ms <= HEADROOM * 1000.0 / fps


def predict(times: Sequence[NetworkTime], ran: NetworkTime | None, cost: RunCost) -> tuple[Candidate, ...]:
    """What a frame would cost with each network.

    Args:
        times: The networks alone.
        ran: The one that ran, alone; None if it was not timed: the others then take what they take alone.
        cost: What it cost in the run.
    """
    load = cost.draw_ms / ran.ms.p50 if ran is not None else 1.0
    return tuple(Candidate(time, max(cost.rest_ms + load * time.ms.p50, cost.emit_ms)) for time in times)


def keeps_up(stage_ms: Mapping[str, Percentiles], fps_out: float, fps: float) -> bool:
    """Whether a run held a rate, and would have held it had its network drawn every frame.

    Args:
        stage_ms: Stages of the run.
        fps_out: Frames that arrived, a second.
        fps: The rate.
    """
    if not _has_drawn(stage_ms) or fps_out < KEEPS_UP * fps:
        return False
    busy_ms = _busy_ms(stage_ms)
    return max(busy_ms[RENDER], busy_ms[EMIT]) * KEEPS_UP * fps <= 1000.0


def best_for(candidates: Sequence[Candidate], fps: float) -> Candidate | None:
    """The largest that holds a rate, the full network before others, then the fastest; None if none does."""
    fitting = [one for one in candidates if one.holds(fps)]
    return max(fitting, key=_rank) if fitting else None


def fastest(candidates: Sequence[Candidate]) -> Candidate:
    """The one whose frames take least; at least one is needed."""
    return min(candidates, key=lambda one: one.frame_ms)


def _rank(one: Candidate) -> tuple[int, bool, float]:
    return one.network.size_px, one.network.quality == FULL, -one.frame_ms


@dataclass(frozen=True, slots=True)
class Limit:
    """The part that keeps a run from more frames.

    Attributes:
        part: A stage of the run, or "source".
        ms: What it takes a frame, mean; for the source the time between two frames.
        share: Of the time that its thread spends on a frame.
        advice: What to do about it; empty where nothing is known.
    """

    part: str
    ms: float
    share: float
    advice: str


def find_limit(
    stage_ms: Mapping[str, Percentiles], fps_out: float, live_fps: float | None, settings: Settings
) -> Limit | None:
    """The part that limits a run; None when no frame was drawn.

    Args:
        stage_ms: Stages of the run.
        fps_out: Frames that arrived, a second.
        live_fps: Rate of the source if it is live, else None.
        settings: How it ran.
    """
    if not _has_drawn(stage_ms):
        return None
    threads = _busy_ms(stage_ms)
    if live_fps is not None:
        threads.pop(READ, None)  # it waits there for the next frame
        if keeps_up(stage_ms, fps_out, live_fps):
            busy = max(threads.values()) * live_fps / 1000.0
            advice = f"every frame is drawn, and {max(0.0, 1.0 - busy):.0%} of the time is left"
            return Limit(SOURCE, 1000.0 / live_fps, 1.0, advice)
    slowest = max(threads, key=lambda name: threads[name])
    if slowest == READ:
        return Limit(READ, threads[READ], 1.0, _advice(READ, settings))
    parts = {
        name: stage.mean
        for name, stage in stage_ms.items()
        if name not in (READ, RENDER, EMIT) and (name in EMITTING) is (slowest == EMIT)
    }
    part = max(parts, key=lambda name: parts[name], default=slowest)
    part_ms = parts.get(part, threads[slowest])
    return Limit(part, part_ms, part_ms / threads[slowest], _advice(part, settings))


def _has_drawn(stage_ms: Mapping[str, Percentiles]) -> bool:
    return {RENDER, DRAW, EMIT} <= stage_ms.keys()


def _rest_ms(stage_ms: Mapping[str, Percentiles]) -> float:
    """What thread "render" does of a frame besides drawing, mean: it draws only some of the frames that it renders."""
    render, draw = stage_ms[RENDER], stage_ms[DRAW]
    return max(0.0, render.mean - draw.mean * draw.count / render.count)


def _busy_ms(stage_ms: Mapping[str, Percentiles]) -> dict[str, float]:
    """Thread → what a frame that is drawn takes of its time, mean."""
    busy_ms = {name: stage_ms[name].mean for name in (READ, RENDER, EMIT) if name in stage_ms}
    return busy_ms | {RENDER: _rest_ms(stage_ms) + stage_ms[DRAW].mean}


def _advice(part: str, settings: Settings) -> str:
    """What a user can do about a part."""
    fewer = "--max-faces 1, if one person is enough" if settings.max_faces > 1 else "a faster processor"
    match part:
        case "draw" | "crop":
            return "a smaller --size"
        case "track":
            return "--detector short" if settings.detector not in ("auto", "short") else fewer
        case "paste" if settings.look.scope is not Scope.HEAD:
            return "--scope head"
        case "paste" if settings.head_edge is HeadEdge.PERSON:
            return "--edge soft"
        case "paste":
            return fewer
        case "read":
            return "a source that is smaller or easier to decode"
        case "write":
            return "a smaller picture, or an output that takes frames faster"
        case _:
            return ""
