"""Every network a run needs, opened once: it outlives runs, so that a batch or many sessions share it."""

import logging
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial

from animecam.backends.base import BackendChoice
from animecam.backends.opening import GPU_CHOICES, runs_on_gpu
from animecam.cuda.base import Gpu
from animecam.cuda.gpu import open_gpu
from animecam.cuda.pixels import NO_GPU_VIDEO, GpuVideo
from animecam.drawing.backdrop_file import read_backdrop
from animecam.drawing.chosen_networks import ChosenNetworks
from animecam.drawing.device_opening import has_kernels, open_styles, tell_why
from animecam.drawing.device_styles import DeviceStyles
from animecam.drawing.governing import governed
from animecam.drawing.gpu_renderer import GpuRenderer
from animecam.drawing.person_network import looks_for_persons
from animecam.drawing.renderer import Renderer
from animecam.drawing.steps import Steps
from animecam.errors import BackendError, DeviceMemoryError
from animecam.faces.align import Aligner
from animecam.faces.base import Cropper, Detector
from animecam.faces.opening import SCAN_PX, TILE_PX, glances_of, open_detector, open_follower
from animecam.faces.queued import Queued
from animecam.faces.track import Tracker, TrackerOptions
from animecam.render.backdrop import Backdrop
from animecam.render.base import Render
from animecam.render.calm import Calm
from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.render.device_crop import DeviceCrop
from animecam.render.device_path import DevicePath, PathOptions
from animecam.render.device_pictures import DevicePictures
from animecam.render.hair import HairTint
from animecam.render.idle import Idle
from animecam.settings import LARGEST_PX, Controls, HeadEdge, Settings
from animecam.timing import Timing
from animecam.types import StreamFormat

log = logging.getLogger(__name__)


class Networks(ChosenNetworks):
    """The networks of styles and those that find faces and persons, and renderers over them.

    `open_networks` makes and closes it.

    Args:
        settings: The look to begin with and how it is computed.
        stack: As for `StyleNetworks`.
    """

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="detect")
        stack.callback(self._beside.shutdown)
        super().__init__(settings, stack)
        self._backdrop = read_backdrop(settings.backdrop) if settings.backdrop is not None else None
        self._device: tuple[Gpu, DeviceStyles] | None = None
        self._has_asked_for_gpu = False
        self._gpu_video: GpuVideo | None = None
        self._pictures: DevicePictures | None = None
        # Opened in the thread that will search with them, while the style draws its first picture.
        self._detectors = self._beside.submit(self._open_detectors)

    def warm_up(self, stream: StreamFormat) -> None:
        """As `StyleNetworks.warm_up`; the detectors are open after it, see `require_detectors`, and what finds persons,
        if the look to begin with asks for those.
        """
        super().warm_up(stream)
        if looks_for_persons(self._settings.look, self._settings.head_edge):
            self.prepare_persons()
        self.require_detectors()

    def require_detectors(self) -> tuple[Detector, Detector]:
        """What searches whole frames, and what follows known faces, once both are open.

        Raises:
            FaceError: A file or package is missing.
            UsageError: There is no such detector.
            BackendError: The runtime does not work here.
        """
        return self._detectors.result()

    @property
    def max_fps(self) -> float | None:
        """Most frames a second that a live run is to draw."""
        return self._settings.max_fps

    @property
    def gpu(self) -> int:
        """Index of the GPU that was asked for, whether anything is drawn on it or not."""
        return self._settings.gpu

    @property
    def gpu_video(self) -> GpuVideo:
        """What the GPU does of a file's way, tried at the first question; nothing if no style is to be drawn on it."""
        if self._gpu_video is None:
            self._gpu_video = NO_GPU_VIDEO
            if (place := self._device_place()) is not None:
                from animecam.drawing.gpu_video import find_gpu_video

                gpu, _ = place
                gpu.use()
                self._gpu_video = find_gpu_video(gpu, self._settings.gpu)
        return self._gpu_video

    def renderer(
        self,
        timing: Timing,
        controls: Controls | None = None,
        *,
        is_live: bool = True,
        crop: Cropper | None = None,
        quality: str | None = None,
        rate_fps: float | None = None,
        name: str = "",
        max_faces: int | None = None,
        still_faces: int | None = None,
    ) -> Renderer:
        """A renderer that knows nobody yet.

        Args:
            timing: Where the stages' times go.
            controls: Holds the look; None keeps that of the settings.
            is_live: Frames come at the world's pace, so that a frame rate can be held.
            crop: Crops what the detectors look at; None does it on the processor.
            quality: Of the networks; None: the usual one of each style.
            rate_fps: Frames a second of a live stream that has the machine to itself: the network is chosen by it.
            name: Of the film, where there may be several; what is told of it begins so.
            max_faces: Most faces drawn at a time; None: as the settings say.
            still_faces: The same of a still picture; None: `max_faces`, or as the settings say.
        """
        controls = controls or Controls(self._settings.look)
        (scan, follow), ops = self.require_detectors(), CpuImageOps()
        # A file's search counts in its frame; by the same thread, as the studio draws both. Live, with two cores that
        # others kept busy, tracking's p95 fell to 0.45 of what it was, and a frame took as long as before (1.02).
        beside, search = self._beside if is_live else None, (scan, *glances_of(scan))
        search = search if is_live else tuple(Queued(detector, self._beside) for detector in search)
        options = replace(self._tracking(max_faces, still_faces), sees_cuts=not is_live)
        steps = Steps(
            track=Tracker(search[0], follow, crop or ops.glimpse, options, beside, search[1:]).pausing,
            align=Aligner(),
            ops=ops,
            draw=partial(self.draw, quality=quality),
            calm=Calm(),
            tint=HairTint(self.persons()),
            compositor=Compositor(ops, self.persons(), self._settings.head_edge),
            backdrop=Backdrop(ops, self.persons(), self._backdrop),
        )
        governing = governed(self._settings, rate_fps, controls, self) if is_live else None
        return Renderer(steps, controls, timing, governing=governing, idle=Idle() if is_live else None, name=name)

    @contextmanager
    def rendering(
        self,
        timing: Timing,
        controls: Controls | None = None,
        *,
        is_live: bool = True,
        rate_fps: float | None = None,
        video: GpuVideo = NO_GPU_VIDEO,
        name: str = "",
    ) -> Generator[Render]:
        """The fastest renderer there is, for the length of the block: on the GPU where the styles can be drawn there.

        Args:
            timing: As for `renderer`.
            controls: As for `renderer`.
            is_live: As for `renderer`.
            rate_fps: As for `renderer`; where a GPU draws, its network stays.
            video: Whether frames come from the GPU's decoder and go to its encoder.
            name: As for `renderer`.

        Raises:
            BackendError: The GPU failed.
        """
        self.begin_run()
        place = self._device_place()
        path = self._open_path(place[0]) if place is not None else None
        if place is None or path is None:
            yield self.renderer(timing, controls, is_live=is_live, rate_fps=rate_fps, name=name)
            return
        gpu, styles = place
        quality, look = None, controls.look if controls else self._settings.look
        if not is_live and not styles.has_given_up(look.style, look.size_px):
            quality = self.gpu_quality(look.style)  # until the GPU draws, too: a film must not change on the way
            self.note_choice(look.style, quality)
        with closing(path), closing(DeviceCrop(gpu, CpuImageOps())) as crop:
            yield GpuRenderer(
                path,
                self.renderer(timing, controls, is_live=is_live, crop=crop, quality=quality, name=name),
                find_network=styles,
                note_network=self.note_device,
                can_fade=self._settings.head_edge is HeadEdge.SOFT,
                pictures=self._pictures_on(gpu) if video.encoder is not None else None,
                may_leave=self._settings.backend is BackendChoice.AUTO,
            )

    def _tracking(self, max_faces: int | None, still_faces: int | None) -> TrackerOptions:
        kind, most = self._settings.detector.partition(":")[0], max_faces or self._settings.max_faces
        of_still = still_faces or max_faces or self._settings.still_faces or most
        return TrackerOptions(most, of_still, SCAN_PX[kind], TILE_PX[kind])

    def _device_place(self) -> tuple[Gpu, DeviceStyles] | None:
        """The GPU and the styles on it, opened at the first question; None where no style is to be drawn on one."""
        if not self._has_asked_for_gpu:
            self._has_asked_for_gpu = True
            self._device = self._open_device()
        return self._device

    def _open_device(self) -> tuple[Gpu, DeviceStyles] | None:
        choice = self._settings.backend
        if choice is not BackendChoice.AUTO and choice not in GPU_CHOICES:
            return None
        try:
            gpu = open_gpu(self._settings.gpu)
        except BackendError as error:  # a GPU that was named is missed; the first one is the default
            (log.warning if self._settings.gpu else log.info)("frames stay on the processor: %s", error.message)
            return None
        self._stack.callback(gpu.close)
        if choice is BackendChoice.AUTO and not (runs_on_gpu(choice, self._settings.gpu) and has_kernels(gpu)):
            return None
        styles = open_styles(gpu, self._options, choice, self.gpu_quality, lambda: self.offered)
        self._stack.callback(styles.close)
        return gpu, styles

    def _open_path(self, gpu: Gpu) -> DevicePath | None:
        """The way of a run's frames through the GPU; None where `auto` finds no memory for one face there."""
        gpu.use()
        try:
            return DevicePath(gpu, PathOptions(most_faces=self._settings.max_faces, largest_px=LARGEST_PX))
        except DeviceMemoryError as error:
            if self._settings.backend is not BackendChoice.AUTO:
                raise
            tell_why(error)
            return None

    def _pictures_on(self, gpu: Gpu) -> DevicePictures:
        """Memory for drawn frames: it outlives the run, as an encoder holds its last frames until it is closed."""
        if self._pictures is None:
            self._pictures = DevicePictures(gpu)
            self._stack.callback(self._pictures.close)
        return self._pictures

    def _open_detectors(self) -> tuple[Detector, Detector]:
        # A search says where to look from near: bfloat16 moved what it finds by 0.05 of 192 px, and takes 0.7 the time.
        scan = self._kept(open_detector(self._settings.detector, self._small, self._one_core))
        return scan, self._kept(open_follower(self._small, self._one_core))

    def _kept(self, detector: Detector) -> Detector:
        self._stack.callback(detector.close)
        return detector


@contextmanager
def open_networks(settings: Settings) -> Generator[Networks]:
    """Opens the networks of a run and closes them at the end of the block.

    Detectors are opened beside what the caller does next, see `Networks.require_detectors`.

    Raises:
        StyleError: There is no such style, or its file is damaged.
        BackendError: The runtime does not work here.
    """
    with ExitStack() as stack:
        yield Networks(settings, stack)
