"""From a frame to a drawn frame on a GPU: faces are found on the processor, all else is done where the frame is.

What the GPU's path does not draw (whole pictures, blurred ones, persons, more faces than fit, larger eyes, other lines
or hair, styles that are not there yet) is drawn by the processor's path.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from animecam.backends.base import BackendInfo
from animecam.backends.device import DeviceNetwork
from animecam.drawing.renderer import Renderer
from animecam.drawing.scene import Scene
from animecam.errors import DeviceMemoryError
from animecam.render.base import Rendered
from animecam.render.device_path import RING, DevicePath
from animecam.render.device_pictures import DevicePictures
from animecam.render.device_results import Drawn
from animecam.timing import ms_since
from animecam.types import WHOLE_FRAME, Frame

log = logging.getLogger(__name__)

FindNetwork = Callable[[str, int], DeviceNetwork | None]
"""The network of a style for heads of a size (pixels a side), None if it cannot be computed on the GPU (yet)."""

NoteNetwork = Callable[[str, BackendInfo | None], None]
"""Hears with each frame what draws a style on the GPU; None: the processor's path does."""


class GpuRenderer:
    """Draws frames of one source, as `Renderer` does; several may be under way.

    Args:
        path: Draws on the GPU; stays the caller's.
        renderer: Finds faces, and draws what the path does not.
        find_network: Where styles are computed.
        note_network: Hears what draws, for those who tell the user.
        can_fade: Heads end softly; where they end with the person, a network on the processor finds the edge.
        pictures: Where drawn frames stay on the GPU, for an encoder that takes them there; None brings them down.
        may_leave: If the GPU has no room for frames, the processor draws them; else that ends the run.

    Attributes:
        frames_ahead: So many more frames may be sent before the first one's result is asked for.
    """

    frames_ahead = RING - 1

    def __init__(
        self,
        path: DevicePath,
        renderer: Renderer,
        *,
        find_network: FindNetwork,
        note_network: NoteNetwork,
        can_fade: bool,
        pictures: DevicePictures | None = None,
        may_leave: bool = False,
    ) -> None:
        self._path, self._gpu, self._renderer, self._timing = path, path.gpu, renderer, renderer.timing
        self._find_network, self._note_network = find_network, note_network
        self._can_fade, self._pictures, self._may_leave = can_fade, pictures, may_leave
        self._has_left = False
        self._was_on_gpu = True

    def __call__(self, frame: Frame) -> Rendered:
        """Draws one frame; frames come in the order of their time stamps."""
        return self.submit(frame)()

    def submit(self, frame: Frame) -> Callable[[], Rendered]:
        """Sends a frame on its way; what is returned waits for it.

        At most `frames_ahead` more frames may be sent before that, and results are asked for in the frames' order.

        Raises:
            BackendError: The GPU or the network failed; so may the wait.
        """
        if frame.is_placeholder:
            return lambda: self._renderer(frame)
        start_ns = time.perf_counter_ns()
        self._gpu.use()
        if self._was_on_gpu:  # it will be drawn there again, most likely
            self._path.expect(frame)
        scene = self._renderer.find(frame)
        network = self._network(scene)
        self._change_sides(is_on_gpu=network is not None)
        self._note_network(scene.look.style, network.info if network is not None else None)
        if network is None:
            return self._drawn_by_processor(scene, start_ns)
        if scene.faces.is_new_shot:
            self._path.forget()
        try:
            return self._send(scene, network, start_ns)
        except DeviceMemoryError as error:
            if not self._may_leave:
                raise
            log.warning("%s draws no more, the processor goes on: %s", self._gpu.name, error.message)
            self._has_left = True
            self._change_sides(is_on_gpu=False)
            self._note_network(scene.look.style, None)
            return self._drawn_by_processor(scene, start_ns)

    def _drawn_by_processor(self, scene: Scene, start_ns: int) -> Callable[[], Rendered]:
        rendered = self._renderer.draw(replace(scene, frame=scene.frame.on_host()), start_ns)
        return lambda: rendered

    def _send(self, scene: Scene, network: DeviceNetwork, start_ns: int) -> Callable[[], Rendered]:
        frame = scene.frame
        pictures = self._pictures if scene.is_shown_as_drawn else None
        if not scene.regions:
            kept = self._path.skip(frame, pictures)
            return lambda: self._renderer.show(scene, kept)
        with self._timing.stage("send"):
            look = scene.look
            wait = self._path.submit(frame, scene.regions, look.style, network, look.strength, pictures)
        sent_ms = ms_since(start_ns)
        return lambda: self._fetch(scene, wait, sent_ms)

    def _fetch(self, scene: Scene, wait: Callable[[], Drawn], sent_ms: float) -> Rendered:
        self._gpu.use()  # frames after this one may have been drawn by the processor's path
        with self._timing.stage("fetch"):
            drawn = wait()
            start_ns = time.perf_counter_ns()
            rendered = self._renderer.show(scene, drawn.frame)
            shown_ms = ms_since(start_ns)
        self._timing.add("draw", drawn.gpu_ms)
        self._renderer.govern(scene, drawn.gpu_ms, sent_ms + shown_ms)
        return rendered

    def _network(self, scene: Scene) -> DeviceNetwork | None:
        """The network of a scene that the GPU's path draws, None if it does not."""
        is_drawable = (
            self._can_fade
            and not self._has_left
            and scene.look.strength > 0.0
            and not scene.is_blurred
            and not (scene.look.eyes or scene.look.is_retouched)
            and len(scene.regions) <= self._path.most_faces
            and all(region.track_id != WHOLE_FRAME for region in scene.regions)
        )
        return self._find_network(scene.look.style, scene.look.size_px) if is_drawable else None

    def _change_sides(self, *, is_on_gpu: bool) -> None:
        """What either side remembers of the last frames is no use after frames that the other one drew."""
        if is_on_gpu is not self._was_on_gpu:
            self._path.forget()
            self._renderer.forget()
            self._was_on_gpu = is_on_gpu
