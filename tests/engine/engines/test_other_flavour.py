"""What tensorrt-rtx refuses on a GPU goes on to tensorrt where both are installed, then to PyTorch; once told why."""

import logging
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animecam.backends import opening
from animecam.backends.base import BackendChoice, BackendInfo, BackendOptions
from animecam.backends.tensorrt_ import TensorRtBackend, TensorRtDevice
from animecam.cuda.base import GpuFacts
from animecam.drawing import device_opening
from animecam.drawing.device_opening import open_device_style
from animecam.drawing.device_styles import DeviceStyles
from animecam.engines import flavour as flavours
from animecam.engines import loader, store
from animecam.engines.ahead import Networks, Place, build_ahead
from animecam.engines.build import BuiltEngine, quiet
from animecam.engines.flavour import CLASSIC, RTX
from animecam.engines.loader import flavour_here
from animecam.errors import BackendError, DeviceMemoryError
from animecam.once import tell_once
from animecam.styles.registry import find_style, verified_half

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")

CEL = find_style("cel")
WHY = "Error Code 1: The engine cannot run on this GPU"


class Both:
    """Both packages as fakes, of which `refuse` keeps one from loading what it built."""

    def __init__(self, fakes, monkeypatch, caplog) -> None:
        self.rtx, self.classic = (fakes.FakeRuntime(CEL.model_path()) for _ in range(2))
        self.classic.flavour = replace(self.classic.flavour, name=CLASSIC, version="10.13")
        self.built: list[str] = []
        self.installed = (RTX, CLASSIC)
        self._monkeypatch, self._caplog = monkeypatch, caplog
        monkeypatch.setattr(flavours, "installed", lambda: self.installed)
        monkeypatch.setattr(flavours, "load_flavour", self._load)
        monkeypatch.setattr(loader, "_refused", {})
        monkeypatch.setattr(store, "build_engine", self._build)

    def refuse(self, runtime, why: str = WHY) -> None:
        self._monkeypatch.setattr(runtime, "deserialize_cuda_engine", lambda _: runtime.messages.append(why))

    @property
    def warnings(self) -> list[str]:
        return [record.getMessage() for record in self._caplog.records if record.levelno >= logging.WARNING]

    def _load(self, name: str):
        return {RTX: self.rtx, CLASSIC: self.classic}[name].flavour

    def _build(self, flavour, model, key, **_) -> BuiltEngine:
        self.built.append(flavour.name)
        return BuiltEngine(f"{flavour.name} {key}".encode(), {}, 0.0)


@pytest.fixture
def both(fakes, gpu, monkeypatch, caplog):
    tell_once.cache_clear()
    caplog.set_level(logging.INFO, logger="animecam")
    yield Both(fakes, monkeypatch, caplog)
    tell_once.cache_clear()


def opened(folder: Path) -> TensorRtBackend:
    return TensorRtBackend(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=folder, gpu=0))


def test_what_rtx_refuses_tensorrt_draws_and_it_is_told_once(both, gpu, tmp_path, pictures, expected):
    """Fed from the host and between two steps on the GPU, by several that load it."""
    both.refuse(both.rtx)
    backend = opened(tmp_path)
    assert backend.info.name == RTX
    np.testing.assert_allclose(backend.run(pictures())[0], expected(pictures()), atol=5e-3)
    assert (backend.info.name, backend.info.version) == (CLASSIC, "10.13")
    backend.close()
    gpu.is_closed = False
    with closing(TensorRtDevice(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=tmp_path))) as device:
        address = gpu.buffer(2 * 3 * 40 * 40)
        device.bind(address.address, address.address, batch=1, size_px=40)
        address.close()
        assert device.info.name == CLASSIC
    assert both.built == [RTX, CLASSIC, CLASSIC]  # rtx is not asked again for the same network
    (told,) = both.warnings
    assert told.startswith(f"{RTX} is not usable, {CLASSIC} is: {RTX}: cannot load the engine")
    assert WHY in told


def test_a_start_to_come_takes_the_engine_that_tensorrt_built(both, gpu, tmp_path, pictures, monkeypatch):
    both.refuse(both.rtx)
    for _ in range(2):
        monkeypatch.setattr(loader, "_refused", {})  # another process
        gpu.is_closed = False
        backend = opened(tmp_path)
        backend.run(pictures())
        backend.close()
    assert both.built == [RTX, CLASSIC, RTX]


@pytest.mark.parametrize("how", ["refused", "not there"])
def test_what_neither_runs_is_one_error(both, gpu, tmp_path, pictures, how):
    both.refuse(both.rtx)
    both.refuse(both.classic, "Error Code 6: the driver is too old")
    if how == "not there":
        both.installed = (RTX,)
    with closing(opened(tmp_path)) as backend:
        for size_px in (32, 40):
            with pytest.raises(BackendError, match=WHY) as caught:
                backend.run(pictures(1, size_px))
            assert ("tensorrt: cannot load" in caught.value.message) is (how == "refused")
            assert caught.value.message.count(WHY) == 1
        assert backend.info.name == RTX
    assert both.built == ([RTX, CLASSIC] if how == "refused" else [RTX, RTX])  # that may take minutes
    assert not both.warnings  # whoever called tells it


@pytest.mark.parametrize("runs_classic", [True, False])
def test_heads_on_the_gpu_go_on_to_tensorrt_and_then_to_pytorch(both, fakes, gpu, tmp_path, monkeypatch, runs_classic):
    class InTorch:
        info = BackendInfo("torch", "2", gpu.name, "f16")
        max_batch = 1

        def bind(self, *_, **__) -> None: ...

        enqueue = close = end = bind

    def open_network(style: str, size_px: int) -> TensorRtDevice:
        gpu.is_closed = False  # whoever gave up has closed it
        return open_device_style(style, size_px, BackendOptions(cache_dir=tmp_path, gpu=0))

    monkeypatch.setattr(device_opening, "_open_torch", lambda *_: InTorch())
    both.refuse(both.rtx)
    if not runs_classic:
        both.refuse(both.classic, "Error Code 6: the driver is too old")
    end_s = time.monotonic() + 60
    with closing(DeviceStyles(fakes.FakeGpu(), open_network, lambda *_: InTorch())) as styles:
        for size_px in (32, 40):
            while (network := styles("cel", size_px)) is None:
                assert time.monotonic() < end_s
                time.sleep(0.05)
            assert network.info.name == (CLASSIC if runs_classic else "torch")
    (told,) = both.warnings
    assert told.startswith(f"{RTX} is not usable, {CLASSIC if runs_classic else 'torch'} is: {RTX}: cannot load")
    assert ("the driver is too old" in told) is not runs_classic


def test_short_memory_is_no_refusal(both, gpu, tmp_path, pictures):
    with closing(opened(tmp_path)) as backend:
        both.refuse(both.rtx, "Error Code 2: OutOfMemory")
        with pytest.raises(DeviceMemoryError):
            backend.run(pictures())
    assert CLASSIC not in both.built


def test_a_load_that_is_ended_takes_nothing_else(both, gpu, tmp_path, pictures):
    with closing(opened(tmp_path)) as backend:
        both.refuse(both.rtx)
        backend.end()
        with pytest.raises(BackendError):
            backend.run(pictures())
    assert CLASSIC not in both.built


def test_a_network_that_rtx_cannot_read_tensorrt_reads(both, gpu, tmp_path, pictures, monkeypatch):
    real = loader.read_ports

    def read(flavour, model, folder):
        if flavour.is_rtx:
            raise BackendError("tensorrt-rtx: cannot load model.onnx: an operator it does not know")
        return real(flavour, model, folder)

    monkeypatch.setattr(loader, "read_ports", read)
    with closing(opened(tmp_path)) as backend:
        assert backend.info.name == CLASSIC
        backend.run(pictures())
    assert both.built == [CLASSIC]
    assert len(both.warnings) == 1


def test_spares_are_not_built_for_minutes_where_rtx_has_refused_another_style(
    both, gpu, tmp_path, pictures, monkeypatch
):
    assert flavour_here(gpu).name == RTX
    both.refuse(both.rtx)
    with closing(opened(tmp_path)) as backend:
        backend.run(pictures())
    assert flavour_here(gpu).name == CLASSIC
    assert flavour_here(gpu, Path("another.onnx")).name == RTX  # which may be good
    options = BackendOptions(cache_dir=tmp_path)
    monkeypatch.setattr(device_opening, "is_built", lambda place, *_: place.flavour.is_rtx)
    assert not device_opening._is_at_hand(gpu, "anime", 192, options, "full")


def test_auto_draws_on_the_gpu_with_tensorrt_then_and_without_it_on_the_processor(
    both, gpu, tmp_path, pictures, expected, monkeypatch
):
    """From `auto` to the pictures, in one line of the log each."""
    monkeypatch.setattr("animecam.cuda.gpu.look_at_gpu", lambda index: GpuFacts(gpu.name, gpu.compute_capability))
    monkeypatch.setattr(opening, "WORTH_AN_ENGINE", 1)
    both.refuse(both.rtx)
    for name in (CLASSIC, "onnxruntime"):
        gpu.is_closed = False
        both._caplog.clear()
        monkeypatch.setattr(opening, "PROCESSOR_ORDER", (BackendChoice.ONNXRUNTIME,))
        options = BackendOptions(cache_dir=tmp_path, gpu=0, threads=1)
        with closing(
            opening.open_backend(CEL.model_path(), BackendChoice.AUTO, options, half=verified_half(CEL))
        ) as one:
            one.run(pictures())
            while not one.is_settled:
                one.run(pictures())
            np.testing.assert_allclose(one.run(pictures())[0], expected(pictures()), atol=5e-3)
            assert one.info.name == name
        assert len(both.warnings) == 1
        both.refuse(both.classic)
        for path in tmp_path.glob("*.engine"):
            path.unlink()


@pytest.fixture
def build(both, gpu, tmp_path):
    """`build(progress=quiet)` builds the network for two sizes ahead, with tensorrt-rtx to begin with."""

    def build(progress=quiet):
        networks = Networks("cel", CEL.model_path(), verified_half(CEL))
        return list(build_ahead(Place(both.rtx.flavour, gpu, tmp_path), networks, [32, 40], progress))

    yield build
    gpu.close()


def test_what_rtx_refuses_is_built_ahead_with_tensorrt(both, build):
    both.refuse(both.rtx)
    assert [engine.record.key.runtime for engine in build()] == [CLASSIC, CLASSIC]
    assert both.built == [RTX, CLASSIC, CLASSIC]
    build()
    (told,) = both.warnings
    assert told.startswith(f"{RTX} is not usable, {CLASSIC} is tried: {RTX}: cannot load the engine")


def test_nothing_else_is_built_ahead_where_memory_is_short_or_nobody_waits(both, build):
    both.refuse(both.rtx, "Error Code 2: OutOfMemory")
    with pytest.raises(DeviceMemoryError):
        build()
    both.refuse(both.rtx)
    with pytest.raises(BackendError, match=WHY):
        build(lambda _: False)
    both.installed = (RTX,)
    with pytest.raises(BackendError, match=WHY):
        build()
    assert CLASSIC not in both.built
