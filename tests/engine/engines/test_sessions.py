"""What an engine that runs takes, holds and leaves alone. The runtime itself is ONNX Runtime in disguise."""

import copy
import weakref
from contextlib import closing
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from animecam.backends.base import BackendOptions
from animecam.backends.tensorrt_ import TensorRtDevice
from animecam.errors import BackendError, DeviceMemoryError, HostMemoryError
from animecam.styles.registry import find_style, verified_half

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")

CEL = find_style("cel")


def test_short_memory_of_the_host_makes_no_smaller_engine(
    gpu, runtime, warm_cache: Path, caplog: pytest.LogCaptureFixture, opened, pictures, monkeypatch
):
    """One would take a build, and every start to come would draw with it."""

    def pin(nbytes: int):
        raise HostMemoryError(f"cannot pin {nbytes} bytes of memory")

    backend = opened(warm_cache)
    backend.prepare((3, 32, 32))  # its engine is there
    contexts = len(runtime.contexts)
    monkeypatch.setattr(gpu, "pinned", pin)
    with pytest.raises(HostMemoryError, match="cannot pin"):
        backend.prepare((3, 32, 32))
    assert len(runtime.contexts) == contexts + 1  # nor is it built anew, or tried again
    assert "pictures at a time instead" not in caplog.text
    backend.close()


def test_what_is_bound_already_is_not_bound_again(gpu, runtime, fakes: ModuleType, warm_cache: Path, monkeypatch):
    """What cannot be recorded is bound and queued with every frame."""
    with (
        closing(TensorRtDevice(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=warm_cache))) as device,
        closing(gpu.buffer(2 * 2 * 3 * 32 * 32)) as given,
        closing(gpu.buffer(2 * 2 * 3 * 32 * 32)) as drawn,
    ):
        for batch in (1, 2):
            device.bind(given.address, drawn.address, batch=batch, size_px=32)
        binds, contexts = runtime.binds, len(runtime.contexts)
        shapes = []
        monkeypatch.setattr(fakes.Context, "set_input_shape", lambda _self, _name, shape: shapes.append(shape) or True)
        for batch in (1, 1, 2, 1, 2):
            device.bind(given.address, drawn.address, batch=batch, size_px=32)
            device.enqueue(1)
        assert (runtime.binds, shapes, len(runtime.contexts)) == (binds, [], contexts)
        device.bind(drawn.address, drawn.address, batch=1, size_px=32)
        assert runtime.binds == binds + 1


def test_nothing_that_was_recorded_is_bound_for_another_number_of_pictures(
    gpu, runtime, fakes: ModuleType, warm_cache: Path, pictures, expected
):
    """A context whose number changes spoils what was recorded of it. They share the engine's memory all the same."""
    given, drawn = (gpu.buffer(2 * 4 * 3 * 32 * 32) for _ in range(2))
    with closing(TensorRtDevice(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=warm_cache))) as device:
        for batch in (1, 2, 1, 4, 2):
            half = pictures(batch).astype(np.float16)
            given.array(np.float16, half.shape)[:] = half
            device.bind(given.address, drawn.address, batch=batch, size_px=32)
            device.enqueue(1)
            np.testing.assert_allclose(
                drawn.array(np.float16, half.shape), expected(half.astype(np.float32)), atol=2e-3
            )
        session = runtime.sessions[-1]
        assert sorted(dict(context.ran).popitem() for context in session) == [(1, 2), (2, 2), (4, 1)]
        assert len({context.memory for context in session}) == 1
    for buffer in (given, drawn):
        buffer.close()


def test_a_number_of_pictures_that_is_refused_leaves_the_others(gpu, runtime, fakes, warm_cache: Path, monkeypatch):
    with closing(TensorRtDevice(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=warm_cache))) as device:
        device.bind(4096, 8192, batch=1, size_px=32)
        with monkeypatch.context() as refusing:
            refusing.setattr(fakes.Context, "set_input_shape", lambda *_: False)
            for _ in range(2):
                with pytest.raises(BackendError, match="takes 1 to 4 pictures, not 2"):
                    device.bind(4096, 8192, batch=2, size_px=32)
        runtime.contexts_refused = 1
        with pytest.raises(DeviceMemoryError):
            device.bind(4096, 8192, batch=2, size_px=32)
        device.bind(4096, 8192, batch=2, size_px=32)
        assert runtime.contexts[-1].batch == 2


def test_an_address_that_was_refused_is_bound_again(gpu, runtime, warm_cache: Path, monkeypatch):
    with closing(TensorRtDevice(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=warm_cache))) as device:
        device.bind(4096, 8192, batch=1, size_px=32)
        with monkeypatch.context() as refusing:
            refusing.setattr(runtime.contexts[-1], "set_tensor_address", lambda *_: False)
            with pytest.raises(BackendError, match="refuses the address of drawn"):
                device.bind(4096, 16384, batch=1, size_px=32)
        device.bind(4096, 16384, batch=1, size_px=32)
        assert runtime.contexts[-1]._addresses["drawn"] == 16384


def test_what_a_context_was_made_with_lives_as_long(gpu, runtime, fakes: ModuleType, warm_cache: Path, monkeypatch):
    gone: list[str] = []

    class Config(fakes.RuntimeConfig):
        def __init__(self) -> None:
            super().__init__()
            weakref.finalize(self, gone.append, "config")

        def create_runtime_cache(self):
            return fakes.RuntimeConfig()

        def set_runtime_cache(self, _cache) -> bool:
            return True

    def make_context(engine, config):
        context = fakes.Context(runtime, copy.copy(config))
        runtime.contexts.clear()
        weakref.finalize(context, gone.append, "context")
        return context

    with closing(TensorRtDevice(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=warm_cache))) as device:
        device.bind(4096, 8192, batch=1, size_px=32)  # its engine is there, and compared
        monkeypatch.setattr(fakes.Engine, "create_runtime_config", lambda _: Config())
        monkeypatch.setattr(fakes.Engine, "create_execution_context", make_context)
        session = device._loader.device_session((3, 32, 32))
        assert not gone
        session.close()
        assert gone == ["context", "config"]


def test_what_is_done_beside_the_rest_is_done_on_streams_of_ours(
    gpu, runtime, fakes: ModuleType, warm_cache: Path, monkeypatch
):
    """The runtime's own wait for the default stream, where FFmpeg decodes: that would end what is being recorded."""
    made: list[int] = []
    closed: list[int] = []

    class Stream(fakes.Stream):
        def __init__(self, of) -> None:
            super().__init__(of)
            self.handle = 100 + len(made)
            made.append(self.handle)

        def close(self) -> None:
            assert not session._contexts
            closed.append(self.handle)

    with closing(TensorRtDevice(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=warm_cache))) as device:
        device.bind(4096, 8192, batch=1, size_px=32)  # its engine is there, and compared
        monkeypatch.setattr(fakes.Engine, "num_aux_streams", 2)
        monkeypatch.setattr(gpu, "stream", lambda: Stream(gpu))
        session = device._loader.device_session((3, 32, 32))
        session.set_batch(1)
        assert [context.beside for context in runtime.contexts[-2:]] == [[100, 101]] * 2
        session.close()
        assert closed == made == [100, 101]
