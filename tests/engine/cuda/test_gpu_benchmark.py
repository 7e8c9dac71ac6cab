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

PICTURE_PX = 96

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture(scope="module")
def bench():
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    return importlib.import_module("gpu")


@pytest.fixture(scope="module")
def floor(bench):
    return importlib.import_module("gpu_floor")


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


@pytest.mark.parametrize("is_recordable", [True, False])
def test_the_network_alone_is_timed_between_events(host, gpu, floor, is_recordable):
    """On a picture that is there, recorded where that goes, without anything of the frame path."""
    network, given = host.Seen(gpu), []
    network.is_recordable = is_recordable
    network._run = lambda picture, drawn: given.append(picture.copy())
    spread = floor.network_ms(gpu, network, PICTURE_PX, 5)
    rounds = floor.WARM_UP_ROUNDS + 5
    assert spread.count == 5
    assert gpu.replays == (2 * rounds if is_recordable else 0)
    done = [name for _, name in gpu.done]
    assert done == ["copy_in", "network", *["network", "record", "network", "record"] * rounds]
    assert all(np.array_equal(picture, given[0]) and picture.std() > 0.5 for picture in given)


def test_memory_is_as_fast_as_it_copies(host, gpu, floor):
    """Whose events are a millisecond apart: what is read and written then."""
    rate = floor.copied_per_second(gpu, host.Seen(gpu), 3, PICTURE_PX)
    assert rate == pytest.approx(2 * 2 * 3 * PICTURE_PX**2 * 1000)


def test_a_network_is_so_many_times_the_floor(host, gpu, floor, capsys):
    row = floor.measure_floor(gpu, {"host": host.HostNetwork(gpu)}, 25_000_000, 1e11, PICTURE_PX, 3)
    assert row["floor_ms"] == pytest.approx(0.25)
    assert row["networks"]["host"]["network_ms"]["p50"] == 1.0
    assert row["networks"]["host"]["ratio"] == pytest.approx(4.0)
    said = capsys.readouterr().out
    assert "25 MB for a picture, and memory copied at 100 GB/s: 0.250 ms" in said
    assert "times the floor" in said


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
