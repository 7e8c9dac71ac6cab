"""Fixtures of the tests of `animecam serve`; skips them where the extra [web] is not installed."""

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
