"""Fixtures of the tests of what surrounds TensorRT's runtime: a GPU and a runtime that are fakes, and real engines."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.backends.tensorrt_ import TensorRtBackend
from animecam.engines import loader, store
from animecam.engines.build import BuiltEngine, build_engine
from animecam.engines.flavour import Flavour
from animecam.engines.key import EngineKey
from animecam.styles.registry import find_style, verified_half

CEL = find_style("cel")


@pytest.fixture(scope="session")
def fakes(load_module: Callable[[str], ModuleType]) -> ModuleType:
    """fake_gpu.py beside this file."""
    return load_module("engine/engines/fake_gpu.py")


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
    monkeypatch.setattr(loader, "other_flavour", lambda flavour: None)
    yield runtime
    assert not runtime.beside, "made out of turn: it may end what another thread records"


@pytest.fixture(scope="session")
def warm_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Engines built by one test are there for the next; tests that damage them have a folder of their own."""
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="session")
def built() -> dict[tuple[Path, EngineKey], BuiltEngine]:
    """Every engine that was built so far: it takes a second, and comes out the same."""
    return {}


@pytest.fixture
def opened(
    built: dict[tuple[Path, EngineKey], BuiltEngine], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], TensorRtBackend]:
    """`opened(cache)`: the style `cel` on the fake GPU. What it builds comes from `built`, once it is there."""

    def build(flavour: Flavour, model: Path, key: EngineKey, **options: Any) -> BuiltEngine:
        if (model, key) not in built:
            built[model, key] = build_engine(flavour, model, key, **options)
        return built[model, key]

    monkeypatch.setattr(store, "build_engine", build)
    return _opened


def _opened(cache: Path) -> TensorRtBackend:
    return TensorRtBackend(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=cache, gpu=0))


@pytest.fixture
def pictures() -> Callable[..., np.ndarray]:
    """`pictures(count=1, size_px=32)`: a batch of noise."""
    return _pictures


def _pictures(count: int = 1, size_px: int = 32) -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, (count, 3, size_px, size_px)).astype(np.float32)


@pytest.fixture(scope="session")
def expected() -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """`expected(batch)`: what the network draws on the processor."""
    with closing(open_backend(CEL.model_path(), BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))) as backend:
        yield lambda batch: np.concatenate([backend.run(picture[None])[0] for picture in batch])
