"""Puts the governor's choices into effect: the size goes into the look, the quality into what draws it."""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from animecam.drawing.governor import SPARING_CLIMB_SHARE, Governor, Rung
from animecam.render.base import Draw
from animecam.settings import GOVERNED_SIZES_PX, Controls, Look, Quality, Settings
from animecam.sources.clock import NS_PER_SECOND
from animecam.types import Frame

log = logging.getLogger(__name__)

SETTLE_SECONDS = 3.0
"""How long after a change the frames that something slower draws meanwhile say nothing. A size is compiled in one."""

MEASURED_FRAMES = 300  # by which a rate is told: of ten seconds a network's hiccup of one moves it by a tenth
FEWEST_SECONDS = 1.0  # of them


class GovernedNetworks(Protocol):
    """What the governing needs of the open networks."""

    def qualities(self, style: str) -> Mapping[str, float]:
        """The networks of a style that may be chosen, the best first, with what they cost (`Variant.cost`)."""
        ...

    def usual_quality(self, style: str) -> str:
        """The one to begin with."""
        ...

    def draw(self, style: str, quality: str | None = None) -> Draw:
        """A network, opened at its first use."""
        ...

    def is_prepared(self, style: str, quality: str | None = None) -> bool:
        """Whether a network is open, so that changing to it takes one frame."""
        ...

    def is_settled(self, style: str, quality: str) -> bool:
        """Whether an open network is drawn by what will go on drawing it."""
        ...

    def prepare_later(self, style: str, quality: str, size_px: int) -> None:
        """Opens a network in the background and draws with it once as it will be needed."""
        ...

    def note_choice(self, style: str, quality: str) -> None:
        """Hears which network draws a style from now on."""
        ...


class Governing(Protocol):
    """What the renderer asks."""

    def draw(self, style: str) -> Draw:
        """The network that draws a style now."""
        ...

    def came(self, frame: Frame) -> None:
        """Hears of each frame that is to be drawn, before it is."""
        ...

    def observe(self, look: Look, draw_ms: float, rest_ms: float) -> None:
        """Takes the times of one frame, in milliseconds; the look may change from the next one on."""
        ...


class Arrivals:
    """How many frames of a source come a second, those that are dropped before they are drawn among them.

    What a source says of itself may be too little: FFmpeg takes MJPEG over HTTP for 25 a second, whatever comes.

    Args:
        told_fps: What it says, which is believed until it turns out to be more.
        max_fps: Most that are drawn; None: all.
    """

    def __init__(self, told_fps: float, max_fps: float | None) -> None:
        self._told_fps, self._max_fps = told_fps, max_fps
        self._seen: deque[tuple[int, int]] = deque(maxlen=MEASURED_FRAMES)  # index, and when it was captured

    def add(self, frame: Frame) -> None:
        """Takes the next frame."""
        self._seen.append((frame.index, frame.captured_ns))

    @property
    def fps(self) -> float:
        """Frames a second that are to be drawn."""
        fps = self._told_fps
        if self._seen:
            (first, first_ns), (last, last_ns) = self._seen[0], self._seen[-1]
            if last_ns - first_ns >= FEWEST_SECONDS * NS_PER_SECOND:
                fps = max(fps, (last - first) * NS_PER_SECOND / (last_ns - first_ns))
        return min(fps, self._max_fps or fps)


class Governed:
    """`Governing` of one stream. What is changed to is open before: no frame waits for it.

    Args:
        governor: Decides.
        controls: Gets the size.
        networks: Opens and gives the networks.
        clock: Seconds that do not jump.
        arrivals: Tell the rate to hold; None: it stays.
    """

    def __init__(
        self,
        governor: Governor,
        controls: Controls,
        networks: GovernedNetworks,
        clock: Callable[[], float] = time.monotonic,
        arrivals: Arrivals | None = None,
    ) -> None:
        self._governor, self._controls, self._networks, self._clock = governor, controls, networks, clock
        self._arrivals = arrivals
        self._style = ""
        self._quality = ""
        self._last: dict[str, str] = {}  # style → the quality that drew it last
        self._changed_s = clock()

    def draw(self, style: str) -> Draw:
        """As `Governing.draw`; another style begins with what drew it last, at first with its usual quality."""
        self._begin(style)
        return self._networks.draw(style, self._quality)

    def came(self, frame: Frame) -> None:
        """As `Governing.came`."""
        if self._arrivals is not None:
            self._arrivals.add(frame)
            self._governor.hold(self._arrivals.fps)

    def observe(self, look: Look, draw_ms: float, rest_ms: float) -> None:
        """As `Governing.observe`; a network that is not open yet is asked for, and changed to when it is."""
        self._begin(look.style)  # what is drawn on a GPU was not asked for here
        now_s = self._clock()
        is_fresh = now_s - self._changed_s < SETTLE_SECONDS
        if is_fresh and not self._networks.is_settled(look.style, self._quality):
            return
        now = Rung(look.size_px, self._quality)
        choice = self._governor.observe(now_s, now, draw_ms, rest_ms, self._networks.qualities(look.style))
        if choice is None:
            return
        if not self._networks.is_prepared(look.style, choice.rung.quality):
            self._networks.prepare_later(look.style, choice.rung.quality, choice.rung.size_px)
            return
        self._choose(choice.rung.quality, now_s)
        if choice.rung.size_px != look.size_px and self._controls.look == look:  # what the user changed is theirs
            self._controls.change(size_px=choice.rung.size_px)
        log.info("%s", choice.reason)

    def _begin(self, style: str) -> None:
        if style != self._style:
            self._style = style
            self._governor.begin_style()
            self._choose(self._last.get(style) or self._networks.usual_quality(style), self._clock())

    def _choose(self, quality: str, now_s: float) -> None:
        self._quality, self._changed_s = quality, now_s
        self._last[self._style] = quality
        self._networks.note_choice(self._style, quality)


def governed(
    settings: Settings,
    rate_fps: float | None,
    controls: Controls,
    networks: GovernedNetworks,
    clock: Callable[[], float] = time.monotonic,
) -> Governed | None:
    """What chooses how a live stream is drawn.

    Args:
        settings: A rate to hold lets it choose size and network; else, of quality `auto`, the network alone: the full
            one where that takes so little of a frame's time that others keep the machine.
        rate_fps: Frames a second that come, as a stream says which has the machine to itself; None, or 0 where nobody
            knows, leaves the network as it is unless a rate is to be held.
        controls: Gets the size.
        networks: Opens and gives the networks.
        clock: Seconds that do not jump.

    Returns:
        None where nothing is to be chosen.
    """
    if settings.target_fps is not None:
        return Governed(Governor(settings.target_fps, GOVERNED_SIZES_PX), controls, networks, clock)
    if not rate_fps or settings.quality is not Quality.AUTO:
        return None
    arrivals = Arrivals(rate_fps, settings.max_fps)
    governor = Governor(arrivals.fps, climb_share=SPARING_CLIMB_SHARE)
    return Governed(governor, controls, networks, clock, arrivals)
