"""Fixtures that every test may use."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parents[1] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Data and weights beside the checkout; absent on a user's machine."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs the shared data folder beside the checkout")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def no_settings_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, and no program that it starts, reads or writes the settings file of a developer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the settings file of one test is; there is none yet, and no folder for it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return tmp_path / "settings" / "animecam" / "config.toml"


@pytest.fixture(scope="session")
def load_module() -> Callable[[str], ModuleType]:
    """`load_module("engine/media.py")`: a file of this folder, once.

    Under --import-mode=importlib the files of tests can't import each other by name.
    """
    return _load_module


def _load_module(file: str) -> ModuleType:
    path = TESTS / file
    name = "animecam_tests_" + "_".join(path.with_suffix("").relative_to(TESTS).parts)
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None, file
        assert spec.loader is not None, file
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="module")
def one_torch_thread() -> Iterator[None]:
    """torch waits in a loop for its threads: on busy cores two take many times longer than one."""
    import torch  # only where networks are trained or compared: it takes seconds

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
