"""Fixtures that every test may use."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parents[1] / "shared"
CONFIG_VARIABLES = ("XDG_CONFIG_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA")
"""What says where settings are: on Linux and macOS, and on Windows."""


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
        _put_settings_into(tmp_path_factory.mktemp("config"), patch)
        yield


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the settings file of one test is; there is none yet, and no folder for it."""
    return _put_settings_into(tmp_path / "settings", monkeypatch)


def _put_settings_into(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Where the settings file is from now on: in a folder that programs which are started look into, too."""
    from animecam.config import config_path  # only once a test runs: importing the tests' fixtures loads nothing

    for name in CONFIG_VARIABLES:
        patch.setenv(name, str(folder))
    path = config_path()
    assert path.is_relative_to(folder), f"{path} may be a developer's: a newer platformdirs looks elsewhere when asked"
    return path


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
