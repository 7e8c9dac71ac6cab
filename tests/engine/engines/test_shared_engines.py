"""An engine is loaded once, however many run it, and goes with the last. The runtime is ONNX Runtime in disguise."""

import gc
import threading
import time
import weakref
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from animecam.backends.base import BackendOptions
from animecam.backends.tensorrt_ import TensorRtDevice
from animecam.cuda.turns import gpu_turn
from animecam.drawing.device_styles import DeviceStyles
from animecam.engines import shared
from animecam.engines.session import EngineSession
from animecam.engines.shared import SharedEngine
from animecam.errors import BackendError
from animecam.styles.registry import find_style, verified_half

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")

CEL = find_style("cel")
SIZE_PX = 32


@pytest.fixture(autouse=True)
def nothing_left(gpu, monkeypatch):
    """Several have the GPU open here, as the driver counts them: the first that closes it is not the last."""
    monkeypatch.setattr(gpu, "use", lambda: None)
    yield
    gpu.close()
    assert not shared._loaded, "an engine was not given back"


@pytest.fixture
def on_gpu(gpu, opened, warm_cache):
    """`on_gpu()`: the style `cel` between two steps on the GPU; its engine is in the cache."""
    backend = opened(warm_cache)
    backend.prepare((3, SIZE_PX, SIZE_PX))
    backend.close()
    return lambda: TensorRtDevice(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=warm_cache, gpu=0))


@pytest.fixture
def drawn(gpu, pictures):
    """`drawn(device)`: what it draws of `pictures(2)` between two steps on the GPU."""

    def draw(device: TensorRtDevice) -> np.ndarray:
        batch = pictures(2, SIZE_PX).astype(np.float16)
        with closing(gpu.buffer(batch.nbytes)) as given, closing(gpu.buffer(batch.nbytes)) as result:
            given.array(np.float16, batch.shape)[:] = batch
            device.bind(given.address, result.address, batch=2, size_px=SIZE_PX)
            device.enqueue(1)
            return result.array(np.float16, batch.shape).copy()

    return draw


def is_right(device, drawn, expected, pictures) -> bool:
    return np.allclose(drawn(device), expected(pictures(2, SIZE_PX)), atol=5e-3)


@pytest.mark.parametrize("first", ["host", "device"])
def test_a_style_that_is_drawn_both_ways_is_loaded_once(
    gpu, runtime, on_gpu, opened, warm_cache: Path, pictures, drawn, expected, first
):
    """As with `--backend tensorrt`: fed from the host, and between two steps on the GPU, whoever comes first."""
    runtime.engines.clear()
    runtime.contexts.clear()
    host, device = opened(warm_cache), on_gpu()
    ways = [lambda: host.run(pictures(1, SIZE_PX)), lambda: drawn(device)]
    for way in ways if first == "host" else reversed(ways):
        way()
    assert (len(runtime.engines), len(runtime.sessions)) == (1, 2)
    assert len({context.memory for context in runtime.contexts}) == 2  # they may run at the same time
    if first == "host":
        host.close()
        assert is_right(device, drawn, expected, pictures)
    else:
        device.close()
        np.testing.assert_allclose(host.run(pictures(1, SIZE_PX))[0], expected(pictures(1, SIZE_PX)), atol=5e-3)
    host.close()
    device.close()
    device.close()
    runtime.contexts.clear()
    gc.collect()
    assert [engine() for engine in runtime.engines] == [None]


def test_styles_of_the_frame_path_share_it_too(gpu, runtime, on_gpu, opened, warm_cache: Path, pictures):
    runtime.engines.clear()
    with closing(opened(warm_cache)) as host, closing(DeviceStyles(gpu, lambda *_: on_gpu())) as styles:
        host.prepare((3, SIZE_PX, SIZE_PX))
        end_s = time.monotonic() + 60
        while styles("cel", SIZE_PX) is None:
            assert time.monotonic() < end_s
            time.sleep(0.05)
        assert len(runtime.engines) == 1


@pytest.fixture
def gone(runtime, fakes, monkeypatch):
    """What was taken from the GPU, in this order."""
    gone: list[str] = []

    class Runtime:
        def deserialize_cuda_engine(self, _data):
            engine = fakes.Engine(runtime)
            weakref.finalize(engine, gone.append, "engine")
            return engine

    def make_runtime(_logger):
        made = Runtime()
        weakref.finalize(made, gone.append, "runtime")
        return made

    def make_context(_engine, config):
        context = fakes.Context(runtime, config)
        runtime.contexts.clear()
        weakref.finalize(context, gone.append, "context")
        return context

    monkeypatch.setattr(runtime, "Runtime", make_runtime)
    monkeypatch.setattr(fakes.Engine, "create_execution_context", make_context)
    return gone


def test_contexts_go_before_their_engine_and_that_before_its_runtime(gpu, runtime, on_gpu, gone, drawn):
    one, other = on_gpu(), on_gpu()
    for device in (one, other):
        drawn(device)
    assert not gone
    one.close()
    assert gone == ["context"] * 2  # for the most pictures, and for two
    other.close()
    assert gone == [*["context"] * 4, "engine", "runtime"]


def test_so_they_do_where_the_context_turns_out_to_be_of_no_use(gpu, runtime, gone, fakes, monkeypatch):
    monkeypatch.setattr(fakes.Context, "set_input_shape", lambda *_: False)
    with gpu_turn(lambda: False), pytest.raises(BackendError, match="takes 1 to 4 pictures") as caught:
        EngineSession(runtime.flavour, gpu, b"one", max_batch=4, shape=(3, SIZE_PX, SIZE_PX))
    assert gone == ["context", "engine", "runtime"], caught.value


def test_a_context_that_finds_no_memory_gives_its_share_back(gpu, runtime, on_gpu, drawn, expected, pictures):
    """The one that was there goes on, and an engine for fewer pictures is taken beside it."""
    with closing(on_gpu()) as one, closing(on_gpu()) as other:
        assert is_right(one, drawn, expected, pictures)
        (shared_one,) = shared._loaded.values()
        runtime.contexts_refused = 1
        assert is_right(other, drawn, expected, pictures)
        assert (one.max_batch, other.max_batch) == (4, 2)
        assert shared_one.shares == 1
        assert is_right(one, drawn, expected, pictures)


def shared_in_turn(runtime, gpu, data: bytes) -> SharedEngine:
    with gpu_turn(lambda: False):
        return SharedEngine(runtime.flavour, gpu, data)


def test_an_engine_that_is_refused_is_kept_by_nobody(gpu, runtime):
    runtime.refused.add(b"another version's")
    with pytest.raises(BackendError, match="cannot load the engine"):
        shared_in_turn(runtime, gpu, b"another version's")


def test_other_engines_and_other_gpus_share_nothing(gpu, runtime, fakes):
    second = fakes.FakeGpu(shared_as=(2, 1))
    shares = [shared_in_turn(runtime, where, data) for where in (gpu, second) for data in (b"one", b"other")]
    assert len(runtime.engines) == len({id(share.engine) for share in shares}) == 4
    for share in shares:
        share.close()


def test_nobody_is_left_with_an_engine_that_another_thread_takes_from_the_gpu(gpu, runtime, monkeypatch):
    """Who comes takes turns, who goes does not wait for one: the last one may go just when the next one comes."""

    class Loaded(dict):
        def get(self, key):
            found = super().get(key)
            if found is not None:
                going.start()
                going.join(0.2)
            return found

    monkeypatch.setattr(shared, "_loaded", Loaded())
    last = shared_in_turn(runtime, gpu, b"one")
    going = threading.Thread(target=last.close)
    share = shared_in_turn(runtime, gpu, b"one")
    going.join(10)
    assert share.engine is not None
    share.close()
