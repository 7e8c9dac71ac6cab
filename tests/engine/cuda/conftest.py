"""Fixtures for the tests of the GPU path: the kernels as C++ and a GPU on the host."""

import importlib
import logging
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest

from animecam.cuda import ffmpeg
from animecam.drawing import device_opening
from animecam.drawing import gpu_video as gpu_video_module
from animecam.drawing import networks as networks_module
from animecam.drawing.networks import open_networks
from animecam.render.device_kernels import kernel_source
from animecam.render.device_slots import Slot
from animecam.run.session import convert_file
from animecam.settings import Look, Settings
from animecam.sinks import codecs as codecs_module
from animecam.sinks import encoder as encoder_module
from animecam.sinks.options import SinkOptions
from animecam.sources import file as file_module
from animecam.types import Color, Frame, PixelFormat, allocate_planes

WIDTH_PX, HEIGHT_PX = 320, 240  # of frames of noise, and of films
SIZE_PX = 192  # of drawn heads


@pytest.fixture(scope="session")
def host(load_module):
    """tests/engine/cuda/host_gpu.py, with all of host_network.py."""
    host, networks = load_module("engine/cuda/host_gpu.py"), load_module("engine/cuda/host_network.py")
    host.HostNetwork, host.Seen, host.remembered = networks.HostNetwork, networks.Seen, networks.remembered
    return host


@pytest.fixture(scope="session")
def films(load_module):
    """films.py beside this file."""
    return load_module("engine/cuda/films.py")


@pytest.fixture(scope="session")
def library(host, tmp_path_factory):
    """The kernels as a library of the host."""
    if host.find_compiler() is None:
        pytest.skip("needs g++")
    source = kernel_source(host.SHIM.read_text(encoding="utf-8"))
    return host.compile_for_host(source, tmp_path_factory.mktemp("kernels"))


@pytest.fixture
def gpu(host, library, tmp_path):
    """A GPU on the host, at the end of which everything must have been given back."""
    gpu = host.HostGpu(tmp_path, library)
    yield gpu
    assert gpu.taken == 0, "memory or events were not given back"


@pytest.fixture
def driver(load_module, monkeypatch, tmp_path):
    """A stand-in for NVIDIA's driver: `FakeDriver` of fake_driver.py beside this file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    driver = load_module("engine/cuda/fake_driver.py").FakeDriver()
    driver.install(monkeypatch)
    return driver


@pytest.fixture
def device():
    """The module that opens GPUs; it needs the driver's bindings."""
    return importlib.import_module("animecam.cuda.device")


@pytest.fixture
def compiled(device, monkeypatch):
    """Kernels compile without NVRTC; how often is counted."""
    from animecam.cuda import compiler

    counts = []

    def compile_source(*_, is_text):
        assert not is_text
        counts.append(1)
        return b"good kernels"

    monkeypatch.setattr(compiler, "compiler_version", lambda: (13, 0))
    monkeypatch.setattr(compiler, "_architecture", lambda *_: "sm_88")
    monkeypatch.setattr(compiler, "_compile", compile_source)
    return counts


@pytest.fixture
def leave_on_gpu(monkeypatch):
    """From its call on every NV12 frame counts as left on the GPU by its decoder; the memory is the host's."""
    return lambda: monkeypatch.setattr(ffmpeg, "lies_on_gpu", lambda frame: frame.format.name == "nv12")


@pytest.fixture
def left_by_the_decoder(leave_on_gpu):
    """The same from the beginning."""
    leave_on_gpu()


@pytest.fixture
def noise_frame() -> Callable[..., Frame]:
    """`noise_frame(seed=0)`: an NV12 frame of 320 x 240 on the host."""
    return _noise_frame


def _noise_frame(seed: int = 0) -> Frame:
    planes, packed = allocate_planes(PixelFormat.NV12, WIDTH_PX, HEIGHT_PX)
    packed[...] = np.random.default_rng(seed).integers(0, 256, packed.shape)
    return Frame(planes, PixelFormat.NV12, Color(), 0, 0, 0, Fraction(1, 30), 0, packed=packed)


@pytest.fixture
def nv12_clip(make_clip, media, tmp_path):
    """A film of a face whose decoder gives NV12."""
    coded = make_clip(tmp_path / "coded.mp4", width_px=WIDTH_PX, height_px=HEIGHT_PX, frames=12, content=media.portrait)
    clip = tmp_path / "clip.mkv"
    with av.open(str(coded)) as source, av.open(str(clip), "w") as target:
        stream = target.add_stream("rawvideo", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "nv12"
        for frame in source.decode(video=0):
            target.mux(stream.encode(frame.reformat(format="nv12")))
        target.mux(stream.encode(None))
    return clip


@pytest.fixture
def gpus_encoder(monkeypatch):
    """The host's encoder in place of the GPU's."""
    monkeypatch.setattr(encoder_module, "encoding_on", lambda _gpu: None)
    monkeypatch.setattr(codecs_module, "H264_ON_GPU", "libx264")


@pytest.fixture
def convert(host, gpu, gpus_encoder, monkeypatch, tmp_path, caplog):
    """Converts a file with the style on the GPU from the first frame on."""
    monkeypatch.setattr(networks_module, "open_gpu", lambda _index: gpu)
    monkeypatch.setattr(networks_module, "runs_on_gpu", lambda *_: True)
    monkeypatch.setattr(device_opening, "open_device_style", lambda *_: host.HostNetwork(gpu))
    monkeypatch.setattr(file_module, "decoding", lambda _gpu: None)  # the host's

    came_down = []

    def watched(function):
        def call(*arguments):
            came_down.append(function.__name__)
            return function(*arguments)

        return call

    monkeypatch.setattr(ffmpeg, "downloaded", watched(ffmpeg.downloaded))
    monkeypatch.setattr(Slot, "fetch", watched(Slot.fetch))

    def run(clip, video, name, options=None, **look):
        monkeypatch.setattr(gpu_video_module, "find_gpu_video", lambda _gpu, _index: video)
        target, settings = tmp_path / name, Settings(Look(style="cel", size_px=SIZE_PX, **look), max_faces=1, threads=1)
        caplog.set_level(logging.INFO, logger="animecam")
        caplog.clear()
        with open_networks(settings) as networks:
            convert_file(
                clip,
                tmp_path / "first.mp4",
                networks,
                lambda _format: lambda _figures: None,
                SinkOptions(overwrite=True),
            )
            if "line" not in look:  # which the GPU never draws
                host.until(lambda: "is drawn on host now" in caplog.text)
            gpu.done.clear()
            came_down.clear()
            figures = convert_file(clip, target, networks, lambda _format: lambda _figures: None, options)
        assert figures.frames_out == 12
        gpu.is_closed = False
        with av.open(str(target)) as container:
            return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]

    run.came_down = came_down
    return run
