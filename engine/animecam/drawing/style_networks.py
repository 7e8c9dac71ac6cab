"""The networks of styles: opened at their first use or beside the run, and kept until it ends."""

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np

from animecam.backends.base import BackendInfo, BackendOptions
from animecam.backends.opening import computes_on_gpu
from animecam.backends.unforeseen import as_failure
from animecam.cache import usable_cache
from animecam.drawing.governor import live_costs
from animecam.render.scope import whole_frame_size
from animecam.settings import Look, Quality, Scope, Settings
from animecam.styles.card import StyleCard
from animecam.styles.network import StyleNet, open_style
from animecam.styles.registry import find_style
from animecam.types import StreamFormat

log = logging.getLogger(__name__)

CLOSE_SECONDS = 30.0  # longest wait for a network that is being opened when the run ends


class StyleNetworks:
    """Open networks by style and quality; used by one thread at a time, but for those that open networks beside it.

    They are the callers of `prepare` and `ChosenNetworks.make_ready`, and the one of `prepare_later`. A network stays
    theirs until it has drawn, or by `make_ready` until it is open; then it is found by its name, and closed with the
    others.
    Nothing that is shared takes more than one step of a dict, a set or the stack, and nothing is taken out. Where two
    open the same network, the later one draws.

    Args:
        settings: The style to begin with, whose network is opened at once, and how networks are computed.
        stack: Closes what is opened later, too: styles that are chosen while it runs.

    Raises:
        StyleError: There is no such style, or its file is damaged.
        BackendError: The runtime does not work here.
    """

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._options = BackendOptions(
            threads=settings.threads,
            cache_dir=usable_cache(),
            gpu=settings.gpu,
            sizes_change=settings.target_fps is not None,
        )
        self._cards: dict[str, StyleCard] = {}
        self._styles: dict[tuple[str, str], StyleNet] = {}
        self._broken: set[tuple[str, str]] = set()
        self._chosen: dict[str, str] = {}  # style → quality that a governor chose last
        self._device_infos: dict[str, BackendInfo | None] = {}  # style → what the frame path of a GPU draws it with
        self._offered: tuple[str, ...] = ()
        self._preparing: threading.Thread | None = None
        self._is_ending = threading.Event()
        self._warming: StyleNet | None = None  # what `prepare` is about
        self._stream: StreamFormat | None = None  # what is drawn live
        self._first = self._style(settings.look.style, self.usual_quality(settings.look.style))

    @property
    def backend_info(self) -> BackendInfo:
        """What computes the style to begin with, as of now."""
        return self.info_of(self._settings.look)

    @property
    def summary(self) -> str:
        """What runs at the beginning, in one line."""
        return self.summary_of(self._settings.look)

    def summary_of(self, look: Look) -> str:
        """What draws a look, in one line; it may change while the run lasts, as faster runtimes get ready."""
        is_alone = len(self._card(look.style).variants) == 1
        style = look.style if is_alone else f"{look.style} ({self.drawn_quality(look.style)})"
        fixed_px = self._card(look.style).contract.fixed_px
        size = f"{look.size_px} px" if fixed_px is None else _size(*fixed_px)
        return f"{style} at {size} by {self.info_of(look)}"

    def drawn_by(self, look: Look) -> str:
        """What computes a look now, and with which of its style's networks, where there are several."""
        info, has_several = str(self.info_of(look)), len(self._card(look.style).variants) > 1
        return f"{info}, {self.drawn_quality(look.style)} network" if has_several else info

    def info_of(self, look: Look) -> BackendInfo:
        """What computes a look now."""
        return self._info(look.style)

    @property
    def offered(self) -> tuple[str, ...]:
        """Names of the styles that may be chosen next."""
        return self._offered

    def offer(self, styles: tuple[str, ...]) -> None:
        """These may be chosen next: a GPU that draws frames keeps them ready."""
        self._offered = styles

    def begin_run(self) -> None:
        """What an earlier run drew with says nothing of what this one does."""
        self._chosen.clear()
        self._device_infos.clear()

    def note_choice(self, style: str, quality: str) -> None:
        """The processor draws a style with this network from now on; what is said of the look goes by it."""
        self._chosen[style] = quality

    def note_device(self, style: str, info: BackendInfo | None) -> None:
        """The frame path of a GPU draws a style with this from now on; None: the networks here draw it."""
        self._device_infos[style] = info

    def draw(self, style: str, quality: str | None = None) -> StyleNet:
        """The network of a style, opened at its first use and kept; the usual one unless a quality is named.

        Raises:
            StyleError: There is no such style, or its file is damaged.
            BackendError: The runtime does not load it.
        """
        return self._style(style, quality or self.usual_quality(style))

    def usual_quality(self, style: str) -> str:
        """The quality that the settings ask for; `auto`: what suits a processor, and `gpu_quality` once a GPU computes.

        Raises:
            StyleError: There is no such style.
        """
        return self._suited(style, self._settings.quality, on_gpu=False)

    def gpu_quality(self, style: str) -> str:
        """The quality that a GPU computes in the place of any other.

        Raises:
            StyleError: There is no such style.
        """
        return self._suited(style, self._settings.quality, on_gpu=True)

    def drawn_quality(self, style: str) -> str:
        """The quality of what draws a style now."""
        return self.gpu_quality(style) if self._is_on_gpu(style) else self._chosen_quality(style)

    def qualities(self, style: str) -> dict[str, float]:
        """The qualities that a governor may choose from, the best first; while a GPU draws, the one that it chose last.

        Returns:
            Each with what its network costs as it is computed now, 0 where the card does not say.
        """
        costs = live_costs(self._card(style).variants, self._info(style).precision)
        if self._is_on_gpu(style) or self._settings.quality is not Quality.AUTO:
            chosen = self._chosen_quality(style)
            return {chosen: costs.get(chosen, 0.0)}
        return {quality: cost for quality, cost in costs.items() if (style, quality) not in self._broken}

    def warm_up(self, stream: StreamFormat) -> None:
        """Draws one picture as the stream will need them, so that the first frame does not wait for memory and code."""
        self._stream = stream
        self._warm(self._first, stream, self._settings.look.size_px)

    def prepare(self, style: str, stream: StreamFormat, is_unwanted: Callable[[], bool]) -> None:
        """Opens and warms up a style, so that changing to it takes one frame; another thread may draw meanwhile.

        Args:
            style: Its name.
            stream: What will be drawn.
            is_unwanted: Asked before what may take minutes; `end_preparing` ends that itself.

        Raises:
            StyleError: There is no such style, or its file is damaged.
            BackendError: The runtime does not load it, or was told to end.
        """
        quality = self.usual_quality(style)
        if self.is_prepared(style, quality):
            return
        network = self._warming = self._open(style, quality)
        try:
            if not is_unwanted():
                self._warm(network, stream, self._settings.look.size_px)
                self._styles[style, quality] = network  # only now, so that whoever finds it finds it ready
        finally:
            self._warming = None

    def end_preparing(self) -> None:
        """Lets `prepare` end soon, in whatever thread it is; its `is_unwanted` must be true by now."""
        warming = self._warming
        if warming is not None:
            warming.end()

    def is_prepared(self, style: str, quality: str | None = None) -> bool:
        """Whether a style is open."""
        return (style, quality or self.usual_quality(style)) in self._styles

    def is_settled(self, style: str, quality: str) -> bool:
        """Whether an open network is drawn by what will go on drawing it, and not for the time being."""
        return self._style(style, quality).is_settled

    def prepare_later(self, style: str, quality: str, size_px: int) -> None:
        """Opens and warms up a network of a style in the background; one that does not work is not offered again.

        Args:
            style: Its name.
            quality: Which of its networks.
            size_px: Side of the crops that it will draw.
        """
        if self._preparing is not None and self._preparing.is_alive():
            return
        what = style, quality, size_px
        self._preparing = threading.Thread(target=self._prepare_apart, args=what, name="prepare", daemon=True)
        self._stack.callback(self._stop_preparing)
        self._preparing.start()

    def _prepare_apart(self, style: str, quality: str, size_px: int) -> None:
        """Thread "prepare": the network is its own until it has drawn, so that nobody closes it meanwhile."""
        try:
            with ExitStack() as own:
                network = own.enter_context(self._opened(style, quality))
                if not self._is_ending.is_set():
                    self._warm(network, self._stream, size_px)
                if not self._is_ending.is_set():
                    self._stack.enter_context(own.pop_all())
                    self._styles[style, quality] = network
        except Exception as error:  # noqa: BLE001 - a mistake, too: what draws goes on, and it is not tried again
            if not self._is_ending.is_set():
                log.warning("the %s network of %s does not work: %s", quality, style, as_failure(error).message)
                self._broken.add((style, quality))

    def _stop_preparing(self) -> None:
        self._is_ending.set()
        if self._preparing is not None:
            self._preparing.join(CLOSE_SECONDS)

    def _warm(self, network: StyleNet, stream: StreamFormat | None, size_px: int) -> None:
        """Draws one picture of each size that nearly all will have; the first of another takes a third longer once.

        Quantised networks are compiled for each size: that of a whole frame, drawn when a face is lost, must be ready.
        """
        sizes_px = {(size_px, size_px)}
        draws_whole = self._settings.look.scope is not Scope.HEAD or network.info.precision == "int8"
        if stream is not None and draws_whole:
            across, down = round(stream.width_px * stream.pixel_aspect), stream.height_px
            if stream.rotation_deg % 180:
                across, down = down, across
            sizes_px.add(whole_frame_size(across, down, size_px))
        for width_px, height_px in sizes_px:
            network((np.zeros((height_px, width_px, 3), np.uint8),))

    def _chosen_quality(self, style: str) -> str:
        """The quality that draws a style where no GPU does: a governor's choice, else the usual one."""
        return self._chosen.get(style) or self.usual_quality(style)

    def _is_on_gpu(self, style: str) -> bool:
        """Whether a GPU draws a style now, in the frame path there or fed from the host."""
        return self._device_infos.get(style) is not None or computes_on_gpu(self._info(style))

    def _info(self, style: str) -> BackendInfo:
        on_device = self._device_infos.get(style)
        return on_device or self._styles.get((style, self._chosen_quality(style)), self._first).info

    def _suited(self, style: str, quality: Quality, *, on_gpu: bool) -> str:
        if quality is not Quality.AUTO:
            return quality.value
        return self._card(style).suited(on_gpu=on_gpu).quality

    def _card(self, style: str) -> StyleCard:
        """A style's card, read once: it is asked for with every frame."""
        if style not in self._cards:
            self._cards[style] = find_style(style).card
        return self._cards[style]

    def _style(self, name: str, quality: str) -> StyleNet:
        if (name, quality) not in self._styles:
            self._styles[name, quality] = self._open(name, quality)
        return self._styles[name, quality]

    def _open(self, name: str, quality: str) -> StyleNet:
        return self._stack.enter_context(self._opened(name, quality))

    def _opened(self, name: str, quality: str) -> StyleNet:
        return open_style(name, self._settings.backend, self._options, quality, self.gpu_quality(name))


def _size(height_px: int, width_px: int) -> str:
    return f"{width_px} px" if width_px == height_px else f"{width_px}x{height_px} px"
