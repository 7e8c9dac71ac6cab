"""Fixtures for the tests of the engine: self-made media, and a flow of frames whose ends are fakes."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def media(load_module: Callable[[str], ModuleType]) -> ModuleType:
    """tests/engine/media.py: make_clip, make_audio, and the contents moving_gradient, counter, portrait."""
    return load_module("engine/media.py")


@pytest.fixture(scope="session")
def make_clip(media: ModuleType) -> Callable[..., Path]:
    """`make_clip(path, width_px=..., frames=..., ...)` of tests/engine/media.py."""
    return media.make_clip


@pytest.fixture(scope="session")
def flow(load_module: Callable[[str], ModuleType]) -> ModuleType:
    """tests/engine/flow.py: FakeSource, FakeSink, renderers, and `run`, which sends frames through them."""
    return load_module("engine/flow.py")
