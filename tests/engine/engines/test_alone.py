"""Two processes that want the same engine: the second waits for what the first one builds."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from animecam.engines import store as store_module
from animecam.engines.alone import alone
from animecam.engines.build import BuiltEngine
from animecam.engines.flavour import RTX, Flavour
from animecam.engines.key import PORTABLE, EngineKey, EngineParity, EngineTypes
from animecam.engines.store import EngineStore
from animecam.errors import BackendError, EngineRefusedError

KEY = EngineKey("0" * 64, RTX, "9.9", PORTABLE, "f16", (3, 64, 64), 4)

OTHER = """
import sys
from pathlib import Path
from animecam.engines.alone import alone
with alone(Path(sys.argv[1]), lambda: True) as is_alone:
    print(is_alone, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "ink").mkdir()
    return tmp_path / "ink" / "model.fp16.onnx"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineStore:
    """Builds b"mine" at once."""
    monkeypatch.setattr(store_module, "build_engine", lambda *_, **__: BuiltEngine(b"mine", {}, 1.0))
    return EngineStore(Flavour(RTX, "9.9", None, None, None), tmp_path)


@pytest.fixture
def other(store: EngineStore, model: Path) -> Iterator[subprocess.Popen]:
    """Another process, which builds the engine."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(store.path(model, KEY))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    try:
        assert process.stdout.readline() == "True\n"
        yield process
    finally:
        process.kill()
        process.wait(30)
        process.stdin.close()
        process.stdout.close()


class Asking:
    """Asks for the engine in a thread; `is_waiting` is set when the other process is waited for."""

    def __init__(self, store: EngineStore, model: Path, *, ends: bool = False, **how) -> None:
        self.is_waiting, self.result = threading.Event(), None

        def progress(share: float) -> bool:
            self.is_waiting.set()
            return not ends

        def ask() -> None:
            try:
                self.result = store.engine(model, KEY, progress, **how)
            except BackendError as error:
                self.result = error

        self._thread = threading.Thread(target=ask)
        self._thread.start()

    def answer(self):
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.result


@pytest.mark.parametrize("anew", ["", "another GPU's"])
def test_what_another_process_has_built_meanwhile_is_taken(store, model, other, tmp_path: Path, monkeypatch, anew: str):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(store_module, "build_engine", lambda *_, **__: BuiltEngine(b"theirs", {}, 1.0))
        theirs = EngineStore(Flavour(RTX, "9.9", None, None, None), elsewhere).engine(model, KEY)
    asking = Asking(store, model, anew=anew)
    assert asking.is_waiting.wait(30)
    for path in (theirs.path, theirs.path.with_suffix(".json")):
        path.rename(tmp_path / path.name)
    other.stdin.close()
    engine = asking.answer()
    assert (engine.data, engine.is_new) == (b"theirs", False)


def test_a_process_that_is_killed_lets_another_one_build(store, model, other, caplog):
    caplog.set_level("INFO", logger="animecam")
    asking = Asking(store, model)
    assert asking.is_waiting.wait(30)
    other.kill()
    engine = asking.answer()
    assert (engine.data, engine.is_new) == (b"mine", True)
    assert sum("another process builds" in line for line in caplog.messages) == 1


def test_a_wait_for_another_process_can_be_ended(store, model, other):
    error = Asking(store, model, ends=True).answer()
    assert isinstance(error, BackendError)
    assert "ended before it began" in error.message
    assert not store.path(model, KEY).exists()


def test_what_another_process_was_refused_is_not_built_again(store, model, other, tmp_path: Path):
    def check(data: bytes, key: EngineKey, path: Path) -> tuple[EngineTypes, EngineParity]:
        raise EngineRefusedError("the engine draws something else")

    asking = Asking(store, model)
    assert asking.is_waiting.wait(30)
    with pytest.raises(EngineRefusedError):  # what the other one does, had it taken its own turn
        EngineStore(Flavour(RTX, "9.9", None, None, None), tmp_path, check)._built(
            store.path(model, KEY), model, KEY, lambda share: True, store_module.ABSENT
        )
    other.stdin.close()
    error = asking.answer()
    assert isinstance(error, BackendError)
    assert "draws something else (so it was on " in error.message


@pytest.mark.parametrize("what", ["taken away", "built anew", "built for another version"])
def test_what_another_process_does_just_after_the_look_costs_nothing_but_a_build(store, model, monkeypatch, what):
    """It holds the lock, and whoever finds a good engine does not ask for that."""
    path, look, looks = store.engine(model, KEY).path, store_module.problem_with, []

    def look_in_vain(path: Path, key: EngineKey) -> str:
        problem = look(path, key)
        looks.append(problem)
        if len(looks) == 1:
            if what == "taken away":
                path.unlink()
            elif what == "built anew":
                path.write_bytes(b"theirs")  # and its record comes next
            else:
                store._built(path, model, replace(key, version="9.8"), lambda share: True, store_module.ABSENT)
        return problem

    monkeypatch.setattr(store_module, "problem_with", look_in_vain)
    engine = store.engine(model, KEY)
    assert looks[0] == ""
    assert (engine.data, engine.is_new, engine.record.key) == (b"mine", True, KEY)
    assert not look(path, KEY)


def test_other_engines_are_built_beside_it(store, model, other):
    assert store.engine(model, replace(KEY, shape=(3, 32, 32))).is_new


def test_where_nothing_can_be_locked_nobody_waits(store, model, monkeypatch):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", refuse)
    assert store.engine(model, KEY).is_new


def test_a_folder_that_is_gone_costs_no_wait(tmp_path: Path):
    with alone(tmp_path / "gone" / "a.engine", lambda: False) as is_alone:
        assert is_alone
