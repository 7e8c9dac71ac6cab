"""Work in several processes: its order, and that none of them is left behind."""

import operator
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import cast

import cv2
import pytest
import torch

from animecam_training.cli import main
from animecam_training.data import workers as workers_module
from animecam_training.data.loading import batches, killed_workers_named
from animecam_training.data.sets import Batch, PairSet
from animecam_training.data.workers import in_order
from animecam_training.errors import DataError
from animecam_training.recipe.config import DataConfig, Recipe
from animecam_training.recipe.files import recipe_to_toml
from animecam_training.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from animecam_training.run.stopping import deaf_children

LONGEST_S = 30.0

SLOW = """
import os, sys, time
from pathlib import Path
from animecam_training.data.workers import in_order
from animecam_training.errors import DataError
from animecam_training.run.stopping import deaf_children

def work(number):
    Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(0.2)
    return number

if __name__ == "__main__":
    list(in_order(work, range(10_000), 2))
"""

KILLED = """
import multiprocessing, sys
from pathlib import Path
from animecam_training.run import loop
from animecam_training.cli import main

def train(recipe, options, on_step, on_read):
    def kill(step):
        if step == 2:
            multiprocessing.active_children()[0].kill()
    return trained(recipe, options, kill)

trained, loop.train = loop.train, train
sys.exit(main(["run", *sys.argv[1:]]))
"""

STOPPED = """
import os, signal, sys, time
from animecam_training.run import loop
from animecam_training.cli import main

def train(recipe, options, on_step, on_read):
    def stop(step):
        if step == 2:
            os.killpg(0, int(sys.argv[1]))
            time.sleep(1)
    return trained(recipe, options, stop)

trained, loop.train = loop.train, train
sys.exit(main(["run", *sys.argv[2:]]))
"""


@dataclass(frozen=True)
class CountedThreads:
    """Crops that are the number of threads OpenCV computes with where they are read."""

    data: DataConfig

    def __getitem__(self, index: int) -> Batch:
        return {"threads": torch.tensor(cv2.getNumThreads())}


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_things(workers: int) -> None:
    numbers = range(40)
    # A worker can't import this file where pytest is started by its own name: only what is installed can be sent.
    assert list(in_order(operator.neg, numbers, workers)) == [-number for number in numbers]


def test_a_worker_does_not_start_threads_of_its_own() -> None:
    """Workers times cores threads were in each other's way."""
    before = cv2.getNumThreads()
    assert list(in_order(operator.call, [cv2.getNumThreads] * 2, 2)) == [1, 1]
    cv2.setNumThreads(4)
    try:
        crops = cast("PairSet", CountedThreads(DataConfig(workers=1, batch=1)))
        (batch,) = batches(crops, first_step=0, steps=1)
        assert int(batch["threads"]) == 1
        assert cv2.getNumThreads() == 4  # here it may have as many as before
    finally:
        cv2.setNumThreads(before)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script, seen = tmp_path / "slow.py", tmp_path / "seen"
    script.write_text(SLOW)
    seen.mkdir()
    parent = subprocess.Popen([sys.executable, str(script), str(seen)])
    try:
        _wait_for(lambda: len(list(seen.iterdir())) == 2)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    workers = [Path("/proc", path.name) for path in seen.iterdir()]
    _wait_for(lambda: not any(worker.exists() for worker in workers))


def test_ctrl_c_does_not_wait_for_workers() -> None:
    """Each worker told where it was, in a traceback, and what was begun was waited for."""
    started = time.monotonic()
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        list(in_order(time.sleep, [60.0] * 4, 2))
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_preparing_that_is_stopped_says_what_is_kept(
    number: signal.Signals, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A polite kill ended it without a word."""

    def stopped(*_: object) -> None:
        os.kill(os.getpid(), number)
        time.sleep(LONGEST_S)

    monkeypatch.setattr("animecam_training.data.prepare.prepare", stopped)
    before = signal.getsignal(signal.SIGTERM)
    assert main(["prepare", str(tmp_path), str(tmp_path / "out")]) == 130
    assert signal.getsignal(signal.SIGTERM) is before
    assert "give the command again" in " ".join(capsys.readouterr().err.split())


def test_a_killed_worker_is_told_of() -> None:
    with pytest.raises(DataError, match="a worker was killed"):
        list(in_order(os._exit, [1, 1], 2))


def test_a_run_tells_of_a_killed_reader_in_a_line(pairs: Path, tmp_path: Path, runs: ModuleType) -> None:
    """Where a container has little shared memory it ended in torch's traceback."""
    done = _run_with_reader(KILLED, [], pairs, tmp_path, runs)
    assert done.returncode == 1
    assert "animecam-train: a process that reads pictures was killed" in done.stderr
    assert "Traceback" not in done.stderr
    assert load_checkpoint(tmp_path / "run/last.pt").step >= 2


@pytest.mark.skipif(sys.platform == "win32", reason="processes have no groups there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_whose_readers_are_told_to_stop_with_it_saves_its_last_step(
    number: signal.Signals, pairs: Path, tmp_path: Path, runs: ModuleType
) -> None:
    """`timeout` and systemd tell all processes: the readers left first, and the run ended without a checkpoint."""
    done = _run_with_reader(STOPPED, [str(int(number))], pairs, tmp_path, runs, save_every=100)
    assert done.returncode == 130, done.stderr
    assert load_checkpoint(tmp_path / "run/last.pt").step == 3


def test_a_reader_that_is_killed_during_a_save_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Terminated.")

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(DataError, match="was killed"), killed_workers_named():
        save_checkpoint(Checkpoint(Recipe(), 1, {}, {}), tmp_path / "last.pt")
    assert not list(tmp_path.iterdir())


def _run_with_reader(
    script: str, words: list[str], pairs: Path, tmp_path: Path, runs: ModuleType, save_every: int = 1
) -> subprocess.CompletedProcess[str]:
    """`animecam-train run` with one process that reads pictures, in a group of processes of their own."""
    recipe = runs.recipe_of(pairs, steps=40, save_every=save_every)
    recipe = replace(recipe, data=replace(recipe.data, workers=1))
    (tmp_path / "recipe.toml").write_text(recipe_to_toml(recipe))
    words = [*words, str(tmp_path / "recipe.toml"), "--out", str(tmp_path / "run"), "--threads", "1"]
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        start_new_session=True,
    )


def test_children_do_not_hear_ctrl_c() -> None:
    ask = "import signal; print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)"
    with deaf_children():
        deaf = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout
    hears = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout
    assert (deaf.strip(), hears.strip()) == ("True", "False")


def _wait_for(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST_S
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def test_one_thing_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers took three seconds to start for a folder of one portrait."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a pool was started")

    monkeypatch.setattr(workers_module, "ProcessPoolExecutor", refuse)
    assert list(in_order(operator.neg, [3], workers=8)) == [-3]
    assert 1 <= workers_module.default_workers() <= workers_module.MOST_DEFAULT_WORKERS
