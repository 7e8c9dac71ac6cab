"""Which network the frame path draws with, when the processor draws instead, and how a run ends meanwhile."""

import logging
import threading
from collections import deque
from contextlib import closing
from dataclasses import replace
from fractions import Fraction

import pytest

from animecam.backends import opening, tensorrt_
from animecam.backends.base import BackendChoice, BackendInfo, BackendOptions
from animecam.backends.opening import runs_on_gpu
from animecam.backends.status import BackendStatus
from animecam.cuda import gpu as gpu_module
from animecam.cuda.base import GpuFacts
from animecam.cuda.pixels import GpuVideo
from animecam.drawing import device_opening, style_networks
from animecam.drawing import networks as networks_module
from animecam.drawing.device_opening import open_device_style, open_styles
from animecam.drawing.device_styles import DeviceStyles
from animecam.drawing.gpu_renderer import GpuRenderer
from animecam.drawing.networks import open_networks
from animecam.drawing.renderer import Renderer
from animecam.engines.flavour import CLASSIC, RTX, Flavour
from animecam.errors import BackendError, DeviceMemoryError
from animecam.settings import Look, Quality, Settings
from animecam.styles.network import open_style
from animecam.styles.registry import find_style, verified_half
from animecam.timing import Timing
from animecam.types import Color, Frame, PixelFormat, allocate_planes

SIZE_PX = 192
WAIT_SECONDS = 10.0


@pytest.fixture
def there(host, gpu, monkeypatch):
    """There is a GPU, and a runtime for it; what it was asked for is noted. The networks beside it are the host's."""
    asked = []

    def open_one(*arguments):
        asked.append(arguments)
        return host.HostNetwork(gpu)

    def on_host(style, _choice, options, quality, _on_gpu):
        return open_style(style, BackendChoice.ONNXRUNTIME, options, quality)

    monkeypatch.setattr(networks_module, "open_gpu", lambda _index: gpu)
    monkeypatch.setattr(networks_module, "runs_on_gpu", lambda *_: True)
    monkeypatch.setattr(device_opening, "open_device_style", open_one)
    monkeypatch.setattr(style_networks, "open_style", on_host)
    return asked


def settings(backend=BackendChoice.AUTO, **options) -> Settings:
    return Settings(Look(style="cel", size_px=SIZE_PX), backend=backend, max_faces=1, threads=1, **options)


@pytest.mark.parametrize("quality", [Quality.FULL, Quality.LITE])
def test_the_quality_that_was_asked_for_is_drawn_on_the_gpu(host, there, quality):
    with open_networks(settings(quality=quality)) as networks, networks.rendering(Timing()) as render:
        find = render._find_network
        host.until(lambda: find("cel", SIZE_PX) is not None)
    assert [(style, size_px, choice, its) for style, size_px, _, choice, its in there] == [
        ("cel", SIZE_PX, BackendChoice.AUTO, quality.value)
    ]


def test_until_the_gpu_draws_the_processor_draws_live_with_the_lite_network_and_films_as_the_gpu_will(
    host, gpu, there, monkeypatch, caplog
):
    def drawn(networks, *, is_live):
        with networks.rendering(Timing(), is_live=is_live) as render:
            net = render._renderer._steps.draw("cel")
            return next(quality for (_, quality), open_net in networks._styles.items() if open_net is net)

    def refuse(*_):
        raise BackendError("the engine draws something else")

    with open_networks(settings()) as networks:
        assert drawn(networks, is_live=True) == "lite"
        assert drawn(networks, is_live=False) == "full"
        assert networks.drawn_quality("cel") == "full"
        with networks.rendering(Timing(), is_live=False) as render:
            find = render._find_network
            host.until(lambda: find("cel", SIZE_PX) is not None)
    assert [its for _, _, _, _, its in there] == ["full"]
    monkeypatch.setattr(device_opening, "open_device_style", refuse)
    gpu.is_closed = False
    with open_networks(settings()) as networks:
        with networks.rendering(Timing(), is_live=False) as render:
            assert render._find_network("cel", SIZE_PX) is None
        host.until(lambda: "cel at 192 px is not drawn on host: the engine draws something else" in caplog.text)
        assert drawn(networks, is_live=False) == "lite"  # it never will
        assert networks.drawn_quality("cel") == "lite"


def test_styles_on_offer_are_loaded_beside_the_one_that_is_drawn(host, there):
    with open_networks(settings()) as networks, networks.rendering(Timing()) as render:
        find = render._find_network
        host.until(lambda: find("cel", SIZE_PX) is not None)
        assert len(there) == 1
        networks.offer(("cel", "anime", "toon"))
        host.until(lambda: find("cel", SIZE_PX) is not None and len(there) == 3)
        host.until(lambda: {("anime", SIZE_PX), ("toon", SIZE_PX)} <= set(find._ready))
        assert find("toon", SIZE_PX) is not None
    assert [(style, its) for style, _, _, _, its in there] == [("cel", "full"), ("anime", "full"), ("toon", "full")]


@pytest.mark.parametrize(
    ("name", "is_there", "at_hand"), [(RTX, False, True), (CLASSIC, True, True), (CLASSIC, False, False)]
)
def test_only_what_tensorrt_builds_for_minutes_is_not_at_hand(gpu, monkeypatch, tmp_path, name, is_there, at_hand):
    looked_at = []

    def is_built(place, model, size_px):
        looked_at.append((place.folder, model.name, size_px))
        return is_there

    monkeypatch.setattr(device_opening, "is_built", is_built)
    monkeypatch.setattr(device_opening, "flavour_here", lambda _: Flavour(name, "1", None, None, deque()))
    options = BackendOptions(cache_dir=tmp_path)
    for choice, its in ((BackendChoice.AUTO, at_hand), (BackendChoice.TORCH, True)):
        with closing(open_styles(gpu, options, choice, lambda _: "lite", tuple)) as styles:
            assert styles._is_at_hand("cel", SIZE_PX) is its
    assert looked_at == ([(tmp_path, "lite.fp16.onnx", SIZE_PX)] if name == CLASSIC else [])


def test_a_style_is_opened_with_the_network_of_its_quality(monkeypatch):
    opened = []
    monkeypatch.setattr(tensorrt_, "TensorRtDevice", lambda *files: opened.append(files[:2]))
    style = find_style("cel")
    for quality in (("full",), ("lite",), ()):
        open_device_style("cel", SIZE_PX, BackendOptions(), BackendChoice.TENSORRT, *quality)
    full, lite = ((style.model_path(one), verified_half(style, one)) for one in ("full", "lite"))
    assert opened == [full, lite, full]
    assert full != lite


def test_a_gpu_without_a_runtime_leaves_frames_to_the_processor(there, gpu, monkeypatch):
    looked_at = []
    monkeypatch.setattr(networks_module, "runs_on_gpu", lambda *where: looked_at.append(where))
    with open_networks(settings(gpu=2)) as networks, networks.rendering(Timing()) as render:
        assert isinstance(render, Renderer)
    assert looked_at == [(BackendChoice.AUTO, 2)]
    assert gpu.is_closed


@pytest.mark.parametrize("choice", [BackendChoice.AUTO, BackendChoice.TENSORRT])
def test_kernels_that_do_not_compile_end_a_run_only_if_the_gpu_was_asked_for(there, gpu, choice, monkeypatch, caplog):
    """As on a GPU that is too old for the compiler, or without the compiler."""

    def refuse(*_):
        raise BackendError("the CUDA compiler NVRTC is not installed", hint="pip install nvidia-cuda-nvrtc")

    monkeypatch.setattr(gpu, "kernels", refuse)
    with open_networks(settings(choice)) as networks:
        if choice is BackendChoice.AUTO:
            for _ in range(2):
                with networks.rendering(Timing()) as render:
                    assert isinstance(render, Renderer)
            assert caplog.text.count("NVRTC is not installed (pip install nvidia-cuda-nvrtc)") == 1
        else:
            with pytest.raises(BackendError, match="NVRTC"), networks.rendering(Timing()):
                pass
    assert gpu.is_closed


@pytest.mark.parametrize("choice", [BackendChoice.AUTO, BackendChoice.TORCH])
def test_no_room_for_one_face_ends_a_run_only_if_the_gpu_was_asked_for(there, gpu, choice, caplog):
    """Another run may find some again."""
    with open_networks(settings(choice)) as networks:
        gpu.memory, enough = 0, gpu.memory
        if choice is BackendChoice.AUTO:
            on_processor = networks.backend_info
            networks.note_device("cel", BackendInfo("torch", "2", "A GPU", "f16"))  # as a run before this one did
            with networks.rendering(Timing()) as render:
                assert isinstance(render, Renderer)
                assert networks.backend_info == on_processor
            assert "frames stay on the processor: the memory of the GPU is full" in caplog.text
            gpu.memory = enough
            with networks.rendering(Timing()) as render:
                assert isinstance(render, GpuRenderer)
        else:
            with pytest.raises(DeviceMemoryError), networks.rendering(Timing()):
                pass


def test_no_network_is_chosen_by_the_rate_where_a_gpu_draws(there):
    with open_networks(settings()) as networks, networks.rendering(Timing(), rate_fps=30.0) as render:
        assert render._renderer._governing is None
        assert networks.renderer(Timing(), rate_fps=30.0)._governing is not None


def test_what_the_gpu_decoded_comes_down_if_it_has_no_room_to_draw(there, gpu):
    planes, packed = allocate_planes(PixelFormat.NV12, 320, 240)
    packed[...] = 100

    class Decoded:
        width_px, height_px = 320, 240

        def fetch(self):
            return packed

    host_frame = Frame(planes, PixelFormat.NV12, Color(), 0, 0, 0, Fraction(1, 30), 0, packed=packed)
    gpu.memory = 0
    with open_networks(settings()) as networks, networks.rendering(Timing(), video=GpuVideo(0, 0)) as render:
        frame = replace(host_frame, planes=(), packed=None, on_gpu=Decoded())
        films = render(frame).frame, render.begin(frame)().frame  # the second as the pipeline asks for it
    for drawn in films:
        assert drawn.on_gpu is None
        assert [plane.shape for plane in drawn.planes] == [plane.shape for plane in planes]


def test_the_gpu_that_was_asked_for_is_looked_at(monkeypatch):
    """There are two; the second has a runtime."""
    probed = []

    def look_at(index=0):
        if index > 1:
            raise BackendError("there are only GPUs 0 to 1")
        return GpuFacts("A GPU", (8, 9))

    def probe(choice, gpu):
        probed.append((choice, gpu))
        return BackendStatus(choice.value, usable=(choice, gpu) == (BackendChoice.TORCH, 1))

    monkeypatch.setattr(gpu_module, "look_at_gpu", look_at)
    monkeypatch.setattr(opening, "_probe", probe)
    opening._has_gpu.cache_clear()
    try:
        assert [runs_on_gpu(BackendChoice.AUTO, index) for index in (0, 1, 2)] == [False, True, False]
    finally:
        opening._has_gpu.cache_clear()
    assert probed == [(choice, gpu) for gpu in (0, 1) for choice in (BackendChoice.TENSORRT, BackendChoice.TORCH)]


def test_each_gpu_is_probed_for_itself(monkeypatch):
    indices = []

    def probe(gpu):
        indices.append(gpu)
        raise BackendError("this one is too old")

    monkeypatch.setitem(opening._GPU_PROBES, BackendChoice.TENSORRT, probe)
    assert not opening._probe(BackendChoice.TENSORRT, 1).usable
    assert indices == [1]


class Building:
    """A network whose engine is built until it is let end."""

    is_closed = False
    max_batch = 1

    def __init__(self):
        self.is_building, self.is_let_end = threading.Event(), threading.Event()

    def bind(self, *_, batch, size_px):
        self.is_building.set()
        assert self.is_let_end.wait(WAIT_SECONDS)
        raise BackendError("the build was ended before it was done")

    def end(self):
        self.is_let_end.set()

    def close(self):
        self.is_closed = True


def test_a_run_that_ends_does_not_wait_for_an_engine(gpu, caplog):
    network = Building()
    styles = DeviceStyles(gpu, lambda _style, _size_px: network)
    styles("ink", SIZE_PX)
    assert network.is_building.wait(WAIT_SECONDS)
    styles.close()
    assert network.is_let_end.is_set()
    assert network.is_closed
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_nor_for_one_that_is_begun_while_it_ends(gpu, caplog):
    network, may_open = Building(), threading.Event()

    def open_network(_style, _size_px):
        may_open.set()
        assert styles._is_ending.wait(WAIT_SECONDS)
        return network

    styles = DeviceStyles(gpu, open_network)
    styles("ink", SIZE_PX)
    assert may_open.wait(WAIT_SECONDS)
    styles.close()
    assert network.is_let_end.is_set()
    assert network.is_closed
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
