"""What keeps a run from more frames, and what a user can do about it: after a live run, in its window, in `bench`."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from animecam.run.cores import CoreUse
from animecam.run.tally import Figures
from animecam.settings import SMALLEST_PX, HeadEdge, Look, Quality, Scope, Settings
from animecam.timing import Percentiles

KEEPS_UP = 0.97  # share of a rate that counts as held: a clock's drift or one late frame is no failure
SLOW_SHARE = 0.1  # of the frames dropped from which on a run is slow: less is not seen
FULL_SHARE = 0.9  # of all cores' time: with more in use whoever wants one waits for it
OTHERS_SHARE = 0.2  # of it that others use from which on they are told of: less explains little
FEWEST_FRAMES = 30  # a second of a camera; before it a late start is all there is to tell
USUAL_FPS = 30.0  # what a picture that moves wants; more is not advised
READ, RENDER, EMIT = "read", "render", "emit"  # the threads' names in `Figures.stage_ms`
DRAW, PASTE, WRITE = "draw", "paste", "write"  # and those of stages that are told apart
EMITTING = (PASTE, WRITE)  # what thread "emit" does
SOURCE = "source"  # the part that is the limit when nothing else is
_PARTS = {
    DRAW: "the network",
    "track": "finding faces",
    "crop": "cutting heads out",
    PASTE: "putting heads back",
    READ: "reading the source",
    WRITE: "writing the output",
}


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

    def __str__(self) -> str:
        if self.part == SOURCE:
            return f"the source, a frame every {self.ms:.1f} ms; {self.advice}"
        words = f"{_PARTS.get(self.part, self.part)}, {self.share:.0%} of a frame's time ({self.ms:.1f} ms)"
        return f"{words}; try {self.advice}" if self.advice else words


def slowness(figures: Figures, settings: Settings) -> str:
    """What makes a live run slow and what to try, in a line; empty where few frames were dropped, or few are wanted.

    Args:
        figures: Of the run, or of what there is of it.
        settings: How it runs.
    """
    share = (figures.dropped - figures.dropped_at_start) / max(figures.frames_in, 1)
    if share <= SLOW_SHARE or figures.frames_in < FEWEST_FRAMES:
        return ""
    if not figures.fps_in:  # a camera that stalls, or gives less than a frame a second
        return ""
    if settings.target_fps is not None and figures.fps_out >= KEEPS_UP * settings.target_fps:
        return ""
    limit = find_limit(figures.stage_ms, figures.fps_out, figures.fps_in, settings)
    if limit is None or limit.part == SOURCE:  # what was dropped was dropped at the start, or in one long moment
        return ""
    return f"{share:.0%} of the frames were dropped; {_crowding(figures.cores)}the limit: {limit}"


class Advisor:
    """Advises on slowness at the end of a run whose look may have changed on the way.

    Args:
        settings: How the run starts.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._dropped: Counter[Look] = Counter()

    def note(self, figures: Figures, look: Look) -> None:
        """Takes note of the look with which frames were dropped since the last call."""
        self._dropped[look] += figures.dropped - self._dropped.total()

    def advice(self, figures: Figures) -> str:
        """As `slowness`, for the look with which most frames were dropped.

        Args:
            figures: Of the whole run.
        """
        look = max(self._dropped, key=lambda look: self._dropped[look], default=self._settings.look)
        return slowness(figures, replace(self._settings, look=look))


def _crowding(cores: CoreUse | None) -> str:
    """Says that other programs take the cores that a run wants, and nothing where some are left."""
    if cores is None or cores.others < OTHERS_SHARE or cores.own + cores.others < FULL_SHARE:
        return ""
    return f"other programs take {cores.others:.0%} of the processor, so end some if you can; "


def keeps_up(stage_ms: Mapping[str, Percentiles], fps_out: float, fps: float) -> bool:
    """Whether a run held a rate, and would have held it had its network drawn every frame.

    Args:
        stage_ms: Stages of the run.
        fps_out: Frames that arrived, a second.
        fps: The rate.
    """
    if not has_drawn(stage_ms) or fps_out < KEEPS_UP * fps:
        return False
    busy_ms = _busy_ms(stage_ms)
    return max(busy_ms[RENDER], busy_ms[EMIT]) * KEEPS_UP * fps <= 1000.0


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
    if not has_drawn(stage_ms):
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
        return Limit(READ, threads[READ], 1.0, _advice(READ, settings, live_fps))
    parts = {
        name: stage.mean
        for name, stage in stage_ms.items()
        if name not in (READ, RENDER, EMIT) and (name in EMITTING) is (slowest == EMIT)
    }
    part = max(parts, key=lambda name: parts[name], default=slowest)
    part_ms = parts.get(part, threads[slowest])
    return Limit(part, part_ms, part_ms / threads[slowest], _advice(part, settings, live_fps))


def has_drawn(stage_ms: Mapping[str, Percentiles]) -> bool:
    """Whether the network drew any frame: a camera that is away gives none to draw."""
    return {RENDER, DRAW, EMIT} <= stage_ms.keys()


def rest_ms(stage_ms: Mapping[str, Percentiles]) -> float:
    """What thread "render" does of a frame besides drawing, mean: it draws only some of the frames that it renders."""
    render, draw = stage_ms[RENDER], stage_ms[DRAW]
    return max(0.0, render.mean - draw.mean * draw.count / render.count)


def _busy_ms(stage_ms: Mapping[str, Percentiles]) -> dict[str, float]:
    """Thread → what a frame that is drawn takes of its time, mean."""
    busy_ms = {name: stage_ms[name].mean for name in (READ, RENDER, EMIT) if name in stage_ms}
    return busy_ms | {RENDER: rest_ms(stage_ms) + stage_ms[DRAW].mean}


def _advice(part: str, settings: Settings, live_fps: float | None) -> str:
    """What a user can do about a part."""
    fewer = "--max-faces 1, if one person is enough" if settings.max_faces > 1 else "a faster processor"
    match part:
        case "draw":
            return _cheaper_drawing(settings, live_fps)
        case "crop":
            return "a smaller --size"
        case "track":
            return "--detector short" if settings.detector not in ("auto", "short") else fewer
        case "paste" if settings.look.scope is not Scope.HEAD:
            return "--scope head"
        case "paste" if settings.head_edge is HeadEdge.PERSON:
            return "--edge soft"
        case "paste" if settings.look.hides_background:
            return "--background keep"
        case "paste" if settings.look.is_printed:
            return "--palette color"
        case "paste":
            return fewer
        case "read":
            return "a source that is smaller or easier to decode"
        case "write":
            return "a smaller picture, or an output that takes frames faster"
        case _:
            return ""


def _cheaper_drawing(settings: Settings, live_fps: float | None) -> str:
    """What makes the network take less, as far as it is not done already."""
    ways: list[str] = []
    if settings.target_fps is None and live_fps is not None:
        ways.append(f"--target-fps {max(1, round(min(live_fps, USUAL_FPS)))}")
    if settings.quality is Quality.FULL:
        ways.append("--quality lite")
    if settings.target_fps is None and settings.look.size_px > SMALLEST_PX:  # else the governor chooses it
        ways.append("a smaller --size")
    if settings.look.scope is not Scope.HEAD:
        ways.append("--scope head")
    if settings.target_fps is not None:
        ways.append("a lower --target-fps")
    *others, last = ways or ["a faster processor"]
    return f"{', '.join(others)} or {last}" if others else last
