"""The benchmark of the GPU: its measuring on the host's GPU, and its one line where there is none."""

import importlib
import json
import mmap
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from animecam.backends.base import BackendChoice
from animecam.cuda.gpu import open_gpu
from animecam.errors import BackendError, UsageError
from animecam.settings import Look, Settings

PICTURE_PX, HEAD_PX = 96, 192

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


@pytest.mark.parametrize("leaked_mib", [0, 1])
def test_memory_that_frames_cost_is_told(host, gpu, bench, monkeypatch, leaked_mib):
    """Of the process by what a network keeps, of the GPU by what it says."""
    kept, frames = [], 60

    class Keeping(host.HostNetwork):
        def compute(self, numbers):
            page = mmap.mmap(-1, max(leaked_mib << 20, 1))  # new pages: what others freed before would be taken again
            page.write(b"x" * (leaked_mib << 20))
            kept.append(page)
            return super().compute(numbers)

    free = iter([5 << 20, 2 << 20])
    monkeypatch.setattr(gpu, "free_bytes", lambda: next(free))
    monkeypatch.setattr(bench, "SOAK_WARM_UP_FRAMES", 20)
    _, films = bench.read_frames("pattern:320x240@30?live=0&frames=3", 3)
    row = bench.soak(gpu, Keeping(gpu), films, PICTURE_PX, frames)
    assert row["frames"] == frames == len(kept) - 20
    assert row["grown_mib"] == 3.0
    assert abs(row["resident_grown_mib"] - leaked_mib * frames) < frames / 3


@pytest.fixture
def portraits(bench):
    """A film of ten frames with a face."""
    return bench.read_frames("pattern:320x240@30?live=0&frames=10", 10)


def test_a_reel_goes_there_and_back_at_the_films_pace(bench, portraits):
    stream, frames = portraits
    reel, drawn = importlib.import_module("gpu_films").Reel(stream, frames[:3], 7), []
    while (frame := reel.read()) is not None:
        drawn.append(frame)
    places = [next(n for n, one in enumerate(frames) if one.planes is frame.planes) for frame in drawn]
    assert places == [0, 1, 2, 1, 0, 1, 2]
    assert [frame.index for frame in drawn] == list(range(7))
    assert [float(frame.time_s) for frame in drawn] == pytest.approx([n / 30 for n in range(7)])
    assert not reel.format.is_live


def test_films_are_tracked_and_drawn_with_three_frames_under_way(host, gpu, bench, portraits, monkeypatch, capsys):
    films, way = importlib.import_module("gpu_films"), []
    usual = films.GpuRenderer.submit

    def submit(self, frame):
        wait = usual(self, frame)
        way.append(("sent", frame.index))
        return lambda: (way.append(("back", frame.index)), wait())[1]

    monkeypatch.setattr(films.GpuRenderer, "submit", submit)
    settings = Settings(Look(style="cel", size_px=HEAD_PX), max_faces=1, threads=1)
    rows = films.measure_films(gpu, {"host": host.HostNetwork(gpu)}, settings, *portraits, 6)
    frames = films.WARM_UP_FRAMES + 6
    assert [name for _, name in gpu.done].count("network") == frames
    assert rows["host"]["with_faces_share"] == 1.0
    assert rows["host"]["frames"] == 6
    assert rows["host"]["fps"] > 0
    assert all(rows["host"]["stages_p50_ms"][stage] > 0 for stage in films.STAGES)
    assert way[:5] == [("sent", 0), ("sent", 1), ("sent", 2), ("back", 0), ("sent", 3)]
    assert "320 x 240, with tracking, without codecs" in capsys.readouterr().out


def test_a_film_of_nobody_is_refused(host, gpu, bench, portraits):
    films = importlib.import_module("gpu_films")
    stream, frames = portraits
    empty = [replace(frame, planes=tuple(np.full_like(plane, 128) for plane in frame.planes)) for frame in frames]
    settings = Settings(Look(style="cel", size_px=HEAD_PX), max_faces=1, threads=1)
    with pytest.raises(UsageError, match="shows nobody"):
        films.measure_films(gpu, {"host": host.HostNetwork(gpu)}, settings, stream, empty, 1)


def test_the_whole_benchmark_runs(host, gpu, bench, monkeypatch, tmp_path):
    """All of it but the ways, which are others' software, and TensorRT, which is not there."""
    opened = []

    def open_style(style, size_px, options, choice):
        if choice is BackendChoice.TENSORRT:
            raise BackendError("tensorrt is not installed")
        opened.append((style, size_px, choice, options.allow_compiling))
        return host.HostNetwork(gpu)

    monkeypatch.setattr(bench, "open_gpu", lambda _index: gpu)
    monkeypatch.setattr(bench, "CopyNetwork", lambda: host.HostNetwork(gpu))
    monkeypatch.setattr(bench, "open_device_style", open_style)
    monkeypatch.setattr(bench, "wait_compiled", lambda draw, network: draw())
    monkeypatch.setattr(bench, "copied_per_second", lambda device, copy, rounds: 1e12)
    monkeypatch.setattr(bench, "network_ways", lambda *_: {"ours": lambda: None})
    monkeypatch.setattr(bench, "SOAK_WARM_UP_FRAMES", 3)
    monkeypatch.setattr(bench, "soak", partial(bench.soak, frames=3))
    report = tmp_path / "gpu.json"
    words = ["--style", "starter", "--size", str(HEAD_PX), "--resolution", "320x240", "--frames", "4"]
    result = CliRunner().invoke(bench.gpu, [*words, "--rounds", "1", "--json", str(report)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "without starter, tensorrt: tensorrt is not installed" in result.output
    names = ["starter, torch", "starter, torch, compiled"]
    assert opened == [("starter", HEAD_PX, BackendChoice.TORCH, is_compiled) for is_compiled in (False, True)]
    content = json.loads(report.read_text(encoding="utf-8"))
    assert list(content["soak"]) == ["crop + paste", *names]
    assert list(content["films"]) == ["crop + paste", *names]
    assert list(content["floor"]["networks"]) == names
    assert content["floor"]["bytes"] > 100e6  # of the full DTGAN: 1.0 GB at 512 px, and less by the square of the side
    assert content["floor"]["networks"][names[0]]["ratio"] == pytest.approx(1 / content["floor"]["floor_ms"])
    assert all(content[name]["fps"] > 0 for name in ("crop + paste", *names))
    assert content["network"]["ours"]["p50_ms"] >= 0


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
