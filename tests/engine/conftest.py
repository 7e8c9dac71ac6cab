"""Fixtures for the tests of the engine: self-made media, and a flow of frames whose ends are fakes."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


def _load(name: str) -> ModuleType:
    """A module beside this file; under --import-mode=importlib siblings cannot be imported by name."""
    spec = importlib.util.spec_from_file_location(f"animecam_tests_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def media() -> ModuleType:
    """tests/engine/media.py: make_clip, make_audio, and the contents moving_gradient, counter, portrait."""
    return _load("media")


@pytest.fixture(scope="session")
def make_clip(media: ModuleType) -> Callable[..., Path]:
    """`make_clip(path, width_px=..., frames=..., ...)` of tests/engine/media.py."""
    return media.make_clip


@pytest.fixture(scope="session")
def flow() -> ModuleType:
    """tests/engine/flow.py: FakeSource, FakeSink, renderers, and `run`, which sends frames through them."""
    return _load("flow")
