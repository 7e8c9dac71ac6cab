"""Fixtures for the tests of the GPU path: the kernels as C++ and a GPU on the host."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from animecam.cuda import ffmpeg
from animecam.render.device_kernels import kernel_source
from animecam.types import Color, Frame, PixelFormat, allocate_planes

WIDTH_PX, HEIGHT_PX = 320, 240  # of frames of noise


@pytest.fixture(scope="session")
def host(load_module):
    """tests/engine/cuda/host_gpu.py, with all of host_network.py."""
    host, networks = load_module("engine/cuda/host_gpu.py"), load_module("engine/cuda/host_network.py")
    host.HostNetwork, host.Seen, host.remembered = networks.HostNetwork, networks.Seen, networks.remembered
    return host


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
