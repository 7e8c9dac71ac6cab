"""Video that stays on the GPU from its decoder to its encoder.

The GPU is the host, and so are both codecs: FFmpeg's decoder of raw NV12 stands for NVDEC, x264 for NVENC. Frames pass
between them and the path by DLPack, as on hardware.
"""

import importlib
import logging
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from animecam.cuda import ffmpeg
from animecam.cuda.pixels import NO_GPU_VIDEO, GpuVideo
from animecam.drawing.networks import open_networks
from animecam.settings import Look, Settings
from animecam.sinks import codecs as codecs_module
from animecam.sinks.options import SinkOptions
from animecam.sources import file as file_module
from animecam.sources import pixels as pixels_module
from animecam.sources import reader as reader_module
from animecam.sources.opening import SourceOptions, open_source
from animecam.sources.orientation import Orientation
from animecam.types import PixelFormat

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
WIDTH_PX, HEIGHT_PX = 320, 240
SIZE_PX = 192


def test_frames_stay_where_the_decoder_left_them(nv12_clip, left_by_the_decoder):
    source = open_source(str(nv12_clip), SourceOptions())
    try:
        assert source.format.pixel_format is PixelFormat.NV12
        assert (source.format.width_px, source.format.height_px) == (WIDTH_PX, HEIGHT_PX)
        frame = source.read()
        assert frame.planes == ()
        assert frame.on_gpu is not None
        with av.open(str(nv12_clip)) as container:
            expected = next(container.decode(video=0)).to_ndarray()
        assert np.array_equal(frame.on_host().packed, expected)
    finally:
        source.close()


def test_mirrored_frames_are_mirrored_by_the_processor(nv12_clip, left_by_the_decoder, monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="animecam")
    monkeypatch.setattr(pixels_module, "orientation", lambda _frame: Orientation(is_mirrored=True))
    source = open_source(str(nv12_clip), SourceOptions())
    try:
        luma, chroma = source.read().planes
    finally:
        source.close()
    with av.open(str(nv12_clip)) as container:
        packed = next(container.decode(video=0)).to_ndarray()
    assert np.array_equal(luma, packed[:HEIGHT_PX, ::-1])
    assert np.array_equal(chroma, packed[HEIGHT_PX:].reshape(HEIGHT_PX // 2, -1, 2)[:, ::-1])
    assert "the processor mirrors them" in caplog.text


def psnr_db(one, other) -> float:
    return float(10 * np.log10(255**2 / max(np.mean((one - other) ** 2), 1e-9)))


def test_a_film_that_is_turned_on_the_way_goes_on_from_the_host(gpu, nv12_clip, convert, leave_on_gpu, monkeypatch):
    """What has to be fitted leaves the GPU, is drawn there all the same, and its encoder takes it."""
    leave_on_gpu()
    monkeypatch.setattr(
        pixels_module, "orientation", lambda frame: Orientation(rotation_deg=90) if frame.pts >= 200 else None
    )
    pictures = convert(nv12_clip, GpuVideo(0, 0), "drawn.mp4")
    assert [picture.shape for picture in pictures] == [(HEIGHT_PX, WIDTH_PX, 3)] * 12
    for picture in pictures[6:]:
        assert picture[:, : 70 - 8].max() < 20
        assert picture[:, 250 + 8 :].max() < 20
        assert picture[:, 75:245].mean() > 50


def test_a_frame_never_leaves_the_gpu(gpu, nv12_clip, convert, leave_on_gpu):
    """From decoder to encoder no frame is brought up or down, and the film is the same."""
    usual = convert(nv12_clip, NO_GPU_VIDEO, "usual.mp4")
    leave_on_gpu()
    drawn = convert(nv12_clip, GpuVideo(0, 0), "drawn.mp4")
    names = [name for _, name in gpu.done]
    assert names.count("network") == 12
    assert names.count("copy_rows") == 12 * 2 * 2  # both planes, to where they are drawn and to where they are encoded
    assert convert.came_down == []
    assert len(drawn) == len(usual) == 12
    assert min(map(psnr_db, drawn, usual)) >= 35


def test_a_mirrored_film_goes_to_the_same_encoder(nv12_clip, convert, leave_on_gpu, monkeypatch):
    monkeypatch.setattr(pixels_module, "orientation", lambda _frame: Orientation(is_mirrored=True))
    usual = convert(nv12_clip, NO_GPU_VIDEO, "usual.mp4")
    leave_on_gpu()
    drawn = convert(nv12_clip, GpuVideo(0, 0), "drawn.mp4")
    assert min(map(psnr_db, drawn, usual)) >= 35


def test_without_an_encoder_there_drawn_frames_come_down(gpu, nv12_clip, convert, leave_on_gpu):
    """As on GPUs of data centres."""
    usual = convert(nv12_clip, NO_GPU_VIDEO, "usual.mp4")
    leave_on_gpu()
    drawn = convert(nv12_clip, GpuVideo(0, None), "drawn.mp4")
    assert convert.came_down == ["fetch"] * 12
    assert [name for _, name in gpu.done].count("copy_rows") == 12 * 2
    assert min(map(psnr_db, drawn, usual)) >= 35


def test_files_are_timed_with_each_way_that_works(gpu, nv12_clip, convert, leave_on_gpu, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    bench = importlib.import_module("gpu_files")
    leave_on_gpu()
    with open_networks(Settings(Look(style="cel", size_px=SIZE_PX), threads=1)) as networks:
        rows = bench.measure_files(nv12_clip, tmp_path, networks, GpuVideo(0, 0), 1)
    assert list(rows) == [bench.PROCESSOR, "decoder on the GPU", "both on the GPU"]
    assert rows[bench.PROCESSOR]["ratio"]["median"] == 1.0
    assert min(row["fps"] for row in rows.values()) > 0


def test_what_is_changed_after_drawing_comes_down(nv12_clip, convert, leave_on_gpu):
    usual = convert(nv12_clip, NO_GPU_VIDEO, "usual.mp4", mirror=True)
    leave_on_gpu()
    drawn = convert(nv12_clip, GpuVideo(0, 0), "drawn.mp4", mirror=True)
    assert convert.came_down == ["fetch"] * 12
    assert min(map(psnr_db, drawn, usual)) >= 35


def test_what_the_processor_draws_comes_down_and_goes_to_the_same_encoder(nv12_clip, convert, leave_on_gpu):
    usual = convert(nv12_clip, NO_GPU_VIDEO, "usual.mp4", line=0.8)
    leave_on_gpu()
    drawn = convert(nv12_clip, GpuVideo(0, 0), "drawn.mp4", line=0.8)
    assert convert.came_down == ["downloaded"] * 12
    assert min(map(psnr_db, drawn, usual)) >= 35


def test_an_encoder_that_does_not_take_this_film_is_replaced(nv12_clip, convert, leave_on_gpu, monkeypatch, caplog):
    """Too small or too large, or one film too many at a time."""
    leave_on_gpu()
    monkeypatch.setattr(codecs_module, "H264_ON_GPU", "h264_nvenc")
    assert len(convert(nv12_clip, GpuVideo(0, 0), "drawn.mp4")) == 12
    assert "is encoded on the processor: the encoder h264_nvenc does not work here" in caplog.text


def test_an_encoder_by_name_takes_frames_of_the_host(nv12_clip, convert, leave_on_gpu, caplog):
    leave_on_gpu()
    assert len(convert(nv12_clip, GpuVideo(0, 0), "drawn.mp4", SinkOptions(codec="libx264"))) == 12
    assert convert.came_down == ["fetch"] * 12, "in the path's own pinned memory, three at a time"


def test_a_film_is_read_though_the_gpu_has_gone(make_clip, tmp_path, monkeypatch, caplog):
    """Found to work once, but its memory may be full by now. Here it was never there."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    source = open_source(str(make_clip(tmp_path / "clip.mp4", frames=3)), SourceOptions(gpu=0))
    try:
        assert [source.read() is not None for _ in range(4)] == [True, True, True, False]
    finally:
        source.close()
    assert "is decoded on the processor" in caplog.text


@pytest.mark.parametrize(
    ("where", "size", "is_more"),
    [("cuda", (320, 240), False), ("cuda", (328, 240), True), ("cuda", (320, 244), True), ("nv12", (328, 240), False)],
)
def test_pictures_that_a_gpu_does_not_crop_are_known_by_their_size(where, size, is_more):
    frame = SimpleNamespace(format=SimpleNamespace(name=where), width=size[0], height=size[1])
    assert ffmpeg.is_uncropped(frame, SimpleNamespace(width=320, height=240)) is is_more


def test_a_film_that_is_cropped_at_its_left_is_decoded_by_the_processor(make_clip, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="animecam")
    clip, asked, looks = make_clip(tmp_path / "clip.mp4", frames=3), [], iter((True, False))
    monkeypatch.setattr(file_module, "decoding", asked.append)  # gives None: the processor stands for the GPU
    monkeypatch.setattr(reader_module, "is_uncropped", lambda *_: next(looks))
    source = open_source(str(clip), SourceOptions(gpu=0))
    try:
        assert [source.read() is not None for _ in range(4)] == [True, True, True, False]
    finally:
        source.close()
    assert asked == [0], "once, and then without it"
    assert "is cropped at its left or top" in caplog.text
