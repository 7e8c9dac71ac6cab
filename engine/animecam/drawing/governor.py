"""Holds a frame rate by choosing the size of the crops, and the network that draws them, from measured time.

The time of a network grows with the pixels of the crop, everything else stays: time = rest + draw * (size / size
now)^2. That is enough to know what another size would cost before trying it. What another network would cost is
known once it has run, for some minutes; else what their cards say of both stands in.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from animecam.styles.card import FULL, Variant

WINDOW_FRAMES = 15  # half a second at 30 fps: one slow frame is no reason to change
HEADROOM = 0.9  # share of a frame's time that may be spent; the rest absorbs what the system does besides
CLIMB_SHARE = 0.75  # a dearer choice must fit into this share, so that it does not have to be given back at once
SPARING_CLIMB_SHARE = 0.6  # the same where nobody asked for a rate: about half of the time is left to other programs
CLIMB_SECONDS = 2.0  # and must have done so for this long
LONGEST_CLIMB_SECONDS = 64.0  # a climb that had to be taken back is tried again after twice the time, up to this
REGRET_SECONDS = 10.0  # a climb taken back within this was a mistake
BELIEF_SECONDS = 300.0  # what another network took counts for so long: it may have been measured under a passing load
UNKNOWN_COST = 12.0  # full over lite where a card is silent: high, for what is tried and undone is seen
INT8_ALIKE = 0.08
"""What any network costs in INT8 besides its own layers, in the unit of cards, whose costs are of float32: input and
output, threads that wake, layers that stay float. By the cards full takes 2.4 to 2.7 times as long as lite, with this
added to both 1.7 to 1.8 times. Measured in INT8 at 384 px: 1.6 on a quiet machine, 1.8 to 2.4 on a busy one."""
FULL_FROM_PX = 384  # below this a full network shows less than a lite one at the largest size, and costs more


@dataclass(frozen=True, slots=True)
class Rung:
    """What a frame is drawn with.

    Attributes:
        size_px: Side of the crops.
        quality: Which of the style's networks.
    """

    size_px: int
    quality: str = FULL

    @property
    def rank(self) -> tuple[bool, int, bool]:
        """Orders by what is seen: the full network where it gets pixels enough, then size."""
        is_full = self.quality == FULL
        return is_full and self.size_px >= FULL_FROM_PX, self.size_px, is_full

    def __str__(self) -> str:
        return f"{self.size_px} px, {self.quality} network"


@dataclass(frozen=True, slots=True)
class Choice:
    """A rung, and why.

    Attributes:
        rung: What to draw the next frames with.
        reason: One line for the log.
    """

    rung: Rung
    reason: str


class Governor:
    """Decides after each frame whether another rung is due; quick to give way, slow to climb.

    Args:
        target_fps: Frames per second to hold.
        sizes_px: Sizes to choose from; none leaves the size as it is, so that networks alone are chosen.
        climb_share: A dearer choice must fit into this share of what may be spent, 0 to 1.
    """

    def __init__(self, target_fps: float, sizes_px: tuple[int, ...] = (), climb_share: float = CLIMB_SHARE) -> None:
        self._climb_share = climb_share
        self.hold(target_fps)
        self._sizes_px = tuple(sorted(sizes_px))
        self._draw_ms: deque[float] = deque(maxlen=WINDOW_FRAMES)
        self._rest_ms: deque[float] = deque(maxlen=WINDOW_FRAMES)
        self._pixel_ms: dict[str, tuple[float, float]] = {}  # network → time a pixel, and when it was measured
        self._fits_since_s: float | None = None
        self._climbed_s: float | None = None
        self._climb_s = CLIMB_SECONDS
        self._rung = Rung(0)

    def hold(self, target_fps: float) -> None:
        """Holds another rate from now on, in frames a second."""
        self._budget_ms = HEADROOM * 1000.0 / target_fps
        self._climb_ms = self._climb_share * self._budget_ms
        self._target_fps = target_fps

    def observe(
        self, now_s: float, rung: Rung, draw_ms: float, rest_ms: float, qualities: Mapping[str, float]
    ) -> Choice | None:
        """Takes the times of one frame.

        Args:
            now_s: A clock in seconds that does not jump.
            rung: What the frame was drawn with.
            draw_ms: Time of the network.
            rest_ms: Time of everything else that this thread did for the frame.
            qualities: The networks that may be chosen, the one of the rung among them, with what they cost: any unit
                that they share; 0: not known.

        Returns:
            What to take from the next frame on, or None to stay.
        """
        if rung != self._rung:  # the user chose another, or the last choice is being drawn now
            self._forget()
            self._rung = rung
        self._draw_ms.append(draw_ms)
        self._rest_ms.append(rest_ms)
        if len(self._draw_ms) < WINDOW_FRAMES:
            return None
        draw_ms, rest_ms = median(self._draw_ms), median(self._rest_ms)
        self._pixel_ms[rung.quality] = draw_ms / rung.size_px**2, now_s
        costs_ms = self._costs(now_s, rung, rest_ms, qualities)
        if draw_ms + rest_ms > self._budget_ms:
            return self._give_way(now_s, costs_ms, draw_ms + rest_ms)
        if self._climbed_s is not None and now_s - self._climbed_s > REGRET_SECONDS:
            self._climbed_s, self._climb_s = None, CLIMB_SECONDS
        return self._climb(now_s, costs_ms, draw_ms + rest_ms)

    def begin_style(self) -> None:
        """Another style is drawn from now on: the times of the last one's networks say nothing about those of this."""
        self._pixel_ms.clear()
        self._climbed_s, self._climb_s = None, CLIMB_SECONDS
        self._forget()

    def _costs(self, now_s: float, rung: Rung, rest_ms: float, qualities: Mapping[str, float]) -> dict[Rung, float]:
        """Every rung → what a frame would take with it, in milliseconds."""
        known_ms, _ = self._pixel_ms[rung.quality]
        pixel_ms = {quality: known_ms * _times(quality, rung.quality, qualities) for quality in qualities}
        for quality, (measured_ms, measured_s) in self._pixel_ms.items():
            if quality in pixel_ms and now_s - measured_s <= BELIEF_SECONDS:
                pixel_ms[quality] = measured_ms
        sizes_px = self._sizes_px or (rung.size_px,)
        rungs = [Rung(size_px, quality) for quality in qualities for size_px in sizes_px]
        return {other: rest_ms + pixel_ms[other.quality] * other.size_px**2 for other in rungs}

    def _give_way(self, now_s: float, costs_ms: dict[Rung, float], took_ms: float) -> Choice | None:
        self._fits_since_s = None
        cheaper = {rung: cost_ms for rung, cost_ms in costs_ms.items() if cost_ms < took_ms and rung != self._rung}
        if not cheaper:
            return None
        if self._climbed_s is not None and now_s - self._climbed_s <= REGRET_SECONDS:
            self._climb_s = min(2 * self._climb_s, LONGEST_CLIMB_SECONDS)
            self._climbed_s = None
        fitting = [rung for rung, cost_ms in cheaper.items() if cost_ms <= self._budget_ms]
        rung = max(fitting, key=lambda rung: rung.rank) if fitting else min(cheaper, key=lambda rung: cheaper[rung])
        return self._changed(rung, took_ms, costs_ms)

    def _climb(self, now_s: float, costs_ms: dict[Rung, float], took_ms: float) -> Choice | None:
        better = [rung for rung, ms in costs_ms.items() if rung.rank > self._rung.rank and ms <= self._climb_ms]
        if not better:
            self._fits_since_s = None
            return None
        if self._fits_since_s is None:
            self._fits_since_s = now_s
        if now_s - self._fits_since_s < self._climb_s:
            return None
        self._climbed_s = now_s
        return self._changed(max(better, key=lambda rung: rung.rank), took_ms, costs_ms)

    def _forget(self) -> None:
        """What was measured at the old rung says nothing about the new one."""
        self._draw_ms.clear()
        self._rest_ms.clear()
        self._fits_since_s = None

    def _changed(self, rung: Rung, took_ms: float, costs_ms: dict[Rung, float]) -> Choice:
        self._forget()
        has_several = len({other.quality for other in costs_ms}) > 1
        what = str(rung) if has_several else f"{rung.size_px} px"  # where there is no choice, others may say what draws
        return Choice(rung, f"{took_ms:.0f} ms a frame, {self._target_fps:.3g} fps wanted: crops of {what} now")


def live_cost(card_cost: float, *, in_int8: bool) -> float:
    """What a network costs beside others as it is computed, in a unit that they share; 0: not known.

    Args:
        card_cost: As its card has it (`Variant.cost`).
        in_int8: It is computed in INT8.
    """
    return card_cost + INT8_ALIKE if in_int8 and card_cost else card_cost


def live_costs(variants: Sequence[Variant], precision: str) -> dict[str, float]:
    """What each network of a style costs, see `live_cost`, by its quality.

    Args:
        variants: The networks; where one has no form in INT8, that form of the others tells nothing of it.
        precision: In which one of them is computed, see `BackendInfo`.
    """
    in_int8 = precision == "int8" and all(variant.int8 for variant in variants)
    return {variant.quality: live_cost(variant.cost, in_int8=in_int8) for variant in variants}


def _times(quality: str, other: str, costs: Mapping[str, float]) -> float:
    """How many times as long one network takes as another."""
    if quality == other:
        return 1.0
    if costs[quality] and costs[other]:
        return costs[quality] / costs[other]
    return UNKNOWN_COST if quality == FULL else 1.0 / UNKNOWN_COST
