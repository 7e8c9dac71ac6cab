"""Fixtures of the tests of the inputs."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def fakes() -> ModuleType:
    """fake_camera.py beside this file; under --import-mode=importlib siblings cannot be imported by name."""
    path = Path(__file__).with_name("fake_camera.py")
    spec = importlib.util.spec_from_file_location("animecam_sources_fake_camera", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
