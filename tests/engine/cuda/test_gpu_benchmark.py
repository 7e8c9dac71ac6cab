"""The benchmark of the GPU: its measuring on the host's GPU, and its one line where there is none."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from animecam.cuda.gpu import open_gpu
from animecam.errors import BackendError

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture(scope="module")
def bench():
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    return importlib.import_module("gpu")


def test_the_frame_path_is_measured(host, gpu, bench):
    _, films = bench.read_frames("pattern:320x240@30?live=0&frames=3", 3)
    row = bench.measure_path(gpu, host.HostNetwork(gpu), films, 96, 8)
    assert row["gpu_ms"]["count"] == row["latency_ms"]["count"] == 8
    assert row["fps"] > 0
    assert 0 <= row["overlapping_share"] <= 1


def test_the_rate_is_that_of_frames_that_came_back(bench, monkeypatch):
    """Sending takes no time, and waiting for a frame ten milliseconds, by a clock that only this moves."""
    clock = SimpleNamespace(now_ns=0, perf_counter_ns=lambda: clock.now_ns)

    class Waiting:
        def __init__(self, device, options):
            pass

        def submit(self, *sent):
            return self._wait

        def _wait(self):
            clock.now_ns += 10_000_000
            return SimpleNamespace(gpu_ms=1.0)

        def close(self):
            pass

    monkeypatch.setattr(bench, "DevicePath", Waiting)
    monkeypatch.setattr(bench, "_overlap", lambda path, number: False)
    monkeypatch.setattr(importlib.import_module("measuring"), "time", clock)
    _, films = bench.read_frames("pattern:320x240@30?live=0&frames=3", 3)
    assert bench.measure_path(None, None, films, 96, 8)["fps"] == pytest.approx(100.0)


def test_ways_are_compared_with_the_first(bench):
    rows = bench.compare({"slow": lambda: np.ones(400_000).sum(), "fast": lambda: None}, 3)
    assert rows["slow"]["ratio"]["median"] == 1.0
    assert rows["fast"]["ratio"]["median"] < 1.0
    assert bench.compare({}, 3) == {}


def test_without_a_gpu_it_says_so_in_one_line(bench):
    missing = None
    try:
        open_gpu(0).close()
    except BackendError as error:
        missing = f"Error: {error.message} ({error.hint})"
    if missing is None:
        pytest.skip("there is a GPU")
    result = CliRunner().invoke(bench.gpu, [])
    assert result.exit_code == 1
    assert result.output.strip() == missing
