"""A run on the second of two GPUs does everything there, whichever one a library leaves to the thread.

PyTorch goes back to the device that it takes for the thread's own. That is one that it remembers, not the driver's, as
soon as it had no context when PyTorch was last there; and another thread may have made one since.
"""

import threading
from contextlib import closing
from fractions import Fraction

import numpy as np
import pytest

from animecam.backends.base import BackendInfo
from animecam.drawing.device_styles import DeviceStyles
from animecam.drawing.gpu_renderer import GpuRenderer
from animecam.drawing.renderer import Scene
from animecam.errors import BackendError
from animecam.render.base import Rendered
from animecam.render.device_layout import Geometry
from animecam.render.device_path import RING, DevicePath, PathOptions
from animecam.render.device_pictures import DevicePictures
from animecam.settings import Look
from animecam.timing import Timing
from animecam.types import Color, Faces, Frame, PixelFormat, Region, allocate_planes

pytest.importorskip("cuda.bindings.driver", reason="needs animecam[cuda]")

SIZE_PX = 64
OTHERS, OURS = 100, 101  # the primary contexts of the two, as the stand-in has them
REGION = Region(0, SIZE_PX, SIZE_PX, np.eye(2, 3))


class Wanderer:
    """A network after each of whose calls the thread is on the first GPU; it has something on the second."""

    max_batch = 2
    info = BackendInfo("wanderer", "1", "", "f16")

    def __init__(self, driver, gpu, *, is_recordable=True, fails=False):
        self._driver, self.is_recordable, self._fails = driver, is_recordable, fails
        self._held = gpu.event()
        self._leave()

    def _leave(self, *_, **__):
        self._driver.context_here = OTHERS

    def enqueue(self, _stream):
        self._leave()
        if self._fails:
            raise BackendError("the network cannot be run")

    bind = end = _leave

    def close(self):
        self._held.close()
        self._leave()


@pytest.fixture
def second(driver, device, compiled):
    """The second GPU, at the end of which nothing was done in the first one's context."""
    with closing(device.CudaGpu(1)) as gpu:
        yield gpu
    assert not driver.there
    assert {context for _, context in driver.done_in} == {OURS}


def frame(index=0) -> Frame:
    planes, packed = allocate_planes(PixelFormat.NV12, SIZE_PX, SIZE_PX)
    return Frame(planes, PixelFormat.NV12, Color(), 0, index, index, Fraction(1, 30), 0, packed=packed)


@pytest.mark.parametrize("is_recordable", [True, False])
def test_frames_are_drawn_where_their_path_is(driver, second, is_recordable):
    network = Wanderer(driver, second, is_recordable=is_recordable)
    second.use()
    with closing(DevicePath(second, PathOptions(most_faces=2, largest_px=SIZE_PX))) as path:
        for index in range(3 * RING):
            path.submit(frame(index), [REGION], "s", network, 1.0)()
        network.close()
    launches = [context for name, context in driver.done_in if name == "cuLaunchKernel"]
    assert len(launches) == 8 * RING * (2 if is_recordable else 3)  # as they are, and recorded or once more
    assert ("cuGraphLaunch" in driver.calls) is is_recordable


@pytest.mark.parametrize("fails", [False, True])
def test_styles_are_loaded_where_they_will_be_drawn_and_closed_there(host, driver, second, fails):
    with closing(DeviceStyles(second, lambda *_: Wanderer(driver, second, fails=fails))) as styles:
        for style in ("cel", "toon"):
            host.until(lambda style=style: styles(style, SIZE_PX) or styles.has_given_up(style, SIZE_PX))
            assert styles.has_given_up(style, SIZE_PX) is fails


def test_frames_are_fetched_after_the_processors_path_has_drawn_others(driver, second):
    """Its network is PyTorch's, too, where a style is fed from the host."""
    regions = [(REGION,), ()]

    class OnProcessor:
        timing = Timing()

        def find(self, frame):
            return Scene(frame, Faces(is_exposed=False), Look(strength=1.0 if regions[0] else 0.0), regions.pop(0))

        def draw(self, scene, _start_ns):
            driver.context_here = OTHERS
            return Rendered(scene.frame, scene.faces)

        def show(self, scene, drawn):
            return Rendered(drawn, scene.faces)

        def govern(self, *_): ...

        forget = govern

    network = Wanderer(driver, second)
    second.use()
    with closing(DevicePath(second, PathOptions(most_faces=2, largest_px=SIZE_PX))) as path:
        render = GpuRenderer(
            path, OnProcessor(), find_network=lambda *_: network, note_network=lambda *_: None, can_fade=True
        )
        waits = [render.submit(frame(index)) for index in range(2)]
        assert driver.context_here == OTHERS
        for wait in waits:
            wait()
        network.close()


def test_whoever_lets_go_of_a_picture_keeps_his_context(driver, second):
    """An encoder's thread, or one whose garbage is collected; the picture is of a size that nobody wants any more."""
    found = []
    with closing(DevicePictures(second)) as pictures:
        small, large = (Geometry(PixelFormat.NV12, side_px, side_px) for side_px in (SIZE_PX, 2 * SIZE_PX))
        lent = [pictures.take(small)]
        assert pictures.take(large) is not None

        def let_go():
            driver.context_here = 7
            lent.clear()
            found.append(driver.context_here)

        thread = threading.Thread(target=let_go)
        thread.start()
        thread.join(10)
        assert found == [7]
        assert "cuMemFree" in driver.calls
