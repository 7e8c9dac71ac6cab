"""Fixtures of the tests of the inputs."""

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def fakes(load_module: Callable[[str], ModuleType]) -> ModuleType:
    """fake_camera.py beside this file."""
    return load_module("engine/sources/fake_camera.py")


@pytest.fixture(scope="session")
def hdr(load_module: Callable[[str], ModuleType]) -> ModuleType:
    """hdr_films.py beside this file."""
    return load_module("engine/sources/hdr_films.py")
