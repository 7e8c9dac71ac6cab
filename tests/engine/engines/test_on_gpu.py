"""What only an NVIDIA GPU can tell: `pytest -m gpu`. The figures show with --log-cli-level=INFO."""

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from animecam.backends.base import Backend, BackendChoice, BackendOptions
from animecam.backends.device import DeviceNetwork
from animecam.backends.opening import open_backend, probe_backends
from animecam.backends.tensorrt_ import TensorRtDevice
from animecam.cuda.base import Graph
from animecam.cuda.gpu import open_gpu
from animecam.engines.flavour import RTX
from animecam.engines.key import read_record
from animecam.errors import BackendError
from animecam.faces.align import Pose
from animecam.portrait import load_portrait
from animecam.render.device_path import RING, DevicePath, PathOptions
from animecam.styles.registry import find_style, list_styles, verified_half
from animecam.types import Color, Frame, PixelFormat, allocate_planes

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(900)]  # tensorrt takes minutes for an engine

log = logging.getLogger(__name__)

STYLES = [style.name for style in list_styles() if style.is_bundled]
LEAST_PSNR_DB = 40.0
SIZES_PX = (192, 256, 512)
RUNS, WARM_UPS = 200, 20
SLOWEST_MS = 50.0  # of the network at 512 px: a GPU that takes longer computes something else than fp16


@pytest.fixture(scope="module")
def gpu():
    try:
        gpu = open_gpu()
    except BackendError as error:
        pytest.skip(f"needs an NVIDIA GPU: {error.message}")
    yield gpu
    gpu.close()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engines")


def opened(name: str, choice: BackendChoice, cache: Path | None = None) -> Backend:
    style = find_style(name)
    options = BackendOptions(cache_dir=cache, gpu=0, allow_compiling=False)
    return open_backend(style.model_path(), choice, options, half=verified_half(style))


def need(choice: BackendChoice) -> None:
    """Skips where a runtime is not installed or does not take this GPU; where it does, what fails is a fault.

    Runtimes that ANIMECAM_GPU_RUNTIMES names ("tensorrt,torch") must be there: else nothing may have been tested.
    """
    (status,) = (one for one in probe_backends() if one.name == choice.value)
    if not status.usable:
        assert choice.value not in os.environ.get("ANIMECAM_GPU_RUNTIMES", "").split(","), status.problem
        pytest.skip(status.problem)


@pytest.fixture
def tensorrt() -> None:
    need(BackendChoice.TENSORRT)


def crops(size_px: int, count: int = 1) -> np.ndarray:
    top = [load_portrait()[10 * index : 10 * index + 192, 100:292] for index in range(count)]
    repeated = np.stack([np.tile(crop, (3, 3, 1))[:size_px, :size_px] for crop in top])
    return np.ascontiguousarray(repeated.transpose(0, 3, 1, 2), np.float32) / 127.5 - 1


def psnr_db(expected: np.ndarray, given: np.ndarray) -> float:
    assert np.isfinite(given).all()
    return float(10 * np.log10(4 / np.mean(np.square(expected.astype(np.float64) - given))))


@pytest.mark.parametrize("choice", [BackendChoice.TENSORRT, BackendChoice.TORCH])
@pytest.mark.parametrize("size_px", SIZES_PX)
@pytest.mark.parametrize("name", STYLES)
def test_parity(gpu, cache: Path, name: str, size_px: int, choice: BackendChoice):
    need(choice)
    backend = opened(name, choice, cache)
    reference = opened(name, BackendChoice.ONNXRUNTIME)
    noise = np.random.default_rng(0).uniform(-1, 1, (1, 3, size_px, size_px)).astype(np.float32)
    flat = np.ones_like(noise)
    batch = crops(size_px, 4)
    together = backend.run(batch)[0] if choice is BackendChoice.TENSORRT else None
    for index, picture in enumerate([*batch[:, None], noise, np.sign(noise), flat, -flat]):
        expected = reference.run(picture)[0]
        assert psnr_db(expected, backend.run(picture)[0]) >= LEAST_PSNR_DB
        if together is not None and index < len(batch):
            assert psnr_db(expected[0], together[index]) >= LEAST_PSNR_DB
    backend.close()
    reference.close()


def device_network(name: str, choice: BackendChoice, cache: Path) -> DeviceNetwork:
    style = find_style(name)
    if choice is BackendChoice.TORCH:
        torch_ = pytest.importorskip("animecam.backends.torch_")
        return torch_.TorchDevice(verified_half(style), BackendOptions(gpu=0, allow_compiling=False))
    return TensorRtDevice(style.model_path(), verified_half(style), BackendOptions(cache_dir=cache, gpu=0))


@pytest.mark.parametrize("choice", [BackendChoice.TENSORRT, BackendChoice.TORCH])
@pytest.mark.parametrize("size_px", SIZES_PX)
@pytest.mark.parametrize("name", STYLES)
def test_between_two_steps_on_the_gpu(gpu, cache: Path, name: str, size_px: int, choice: BackendChoice):
    """From the GPU's memory to the GPU's memory on a stream of the caller, as the frame path has it: queued, and where
    the network may be recorded from a graph, which runs again on other pictures."""
    need(choice)
    network, reference = device_network(name, choice, cache), opened(name, BackendChoice.ONNXRUNTIME)
    given = crops(size_px, 4)
    expected = np.concatenate([reference.run(picture[None])[0] for picture in given])
    with ExitStack() as stack:
        for thing in (network, reference):
            stack.callback(thing.close)
        gpu.use()
        stream, pinned = gpu.stream(), gpu.pinned(given.nbytes // 2)
        buffers = [gpu.buffer(given.nbytes // 2) for _ in range(2)]
        for thing in (stream, pinned, *buffers):
            stack.callback(thing.close)

        def draw(order: list[int], work: Callable[[], None]) -> None:
            numbers = pinned.array(np.float16, (len(order), *given.shape[1:]))
            numbers[:] = given[order]
            stream.copy_in(buffers[0], pinned, numbers.nbytes)
            work()
            stream.copy_out(pinned, buffers[1], numbers.nbytes)
            stream.synchronize()
            for index, mine in zip(order, numbers.astype(np.float32), strict=True):
                assert psnr_db(expected[index], mine) >= LEAST_PSNR_DB

        graphs: dict[int, Graph] = {}
        for batch in (1, 2, 3, 4):  # somebody comes
            network.bind(buffers[0].address, buffers[1].address, batch=batch, size_px=size_px)
            first, other = list(range(batch)), list(range(4))[::-1][:batch]
            draw(first, lambda: network.enqueue(stream.handle))
            if not network.is_recordable:
                draw(other, lambda: network.enqueue(stream.handle))
                continue
            graphs[batch] = stack.enter_context(closing(stream.capture(lambda: network.enqueue(stream.handle))))
            draw(other, lambda graph=graphs[batch]: stream.replay(graph))
        for batch in (1, 3, 4, 2, 1):  # somebody goes, and comes: what was recorded is as good as before
            if batch in graphs:
                draw(list(range(4))[-batch:], lambda graph=graphs[batch]: stream.replay(graph))


def test_fewer_pictures_at_a_time_draw_the_same(gpu, tensorrt, cache: Path):
    """At 200 px: the second picture lies where TensorRT takes no address."""
    size_px, films = 200, []
    planes, packed = allocate_planes(PixelFormat.RGB24, 640, 480)
    packed[...] = np.random.default_rng(0).integers(0, 256, packed.shape, np.uint8)
    frame = Frame(planes, PixelFormat.RGB24, Color(), 0, 0, 0, Fraction(1, 30), 0, packed=packed)
    regions = [Pose(160.0 * (i + 1), 240.0, 140.0, 0.1).region(i, size_px) for i in range(3)]
    for max_batch in (4, 1):
        gpu.use()
        network = device_network("cel", BackendChoice.TENSORRT, cache)
        with closing(network), closing(DevicePath(gpu, PathOptions(most_faces=3, largest_px=size_px))) as path:
            network.max_batch = max_batch
            films.append([path.submit(frame, regions, "cel", network, 1.0)().frame for _ in range(2 * RING)])
    for together, one_by_one in zip(*films, strict=True):
        assert np.abs(together.planes[0].astype(int) - one_by_one.planes[0]).max() <= 2


def test_the_second_start_takes_the_engine_as_it_is(gpu, tensorrt, cache: Path):
    opened_once = opened("cel", BackendChoice.TENSORRT, cache)
    opened_once.run(crops(256))
    opened_once.close()
    (path,) = cache.glob("cel-model.fp16-3x256x256-*.engine")
    written = path.stat().st_mtime_ns
    again = opened("cel", BackendChoice.TENSORRT, cache)
    again.run(crops(256))
    again.close()
    assert path.stat().st_mtime_ns == written
    assert read_record(path.with_suffix(".json")).parity.psnr_db >= LEAST_PSNR_DB


@pytest.mark.parametrize("name", STYLES)
def test_the_convolutions_of_the_engine_came_out_in_half(gpu, tensorrt, cache: Path, name: str):
    backend = opened(name, BackendChoice.TENSORRT, cache)
    backend.run(crops(256))
    backend.close()
    (path,) = cache.glob(f"{name}-model.fp16-3x256x256-*.json")
    record = read_record(path)
    log.info("%s, %s by %s: %s", gpu.name, name, record.key.runtime, record.types)
    if record.key.runtime == RTX and not record.types.is_known:
        pytest.skip(record.types.note)  # it compiles when it runs and may have nothing to tell before
    assert record.types.is_known, record.types.note
    convolutions = {word: count for word, count in record.types.layers.items() if word.startswith("CONVOLUTION ")}
    half = convolutions.get("CONVOLUTION HALF", 0) + convolutions.get("CONVOLUTION HALF TO FLOAT", 0)
    assert 0 < half == sum(convolutions.values()) <= record.layers["CONVOLUTION HALF"]


@pytest.mark.parametrize("size_px", SIZES_PX)
@pytest.mark.parametrize("name", STYLES)
def test_latency_on_the_gpu(gpu, tensorrt, cache: Path, name: str, size_px: int):
    """The network alone, by events; captured in a graph of the caller, as the frame path does it."""
    style = find_style(name)
    with ExitStack() as stack:
        gpu.use()
        network = TensorRtDevice(style.model_path(), verified_half(style), BackendOptions(cache_dir=cache, gpu=0))
        stack.callback(network.close)
        stream = gpu.stream()
        stack.callback(stream.close)
        nbytes = 2 * 3 * size_px**2
        buffers = [gpu.buffer(nbytes) for _ in range(2)]
        marks = [gpu.event(is_timed=True) for _ in range(2)]
        for thing in (*buffers, *marks):
            stack.callback(thing.close)
        network.bind(buffers[0].address, buffers[1].address, batch=1, size_px=size_px)
        for _ in range(WARM_UPS):
            network.enqueue(stream.handle)
        stream.synchronize()
        free = gpu.free_bytes()
        graph = stream.capture(lambda: network.enqueue(stream.handle))
        stack.callback(graph.close)
        took_ms = []
        for _ in range(RUNS):
            stream.record(marks[0])
            stream.replay(graph)
            stream.record(marks[1])
            stream.synchronize()
            took_ms.append(marks[1].since_ms(marks[0]))
        p50, p95 = np.percentile(took_ms, [50, 95])
        runtime = f"{network.info.name} {network.info.version}"
        log.info("%s, %s at %d px by %s: p50 %.3f ms, p95 %.3f ms", gpu.name, name, size_px, runtime, p50, p95)
        assert p95 < SLOWEST_MS
        assert gpu.free_bytes() > free - 2**26  # a graph costs some memory, two hundred runs none
