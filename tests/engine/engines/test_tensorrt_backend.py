"""What surrounds the runtime: loading, binding, batches, memory. The runtime itself is ONNX Runtime in disguise."""

import logging
import threading
import time
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from animecam.backends import tensorrt_
from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.tensorrt_ import TensorRtDevice
from animecam.cuda.base import GpuFacts
from animecam.cuda.current import note_context
from animecam.cuda.turns import gpu_turn, has_gpu_turn
from animecam.engines.host import HostSession
from animecam.errors import BackendError
from animecam.styles.card import FULL
from animecam.styles.network import open_style
from animecam.styles.registry import find_style, verified_half

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")

CEL = find_style("cel")
ENGINE_SECONDS = 60.0  # an engine is built, or the test fails


def test_it_draws_what_the_network_draws(gpu, runtime, warm_cache: Path, opened, pictures, expected):
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


def test_nothing_is_allocated_or_bound_again_and_one_wait_a_run(gpu, runtime, warm_cache: Path, opened, pictures):
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


def test_the_host_lets_rtx_capture_and_the_device_path_captures_itself(
    gpu, runtime, warm_cache: Path, opened, pictures, expected
):
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


def test_every_number_of_pictures_ran_before_it_is_called_ready(gpu, runtime, warm_cache: Path, opened):
    backend = opened(warm_cache)
    backend.prepare((3, 32, 32))
    ran = sorted(count for context in runtime.sessions[-1] for count in context.ran)
    assert ran == list(range(1, backend.max_batch + 1))
    backend.close()


def test_what_rtx_records_by_itself_is_recorded_before_frames_come(gpu, runtime, warm_cache: Path, opened):
    """Its first run compiles, its second records, and its third is the first that launches what was recorded."""
    backend = opened(warm_cache)
    backend.prepare((3, 32, 32))
    session = runtime.sessions[-1]
    assert {context.config.cuda_graph_strategy.name for context in session} == {"WHOLE_GRAPH_CAPTURE"}
    assert [min(context.ran.values()) >= 3 for context in session] == [True] * backend.max_batch
    backend.close()


@pytest.fixture
def recording(fakes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What contexts do that record by themselves: in the second run of a kind, and one, as more is not promised."""
    done, last, recorded = Counter[str](), {}, {}
    run = fakes.Context.execute_async_v3

    def record_or_launch(context, stream_handle: int) -> bool:
        kind = (context.batch, *context._addresses.values())
        if context.config.cuda_graph_strategy.name == "WHOLE_GRAPH_CAPTURE":
            if kind == recorded.get(context):
                done["launches"] += 1
            elif kind == last.get(context):
                recorded[context] = kind
                done["recordings"] += 1
            last[context] = kind
        return run(context, stream_handle)

    monkeypatch.setattr(fakes.Context, "execute_async_v3", record_or_launch)
    return done


def test_what_rtx_recorded_stays_as_somebody_comes_and_goes(
    gpu, runtime, recording: Counter[str], warm_cache: Path, opened, pictures
):
    """Five pictures are cut into four and one: that, too, must record nothing anew."""
    backend = opened(warm_cache)
    backend.prepare((3, 32, 32))
    assert recording["recordings"] == backend.max_batch
    recording.clear()
    for count in (1, 2, 1, 2, 5, 4, 5):
        backend.run(pictures(count))
    assert recording == {"launches": 9}
    backend.close()


def test_closing_does_not_wait_for_a_turn(gpu, runtime, warm_cache: Path, opened):
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


def test_a_failed_run_says_what_the_runtime_said(gpu, runtime, warm_cache: Path, opened, pictures):
    backend = opened(warm_cache)
    backend.run(pictures())
    runtime.fails = True
    runtime.messages.append("Error Code 1: Cuda Runtime (an illegal memory access)")
    with pytest.raises(BackendError, match=r"cannot be run .*illegal memory access"):
        backend.run(pictures())
    backend.close()


def test_the_engine_used_longest_ago_makes_room(
    gpu, runtime, warm_cache: Path, monkeypatch: pytest.MonkeyPatch, opened, pictures
):
    monkeypatch.setattr(tensorrt_, "KEPT_SHAPES", 2)
    backend = opened(warm_cache)
    sizes, turns = (32, 40, 48), []
    for size_px in sizes:
        backend.run(pictures(1, size_px))
        session = backend._sessions[3, size_px, size_px]
        close = session.close
        session.close = lambda size_px=size_px, close=close: (turns.append((size_px, has_gpu_turn())), close())
    assert turns == [(sizes[0], True)]  # what is freed may wait for the whole GPU, which ends what others record
    assert not backend.is_ready((3, sizes[0], sizes[0]))
    assert all(backend.is_ready((3, size_px, size_px)) for size_px in sizes[1:])
    backend.close()


def test_an_engine_whose_first_run_fails_is_freed_in_turn(gpu, runtime, warm_cache: Path, opened, monkeypatch):
    backend, turns, close = opened(warm_cache), [], HostSession.close
    backend.prepare((3, 32, 32))  # its engine is there, and was compared
    monkeypatch.setattr(HostSession, "close", lambda session: (turns.append(has_gpu_turn()), close(session)))
    runtime.fails = True
    with pytest.raises(BackendError, match="cannot be run"):
        backend.prepare((3, 32, 32))
    assert turns == [True]  # as above
    backend.close()


def test_what_two_threads_prepare_is_kept_once(gpu, runtime, warm_cache: Path, opened, pictures, expected):
    backend = opened(warm_cache)
    for _ in range(2):
        backend.prepare((3, 32, 32))
    first, second = runtime.sessions[-2:]
    np.testing.assert_allclose(backend.run(pictures())[0], expected(pictures()), atol=5e-3)
    runs = [sum(context.ran[1] for context in session) for session in (first, second)]
    assert runs[1] == runs[0] + 1
    backend.close()  # the fixture looks whether all memory was given back


def test_a_ctrl_c_reaches_nobody_who_is_called_back_by_a_first_run(
    gpu, runtime, warm_cache: Path, opened, pictures, monkeypatch
):
    """The bindings would print it and go on."""
    backend = opened(warm_cache)
    real, threads = runtime.compute, []
    monkeypatch.setattr(runtime, "compute", lambda given: threads.append(threading.current_thread()) or real(given))
    backend.prepare((3, 32, 32))
    assert threads
    assert threading.main_thread() not in threads
    backend.close()


def test_a_first_run_ends_soon_when_it_is_told_to(gpu, runtime, warm_cache: Path, opened, monkeypatch):
    backend = opened(warm_cache)
    backend.prepare((3, 32, 32))  # its engine is there
    real, runs = runtime.compute, []
    monkeypatch.setattr(runtime, "compute", lambda given: runs.append(backend.end()) or real(given))
    with pytest.raises(BackendError, match="is closed"):
        backend.prepare((3, 32, 32))
    assert len(runs) == 1
    backend.close()


def test_whoever_calls_it_gets_his_context_back(gpu, runtime, warm_cache: Path, opened, pictures, monkeypatch):
    given_back = []
    monkeypatch.setattr(gpu, "use", lambda: note_context(lambda: lambda: given_back.append("the caller's")))
    backend = opened(warm_cache)
    backend.run(pictures())
    assert given_back == ["the caller's"]
    backend.close()
    assert given_back == ["the caller's"] * 2


def test_a_shape_that_makes_room_just_before_it_is_drawn_is_loaded_again(
    gpu, runtime, warm_cache: Path, opened, pictures, expected
):
    backend = opened(warm_cache)
    backend.run(pictures())
    real, evictions = backend._using, []

    class MeanwhilePrepared:
        """Another thread prepares one shape too many as this one is about to draw."""

        def __enter__(self):
            if not evictions:
                evictions.append(backend._sessions.popitem(last=False)[1].close())
            return real.__enter__()

        def __exit__(self, *failure):
            return real.__exit__(*failure)

    backend._using = MeanwhilePrepared()
    np.testing.assert_allclose(backend.run(pictures())[0], expected(pictures()), atol=5e-3)
    assert evictions
    backend.close()


def test_auto_changes_over_to_it(gpu, runtime, warm_cache: Path, monkeypatch, caplog: pytest.LogCaptureFixture):
    """From the style's card to the pictures, with the processor until the engine is ready."""
    monkeypatch.setattr("animecam.cuda.gpu.look_at_gpu", lambda index: GpuFacts(gpu.name, gpu.compute_capability))
    picture = (np.random.default_rng(1).random((32, 32, 3)) * 255).astype(np.uint8)
    with caplog.at_level(logging.INFO, logger="animecam"):
        # Half is held to float32.
        options = BackendOptions(cache_dir=warm_cache, threads=1, gpu=0, allow_bf16=False, allow_int8=False)
        with open_style("cel", BackendChoice.AUTO, options, FULL) as net:
            before = net([picture])[0]
            assert net.info.name == "openvino"
            last_s = time.monotonic() + ENGINE_SECONDS
            after = before
            while net.info.name != "tensorrt-rtx" and time.monotonic() < last_s:
                after = net([picture])[0]
        assert net.info.name == "tensorrt-rtx"
    np.testing.assert_allclose(after.astype(int), before.astype(int), atol=2)
    assert "follows when its engine is ready" in caplog.text
