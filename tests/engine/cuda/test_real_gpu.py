"""What only an NVIDIA GPU can show: run with `pytest -m gpu`."""

import importlib
import logging
import os
import sys
from contextlib import ExitStack, closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from animecam.backends.base import BackendOptions
from animecam.backends.opening import GPU_CHOICES
from animecam.cache import model_cache
from animecam.cuda.base import Grid
from animecam.cuda.gpu import open_gpu
from animecam.drawing import gpu_video
from animecam.drawing.device_opening import open_device_style
from animecam.drawing.gpu_video import find_gpu_video
from animecam.errors import BackendError
from animecam.render.calm import IN_PLACE, Calm
from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.render.device_path import RING, DevicePath, PathOptions
from animecam.render.device_pictures import DevicePictures
from animecam.render.light import Light
from animecam.run.session import opened_source
from animecam.settings import DEFAULT_STYLE, Look, Settings
from animecam.sinks.convert import to_yuv420
from animecam.sinks.opening import SinkOptions, open_sink
from animecam.sources.opening import SourceOptions
from animecam.types import PixelFormat, StreamFormat

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
SIZE_PX = 256
MOST_LEVELS, SHARE_WITHIN_ONE = 3, 0.995  # as on the host's GPU, see test_device_path.py
MOST_GROWN_MIB = 20  # of the process in a thousand frames: seven such frames, while allocators give and take some
SLOWEST_MEMORY, FASTEST_MEMORY = 20e9, 20e12  # bytes a second: a laptop's of 2018, and twice what any GPU has

SPIN = """
extern "C" __global__ void spin(const long long* cycles)
{
    const long long end = clock64() + *cycles;
    while (clock64() < end) {
    }
}
"""

pytestmark = pytest.mark.gpu

log = logging.getLogger(__name__)


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


def test_frames_are_those_of_the_processor(real, bench, films, no_persons):
    ops, calm = CpuImageOps(), Calm(IN_PLACE)
    compositor = Compositor(ops, no_persons)
    with closing(DevicePath(real, PathOptions(most_faces=3, largest_px=SIZE_PX))) as path:
        network = bench.CopyNetwork()
        for frame in films * 3:
            regions = bench.heads(frame, SIZE_PX, 3)
            drawn = path.submit(frame, regions, "copy", network, 0.8)().frame
            pictures = [ops.crop(frame, region) for region in regions]
            lights = [Light.of(picture) for picture in pictures]
            copies = [light.drawn(light.lit(picture)) for light, picture in zip(lights, pictures, strict=True)]
            steadied = calm("copy", regions, pictures, copies)
            expected = compositor(frame, regions, pictures, steadied, Look(strength=0.8))
            for mine, theirs in zip(drawn.planes, expected.planes, strict=True):
                levels = np.abs(mine.astype(int) - theirs)
                assert levels.max() <= MOST_LEVELS
                assert (levels <= 1).mean() >= SHARE_WITHIN_ONE


@pytest.mark.parametrize("counts", [(1,), (1, 3, 5, 2)])
def test_recorded_work_draws_what_single_launches_draw(real, bench, films, counts):
    """Heads that come and go, too, and more than the network takes at a time."""
    pictures = []
    for uses_graphs in (False, True):
        options = PathOptions(most_faces=max(counts), largest_px=SIZE_PX, uses_graphs=uses_graphs)
        with closing(DevicePath(real, options)) as path:
            network, free = bench.CopyNetwork(), 0
            waiting = []
            for index, frame in enumerate(films * 6):
                regions = bench.heads(frame, SIZE_PX, counts[index % len(counts)])
                waiting.append(path.submit(frame, regions, "copy", network, 1.0))
                free = free or real.free_bytes()
                if len(waiting) == RING:
                    pictures.append(waiting.pop(0)().frame)
            pictures += [result().frame for result in waiting]
            taken_mib = (free - real.free_bytes()) / 2**20
            log.info("%d numbers of faces, graphs %s: %.1f MiB", len(counts), uses_graphs, taken_mib)
    half = len(pictures) // 2
    for single, recorded in zip(pictures[:half], pictures[half:], strict=True):
        for mine, theirs in zip(recorded.planes, single.planes, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_kernels_that_the_driver_compiles_draw_what_machine_code_draws(real, bench, films, monkeypatch, tmp_path):
    """As on a GPU that is newer than NVRTC: text for an older one."""
    compiler = importlib.import_module("animecam.cuda.compiler")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    drawn = []
    for architecture in (None, "compute_75"):
        if architecture is not None:
            monkeypatch.setattr(compiler, "_architecture", lambda *_, given=architecture: given)
        with closing(open_gpu(0)) as gpu, closing(DevicePath(gpu, PathOptions(largest_px=SIZE_PX))) as path:
            regions = bench.heads(films[0], SIZE_PX, 2)
            drawn.append([path.submit(f, regions, "copy", bench.CopyNetwork(), 1.0)().frame for f in films])
    assert [path.suffix for path in sorted(tmp_path.rglob("kernels-*"), key=lambda path: path.suffix)] == [
        ".cubin",
        ".ptx",
    ]
    for usual, text in zip(*drawn, strict=True):
        for mine, theirs in zip(text.planes, usual.planes, strict=True):
            assert np.abs(mine.astype(int) - theirs).max() <= 1


@pytest.mark.timeout(900)  # tensorrt takes minutes for an engine
@pytest.mark.parametrize("choice", [None, *GPU_CHOICES])
def test_a_thousand_frames_cost_no_memory(real, bench, films, choice):
    """Neither the GPU's nor the process's, whatever draws; None only copies."""
    with ExitStack() as stack:
        network = stack.enter_context(closing(bench.CopyNetwork() if choice is None else open_style(choice)))
        try:
            bench.measure_path(real, network, films, SIZE_PX, 1)
        except BackendError as error:  # engines are loaded when something is drawn
            if choice is None:
                raise
            pytest.skip(f"{error.message}: {error.hint}")
        row = bench.soak(real, network, films, SIZE_PX)
    assert row["grown_mib"] <= 0
    assert row["resident_grown_mib"] <= MOST_GROWN_MIB


def open_style(choice):
    """The default style, computed by one runtime that compiles nothing meanwhile, which would take memory, too."""
    options = BackendOptions(gpu=0, cache_dir=model_cache(), allow_compiling=False)
    try:
        return open_device_style(DEFAULT_STYLE, SIZE_PX, options, choice)
    except BackendError as error:
        pytest.skip(f"{error.message}: {error.hint}")


def test_the_memory_is_as_fast_as_a_gpus_is(real, bench):
    rate = bench.copied_per_second(real, bench.CopyNetwork(), 20)
    assert SLOWEST_MEMORY < rate < FASTEST_MEMORY


def test_a_film_from_memory_is_tracked_and_drawn(real, bench):
    stream, frames = bench.read_frames("pattern:1920x1080@30?live=0&frames=30", 30)
    settings = Settings(Look(size_px=SIZE_PX), max_faces=1)
    (row,) = bench.measure_films(real, {"copy": bench.CopyNetwork()}, settings, stream, frames, 60).values()
    assert row["with_faces_share"] == 1.0
    assert row["fps"] > stream.rate


def test_streams_overlap(real, bench, films):
    """With a network that takes some milliseconds: what is drawn sooner than a host can send has nothing to overlap."""
    driver = importlib.import_module("cuda.bindings.driver")
    bulk = [real.buffer(1 << 28) for _ in range(2)]

    class Slow(bench.CopyNetwork):
        def enqueue(self, stream_handle):
            for _ in range(20):
                driver.cuMemcpyDtoDAsync(bulk[0].address, bulk[1].address, 1 << 28, stream_handle)
            super().enqueue(stream_handle)

    try:
        row = bench.measure_path(real, Slow(), films, SIZE_PX, 100)
    finally:
        for part in bulk:
            part.close()
    assert row["overlapping_share"] > 0.5


def test_ffmpeg_reads_memory_of_ours(real):
    """Without any codec: both are in one context, though ours was there first."""
    real.admit_others()
    frame = gpu_video._picture(3)
    with closing(DevicePictures(real)) as pictures:
        there = gpu_video._brought_up(real, pictures, frame)
        assert there.on_gpu is not None
        assert np.array_equal(there.on_host().packed, frame.packed)


@pytest.fixture
def video(real, caplog):
    """What the GPU does of videos; what ANIMECAM_GPU_VIDEO names ("decode,encode") must work, or nothing is tested."""
    with caplog.at_level(logging.INFO, logger="animecam"):
        found = find_gpu_video(real, 0)
    works = {"decode": found.decoder is not None, "encode": found.encoder is not None}
    wanted = filter(None, os.environ.get("ANIMECAM_GPU_VIDEO", "").split(","))
    assert all(works[doing] for doing in wanted), caplog.text
    if found.decoder is None:
        pytest.skip(caplog.messages[-1])
    return found


def test_decoded_frames_are_drawn_where_they_are(real, bench, video, tmp_path):
    """NVDEC's frames, drawn and kept on the GPU, are those of the processor's decoder, brought up and down."""
    clip = tmp_path / "clip.mp4"
    convert_pattern("pattern:1920x1080@30?live=0&frames=12", clip)
    drawn = []
    with closing(DevicePictures(real)) as pictures:
        for gpu in (None, video.decoder):
            with opened_source(str(clip), SourceOptions(gpu=gpu)) as source, closing(DevicePath(real)) as path:
                network, film = bench.CopyNetwork(), []
                while (frame := source.read()) is not None:
                    assert (frame.on_gpu is None) is (gpu is None)
                    regions = bench.heads(frame, SIZE_PX, 2)
                    film.append(path.submit(frame, regions, "copy", network, 1.0, pictures)().frame.on_host())
                drawn.append(film)
    assert len(drawn[0]) == len(drawn[1]) == 12
    for usual, there in zip(*drawn, strict=True):
        chroma = np.stack(usual.planes[1:], axis=-1)
        for mine, theirs in zip(there.planes, (usual.planes[0], chroma), strict=True):
            assert np.abs(mine.astype(int) - theirs).max() <= MOST_LEVELS


def test_the_gpus_encoder_takes_drawn_frames_there(real, bench, video, films, tmp_path, caplog):
    if video.encoder is None:
        pytest.skip(caplog.text or "this GPU does not encode video")
    frame = films[0]
    stream = StreamFormat(
        frame.width_px, frame.height_px, PixelFormat.NV12, frame.color, 0, Fraction(1, 30), Fraction(30), False
    )
    target = tmp_path / "out.mp4"
    with closing(DevicePictures(real)) as pictures, closing(DevicePath(real)) as path:
        sink = open_sink(str(target), stream, SinkOptions(gpu=video.encoder))
        network, film = bench.CopyNetwork(), [nv12(frame) for frame in films]
        for index, frame in enumerate(film * 10):
            regions = bench.heads(frame, SIZE_PX)
            drawn = path.submit(replace(frame, pts=index), regions, "copy", network, 1.0, pictures)().frame
            assert drawn.on_gpu is not None
            sink.write(drawn)
        sink.close(complete=True)
    assert "is encoded on the processor" not in caplog.text
    with opened_source(str(target), SourceOptions()) as source:
        for frame in film * 10:
            stored = source.read()
            error = np.mean((stored.planes[0].astype(float) - frame.planes[0]) ** 2)
            assert 10 * np.log10(255**2 / error) >= 30
        assert source.read() is None


def convert_pattern(uri: str, target: Path) -> None:
    with opened_source(uri, SourceOptions()) as source:
        sink = open_sink(str(target), source.format)
        while (frame := source.read()) is not None:
            sink.write(frame)
        sink.close(complete=True)


def nv12(frame):
    """A frame with its chroma in pairs, as NVENC takes it."""
    luma, *chroma = to_yuv420(frame).planes
    return replace(frame, planes=(luma, np.stack(chroma, axis=-1)), pixel_format=PixelFormat.NV12, packed=None)


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
