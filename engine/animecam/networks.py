"""Every network a run needs, opened once: it outlives runs, so that a batch or many sessions share it."""

import logging
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from animecam.backends.base import Backend, BackendChoice, BackendInfo, BackendOptions
from animecam.backends.opening import on_processor, open_backend, runs_on_gpu
from animecam.cache import model_cache
from animecam.cuda.base import Gpu
from animecam.cuda.gpu import open_gpu
from animecam.device_styles import DeviceStyles, open_device_style
from animecam.errors import AnimecamError, BackendError, CacheError
from animecam.faces.align import Aligner
from animecam.faces.base import Detector
from animecam.faces.opening import SCAN_PX, open_detector
from animecam.faces.track import Tracker, TrackerOptions
from animecam.governing import Governed
from animecam.governor import Governor
from animecam.gpu_renderer import GpuRenderer
from animecam.pipeline import Render
from animecam.render.base import Draw
from animecam.render.calm import Calm
from animecam.render.compositor import Compositor, CompositorOptions
from animecam.render.cpu import CpuImageOps
from animecam.render.device_path import DevicePath, PathOptions
from animecam.render.hair import HairTint
from animecam.render.idle import Idle
from animecam.render.masks import Mask
from animecam.render.person import MODEL as PERSON_MODEL
from animecam.render.person import PersonMasker
from animecam.render.scope import whole_frame_size
from animecam.renderer import Renderer
from animecam.settings import GOVERNED_SIZES_PX, LARGEST_PX, SMALLEST_PX, Controls, HeadEdge, Quality, Scope, Settings
from animecam.styles.card import StyleCard
from animecam.styles.network import StyleNet, open_style
from animecam.styles.registry import find_style
from animecam.timing import Timing
from animecam.types import Image, Region, StreamFormat

log = logging.getLogger(__name__)

CLOSE_SECONDS = 30.0  # longest wait for a network that is being opened when the run ends


class Networks:
    """Open networks; used by one thread at a time, but for `prepare`. `open_networks` makes and closes it.

    Args:
        settings: The look to begin with and how it is computed.
        stack: Closes what is opened later, too: styles that are chosen while it runs.
    """

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._options = BackendOptions(
            threads=settings.threads,
            cache_dir=usable_cache(),
            gpu=settings.gpu,
            allow_int8=settings.target_fps is None,  # a governor changes sizes, each of which would be compiled first
        )
        # The small networks lose more than they gain by sharing out, or by the way to a GPU.
        self._one_core = replace(self._options, threads=1, gpu=None)
        self._small = on_processor(settings.backend)
        self._person: Backend | None = None
        self._device: tuple[Gpu, DeviceStyles] | None = None
        self._has_asked_for_gpu = False
        self._cards: dict[str, StyleCard] = {}
        self._on_gpu = runs_on_gpu(settings.backend)
        self._styles: dict[tuple[str, str], StyleNet] = {}
        self._preparing: threading.Thread | None = None
        stack.callback(self._stop_preparing)
        self._broken: set[tuple[str, str]] = set()
        self._first = self._style(settings.look.style, self.usual_quality(settings.look.style))
        self._scan = self._open_detector(settings.detector)
        self._follow = self._open_detector("short")
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="detect")
        stack.callback(self._beside.shutdown)

    @property
    def backend_info(self) -> BackendInfo:
        """What computes the style."""
        return self._first.info

    @property
    def summary(self) -> str:
        """What runs, in one line."""
        info, look = self.backend_info, self._settings.look
        is_alone = len(self._card(look.style).variants) == 1
        style = look.style if is_alone else f"{look.style} ({self.usual_quality(look.style)})"
        return f"{style} at {look.size_px} px by {info.name} {info.version} ({info.precision}) on {info.device}"

    @property
    def max_fps(self) -> float | None:
        """Most frames a second that a live run is to draw."""
        return self._settings.max_fps

    def draw(self, style: str, quality: str | None = None) -> Draw:
        """The network of a style, opened at its first use and kept; the usual one unless a quality is named.

        Raises:
            StyleError: There is no such style, or its file is damaged.
            BackendError: The runtime does not load it.
        """
        return self._style(style, quality or self.usual_quality(style))

    def usual_quality(self, style: str) -> str:
        """The quality that the settings ask for; `auto` goes by what computes.

        Raises:
            StyleError: There is no such style.
        """
        if self._settings.quality is not Quality.AUTO:
            return self._settings.quality.value
        return self._card(style).suited(on_gpu=self._on_gpu).quality

    def qualities(self, style: str) -> tuple[str, ...]:
        """The qualities that a governor may choose from, the best first; on a GPU only the usual one is loaded."""
        if self._on_gpu or self._settings.quality is not Quality.AUTO:
            return (self.usual_quality(style),)
        names = (variant.quality for variant in self._card(style).variants)
        return tuple(name for name in names if (style, name) not in self._broken)

    def renderer(self, timing: Timing, controls: Controls | None = None, *, is_live: bool = True) -> Renderer:
        """A renderer that knows nobody yet.

        Args:
            timing: Where the stages' times go.
            controls: Holds the look; None keeps that of the settings.
            is_live: Frames come at the world's pace, so that a frame rate can be held.
        """
        controls = controls or Controls(self._settings.look)
        ops, target_fps = CpuImageOps(), self._settings.target_fps if is_live else None
        # A file is searched at once: what is found in a frame counts there. Live, with two cores that others kept busy,
        # tracking's p95 fell to 0.45 of what it was, while a frame as a whole took as long as before (1.02).
        beside = self._beside if is_live else None
        options = TrackerOptions(max_faces=self._settings.max_faces, scan_px=self._scan_px)
        return Renderer(
            track=Tracker(self._scan, self._follow, ops.crop, options, beside),
            align=Aligner(),
            ops=ops,
            draw=self.draw,
            calm=Calm(),
            compositor=Compositor(
                ops, _OnDemand(self._person_masker), CompositorOptions(head_edge=self._settings.head_edge)
            ),
            controls=controls,
            timing=timing,
            governing=Governed(Governor(target_fps, GOVERNED_SIZES_PX), controls, self) if target_fps else None,
            idle=Idle() if is_live else None,
            tint=HairTint(_OnDemand(self._person_masker)),
        )

    @contextmanager
    def rendering(self, timing: Timing, controls: Controls | None = None, *, is_live: bool = True) -> Generator[Render]:
        """The fastest renderer there is, for the length of the block: on the GPU where the styles can be drawn there.

        Args:
            timing: As for `renderer`.
            controls: As for `renderer`.
            is_live: As for `renderer`.

        Raises:
            BackendError: The GPU failed.
        """
        renderer = self.renderer(timing, controls, is_live=is_live)
        place = self._device_place()
        if place is None:
            yield renderer
            return
        gpu, styles = place
        gpu.use()
        options = PathOptions(most_faces=self._settings.max_faces, largest_px=LARGEST_PX)
        with closing(DevicePath(gpu, options)) as path:
            yield GpuRenderer(
                gpu=gpu,
                path=path,
                find_network=styles,
                renderer=renderer,
                can_fade=self._settings.head_edge is HeadEdge.SOFT,
                timing=timing,
            )

    def warm_up(self, stream: StreamFormat) -> None:
        """Draws one picture as the stream will need them, so that the first frame does not wait for memory and code."""
        self._warm(self._first, stream)

    def prepare(self, style: str, stream: StreamFormat) -> None:
        """Opens and warms up a style, so that changing to it takes one frame; another thread may draw meanwhile.

        Raises:
            StyleError: There is no such style, or its file is damaged.
            BackendError: The runtime does not load it.
        """
        quality = self.usual_quality(style)
        if not self.is_prepared(style, quality):
            network = self._open(style, quality)
            self._warm(network, stream)
            self._styles[style, quality] = network  # only now, so that whoever finds it finds it ready

    def is_prepared(self, style: str, quality: str | None = None) -> bool:
        """Whether a style is open."""
        return (style, quality or self.usual_quality(style)) in self._styles

    def prepare_later(self, style: str, quality: str) -> None:
        """Opens and warms up a network of a style in the background; one that does not work is not offered again."""
        if self._preparing is not None and self._preparing.is_alive():
            return

        def prepare() -> None:
            try:
                network = self._open(style, quality)
                network((np.zeros((SMALLEST_PX, SMALLEST_PX, 3), np.uint8),))
            except AnimecamError as error:
                log.warning("the %s network of %s does not work: %s", quality, style, error.message)
                self._broken.add((style, quality))
            else:
                self._styles[style, quality] = network

        self._preparing = threading.Thread(target=prepare, name="prepare", daemon=True)
        self._preparing.start()

    def _stop_preparing(self) -> None:
        if self._preparing is not None:
            self._preparing.join(CLOSE_SECONDS)

    def _warm(self, network: StyleNet, stream: StreamFormat) -> None:
        """Draws one picture of the size that nearly all will have; the first of another takes a third longer once.

        Quantised networks are compiled for each size: that of a whole frame, drawn when a face is lost, must be ready.
        """
        look = self._settings.look
        across, down = stream.width_px, stream.height_px
        if stream.rotation_deg % 180:
            across, down = down, across
        whole, head = whole_frame_size(across, down, look.size_px), (look.size_px, look.size_px)
        sizes_px = {head if look.scope is Scope.HEAD else whole}
        if network.info.precision == "int8":
            sizes_px.add(whole)
        for width_px, height_px in sizes_px:
            network((np.zeros((height_px, width_px, 3), np.uint8),))

    @property
    def _scan_px(self) -> int:
        return SCAN_PX[self._settings.detector.partition(":")[0]]

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
        network = open_style(name, self._settings.backend, self._options, quality)
        return self._stack.enter_context(network)

    def _device_place(self) -> tuple[Gpu, DeviceStyles] | None:
        """The GPU and the styles on it, opened at the first question; None where no style is to be drawn on one."""
        if not self._has_asked_for_gpu:
            self._has_asked_for_gpu = True
            self._device = self._open_device()
        return self._device

    def _open_device(self) -> tuple[Gpu, DeviceStyles] | None:
        if self._settings.backend not in (BackendChoice.AUTO, BackendChoice.TENSORRT):
            return None
        try:
            gpu = open_gpu(self._settings.gpu)
        except BackendError as error:
            log.info("frames stay on the processor: %s", error.message)
            return None
        self._stack.callback(gpu.close)
        styles = DeviceStyles(gpu, lambda style, size_px: open_device_style(style, size_px, self._options))
        self._stack.callback(styles.close)
        return gpu, styles

    def _person_masker(self) -> PersonMasker:
        """A masker that remembers nothing yet, over the one network that all share."""
        if self._person is None:
            self._person = open_backend(PERSON_MODEL, self._small, self._one_core)
            self._stack.callback(self._person.close)
        return PersonMasker(self._person)

    def _open_detector(self, choice: str) -> Detector:
        detector = open_detector(choice, self._small, self._one_core)
        self._stack.callback(detector.close)
        return detector


class _OnDemand:
    """Finds persons with a masker that is made when it is first asked: most runs never ask."""

    def __init__(self, make: Callable[[], PersonMasker]) -> None:
        self._make = make
        self._masker: PersonMasker | None = None

    def __call__(self, regions: Sequence[Region], pictures: Sequence[Image]) -> tuple[Mask, ...]:
        """As `PersonMasker`."""
        self._masker = self._masker or self._make()
        return self._masker(regions, pictures)


def usable_cache() -> Path | None:
    """Where compiled networks are kept, or None, with a warning, where nothing can be kept: it starts slower then."""
    try:
        return model_cache()
    except CacheError as error:
        log.warning("%s: compiled networks are not kept (%s)", error.message, error.hint)
        return None


@contextmanager
def open_networks(settings: Settings) -> Generator[Networks]:
    """Opens the networks of a run and closes them at the end of the block.

    Raises:
        StyleError: There is no such style, or its file is damaged.
        BackendError: The runtime does not work here.
        FaceError: The detector's file or package is missing.
        UsageError: There is no such detector.
    """
    with ExitStack() as stack:
        yield Networks(settings, stack)
