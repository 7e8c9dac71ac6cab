"""Fixtures for the tests of the engine: self-made media, and a flow of frames whose ends are fakes."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from animecam.types import Image, Region


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


@pytest.fixture(scope="session")
def costs(load_module: Callable[[str], ModuleType]) -> ModuleType:
    """tests/engine/costs.py: least_costs."""
    return load_module("engine/costs.py")


@pytest.fixture
def one_opencv_thread() -> Iterator[None]:
    """OpenCV would share out its work to threads whose time does not count, or varies with what else runs."""
    import cv2  # only where costs are measured

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


class _Unasked:
    """`FindPersons` for a test in which nobody is to look for any."""

    def __call__(self, _regions: Sequence[Region], _pictures: Sequence[Image]) -> tuple[()]:
        pytest.fail("it looks for persons")

    def forget(self) -> None:
        pass


@pytest.fixture(scope="session")
def no_persons() -> _Unasked:
    """What finds persons where a test has none to find."""
    return _Unasked()
