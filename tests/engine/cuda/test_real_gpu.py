"""What only an NVIDIA GPU can show: run with `pytest -m gpu`."""

import importlib
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from animecam.cuda.base import Grid
from animecam.cuda.gpu import open_gpu
from animecam.errors import BackendError
from animecam.render.calm import IN_PLACE, Calm
from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.render.device_path import RING, DevicePath, PathOptions
from animecam.settings import Look

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
SIZE_PX = 256
MOST_LEVELS, SHARE_WITHIN_ONE = 3, 0.995  # as on the host's GPU, see test_device_path.py

SPIN = """
extern "C" __global__ void spin(const long long* cycles)
{
    const long long end = clock64() + *cycles;
    while (clock64() < end) {
    }
}
"""

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def bench():
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    return importlib.import_module("gpu")


@pytest.fixture
def real():
    try:
        gpu = open_gpu(0)
    except BackendError as error:
        pytest.skip(f"{error.message}: {error.hint}")
    yield gpu
    gpu.close()


@pytest.fixture(scope="module")
def films(bench):
    return bench.read_frames("pattern:1920x1080@30?live=0&frames=6", 6)[1]


def test_frames_are_those_of_the_processor(real, bench, films):
    ops, calm = CpuImageOps(), Calm(IN_PLACE)
    compositor = Compositor(ops)
    with closing(DevicePath(real, PathOptions(most_faces=3, largest_px=SIZE_PX))) as path:
        network = bench.CopyNetwork()
        for frame in films * 3:
            regions = bench.heads(frame, SIZE_PX, 3)
            drawn = path.submit(frame, regions, "copy", network, 0.8)().frame
            pictures = [ops.crop(frame, region) for region in regions]
            steadied = calm("copy", regions, pictures, pictures)
            expected = compositor(frame, regions, pictures, steadied, Look(strength=0.8))
            for mine, theirs in zip(drawn.planes, expected.planes, strict=True):
                levels = np.abs(mine.astype(int) - theirs)
                assert levels.max() <= MOST_LEVELS
                assert (levels <= 1).mean() >= SHARE_WITHIN_ONE


def test_recorded_work_draws_what_single_launches_draw(real, bench, films):
    pictures = []
    for uses_graphs in (False, True):
        options = PathOptions(most_faces=1, largest_px=SIZE_PX, uses_graphs=uses_graphs)
        with closing(DevicePath(real, options)) as path:
            network = bench.CopyNetwork()
            waiting = []
            for frame in films * 2:
                waiting.append(path.submit(frame, bench.heads(frame, SIZE_PX), "copy", network, 1.0))
                if len(waiting) == RING:
                    pictures.append(waiting.pop(0)().frame)
            pictures += [result().frame for result in waiting]
    half = len(pictures) // 2
    for single, recorded in zip(pictures[:half], pictures[half:], strict=True):
        for mine, theirs in zip(recorded.planes, single.planes, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_a_thousand_frames_cost_no_memory(real, bench, films):
    assert bench.soak(real, bench.CopyNetwork(), films, SIZE_PX)["grown_mib"] <= 0


def test_streams_overlap(real, bench, films):
    row = bench.measure_path(real, bench.CopyNetwork(), films, SIZE_PX, 100)
    assert row["overlapping_share"] > 0.5


def test_a_wait_for_work_that_takes_too_long_ends(real):
    kernel = real.kernels(SPIN, ["spin"])["spin"]
    stream, cycles = real.stream(), real.buffer(8)
    pinned = real.pinned(8)
    pinned.array(np.int64, (1,))[:] = 4_000_000_000  # two seconds or so
    try:
        stream.copy_in(cycles, pinned, 8)
        stream.launch(kernel, Grid((1, 1, 1), (1, 1, 1)), (cycles.address,))
        with pytest.raises(BackendError, match="has not answered"):
            stream.synchronize(0.2)
        stream.synchronize(30.0)
    finally:
        for part in (pinned, cycles, stream):
            part.close()
