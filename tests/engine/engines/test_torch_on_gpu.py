"""PyTorch's compiled networks, as only an NVIDIA GPU can tell: `pytest -m gpu`, figures with --log-cli-level=INFO.

Each shape takes some 20 s to compile, so most are left to `-k`: "compiled and cel and 512".
"""

import logging
import os
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend, probe_backends
from animecam.cuda.gpu import open_gpu
from animecam.errors import BackendError
from animecam.faces.align import Pose
from animecam.portrait import load_portrait
from animecam.render.device_path import RING, DevicePath, PathOptions
from animecam.run.session import opened_source
from animecam.sources.opening import SourceOptions
from animecam.styles.registry import find_style, verified_half

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(400)]

log = logging.getLogger(__name__)

LEAST_PSNR_DB = 40.0
MOST_SECONDS = 300.0
RUNS, WARM_UPS = 200, 20


@pytest.fixture(scope="module")
def gpu():
    (status,) = (one for one in probe_backends() if one.name == "torch")
    if not status.usable or "not compiled" in status.detail:
        assert "torch" not in os.environ.get("ANIMECAM_GPU_RUNTIMES", "").split(","), status.detail
        pytest.skip(status.detail)
    gpu = open_gpu()
    yield gpu
    gpu.close()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compiled")


def crops(size_px: int, count: int) -> np.ndarray:
    top = [load_portrait()[10 * index : 10 * index + 192, 100:292] for index in range(count)]
    repeated = np.stack([np.tile(crop, (3, 3, 1))[:size_px, :size_px] for crop in top])
    return np.ascontiguousarray(repeated.transpose(0, 3, 1, 2), np.float32) / 127.5 - 1


def psnr_db(expected: np.ndarray, given: np.ndarray) -> float:
    assert np.isfinite(given).all()
    return float(10 * np.log10(4 / np.mean(np.square(expected.astype(np.float64) - given))))


def reference(name: str, pictures: np.ndarray) -> np.ndarray:
    with closing(open_backend(find_style(name).model_path(), BackendChoice.ONNXRUNTIME, BackendOptions())) as backend:
        return np.concatenate([backend.run(picture[None])[0] for picture in pictures])


def torch_device(name: str, cache: Path):
    from animecam.backends.torch_ import TorchDevice

    return TorchDevice(verified_half(find_style(name)), BackendOptions(cache_dir=cache, gpu=0))


def timed_ms(stream, marks, work: Callable[[], None]) -> tuple[float, float]:
    took_ms = []
    for number in range(WARM_UPS + RUNS):
        stream.record(marks[0])
        work()
        stream.record(marks[1])
        stream.synchronize()
        if number >= WARM_UPS:
            took_ms.append(marks[1].since_ms(marks[0]))
    return float(np.percentile(took_ms, 50)), float(np.percentile(took_ms, 95))


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
@pytest.mark.parametrize("size_px", [256, 512])
@pytest.mark.parametrize("name", ["cel", "starter"])
def test_compiled(gpu, cache: Path, name: str, size_px: int, batch: int):
    """It takes over, draws what ONNX Runtime draws in float32, queued and recorded, and is timed against before."""
    given = crops(size_px, batch)
    expected = reference(name, given)
    with ExitStack() as stack:
        gpu.use()
        network = stack.enter_context(closing(torch_device(name, cache)))
        stream, pinned = gpu.stream(), gpu.pinned(given.nbytes // 2)
        buffers = [gpu.buffer(given.nbytes // 2) for _ in range(2)]
        marks = [gpu.event(is_timed=True) for _ in range(2)]
        for thing in (stream, pinned, *buffers, *marks):
            stack.callback(thing.close)
        numbers = pinned.array(np.float16, given.shape)

        def draw(order: list[int], work: Callable[[], None]) -> float:
            numbers[:] = given[order]
            stream.copy_in(buffers[0], pinned, numbers.nbytes)
            work()
            stream.copy_out(pinned, buffers[1], numbers.nbytes)
            stream.synchronize()
            return min(psnr_db(expected[index], mine) for index, mine in zip(order, numbers.astype(float), strict=True))

        def queue() -> None:
            network.bind(buffers[0].address, buffers[1].address, batch=batch, size_px=size_px)
            network.enqueue(stream.handle)

        first, other = list(range(batch)), list(range(batch))[::-1]
        assert draw(first, queue) >= LEAST_PSNR_DB
        before = stack.enter_context(closing(stream.capture(queue)))
        before_ms = timed_ms(stream, marks, lambda: stream.replay(before))
        start_s = time.perf_counter()
        while "compiled" not in network.info.version and time.perf_counter() - start_s < MOST_SECONDS:
            assert draw(first, queue) >= LEAST_PSNR_DB
            assert not network.is_settled or "compiled" in network.info.version, "it gave up"
            time.sleep(0.02)
        waited_s = time.perf_counter() - start_s
        assert "compiled" in network.info.version
        near_db = draw(first, queue)
        graph = stack.enter_context(closing(stream.capture(queue)))
        near_db = min(near_db, draw(other, lambda: stream.replay(graph)), draw(first, lambda: stream.replay(graph)))
        assert draw(other, lambda: stream.replay(before)) >= LEAST_PSNR_DB  # what was recorded before is good for once
        after_ms = timed_ms(stream, marks, lambda: stream.replay(graph))
    log.info(
        "%s, %s at %d px, %d at a time: %.3f ms (p95 %.3f), compiled %.3f ms (p95 %.3f) after %.1f s, %.1f dB",
        *(gpu.name, name, size_px, batch, *before_ms, *after_ms, waited_s, near_db),
    )
    assert near_db >= LEAST_PSNR_DB
    assert after_ms[0] < before_ms[0]


def test_fed_from_the_host(gpu, cache: Path):
    """The same by the other door; where `test_compiled` has been, the compiled network is taken from the cache."""
    from animecam.backends.torch_ import TorchBackend

    given = crops(512, 1)
    expected = reference("cel", given)
    style = find_style("cel")
    options = BackendOptions(cache_dir=cache, gpu=0)
    with closing(TorchBackend(style.model_path(), verified_half(style), options)) as backend:
        start_s = time.perf_counter()
        while "compiled" not in backend.info.version and time.perf_counter() - start_s < MOST_SECONDS:
            assert psnr_db(expected, backend.run(given)[0]) >= LEAST_PSNR_DB
            time.sleep(0.01)
        log.info("compiled after %.1f s", time.perf_counter() - start_s)
        assert "compiled" in backend.info.version
        assert psnr_db(expected, backend.run(given)[0]) >= LEAST_PSNR_DB


def test_the_frame_path_changes_over_between_two_frames(gpu, cache: Path):
    """Not a frame is lost, and the compiled network is recorded with the rest."""
    with opened_source(f"pattern:1280x720@30?live=0&frames={RING}", SourceOptions()) as source:
        films = [source.read() for _ in range(RING)]
    with ExitStack() as stack:
        gpu.use()
        network = stack.enter_context(closing(torch_device("cel", cache)))
        path = stack.enter_context(closing(DevicePath(gpu, PathOptions(most_faces=1, largest_px=512))))
        regions = (Pose(640, 360, 300, 0.1).region(0, 512),)
        took_ms, gpu_ms, shown = [], {}, {}

        def draw(number: int) -> None:
            start_s = time.perf_counter()
            frame = replace(films[number % RING], index=number, pts=number)
            drawn = path.submit(frame, regions, "cel", network, 1.0)()
            took_ms.append((time.perf_counter() - start_s) * 1e3)
            gpu_ms.setdefault(network.info.version, []).append(drawn.gpu_ms)
            shown.setdefault(network.info.version, drawn.frame.planes[0].astype(float))

        number, start_s = 0, time.perf_counter()
        while "compiled" not in network.info.version and time.perf_counter() - start_s < MOST_SECONDS:
            draw(number)
            number += 1
            time.sleep(0.01)
        waited_s = time.perf_counter() - start_s
        for _ in range(RUNS):
            draw(number)
            number += 1
    assert len(shown) == 2
    before, after = shown.values()
    near_db = 10 * np.log10(255**2 / np.mean(np.square(before - after)))
    times = {version: round(float(np.median(ms)), 3) for version, ms in gpu_ms.items()}
    worst = [round(ms, 1) for ms in sorted(took_ms[2 * RING :])[-5:]]
    log.info(
        "taken over after %.1f s; on the GPU %s ms; slowest frames %s ms; %.1f dB", waited_s, times, worst, near_db
    )


def test_a_failure_is_told_once_and_it_goes_on(gpu, cache: Path, caplog):
    from animecam.backends.torch_ import TorchBackend

    def fail(*_):
        raise BackendError("no luck")

    style = find_style("cel")
    options = BackendOptions(cache_dir=cache / "other", gpu=0)
    (cache / "other").mkdir()
    given = crops(192, 1)
    with closing(TorchBackend(style.model_path(), verified_half(style), options, compiler=fail)) as backend:
        for _ in range(5):
            backend.run(given)
            time.sleep(0.2)
        assert backend.is_settled
        assert "compiled" not in backend.info.version
    assert sum("no luck" in record.getMessage() for record in caplog.records) == 1
