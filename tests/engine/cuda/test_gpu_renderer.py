"""The renderer on a GPU that is the host: real clips, real faces and a real style, against the processor's renderer."""

import logging
import threading
from contextlib import ExitStack
from fractions import Fraction

import cv2
import numpy as np
import pytest

from animecam import networks as networks_module
from animecam.backends import tensorrt_, torch_
from animecam.backends.base import BackendChoice, BackendInfo, BackendOptions
from animecam.backends.opening import open_backend
from animecam.backends.torch_ import TorchDevice
from animecam.device_styles import DeviceStyles, open_device_style
from animecam.errors import BackendError, DeviceMemoryError
from animecam.faces.align import Aligner
from animecam.gpu_renderer import GpuRenderer
from animecam.networks import open_networks
from animecam.outputs import Outputs
from animecam.pipeline import Pipeline
from animecam.render.calm import IN_PLACE, Calm
from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.render.device_path import RING, DevicePath, PathOptions
from animecam.renderer import Renderer
from animecam.session import convert_file
from animecam.settings import Controls, Look, Scope, Settings
from animecam.sources.opening import SourceOptions, open_source
from animecam.sources.portrait import load_portrait
from animecam.styles.registry import find_style, verified_half, verified_model
from animecam.timing import Timing
from animecam.types import Box, Color, Detection, Face, Faces, Frame, PixelFormat, allocate_planes

SIZE_PX = 192
POINTS_PX = np.array([[140, 100], [180, 100], [160, 122], [160, 142]], np.float32)
FACE = Face(7, Detection(Box(125, 80, 195, 160), POINTS_PX, 0.9))

MOST_LEVELS, SHARE_WITHIN_ONE = 2, 0.999  # measured: 1 and 1.0


@pytest.fixture
def real_style(host, gpu):
    """`cel` as it ships, for both sides: by ONNX Runtime, with pictures rounded to 16 bits as on a GPU."""
    model = verified_model(find_style("cel"), "full")
    backend = open_backend(model, BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))

    class RealStyle(host.HostNetwork):
        info = BackendInfo("host", "1", "host", "f16")

        def compute(self, numbers):
            wide = numbers.astype(np.float32)
            drawn = [backend.run(wide[index : index + 1])[0] for index in range(len(wide))]
            return np.clip(np.concatenate(drawn), -1, 1).astype(np.float16)

    yield RealStyle(gpu)
    backend.close()


class Sink:
    uri = "memory:"

    def __init__(self):
        self.frames = []

    def write(self, frame):
        self.frames.append(frame)

    def close(self, *, complete):
        self.is_complete = complete


def test_a_clip_comes_out_as_from_the_processor(host, gpu, real_style, make_clip, media, tmp_path):
    """The whole way: decode, track, upload, crop, style, calm, match, paste, download, three frames at a time."""
    clip = make_clip(tmp_path / "clip.mp4", width_px=320, height_px=240, frames=12, content=media.portrait)
    settings = Settings(Look(style="cel", size_px=SIZE_PX), backend=BackendChoice.ONNXRUNTIME, threads=1)
    results = []
    with open_networks(settings) as networks:
        for is_on_gpu in (False, True):
            with ExitStack() as stack:
                source = open_source(str(clip), SourceOptions())
                stack.callback(source.close)
                timing = Timing()
                renderer = networks.renderer(timing, is_live=False)
                renderer._draw, renderer._calm = lambda _style: real_style, Calm(IN_PLACE)
                render = renderer
                if is_on_gpu:
                    path = DevicePath(gpu, PathOptions(most_faces=2, largest_px=SIZE_PX))
                    stack.callback(path.close)
                    render = GpuRenderer(
                        gpu=gpu,
                        path=path,
                        find_network=lambda *_: real_style,
                        note_network=lambda *_: None,
                        renderer=renderer,
                        can_fade=True,
                        timing=timing,
                    )
                sink = Sink()
                with Outputs([sink]) as outputs:
                    figures = Pipeline(source, render, outputs, timing).run()
                assert figures.with_faces == figures.frames_out == 12
                results.append((sink.frames, figures))
    on_cpu, on_gpu = (frames for frames, _ in results)
    assert [frame.pts for frame in on_gpu] == [frame.pts for frame in on_cpu]
    assert gpu.replays > 0
    for mine, theirs in zip(on_gpu, on_cpu, strict=True):
        for plane, other in zip(mine.planes, theirs.planes, strict=True):
            levels = np.abs(plane.astype(int) - other)
            assert levels.max() <= MOST_LEVELS
            assert (levels <= 1).mean() >= SHARE_WITHIN_ONE
    assert {"track", "send", "draw", "fetch"} <= set(results[1][1].stage_ms)


def test_networks_draw_on_the_gpu_that_is_there(host, gpu, make_clip, media, tmp_path, monkeypatch, caplog):
    """From the settings to a file: the first run begins on the processor, the second is on the GPU all along."""
    clip = make_clip(tmp_path / "clip.mp4", width_px=320, height_px=240, frames=12, content=media.portrait)
    monkeypatch.setattr(networks_module, "open_gpu", lambda _index: gpu)
    monkeypatch.setattr(networks_module, "runs_on_gpu", lambda *_: True)
    monkeypatch.setattr(networks_module, "open_device_style", lambda *_: host.HostNetwork(gpu))
    settings = Settings(Look(style="cel", size_px=SIZE_PX), max_faces=1, threads=1)
    with caplog.at_level(logging.INFO, logger="animecam"), open_networks(settings) as networks:
        for run in (1, 2):
            gpu.done.clear()
            figures = convert_file(clip, tmp_path / f"{run}.mp4", networks, lambda _format: lambda _figures: None)
            assert figures.frames_out == 12
            host.until(lambda: "cel at 192 px is drawn on host now" in caplog.text)
        assert [name for _, name in gpu.done].count("network") == 12
        assert networks.backend_info.name == networks.info_of(settings.look).name == "host"
        assert networks.summary_of(settings.look).endswith("by host 1 (f16) on a GPU on the host")
        assert gpu.replays > 0
    assert gpu.is_closed


def test_networks_without_a_gpu_stay_on_the_processor(monkeypatch, caplog):
    def none(_index):
        raise BackendError("there is no NVIDIA driver")

    monkeypatch.setattr(networks_module, "open_gpu", none)
    with caplog.at_level(logging.INFO, logger="animecam"), open_networks(Settings(threads=1)) as networks:
        for _ in range(2):
            with networks.rendering(Timing()) as render:
                assert isinstance(render, Renderer)
    assert caplog.text.count("frames stay on the processor: there is no NVIDIA driver") == 1


def reference_of(style):
    """A style by ONNX Runtime, from pictures to pictures."""

    def draw(pictures):
        backend = open_backend(verified_model(find_style(style)), BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
        numbers = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32) * (2 / 255) - 1
        levels = np.clip(np.rint(backend.run(numbers)[0] * 127.5 + 127.5), 0, 255).astype(np.uint8)
        backend.close()
        return [np.ascontiguousarray(picture) for picture in levels.transpose(0, 2, 3, 1)]

    return draw


def grey(index=0) -> Frame:
    planes, packed = allocate_planes(PixelFormat.RGB24, 320, 240)
    packed[...] = 100
    return Frame(planes, PixelFormat.RGB24, Color(), 0, index, index, Fraction(1, 30), 0, packed=packed)


def somebody(index=0) -> Frame:
    frame = grey(index)
    frame.planes[0][...] = cv2.resize(load_portrait(), (320, 240), interpolation=cv2.INTER_AREA)
    return frame


@pytest.fixture
def studio(host, gpu):
    """A renderer with scripted faces on the host's GPU, and what it did."""

    class Studio:
        faces = Faces((FACE,), is_exposed=False)
        network = host.HostNetwork(gpu)
        controls = Controls(Look(style="ink", size_px=SIZE_PX))
        timing = Timing()
        on_cpu = 0
        is_there = True
        noted = None

        def note(self, style, info):
            self.noted = style, info and info.name

        def _draw(self, pictures):
            self.on_cpu += 1
            return self.network(pictures)

        def renderer(self):
            ops = CpuImageOps()
            return Renderer(
                track=lambda _frame: self.faces,
                align=Aligner(),
                ops=ops,
                draw=lambda _style: self._draw,
                calm=Calm(IN_PLACE),
                compositor=Compositor(ops),
                controls=self.controls,
                timing=self.timing,
            )

        def on_gpu(self, **options):
            return GpuRenderer(
                gpu=gpu,
                path=path,
                find_network=lambda *_: self.network if self.is_there else None,
                note_network=self.note,
                renderer=self.renderer(),
                timing=self.timing,
                **{"can_fade": True} | options,
            )

    path = DevicePath(gpu, PathOptions(most_faces=1, largest_px=SIZE_PX))
    yield Studio()
    path.close()


def same(drawn: Frame, expected: Frame) -> None:
    assert np.abs(drawn.planes[0].astype(int) - expected.planes[0]).max() <= 2


@pytest.mark.parametrize(
    "change",
    [{"mirror": True}, {"split": 0.5}, {"shows_boxes": True}, {"strength": 0.4}, {"split": 0.3, "mirror": True}],
)
def test_looks_are_those_of_the_processor(studio, change):
    studio.controls.change(**change)
    same(studio.on_gpu()(grey()).frame, studio.renderer()(grey()).frame)


def test_heads_are_drawn_on_the_gpu(studio):
    studio.on_gpu()(grey())
    assert studio.on_cpu == 0
    assert studio.noted == ("ink", "host")


@pytest.mark.parametrize("why", ["scope", "exposed", "strength", "person", "crowd", "not there yet"])
def test_what_the_gpu_does_not_draw_the_processor_draws(studio, why):
    options = {}
    match why:
        case "scope":
            studio.controls.change(scope=Scope.FRAME)
        case "exposed":
            studio.faces = Faces((FACE,), is_exposed=True)
        case "strength":
            studio.controls.change(strength=0.0)
        case "person":
            options["can_fade"] = False
        case "crowd":
            studio.faces = Faces((FACE, Face(8, FACE.detection)), is_exposed=False)
        case "not there yet":
            studio.is_there = False
    drawn = studio.on_gpu(**options)(grey()).frame
    assert studio.on_cpu > 0
    assert studio.noted == ("ink", None)
    same(drawn, studio.renderer()(grey()).frame)


def test_changing_sides_leaves_no_trace_of_old_drawings(studio):
    render = studio.on_gpu()
    render(grey(0))
    studio.controls.change(scope=Scope.FRAME)
    render(grey(1))
    studio.controls.change(scope=Scope.HEAD)
    same(render(grey(2)).frame, studio.renderer()(grey(2)).frame)


@pytest.mark.parametrize("may_leave", [True, False])
def test_without_room_for_frames_the_processor_goes_on_where_it_may(studio, gpu, caplog, may_leave):
    gpu.memory = gpu.taken + 1
    render = studio.on_gpu(may_leave=may_leave)
    if not may_leave:
        with pytest.raises(DeviceMemoryError):
            render(grey())
        return
    drawn = [render(grey(index)).frame for index in range(3)]
    assert studio.on_cpu > 0
    assert studio.noted == ("ink", None)
    assert caplog.text.count("host draws no more, the processor goes on") == 1
    same(drawn[0], studio.renderer()(grey()).frame)


def test_a_frame_of_nobody_goes_through_untouched(studio):
    studio.faces = Faces((), is_exposed=False)
    frame = grey()
    assert studio.on_gpu()(frame).frame is frame


def test_several_frames_may_be_under_way(studio):
    render = studio.on_gpu()
    one_by_one = [render(grey(index)).frame for index in range(6)]
    again = studio.on_gpu()
    render.submit(grey(9))()
    waiting, drawn = [], []
    again._path.forget()
    for index in range(6):
        waiting.append(again.submit(grey(index)))
        if len(waiting) > again.frames_ahead:
            drawn.append(waiting.pop(0)().frame)
    drawn += [result().frame for result in waiting]
    assert again.frames_ahead == RING - 1
    for mine, theirs in zip(drawn, one_by_one, strict=True):
        np.testing.assert_array_equal(mine.planes[0], theirs.planes[0])


def test_a_network_that_no_graph_may_hold_is_called_for_each_frame(host, gpu, studio):
    """PyTorch's way through the same path: the network computes from and to the path's own memory."""
    half = verified_half(find_style("anime"))

    class InTorch(TorchDevice):
        def enqueue(self, stream_handle):
            gpu.objects[stream_handle - 1].queue("network", lambda: TorchDevice.enqueue(self, stream_handle))

    studio.network, drawn = InTorch(half, BackendOptions(), device="cpu"), []
    try:
        render = studio.on_gpu()
        drawn += [render(somebody(index)).frame for index in range(5)]
        assert [name for _, name in gpu.done].count("network") == 5
        assert gpu.replays == 0
    finally:
        studio.network.close()
    changed = np.abs(drawn[0].planes[0].astype(int) - somebody().planes[0])
    assert changed.mean() > 2  # it was drawn at all
    studio.network, studio.is_there = reference_of("anime"), False
    same(drawn[0], studio.on_gpu()(somebody()).frame)


def test_a_style_goes_to_the_first_runtime_that_works(monkeypatch):
    asked = []

    def runtime(name, *, works):
        def open_it(*_):
            asked.append(name)
            if not works:
                raise BackendError(f"no {name} here")
            return name

        return open_it

    def opened(choice, *, tensorrt, torch):
        asked.clear()
        monkeypatch.setattr(tensorrt_, "TensorRtDevice", runtime("tensorrt", works=tensorrt))
        monkeypatch.setattr(torch_, "TorchDevice", runtime("torch", works=torch))
        return open_device_style("cel", SIZE_PX, BackendOptions(), choice)

    assert opened(BackendChoice.AUTO, tensorrt=True, torch=True) == "tensorrt"
    assert opened(BackendChoice.AUTO, tensorrt=False, torch=True) == "torch"
    assert opened(BackendChoice.TORCH, tensorrt=True, torch=True) == "torch"
    assert asked == ["torch"]
    with pytest.raises(BackendError, match="no tensorrt"):
        opened(BackendChoice.AUTO, tensorrt=False, torch=False)
    with pytest.raises(BackendError, match="no tensorrt"):
        opened(BackendChoice.TENSORRT, tensorrt=False, torch=True)
    assert asked == ["tensorrt"]


class Loader:
    """Opens networks when it is let."""

    def __init__(self, host, gpu):
        self._host, self._gpu = host, gpu
        self.may, self.opened = threading.Event(), []

    def __call__(self, style, size_px):
        assert self.may.wait(10)
        if style == "broken":
            raise BackendError("it has no fp16 form")
        network = self._host.HostNetwork(self._gpu)
        self.opened.append((style, size_px, network))
        return network


def test_styles_come_to_the_gpu_while_others_draw(host, gpu, caplog):
    loader = Loader(host, gpu)
    styles = DeviceStyles(gpu, loader)
    try:
        assert styles("ink", 192) is None
        assert styles("broken", 192) is None
        loader.may.set()
        host.until(lambda: styles("ink", 192) is not None)
        host.until(lambda: "it has no fp16 form" in caplog.text)
        assert styles("broken", 192) is None
        assert [(style, size_px) for style, size_px, _ in loader.opened] == [("ink", 192)]
        assert loader.opened[0][2].bound == [(batch, 192) for batch in (1, 1, 2, 3, 4)]
    finally:
        styles.close()
    styles.close()


def test_another_runtime_draws_what_the_first_one_loads_and_cannot_run(host, gpu, caplog):
    class Refused(host.HostNetwork):
        info = BackendInfo("first", "1", "host", "f16")
        is_closed = False

        def bind(self, *addresses, batch, size_px):
            raise BackendError("the engine draws something else than its network")

        def close(self):
            self.is_closed = True

    class Good(host.HostNetwork):
        info = BackendInfo("second", "1", "host", "f16")

    first, second = Refused(gpu), Good(gpu)
    styles = DeviceStyles(gpu, lambda *_: first, lambda *_: second)
    try:
        host.until(lambda: styles("ink", 192) is not None)
        assert styles("ink", 192) is second
        assert first.is_closed
        assert "first is not usable, second is: the engine draws something else" in caplog.text
    finally:
        styles.close()
    for other in (lambda *_: Refused(gpu), None):  # the same again, or nothing
        caplog.clear()
        styles = DeviceStyles(gpu, lambda *_: Refused(gpu), other)
        try:
            assert styles("ink", 192) is None
            host.until(lambda: "ink at 192 px is not drawn on host: the engine draws" in caplog.text)
        finally:
            styles.close()


def test_a_style_takes_no_more_memory_than_its_engine_has_pictures(host, gpu, monkeypatch):
    """The first `bind` loads the engine, and may find that the GPU has room for fewer pictures at a time."""

    class ShortOfMemory(host.HostNetwork):
        def bind(self, *addresses, batch, size_px):
            self.max_batch = 2
            super().bind(*addresses, batch=batch, size_px=size_px)

    network, asked = ShortOfMemory(gpu, max_batch=4), []
    take = gpu.buffer
    monkeypatch.setattr(gpu, "buffer", lambda nbytes: asked.append(nbytes) or take(nbytes))
    styles = DeviceStyles(gpu, lambda _style, _size_px: network)
    try:
        host.until(lambda: styles("ink", 192) is not None)
    finally:
        styles.close()
    assert network.bound == [(batch, 192) for batch in (1, 1, 2)]
    assert [nbytes // (3 * 2 * 192**2) for nbytes in asked] == [1, 1, 2, 2]
