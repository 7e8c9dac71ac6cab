"""Fixtures of the tests of `animecam serve`; skips them where the extra [web] is not installed."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("aiohttp", reason="needs the extra: pip install 'animecam[web]'")
pytest.importorskip("aiortc", reason="needs the extra: pip install 'animecam[web]'")


def _load(name: str) -> ModuleType:
    """A module beside this file; under --import-mode=importlib siblings cannot be imported by name."""
    spec = importlib.util.spec_from_file_location(f"animecam_web_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fakes() -> ModuleType:
    """tests/engine/web/fakes.py: FakeEngine, make_frame, styles."""
    return _load("fakes")


def _load_benchmark(name: str) -> ModuleType:
    """A module of benchmarks/, which is no package; its scripts import each other by bare name."""
    folder = str(Path(__file__).parents[3] / "benchmarks")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


@pytest.fixture(scope="session")
def chromium() -> ModuleType:
    """benchmarks/chromium.py, where a Chromium is installed."""
    module = _load_benchmark("chromium")
    if module.find_chromium() is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    return module


@pytest.fixture(scope="session")
def roundtrip() -> ModuleType:
    """benchmarks/roundtrip.py: measures the delay from camera to screen."""
    return _load_benchmark("roundtrip")


@pytest.fixture(scope="session")
def camera_clip(tmp_path_factory: pytest.TempPathFactory, media: ModuleType) -> Path:
    """What Chromium's camera plays: the bundled portrait, swaying, 320 x 240 at 15 frames a second."""
    path = tmp_path_factory.mktemp("camera") / "portrait.mjpeg"
    return media.make_clip(
        path,
        width_px=320,
        height_px=240,
        frames=30,
        rate=15,
        codec="mjpeg",
        pixel_format="yuvj420p",
        content=media.portrait,
    )
