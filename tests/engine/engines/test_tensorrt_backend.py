"""What surrounds the runtime: loading, rebuilding, batches, memory. The runtime itself is ONNX Runtime in disguise."""

import hashlib
import importlib.util
import logging
import sys
import threading
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from animecam.backends import tensorrt_
from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.backends.tensorrt_ import TensorRtBackend, TensorRtDevice
from animecam.cuda.turns import gpu_turn
from animecam.engines import loader
from animecam.engines.key import read_record
from animecam.engines.refusal import remember_refusal
from animecam.errors import BackendError, DeviceMemoryError
from animecam.styles.card import FULL
from animecam.styles.network import open_style
from animecam.styles.registry import find_style, verified_half

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")

CEL = find_style("cel")


@pytest.fixture(scope="session")
def fakes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("animecam_tests_fake_gpu", Path(__file__).with_name("fake_gpu.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def gpu(fakes: ModuleType, monkeypatch: pytest.MonkeyPatch):
    gpu = fakes.FakeGpu()
    monkeypatch.setattr(loader, "open_gpu", lambda index: gpu)
    yield gpu
    assert not gpu.open, "memory was not given back"
    assert gpu.is_closed


@pytest.fixture
def runtime(fakes: ModuleType, monkeypatch: pytest.MonkeyPatch):
    runtime = fakes.FakeRuntime(CEL.model_path())
    monkeypatch.setattr(loader, "choose_flavour", lambda capability: runtime.flavour)
    return runtime


@pytest.fixture(scope="session")
def warm_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Engines built by one test are there for the next; tests that damage them have a folder of their own."""
    return tmp_path_factory.mktemp("engines")


def opened(cache: Path) -> TensorRtBackend:
    return TensorRtBackend(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=cache, gpu=0))


def pictures(count: int = 1, size_px: int = 32) -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, (count, 3, size_px, size_px)).astype(np.float32)


def expected(batch: np.ndarray) -> np.ndarray:
    backend = open_backend(CEL.model_path(), BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
    return np.concatenate([backend.run(picture[None])[0] for picture in batch])


def test_it_draws_what_the_network_draws(gpu, runtime, warm_cache: Path):
    backend = opened(warm_cache)
    assert (backend.info.name, backend.info.device, backend.info.precision) == ("tensorrt-rtx", gpu.name, "f16")
    assert (backend.input.shape, backend.input.dtype) == ((None, 3, None, None), np.float32)
    for count in (1, 3, 6):  # six are cut into four and two
        batch = pictures(count)
        drawn = backend.run(batch)[0]
        assert drawn.dtype == np.float32
        np.testing.assert_allclose(drawn, expected(batch), atol=5e-3)  # the input is rounded to half, too
    backend.close()
    backend.close()
    with pytest.raises(BackendError, match="closed"):
        backend.run(pictures())


def test_nothing_is_allocated_or_bound_again_and_one_wait_a_run(gpu, runtime, warm_cache: Path):
    backend = opened(warm_cache)
    backend.run(pictures())
    allocations, binds, waits = gpu.allocations, runtime.binds, gpu.waits
    first = backend.run(pictures())[0]
    kept = first.copy()
    for _ in range(9):
        backend.run(pictures(2))
    assert (gpu.allocations, runtime.binds, gpu.waits) == (allocations, binds, waits + 10)
    np.testing.assert_array_equal(first, kept)  # results stay valid
    backend.close()


def test_the_host_lets_rtx_capture_and_the_device_path_captures_itself(gpu, runtime, warm_cache: Path):
    strategies, eager = runtime.CudaGraphStrategy, runtime.DynamicShapesKernelSpecializationStrategy.EAGER
    backend = opened(warm_cache)
    backend.run(pictures())
    config = runtime.contexts[-1].config
    assert config.cuda_graph_strategy == strategies.WHOLE_GRAPH_CAPTURE
    assert config.allocation == runtime.ExecutionContextAllocationStrategy.USER_MANAGED
    backend.close()
    gpu.is_closed = False
    device = TensorRtDevice(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=warm_cache))
    given, drawn = gpu.buffer(3 * 32 * 32 * 4), gpu.buffer(3 * 32 * 32 * 4)
    with pytest.raises(BackendError, match="nothing is bound"):
        device.enqueue(1)
    half = pictures(2).astype(np.float16)
    given.array(np.float16, half.shape)[:] = half
    device.bind(given.address, drawn.address, batch=2, size_px=32)
    device.enqueue(1)
    config = runtime.contexts[-1].config
    assert (config.cuda_graph_strategy, config.dynamic_shapes_kernel_specialization_strategy) == (
        strategies.DISABLED,
        eager,
    )
    np.testing.assert_allclose(drawn.array(np.float16, half.shape), expected(half.astype(np.float32)), atol=2e-3)
    for buffer in (given, drawn):
        buffer.close()
    device.close()
    device.close()


def test_a_build_between_two_steps_ends_when_it_is_told_to(gpu, runtime, tmp_path: Path):
    device = TensorRtDevice(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=tmp_path))
    device.end()
    with pytest.raises(BackendError, match="was ended before it was done"):
        device.bind(0, 0, batch=1, size_px=32)
    assert not list(tmp_path.glob("*.engine"))
    device.close()


def test_the_new_engine_is_compared_and_the_result_recorded(gpu, runtime, tmp_path: Path):
    backend = opened(tmp_path)
    backend.run(pictures())
    backend.close()
    (path,) = tmp_path.glob("*.engine")
    record = read_record(path.with_suffix(".json"))
    assert record.parity.psnr_db > 60
    assert record.parity.pictures == 2
    assert record.key.version == "9.9"
    (jit,) = tmp_path.glob("*.jit")
    assert jit.name == f"{path.stem}-Fake-RTX-4090.jit"
    assert jit.read_bytes() == b"kernels"


def test_what_was_compiled_is_never_replaced_by_less(gpu, runtime, tmp_path: Path):
    backend = opened(tmp_path)
    backend.run(pictures())
    (jit,) = tmp_path.glob("*.jit")  # kept before the backend is closed: a program may be killed
    jit.write_bytes(b"kernels of four numbers of pictures")
    backend.close()
    assert jit.read_bytes() == b"kernels of four numbers of pictures"
    gpu.is_closed = False
    backend = opened(tmp_path)
    backend.run(pictures())  # the runtime does not take these: what it compiles now is kept, however small
    backend.close()
    assert jit.read_bytes() == b"kernels"


def test_every_number_of_pictures_ran_before_it_is_called_ready(gpu, runtime, warm_cache: Path):
    backend = opened(warm_cache)
    backend.prepare((3, 32, 32))
    batches = [context.batch for context in runtime.contexts[-1:]]
    assert runtime.runs >= backend.max_batch
    assert batches == [backend.max_batch]
    backend.close()


def test_the_types_of_the_new_engine_are_read_back_and_recorded(gpu, runtime, tmp_path: Path):
    backend = opened(tmp_path)
    backend.run(pictures())
    assert {context.nvtx_verbosity for context in runtime.contexts} == {runtime.ProfilingVerbosity.NONE}
    backend.close()
    (record,) = map(read_record, tmp_path.glob("*.json"))
    assert record.types.is_known
    assert "the runtime names 21 convolutions" in record.types.note
    assert record.types.layers == {
        "CONVOLUTION HALF": 20,
        "CONVOLUTION HALF TO FLOAT": 1,
        "KGEN FLOAT": 10,
        "REFORMAT HALF": 1,
        "STATISTIC FLOAT": 10,
    }


def test_an_fp16_engine_that_came_out_in_fp32_is_refused(gpu, runtime, fakes: ModuleType, tmp_path: Path):
    runtime.layers = fakes.FLOAT_LAYERS
    backend = opened(tmp_path)
    with pytest.raises(BackendError, match="the fp16 engine came out with 21 of 21 convolutions in float") as caught:
        backend.run(pictures())
    assert "\n" not in caught.value.message
    assert "report it" in caught.value.hint
    assert not [*tmp_path.glob("*.engine"), *tmp_path.glob("*.json")]
    assert runtime.runs == 0
    runtime.layers = fakes.HALF_LAYERS
    backend.close()


def test_an_engine_that_was_refused_is_not_built_at_every_start(gpu, runtime, fakes: ModuleType, tmp_path: Path):
    def again(message: str | None) -> None:
        gpu.is_closed = False
        backend = opened(tmp_path)
        if message is None:
            np.testing.assert_allclose(backend.run(pictures())[0], expected(pictures()), atol=5e-3)
        else:
            with pytest.raises(BackendError, match=message):
                backend.run(pictures())
        backend.close()

    runtime.layers = fakes.FLOAT_LAYERS
    again("would be slow$")
    runtime.layers = fakes.HALF_LAYERS
    again(r"would be slow \(so it was on \d{4}-\d\d-\d\d\)$")
    (note,) = tmp_path.glob("*.refused")
    good = note.read_text()
    note.write_text(good.replace('"version": "9.9"', '"version": "9.8"'))  # of another version of the runtime
    again(None)
    assert not list(tmp_path.glob("*.refused"))
    for path in tmp_path.glob("*.engine"):
        path.unlink()
    note.write_text(good[:40])
    again(None)  # what nobody can read keeps nobody from trying


def test_a_failure_that_passes_is_not_remembered(gpu, runtime, tmp_path: Path):
    """Another program had the GPU for itself: tomorrow the engine may run."""
    backend = opened(tmp_path)
    runtime.fails = True
    with pytest.raises(BackendError, match="cannot be run"):
        backend.run(pictures())
    assert not list(tmp_path.glob("*.refused"))
    runtime.fails = False
    np.testing.assert_allclose(backend.run(pictures())[0], expected(pictures()), atol=5e-3)
    backend.close()


def test_a_good_engine_is_used_whatever_was_refused_before(gpu, runtime, tmp_path: Path):
    backend = opened(tmp_path)
    backend.run(pictures())
    backend.close()
    gpu.is_closed = False
    (path,) = tmp_path.glob("*.engine")
    remember_refusal(path, read_record(path.with_suffix(".json")).key, "it would be slow")
    backend = opened(tmp_path)
    backend.run(pictures())
    backend.close()


def test_closing_does_not_wait_for_a_turn(gpu, runtime, warm_cache: Path):
    backend = opened(warm_cache)
    may_end, has_turn, told = threading.Event(), threading.Event(), []

    def hold() -> None:
        with gpu_turn(threading.Event().is_set):
            has_turn.set()
            may_end.wait(30)

    def prepare() -> None:
        try:
            backend.prepare((3, 32, 32))
        except BackendError as error:
            told.append(error.message)

    holder, preparing = threading.Thread(target=hold), threading.Thread(target=prepare)
    holder.start()
    assert has_turn.wait(10)
    preparing.start()
    backend.end()
    preparing.join(10)
    assert told
    assert "is closed" in told[0]
    may_end.set()
    holder.join(10)
    backend.close()


def test_a_check_without_room_is_no_refusal(gpu, runtime, tmp_path: Path):
    backend = opened(tmp_path)
    gpu.free = 4095
    with pytest.raises(DeviceMemoryError):
        backend.run(pictures())
    assert not list(tmp_path.glob("*.refused"))
    gpu.free = 1 << 30
    backend.run(pictures())
    backend.close()


@pytest.mark.parametrize(
    "told", [None, '{"Layers": ["conv + relu", "conv"], "Bindings": []}'], ids=["nothing", "names"]
)
def test_types_that_the_runtime_does_not_tell_are_recorded_as_unknown(
    gpu, runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture, told: str | None
):
    runtime.layers = told
    backend = opened(tmp_path)
    with caplog.at_level(logging.INFO, logger="animecam"):
        backend.run(pictures())
    backend.close()
    (record,) = map(read_record, tmp_path.glob("*.json"))
    assert (record.types.is_known, record.types.layers) == (False, {})
    assert f"types of the layers of the f16 engine: {record.types.note}" in caplog.text
    assert record.parity.psnr_db > 60  # which is proved all the same


@pytest.mark.parametrize("error", [0.2, float("nan")])
def test_an_engine_that_draws_something_else_is_refused(gpu, runtime, tmp_path: Path, error: float):
    runtime.error = error
    backend = opened(tmp_path)
    with pytest.raises(BackendError, match="draws something else"):
        backend.run(pictures())
    assert not list(tmp_path.glob("*.engine"))
    backend.close()


def test_an_engine_that_the_runtime_refuses_is_built_anew(
    gpu, runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    first = opened(tmp_path)
    first.run(pictures())
    first.close()
    gpu.is_closed = False
    (path,) = tmp_path.glob("*.engine")
    damaged = b"of another driver" + path.read_bytes()
    record = path.with_suffix(".json")
    text = record.read_text().replace(read_record(record).sha256, hashlib.sha256(damaged).hexdigest())
    path.write_bytes(damaged)
    record.write_text(text)
    runtime.refused.add(damaged)
    again = opened(tmp_path)
    np.testing.assert_allclose(again.run(pictures())[0], expected(pictures()), atol=5e-3)
    assert "built anew: tensorrt-rtx: cannot load the engine" in caplog.text
    assert "another version" in caplog.text
    again.close()


def test_short_memory_makes_the_batch_smaller_and_says_so(
    gpu, runtime, warm_cache: Path, caplog: pytest.LogCaptureFixture
):
    backend = opened(warm_cache)
    gpu.free = 4096 + 2 * 2 * 2 * 2 * 3 * 40 * 40  # the context, and input and output on both sides, for two pictures
    batch = pictures(3, 40)
    np.testing.assert_allclose(backend.run(batch)[0], expected(batch), atol=5e-3)
    assert "takes 2 pictures at a time instead" in caplog.text
    backend.close()
    gpu.free = 1 << 30


def test_a_context_without_memory_counts_as_short_memory(gpu, runtime, warm_cache: Path, caplog):
    backend = opened(warm_cache)
    runtime.contexts_refused = 1
    backend.run(pictures())
    assert "takes 2 pictures at a time instead" in caplog.text
    backend.close()


def test_no_memory_at_all_is_an_error(gpu, runtime, warm_cache: Path):
    backend = opened(warm_cache)
    gpu.free = 4095
    with pytest.raises(DeviceMemoryError, match="memory of the GPU is full"):
        backend.run(pictures())
    backend.close()


def test_a_failed_run_says_what_the_runtime_said(gpu, runtime, warm_cache: Path):
    backend = opened(warm_cache)
    backend.run(pictures())
    runtime.fails = True
    runtime.messages.append("Error Code 1: Cuda Runtime (an illegal memory access)")
    with pytest.raises(BackendError, match=r"cannot be run .*illegal memory access"):
        backend.run(pictures())
    backend.close()


def test_the_engine_used_longest_ago_makes_room(gpu, runtime, warm_cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tensorrt_, "KEPT_SHAPES", 2)
    backend = opened(warm_cache)
    sizes = (32, 40, 48)
    for size_px in sizes:
        backend.run(pictures(1, size_px))
    assert not backend.is_ready((3, sizes[0], sizes[0]))
    assert all(backend.is_ready((3, size_px, size_px)) for size_px in sizes[1:])
    backend.close()


def test_auto_changes_over_to_it(gpu, runtime, warm_cache: Path, monkeypatch, caplog: pytest.LogCaptureFixture):
    """From the style's card to the pictures, with the processor until the engine is ready."""
    monkeypatch.setattr("animecam.cuda.gpu.open_gpu", lambda index: type("Probe", (), {"close": lambda self: None})())
    picture = (np.random.default_rng(1).random((32, 32, 3)) * 255).astype(np.uint8)
    with caplog.at_level(logging.INFO, logger="animecam"):
        options = BackendOptions(cache_dir=warm_cache, threads=1, gpu=0, allow_int8=False)  # half is held to float32
        with open_style("cel", BackendChoice.AUTO, options, FULL) as net:
            before = net([picture])[0]
            assert net.info.name == "openvino"
            for _ in range(2000):
                after = net([picture])[0]
                if net.info.name == "tensorrt-rtx":
                    break
        assert net.info.name == "tensorrt-rtx"
    np.testing.assert_allclose(after.astype(int), before.astype(int), atol=2)
    assert "follows when its engine is ready" in caplog.text
