"""Video that stays on the GPU from its decoder to its encoder.

The GPU is the host, and so are both codecs: FFmpeg's decoder of raw NV12 stands for NVDEC, x264 for NVENC. Frames pass
between them and the path by DLPack, as on hardware.
"""

import gc
import importlib
import logging
import weakref
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from animecam import gpu_video as gpu_video_module
from animecam import networks as networks_module
from animecam.cuda import dlpack, ffmpeg
from animecam.cuda import gpu as gpu_module
from animecam.cuda.dlpack import HOST, Lent, rows_of
from animecam.cuda.pixels import NO_GPU_VIDEO, DevicePixels, GpuVideo
from animecam.doctor import State, _gpu_video
from animecam.errors import UsageError
from animecam.gpu_video import Codecs, find_gpu_video
from animecam.networks import open_networks
from animecam.render.cpu import CpuImageOps
from animecam.render.device_crop import DeviceCrop
from animecam.render.device_layout import Geometry
from animecam.render.device_pictures import MOST_PICTURES, DevicePictures
from animecam.render.device_slots import Slot
from animecam.session import convert_file
from animecam.settings import Look, Settings
from animecam.sinks import codecs as codecs_module
from animecam.sinks import encoder as encoder_module
from animecam.sinks.codecs import CONTAINERS, Container, file_encoding, stream_encoding
from animecam.sinks.opening import open_sink
from animecam.sinks.options import SinkOptions
from animecam.sources import file as file_module
from animecam.sources import pixels as pixels_module
from animecam.sources.opening import SourceOptions, open_source
from animecam.sources.orientation import Orientation
from animecam.types import WHOLE_FRAME, Color, Frame, PixelFormat, Region, StreamFormat, allocate_planes

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
WIDTH_PX, HEIGHT_PX = 320, 240
SIZE_PX = 192
NV12_ON_HOST = Geometry(PixelFormat.NV12, WIDTH_PX, HEIGHT_PX)


def host_codecs(**changes) -> Codecs:
    return replace(Codecs(lambda _gpu: None, lambda _gpu: None, "libx264"), **changes)


@pytest.fixture
def leave_on_gpu(monkeypatch):
    """From its call on every NV12 frame counts as left on the GPU by its decoder; the memory is the host's."""
    return lambda: monkeypatch.setattr(ffmpeg, "lies_on_gpu", lambda frame: frame.format.name == "nv12")


@pytest.fixture
def left_by_the_decoder(leave_on_gpu):
    """The same from the beginning."""
    leave_on_gpu()


def noise_frame(seed: int = 0) -> Frame:
    planes, packed = allocate_planes(PixelFormat.NV12, WIDTH_PX, HEIGHT_PX)
    packed[...] = np.random.default_rng(seed).integers(0, 256, packed.shape)
    return Frame(planes, PixelFormat.NV12, Color(), 0, 0, 0, Fraction(1, 30), 0, packed=packed)


def on_device(frame: Frame, *, pitch: int = WIDTH_PX + 64) -> Frame:
    """The same frame as a decoder leaves it: rows further apart than they are long."""
    memory = np.zeros((HEIGHT_PX * 3 // 2, pitch), np.uint8)
    memory[:, :WIDTH_PX] = frame.packed
    luma = Lent(memory.ctypes.data, (HEIGHT_PX, WIDTH_PX), pitch=pitch, device=HOST, owner=memory)
    address = memory.ctypes.data + pitch * HEIGHT_PX
    chroma = Lent(address, (HEIGHT_PX // 2, WIDTH_PX // 2, 2), pitch=pitch, device=HOST, owner=memory)
    return replace(frame, planes=(), packed=None, on_gpu=DevicePixels(luma, chroma, WIDTH_PX, HEIGHT_PX))


def test_lent_memory_is_taken_without_a_copy_and_let_go():
    memory = np.arange(64 * 32, dtype=np.uint8).reshape(32, 64)
    owner = memory[:]  # an object of its own, to be watched
    watched = weakref.ref(owner)
    lent = Lent(memory.ctypes.data, (32, 60), pitch=64, device=HOST, owner=owner)
    taken = np.from_dlpack(lent)
    del owner, lent
    assert np.array_equal(taken, memory[:, :60])
    assert taken.ctypes.data == memory.ctypes.data
    assert watched() is not None
    del taken
    gc.collect()
    assert watched() is None
    assert not dlpack._taken


def test_a_capsule_that_nobody_takes_lets_go_too():
    memory = np.zeros((4, 4), np.uint8)
    capsule = Lent(memory.ctypes.data, (4, 4), pitch=4, device=HOST, owner=memory).__dlpack__()
    assert dlpack._taken
    del capsule
    gc.collect()
    assert not dlpack._taken


def test_shared_memory_is_read_where_it_lies():
    frame = av.VideoFrame(WIDTH_PX + 2, HEIGHT_PX, "nv12")  # FFmpeg pads its rows
    for plane, height in zip(frame.planes, (HEIGHT_PX, HEIGHT_PX // 2), strict=True):
        rows = rows_of(plane)
        assert (rows.address, rows.pitch) == (plane.buffer_ptr, plane.line_size)
        assert (rows.width, rows.height) == (WIDTH_PX + 2, height)


@pytest.mark.parametrize(
    ("shared", "what"),
    [(np.zeros((4, 4), np.uint16), "16 bits"), (np.zeros((4, 8, 2), np.uint8)[:, ::2], "gaps")],
)
def test_memory_of_another_kind_is_refused(shared, what):
    with pytest.raises(ValueError, match=what):
        rows_of(shared)


def test_a_frame_on_the_gpu_has_its_size_and_comes_down_as_it_was():
    frame = noise_frame()
    there = on_device(frame)
    assert (there.width_px, there.height_px) == (WIDTH_PX, HEIGHT_PX)
    back = there.on_host()
    assert back.on_gpu is None
    assert back.on_host() is back
    for mine, theirs in zip(back.planes, frame.planes, strict=True):
        assert np.array_equal(mine, theirs)
    assert np.array_equal(back.packed, frame.packed)


def in_three_planes(frame: Frame) -> Frame:
    """The same chroma in two planes: OpenCV samples that of NV12 more coarsely than the kernels do, see docs/gpu.md."""
    chroma = (np.ascontiguousarray(frame.planes[1][..., channel]) for channel in range(2))
    return replace(frame, planes=(frame.planes[0], *chroma), pixel_format=PixelFormat.YUV420P, packed=None)


TURNED = [[0.6, -0.5, 150], [0.5, 0.6, 30]]
SMALL = [[2.5, 0.1, -5], [-0.1, 2.5, 3]]  # where nothing is turned, the processor averages by fractions of samples


@pytest.fixture
def crop(gpu):
    crop = DeviceCrop(gpu, CpuImageOps())
    yield crop
    crop.close()


@pytest.mark.parametrize("to_frame", [TURNED, SMALL])
@pytest.mark.parametrize("size", [(64, 64), (96, 128), (128, 96)])
def test_crops_are_those_of_the_processor(crop, size, to_frame):
    frame, region = noise_frame(), Region(WHOLE_FRAME, *size, np.array(to_frame, np.float64))
    levels = np.abs(crop(on_device(frame), region).astype(int) - CpuImageOps().crop(in_three_planes(frame), region))
    assert levels.max() <= 4
    assert (levels > 0).mean() <= 0.02


def test_frames_of_the_host_are_cropped_there(crop, gpu):
    frame, region = noise_frame(), Region(WHOLE_FRAME, 64, 64, np.array(TURNED, np.float64))
    assert np.array_equal(crop(frame, region), CpuImageOps().crop(frame, region))
    assert not gpu.done


def test_pictures_are_used_again_when_their_encoder_lets_go(gpu):
    pictures = DevicePictures(gpu)
    lent = [pictures.take(NV12_ON_HOST).frame(noise_frame()) for _ in range(MOST_PICTURES)]
    assert pictures.take(NV12_ON_HOST) is None, "an encoder that never lets go must not eat the memory"
    taken = ffmpeg.to_video_frame(lent.pop().on_gpu)
    gc.collect()
    assert pictures.take(NV12_ON_HOST) is None, "FFmpeg still has it"
    del taken
    gc.collect()
    allocations = gpu.allocations
    picture = pictures.take(NV12_ON_HOST)
    assert picture is not None
    assert gpu.allocations == allocations
    pictures.close()  # all, those that are lent, too
    assert gpu.taken == 0
    del picture, lent
    gc.collect()


def test_pictures_of_another_size_replace_the_first(gpu):
    pictures = DevicePictures(gpu)
    first = pictures.take(NV12_ON_HOST)
    second = pictures.take(Geometry(PixelFormat.NV12, 64, 64))
    del first
    gc.collect()
    assert gpu.taken == 1
    assert pictures.take(Geometry(PixelFormat.YUV420P, 64, 64)) is None, "encoders of GPUs take NV12"
    del second
    gc.collect()
    pictures.close()


def test_little_memory_means_frames_on_the_host(host, library, tmp_path):
    gpu = host.HostGpu(tmp_path, library, memory=0)
    assert DevicePictures(gpu).take(NV12_ON_HOST) is None


def test_an_encoder_finds_chroma_right_behind_the_rows_of_luma(gpu):
    """NVENC is told one address and one pitch."""
    pictures = DevicePictures(gpu)
    picture = pictures.take(Geometry(PixelFormat.NV12, 854, 480))
    luma, chroma = picture.rows
    assert luma.pitch == chroma.pitch
    assert luma.pitch % 256 == 0
    assert luma.pitch >= 854
    assert chroma.address == luma.address + luma.pitch * 480
    del picture
    gc.collect()
    pictures.close()


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
    told = {finding.subject: finding for finding in _gpu_video()}
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


@pytest.fixture
def nv12_clip(make_clip, media, tmp_path):
    """A film of a face whose decoder gives NV12."""
    coded = make_clip(tmp_path / "coded.mp4", width_px=WIDTH_PX, height_px=HEIGHT_PX, frames=12, content=media.portrait)
    clip = tmp_path / "clip.mkv"
    with av.open(str(coded)) as source, av.open(str(clip), "w") as target:
        stream = target.add_stream("rawvideo", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "nv12"
        for frame in source.decode(video=0):
            target.mux(stream.encode(frame.reformat(format="nv12")))
        target.mux(stream.encode(None))
    return clip


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


@pytest.fixture
def convert(host, gpu, monkeypatch, tmp_path, caplog):
    """Converts a file with the style on the GPU from the first frame on."""
    monkeypatch.setattr(networks_module, "open_gpu", lambda _index: gpu)
    monkeypatch.setattr(networks_module, "runs_on_gpu", lambda *_: True)
    monkeypatch.setattr(networks_module, "open_device_style", lambda *_: host.HostNetwork(gpu))
    # The codecs of the host in place of the GPU's.
    monkeypatch.setattr(file_module, "decoding", lambda _gpu: None)
    monkeypatch.setattr(encoder_module, "encoding_on", lambda _gpu: None)
    monkeypatch.setattr(codecs_module, "H264_ON_GPU", "libx264")

    came_down = []

    def watched(function):
        def call(*arguments):
            came_down.append(function.__name__)
            return function(*arguments)

        return call

    monkeypatch.setattr(ffmpeg, "downloaded", watched(ffmpeg.downloaded))
    monkeypatch.setattr(Slot, "fetch", watched(Slot.fetch))

    def run(clip, video, name, options=None, **look):
        monkeypatch.setattr(gpu_video_module, "find_gpu_video", lambda _gpu, _index: video)
        target, settings = tmp_path / name, Settings(Look(style="cel", size_px=SIZE_PX, **look), max_faces=1, threads=1)
        caplog.set_level(logging.INFO, logger="animecam")
        caplog.clear()
        with open_networks(settings) as networks:
            convert_file(
                clip,
                tmp_path / "first.mp4",
                networks,
                lambda _format: lambda _figures: None,
                SinkOptions(overwrite=True),
            )
            if "line" not in look:  # which the GPU never draws
                host.until(lambda: "is drawn on host now" in caplog.text)
            gpu.done.clear()
            came_down.clear()
            figures = convert_file(clip, target, networks, lambda _format: lambda _figures: None, options)
        assert figures.frames_out == 12
        gpu.is_closed = False
        with av.open(str(target)) as container:
            return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]

    run.came_down = came_down
    return run


def psnr_db(one, other) -> float:
    return float(10 * np.log10(255**2 / max(np.mean((one - other) ** 2), 1e-9)))


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
    encoding = file_encoding(CONTAINERS[".mkv"], NV12_FILM, SinkOptions(gpu=0, pixel_format=PixelFormat.YUV420P))
    assert (encoding.gpu, encoding.codec) == (None, "libx264")


def test_an_encoder_ends_with_its_film_though_somebody_holds_on_to_it(tmp_path):
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
