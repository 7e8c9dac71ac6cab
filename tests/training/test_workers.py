"""Work in several processes: its order, and that none of them is left behind."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from animecam_training.data.workers import in_order

LONGEST_S = 30.0

SLOW = """
import os, sys, time
from pathlib import Path
from animecam_training.data.workers import in_order

def work(number):
    Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(0.2)
    return number

if __name__ == "__main__":
    list(in_order(work, range(10_000), 2))
"""


def _squared(number: int) -> int:
    return number * number


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_things(workers: int) -> None:
    assert list(in_order(_squared, range(40), workers)) == [number * number for number in range(40)]


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


def _wait_for(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST_S
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
