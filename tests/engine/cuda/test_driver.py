"""What is given back to NVIDIA's driver, and what is said when it fails; a stand-in answers for it."""

import importlib

import pytest

from animecam.errors import BackendError

pytest.importorskip("cuda.bindings", reason="needs animecam[cuda]")

KERNEL = 'extern "C" __global__ void fill(float* out) { out[threadIdx.x] = 1.0f; }'


@pytest.fixture
def fakes(load_module):
    """fake_driver.py beside this file."""
    return load_module("engine/cuda/fake_driver.py")


@pytest.fixture
def driver(fakes, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    driver = fakes.FakeDriver()
    driver.install(monkeypatch)
    return driver


@pytest.fixture
def device():
    return importlib.import_module("animecam.cuda.device")


@pytest.fixture
def compiled(device, monkeypatch):
    """Kernels compile without NVRTC; how often is counted."""
    from animecam.cuda import compiler

    counts = []

    def compile_source(*_):
        counts.append(1)
        return b"good kernels"

    monkeypatch.setattr(compiler, "compiler_version", lambda: (13, 0))
    monkeypatch.setattr(compiler, "_compile", compile_source)
    return counts


@pytest.mark.parametrize("kept", [b"", b"damaged kernels"])
def test_kept_kernels_that_are_damaged_are_compiled_anew(driver, device, compiled, tmp_path, kept):
    driver.bad_images |= {b"", b"damaged kernels"}
    gpu = device.CudaGpu(0)
    gpu.kernels(KERNEL, ["fill"])
    gpu.close()
    (file,) = tmp_path.rglob("*.cubin")
    file.write_bytes(kept)
    gpu = device.CudaGpu(0)
    gpu.kernels(KERNEL, ["fill"])
    gpu.close()
    assert len(compiled) == 2
    assert driver.images[-1] == file.read_bytes() == b"good kernels"
    assert not driver.there


def test_kernels_that_the_driver_does_not_take_are_compiled_once_and_told(driver, device, compiled):
    driver.bad_images.add(b"good kernels")
    gpu = device.CudaGpu(0)
    with pytest.raises(BackendError, match=r"cannot load kernels: .*CUDA_ERROR_INVALID_IMAGE"):
        gpu.kernels(KERNEL, ["fill"])
    assert len(compiled) <= 2
    gpu.close()
