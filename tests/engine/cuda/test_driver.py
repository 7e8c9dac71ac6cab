"""What is given back to NVIDIA's driver, and what is said when it fails; a stand-in answers for it."""

import gc
from contextlib import ExitStack, closing, contextmanager
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from animecam import api
from animecam.backends.base import BackendChoice
from animecam.backends.status import BackendStatus
from animecam.cuda.base import GpuFacts
from animecam.cuda.current import context_kept
from animecam.cuda.gpu import look_at_gpu
from animecam.errors import BackendError, DeviceMemoryError, HostMemoryError
from animecam.render.base import Rendered
from animecam.render.device_path import DevicePath, PathOptions
from animecam.types import Color, Faces, Frame, PixelFormat, Region, allocate_planes

bindings = pytest.importorskip("cuda.bindings.driver", reason="needs animecam[cuda]")

SIZE_PX = 64

KERNEL = 'extern "C" __global__ void fill(float* out) { out[threadIdx.x] = 1.0f; }'


@pytest.mark.parametrize("kept", [b"", b"damaged kernels"])
@pytest.mark.parametrize("refusal", ["CUDA_ERROR_INVALID_IMAGE", "CUDA_ERROR_INVALID_PTX"])
def test_kept_kernels_that_are_damaged_are_compiled_anew(driver, device, compiled, tmp_path, kept, refusal):
    driver.bad_images |= {b"", b"damaged kernels"}
    driver.refusal = getattr(bindings.CUresult, refusal)
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


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("CUDA_ERROR_UNKNOWN", "modprobe nvidia_uvm"),
        ("CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE", "cuda-compat"),
        ("CUDA_ERROR_STUB_LIBRARY", "LD_LIBRARY_PATH"),
        ("CUDA_ERROR_NO_DEVICE", "nvidia-smi"),
    ],
)
def test_a_driver_that_does_not_start_says_what_to_do(driver, device, code, hint):
    driver.broken = getattr(bindings.CUresult, code)
    with pytest.raises(BackendError, match=f"cannot start the NVIDIA driver: .*{code}") as caught:
        device.CudaGpu(0)
    assert hint in caught.value.hint
    assert not driver.there


def test_a_driver_of_an_older_cuda_is_named(driver, device, monkeypatch):
    monkeypatch.setattr(bindings, "cuDriverGetVersion", lambda: (bindings.CUresult.CUDA_SUCCESS, 12_080))
    with pytest.raises(BackendError, match="knows CUDA up to 12, 13 is needed") as caught:
        device.CudaGpu(0)
    assert caught.value.hint == "update the driver of this GPU"
    monkeypatch.setattr(bindings, "cuDriverGetVersion", lambda: (bindings.CUresult.CUDA_SUCCESS, 13_000))
    device.CudaGpu(0).close()  # of the same major version, though older than the bindings


@pytest.mark.parametrize(
    ("what", "full", "says", "hint"),
    [
        ("buffer", DeviceMemoryError, "the memory of the GPU is full", "`size_px`"),
        ("pinned", HostMemoryError, "pin 1,048,576 bytes of memory: the host has no more memory", "end other programs"),
        ("stream", DeviceMemoryError, "the memory of the GPU is full", "`size_px`"),
    ],
)
def test_full_memory_is_told_from_other_failures(driver, device, what, full, says, hint):
    """Whoever asked for much of the GPU asks for less then; of other failures nothing is tried again."""
    gpu = device.CudaGpu(0)
    take = {"buffer": lambda: gpu.buffer(1 << 20), "pinned": lambda: gpu.pinned(1 << 20), "stream": gpu.stream}[what]
    driver.broken = bindings.CUresult.CUDA_ERROR_OUT_OF_MEMORY
    with pytest.raises(DeviceMemoryError, match=says) as caught:
        take()
    assert type(caught.value) is full
    assert hint in caught.value.hint
    driver.broken = bindings.CUresult.CUDA_ERROR_ILLEGAL_ADDRESS
    with pytest.raises(BackendError, match="CUDA_ERROR_ILLEGAL_ADDRESS") as caught:
        take()
    assert not isinstance(caught.value, DeviceMemoryError)
    assert "start the program again" in caught.value.hint
    gpu.close()
    assert not driver.there


@pytest.mark.parametrize("found", [0, 7, 100])
def test_whoever_calls_the_library_keeps_his_context(driver, device, monkeypatch, found):
    """None, one of his own, and the primary one of another GPU."""

    @contextmanager
    def open_networks(_settings):
        gpu = device.CudaGpu(1)

        @contextmanager
        def rendering(*_, is_live):
            assert is_live
            gpu.use()

            def draw(frame):
                gpu.use()
                return Rendered(frame, Faces())

            yield draw
            gpu.use()

        yield SimpleNamespace(rendering=rendering)
        gpu.close()

    monkeypatch.setattr(api, "open_networks", open_networks)
    driver.context_here = found
    stylize = api.Stylizer()
    contexts = [driver.context_here]
    for call in (lambda: stylize(np.zeros((8, 8, 3), np.uint8)), stylize.reset, stylize.close):
        call()
        contexts.append(driver.context_here)
    assert contexts == [found] * 4


def test_a_context_that_is_refused_stays_the_threads(driver):
    from animecam.cuda.pycuda_ import gpu_of

    driver.context_here = 7
    with pytest.raises(BackendError, match="not the primary one of GPU 1"):
        gpu_of(SimpleNamespace(handle=7), 1)
    assert driver.context_here == 7


def test_within_a_block_the_gpu_stays_in_use(driver, device):
    driver.context_here = 7
    gpu = device.CudaGpu(0)
    assert driver.context_here == gpu.context
    driver.context_here = 7
    with context_kept():
        with context_kept():
            gpu.use()
        assert driver.context_here == gpu.context
    assert driver.context_here == 7
    with context_kept():
        driver.context_here = 9  # somebody else's change is not ours to take back
    assert driver.context_here == 9


@pytest.fixture
def broken_run(driver, device, compiled):
    """Opens a path, breaks the GPU in the midst of a frame, and closes everything again."""

    class Network:
        is_recordable, max_batch = False, 1
        info = None

        def bind(self, *_, **__):
            pass

        def enqueue(self, _stream):
            driver.broken = bindings.CUresult.CUDA_ERROR_ILLEGAL_ADDRESS

    def run():
        with closing(device.CudaGpu(0)) as gpu, closing(DevicePath(gpu, PathOptions(1, SIZE_PX))) as path:
            planes, packed = allocate_planes(PixelFormat.RGB24, SIZE_PX, SIZE_PX)
            frame = Frame(planes, PixelFormat.RGB24, Color(), 0, 0, 0, Fraction(1, 30), 0, packed=packed)
            path.submit(frame, [Region(0, SIZE_PX, SIZE_PX, np.eye(2, 3))], "s", Network(), 1.0)

    return run


def test_closing_a_gpu_that_broke_hides_nothing(driver, broken_run, caplog):
    with pytest.raises(BackendError, match=r"cannot launch calm: .*ILLEGAL_ADDRESS") as caught:
        broken_run()
    assert "start the program again" in caught.value.hint
    assert caplog.text.count("the memory of Fake GPU is not freed") == 1


def test_everything_is_given_back(driver, device, compiled):
    with closing(device.CudaGpu(0)) as gpu, closing(DevicePath(gpu, PathOptions(1, SIZE_PX))):
        assert driver.there
    assert not driver.there


def refuse():
    raise BackendError("the network cannot be run")


def test_a_recording_that_fails_leaves_nothing(driver, device):
    with closing(device.CudaGpu(0)) as gpu, closing(gpu.stream()) as stream:
        with pytest.raises(BackendError, match="the network cannot be run"):
            stream.capture(refuse)
        assert list(driver.there.values()) == ["stream"]
        stream.capture(lambda: None).close()
        assert list(driver.there.values()) == ["stream"]


@pytest.mark.parametrize("was_collected", [True, False])
def test_no_garbage_goes_while_something_is_recorded(driver, device, monkeypatch, was_collected):
    """What goes with it may be a picture of another size, whose memory the driver does not free then."""

    class Held:
        def __init__(self, buffer):
            self._buffer, self._itself = buffer, self

        def __del__(self):
            told.append(driver.calls[-1])
            self._buffer.close()

    def work():
        Held(gpu.buffer(64))  # refers to itself: only a collection frees it
        for _ in range(10):
            [[] for _ in range(1000)]
        assert not told

    told = []
    before = gc.get_threshold()
    with closing(device.CudaGpu(0)) as gpu, closing(gpu.stream()) as stream, ExitStack() as after:
        after.callback(gc.enable)
        after.callback(gc.set_threshold, *before)
        (gc.enable if was_collected else gc.disable)()
        gc.set_threshold(10)
        stream.capture(work).close()
        assert gc.isenabled() is was_collected
        with pytest.raises(BackendError):
            stream.capture(refuse)
        assert gc.isenabled() is was_collected
        gc.collect()
        assert told


def test_a_gpu_that_is_not_there_may_be_hidden(driver, device):
    """What nvidia-smi lists says nothing of that: it knows no CUDA_VISIBLE_DEVICES, and counts in another order."""
    with pytest.raises(BackendError, match="no GPU 2: there are only GPUs 0 to 1") as caught:
        device.CudaGpu(2)
    assert "CUDA_VISIBLE_DEVICES" in caught.value.hint
    driver.broken = bindings.CUresult.CUDA_ERROR_NO_DEVICE
    with pytest.raises(BackendError) as caught:
        device.CudaGpu(0)
    assert "CUDA_VISIBLE_DEVICES" in caught.value.hint


def test_a_look_at_a_gpu_makes_no_context(driver):
    """That takes tenths of a second, and is asked more than once before the first frame."""
    assert look_at_gpu(1) == GpuFacts("Fake GPU", (8, 8))
    assert not {name for name in driver.calls if "Ctx" in name}
    with pytest.raises(BackendError, match="no GPU 2: there are only GPUs 0 to 1"):
        look_at_gpu(2)


def test_whether_there_is_a_gpu_is_asked_without_a_context(driver, monkeypatch):
    from animecam.backends import opening

    monkeypatch.setattr(opening, "_probe", lambda choice, gpu: BackendStatus(choice.value, usable=True))
    opening._has_gpu.cache_clear()
    try:
        assert opening.runs_on_gpu(BackendChoice.AUTO, 1)
        assert not opening.runs_on_gpu(BackendChoice.AUTO, 2)
    finally:
        opening._has_gpu.cache_clear()
    assert not {name for name in driver.calls if "Ctx" in name}
