"""Every network a run needs, opened once: it outlives runs, so that a batch or many sessions share it."""

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from animecam.backends.base import Backend, BackendInfo, BackendOptions
from animecam.backends.opening import open_backend
from animecam.cache import model_cache
from animecam.errors import CacheError
from animecam.faces.align import Aligner
from animecam.faces.base import Detector
from animecam.faces.opening import SCAN_PX, open_detector
from animecam.faces.track import Tracker, TrackerOptions
from animecam.governor import Governor
from animecam.render.calm import Calm
from animecam.render.compositor import Compositor, CompositorOptions
from animecam.render.cpu import CpuImageOps
from animecam.render.hair import HairTint
from animecam.render.masks import Mask
from animecam.render.person import MODEL as PERSON_MODEL
from animecam.render.person import PersonMasker
from animecam.render.scope import whole_frame_size
from animecam.renderer import Draw, Renderer
from animecam.settings import GOVERNED_SIZES_PX, Controls, Scope, Settings
from animecam.styles.network import StyleNet, open_style
from animecam.timing import Timing
from animecam.types import Image, Region, StreamFormat

log = logging.getLogger(__name__)


class Networks:
    """Open networks; used by one thread at a time, but for `prepare`. `open_networks` makes and closes it.

    Args:
        settings: The look to begin with and how it is computed.
        stack: Closes what is opened later, too: styles that are chosen while it runs.
    """

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._options = BackendOptions(threads=settings.threads, cache_dir=usable_cache(), gpu=settings.gpu)
        self._one_core = replace(self._options, threads=1)  # the small networks lose more than they gain by sharing out
        self._person: Backend | None = None
        self._styles: dict[str, StyleNet] = {}
        self._first = self._style(settings.look.style)
        self._scan = self._open_detector(settings.detector)
        self._follow = self._open_detector("short")

    @property
    def backend_info(self) -> BackendInfo:
        """What computes the style."""
        return self._first.info

    @property
    def summary(self) -> str:
        """What runs, in one line."""
        info, look = self.backend_info, self._settings.look
        return f"{look.style} at {look.size_px} px by {info.name} {info.version} ({info.precision}) on {info.device}"

    def draw(self, style: str) -> Draw:
        """The network of a style, opened at its first use and kept.

        Raises:
            StyleError: There is no such style, or its file is damaged.
            BackendError: The runtime does not load it.
        """
        return self._style(style)

    def renderer(self, timing: Timing, controls: Controls | None = None, *, is_live: bool = True) -> Renderer:
        """A renderer that knows nobody yet.

        Args:
            timing: Where the stages' times go.
            controls: Holds the look; None keeps that of the settings.
            is_live: Frames come at the world's pace, so that a frame rate can be held.
        """
        ops, target_fps = CpuImageOps(), self._settings.target_fps if is_live else None
        options = TrackerOptions(max_faces=self._settings.max_faces, scan_px=self._scan_px)
        return Renderer(
            track=Tracker(self._scan, self._follow, ops.crop, options),
            align=Aligner(),
            ops=ops,
            draw=self.draw,
            calm=Calm(),
            compositor=Compositor(
                ops, _OnDemand(self._person_masker), CompositorOptions(head_edge=self._settings.head_edge)
            ),
            controls=controls or Controls(self._settings.look),
            timing=timing,
            tint=HairTint(_OnDemand(self._person_masker)),
            governor=Governor(target_fps, GOVERNED_SIZES_PX) if target_fps else None,
        )

    def warm_up(self, stream: StreamFormat) -> None:
        """Draws one picture of every size a stream will need, so that no first frame waits for a compiler."""
        self._warm(self._first, stream)

    def prepare(self, style: str, stream: StreamFormat) -> None:
        """Opens and warms up a style, so that changing to it takes one frame; another thread may draw meanwhile.

        Raises:
            StyleError: There is no such style, or its file is damaged.
            BackendError: The runtime does not load it.
        """
        if style not in self._styles:
            network = self._stack.enter_context(open_style(style, self._settings.backend, self._options))
            self._warm(network, stream)
            self._styles[style] = network  # only now, so that whoever finds it finds it ready

    def is_prepared(self, style: str) -> bool:
        """Whether a style is open."""
        return style in self._styles

    def _warm(self, network: StyleNet, stream: StreamFormat) -> None:
        look = self._settings.look
        across, down = stream.width_px, stream.height_px
        if stream.rotation_deg % 180:
            across, down = down, across
        width_px, height_px = whole_frame_size(across, down, look.size_px)
        shapes = {(height_px, width_px, 3)}
        if look.scope is Scope.HEAD:
            sizes_px = {look.size_px, *(GOVERNED_SIZES_PX if self._settings.target_fps else ())}
            shapes |= {(size_px, size_px, 3) for size_px in sizes_px}
        for shape in shapes:
            network((np.zeros(shape, np.uint8),))

    @property
    def _scan_px(self) -> int:
        return SCAN_PX[self._settings.detector.partition(":")[0]]

    def _style(self, name: str) -> StyleNet:
        if name not in self._styles:
            self._styles[name] = self._stack.enter_context(open_style(name, self._settings.backend, self._options))
        return self._styles[name]

    def _person_masker(self) -> PersonMasker:
        """A masker that remembers nothing yet, over the one network that all share."""
        if self._person is None:
            self._person = open_backend(PERSON_MODEL, self._settings.backend, self._one_core)
            self._stack.callback(self._person.close)
        return PersonMasker(self._person)

    def _open_detector(self, choice: str) -> Detector:
        detector = open_detector(choice, self._settings.backend, self._one_core)
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
