"""Which decoder and encoder of the GPU are used, and what its encoder is told; those of the host stand for them."""

import gc
import logging
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from animecam.cuda import ffmpeg
from animecam.cuda import gpu as gpu_module
from animecam.cuda.pixels import NO_GPU_VIDEO, GpuVideo
from animecam.doctor import State, _gpu_video
from animecam.drawing import gpu_video as gpu_video_module
from animecam.drawing.gpu_video import Codecs, find_gpu_video
from animecam.errors import UsageError
from animecam.sinks.codecs import CONTAINERS, Container, file_encoding, stream_encoding
from animecam.sinks.opening import open_sink
from animecam.sinks.options import SinkOptions
from animecam.types import Color, PixelFormat, StreamFormat

WIDTH_PX, HEIGHT_PX = 320, 240


def host_codecs(**changes) -> Codecs:
    return replace(Codecs(lambda _gpu: None, lambda _gpu: None, "libx264"), **changes)


class TestFinding:
    def test_what_works_is_used(self, gpu, left_by_the_decoder, monkeypatch, caplog):
        monkeypatch.setattr(gpu_video_module, "_decoded", as_nv12(gpu_video_module._decoded))
        with caplog.at_level(logging.INFO, logger="animecam"):
            assert find_gpu_video(gpu, 3, host_codecs()) == GpuVideo(3, 3)
        assert gpu.admits_others, "FFmpeg refuses a context that waits in another way than its own"
        assert "host can decode video" in caplog.text
        assert "host can encode video" in caplog.text

    def test_a_decoder_that_leaves_nothing_on_the_gpu_is_not_used(self, gpu, caplog):
        with caplog.at_level(logging.INFO, logger="animecam"):
            assert find_gpu_video(gpu, 0, host_codecs()) == NO_GPU_VIDEO
        assert "host does not decode video, the processor does: its decoder leaves no pictures there" in caplog.text

    def test_a_decoder_of_other_pictures_is_not_used(self, gpu, left_by_the_decoder, monkeypatch, caplog):
        decoded = as_nv12(gpu_video_module._decoded)

        def brighter(stored, hwaccel="processor"):
            for frame in decoded(stored):
                if hwaccel != "processor":
                    np.frombuffer(frame.planes[0], np.uint8)[0] += 1
                yield frame

        monkeypatch.setattr(gpu_video_module, "_decoded", brighter)
        with caplog.at_level(logging.INFO, logger="animecam"):
            assert find_gpu_video(gpu, 0, host_codecs()) == NO_GPU_VIDEO
        assert "its pictures are not those of the processor's decoder" in caplog.text

    def test_an_encoder_that_does_not_open_is_not_used(self, gpu, left_by_the_decoder, monkeypatch, caplog):
        """As on GPUs of data centres, which have none."""
        monkeypatch.setattr(gpu_video_module, "_decoded", as_nv12(gpu_video_module._decoded))
        with caplog.at_level(logging.INFO, logger="animecam"):
            assert find_gpu_video(gpu, 0, host_codecs(encoder="h264_nvenc")) == GpuVideo(0, None)
        assert "host does not encode video, the processor does" in caplog.text

    def test_an_encoder_of_other_pictures_is_not_used(self, gpu, left_by_the_decoder, monkeypatch, caplog):
        monkeypatch.setattr(gpu_video_module, "_decoded", as_nv12(gpu_video_module._decoded))

        def swapped(pixels):
            frame = ffmpeg.to_video_frame(pixels)
            chroma = np.frombuffer(frame.planes[1], np.uint8)
            chroma[:] = np.roll(chroma, 40 * frame.planes[1].line_size)
            return frame

        monkeypatch.setattr(gpu_video_module, "to_video_frame", swapped)
        with caplog.at_level(logging.INFO, logger="animecam"):
            assert find_gpu_video(gpu, 0, host_codecs()) == GpuVideo(0, None)
        assert "dB from what went in" in caplog.text


def test_the_doctor_tells_what_the_gpu_does_of_videos(gpu, monkeypatch):
    monkeypatch.setattr(gpu_module, "open_gpu", lambda _index: gpu)
    monkeypatch.setattr(gpu_video_module, "find_gpu_video", lambda _gpu, _index: GpuVideo(0, None))
    told = {finding.subject: finding for finding in _gpu_video(0)}
    assert told["GPU decodes"].state is State.WORKS
    assert told["GPU encodes"].state is State.OPTIONAL
    assert told["GPU encodes"].detail == "host does not: the processor encodes video"
    assert gpu.is_closed


def as_nv12(decoded):
    """A decoder of the host that gives NV12, as NVDEC does."""

    def wrapped(stored, hwaccel=None):
        for frame in decoded(stored, hwaccel):
            yield frame.reformat(format="nv12")

    return wrapped


NV12_FILM = StreamFormat(
    WIDTH_PX, HEIGHT_PX, PixelFormat.NV12, Color(), 0, Fraction(1, 30), rate=Fraction(30), is_live=False
)


def settings_of(ending: str, **options) -> dict[str, str]:
    return dict(file_encoding(CONTAINERS[ending], NV12_FILM, SinkOptions(**options)).settings)


def test_the_gpus_encoder_is_told_a_quality_that_it_knows():
    """Of its numbers 0 means that a bit rate decides, and 51 is the last."""
    assert settings_of(".mkv", gpu=0) == {"rc": "vbr", "cq": "18", "preset": "p4"}
    assert [settings_of(".mkv", gpu=0, crf=crf)["cq"] for crf in (0, 30, 51)] == ["1", "30", "51"]
    with pytest.raises(UsageError, match=r"outside 0\.\.51, the range of h264_nvenc"):
        settings_of(".mkv", gpu=0, crf=52)


@pytest.mark.parametrize("chosen", [{"gpu": 0}, {"codec": "h264_nvenc"}, {"codec": "hevc_nvenc"}])
def test_the_gpus_encoder_minds_the_container_whoever_chose_it(chosen):
    assert settings_of(".avi", **chosen)["bf"] == "0"  # which has no time stamps
    assert settings_of(".mp4", **chosen)["g"] == "60"  # which is written in fragments


@pytest.mark.parametrize("codec", ["h264_nvenc", "hevc_nvenc"])
def test_the_gpus_encoder_holds_no_picture_back_live(codec):
    """By itself it keeps as many as it has room for, which is a second of a slow camera."""
    live = replace(NV12_FILM, is_live=True)
    prompt = {"zerolatency": "1", "delay": "0", "bf": "0"}
    for ending in (".mkv", ".mp4", ".avi"):
        assert (
            prompt.items() <= dict(file_encoding(CONTAINERS[ending], live, SinkOptions(codec=codec)).settings).items()
        )
        assert "zerolatency" not in settings_of(ending, codec=codec)
    sent = stream_encoding(Container("mpegts"), live, SinkOptions(codec=codec))
    assert prompt.items() <= dict(sent.settings).items()
    assert sent.bit_rate > 0


def test_an_encoder_by_name_runs_on_the_gpu_that_was_asked_for():
    """With `convert --gpus 0,1 --codec hevc_nvenc` all films were encoded on the first."""
    assert settings_of(".mkv", codec="hevc_nvenc", gpu=1)["gpu"] == "1"
    assert "gpu" not in settings_of(".mkv", codec="hevc_nvenc", gpu=0)
    assert "gpu" not in settings_of(".mkv", codec="libx264", gpu=1)


def test_another_pixel_format_is_encoded_on_the_processor():
    encoding = file_encoding(
        CONTAINERS[".mkv"], replace(NV12_FILM, pixel_format=PixelFormat.YUV420P), SinkOptions(gpu=0)
    )
    assert (encoding.gpu, encoding.codec) == (None, "libx264")


def test_an_encoder_ends_with_its_film_though_somebody_holds_on_to_it(tmp_path, noise_frame):
    """After an error the exception does; what the encoder was lent is freed, and a GPU has few encoders."""
    gc.collect()
    before = encoders()
    sink = open_sink(str(tmp_path / "film.mkv"), NV12_FILM)
    sink.write(noise_frame())
    assert encoders() == before + 1
    sink.close(complete=False)
    assert encoders() == before


def encoders() -> int:
    return sum(type(thing) is VideoCodecContext and thing.is_encoder for thing in gc.get_objects())
