"""What a machine can hold, from measured times: which size for which frame rate, and which part is the limit.

A frame costs what the network takes and the rest, which does not depend on the size of the crops. In a run the network
takes longer than alone (other threads want the cores, there may be several faces); by how much is known for the size
that ran and taken to be so for the others. What comes out is a prediction; `animecam bench` tries it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from animecam.drawing.governor import HEADROOM
from animecam.measure.spread import Ratio, Spread
from animecam.run.limit import DRAW, EMIT, has_drawn, rest_ms
from animecam.styles.card import FULL
from animecam.timing import Percentiles


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
        if not has_drawn(stage_ms):
            return None
        return cls(stage_ms[DRAW].p50, rest_ms(stage_ms), stage_ms[EMIT].mean)


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


def best_for(candidates: Sequence[Candidate], fps: float) -> Candidate | None:
    """The largest that holds a rate, the full network before others, then the fastest; None if none does."""
    fitting = [one for one in candidates if one.holds(fps)]
    return max(fitting, key=_rank) if fitting else None


def fastest(candidates: Sequence[Candidate]) -> Candidate:
    """The one whose frames take least; at least one is needed."""
    return min(candidates, key=lambda one: one.frame_ms)


def _rank(one: Candidate) -> tuple[int, bool, float]:
    return one.network.size_px, one.network.quality == FULL, -one.frame_ms
