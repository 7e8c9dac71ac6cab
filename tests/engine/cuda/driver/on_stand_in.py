"""What FFmpeg does with frames on a GPU, on a driver and an encoder that are stand-ins (cuda.c, encode.c beside this).

`test_driver_stand_in.py` runs this in a process whose libraries they are: pytest does not collect it by itself.
"""

import logging

import av
import numpy as np
import pytest

from animecam.cuda import ffmpeg
from animecam.cuda.dlpack import CUDA
from animecam.cuda.pixels import GpuVideo
from animecam.drawing import gpu_video as gpu_video_module
from animecam.drawing.gpu_video import Codecs, find_gpu_video
from animecam.sinks import encoder as encoder_module

FRAMES = 12


@pytest.fixture
def gpus_encoder():
    """FFmpeg's own encoder of the GPU, which takes the host's memory for the GPU's."""


@pytest.fixture
def gpu(gpu):
    gpu.shared_as = (CUDA, 0)
    return gpu


@pytest.fixture
def encoded(monkeypatch):
    """The pictures that the encoder was given, and whether they lay on the GPU."""
    given = []

    def watched(frame):
        given.append((frame.on_gpu is not None, frame.on_host().packed.copy()))
        return to_video_frame(frame)

    to_video_frame = encoder_module.to_video_frame
    monkeypatch.setattr(encoder_module, "to_video_frame", watched)
    return given


def stored(path):
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.profile == "Constrained Baseline", "what encode.c writes"
        return [frame.reformat(format="nv12").to_ndarray() for frame in container.decode(video=0)]


def test_the_encoder_is_found_to_work(gpu, left_by_the_decoder, monkeypatch, caplog):
    monkeypatch.setattr(gpu_video_module, "_check_decoder", lambda *_: None)
    with caplog.at_level(logging.INFO, logger="animecam"):
        assert find_gpu_video(gpu, 0, Codecs()) == GpuVideo(0, 0), caplog.text


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov", "avi"])
def test_drawn_frames_reach_the_file_to_the_bit(nv12_clip, convert, encoded, leave_on_gpu, tmp_path, ending):
    leave_on_gpu()
    convert(nv12_clip, GpuVideo(0, 0), f"drawn.{ending}")
    assert [is_on_gpu for is_on_gpu, _ in encoded[-FRAMES:]] == [True] * FRAMES
    pictures = stored(tmp_path / f"drawn.{ending}")
    assert len(pictures) == FRAMES
    for picture, (_, given) in zip(pictures, encoded[-FRAMES:], strict=True):
        assert np.array_equal(picture, given)


def test_frames_that_came_down_are_brought_up_by_the_encoder(nv12_clip, convert, encoded, leave_on_gpu, tmp_path):
    leave_on_gpu()
    convert(nv12_clip, GpuVideo(0, 0), "drawn.mp4", line=0.8)
    assert [is_on_gpu for is_on_gpu, _ in encoded[-FRAMES:]] == [False] * FRAMES
    for picture, (_, given) in zip(stored(tmp_path / "drawn.mp4"), encoded[-FRAMES:], strict=True):
        assert np.array_equal(picture, given)


def test_a_film_that_the_encoder_refuses_is_encoded_on_the_processor(
    make_clip, convert, leave_on_gpu, media, tmp_path, caplog
):
    """Narrower than it takes; the trial of the encoder was not."""
    clip = tmp_path / "narrow.mkv"
    with av.open(str(clip), "w") as target:
        stream = target.add_stream("rawvideo", rate=30)
        stream.width, stream.height, stream.pix_fmt = 128, 240, "nv12"
        for index in range(FRAMES):
            picture = np.full((360, 128), 100 + index, np.uint8)
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="nv12")))
        target.mux(stream.encode(None))
    leave_on_gpu()
    assert len(convert(clip, GpuVideo(0, 0), "drawn.mp4", line=0.8)) == FRAMES
    assert "is encoded on the processor: the encoder h264_nvenc does not work here" in caplog.text


def test_memory_of_the_gpu_is_read_by_ffmpeg(noise_frame):
    """`on_host` of a frame that lies there."""
    from animecam.cuda.dlpack import Lent
    from animecam.cuda.pixels import DevicePixels

    frame = noise_frame()
    luma, chroma = frame.planes
    lent = [
        Lent(plane.ctypes.data, plane.shape, pitch=plane.strides[0], device=(CUDA, 0), owner=plane)
        for plane in (luma, chroma)
    ]
    there = DevicePixels(*lent, frame.width_px, frame.height_px)
    assert ffmpeg.to_video_frame(there).format.name == "cuda"
    assert np.array_equal(there.fetch(), frame.packed)
