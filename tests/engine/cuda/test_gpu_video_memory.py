"""Frames that lie on the GPU: memory is lent without a copy, cropped where it lies, let go and used again."""

import gc
import weakref
from contextlib import closing
from dataclasses import replace

import av
import numpy as np
import pytest

from animecam.cuda import ffmpeg
from animecam.cuda.dlpack import CUDA, HOST, Lent, Rows, rows_of
from animecam.cuda.pixels import DevicePixels
from animecam.faces.cuts import CutFinder
from animecam.render.cpu import CpuImageOps
from animecam.render.device_crop import DeviceCrop
from animecam.render.device_layout import Geometry
from animecam.render.device_pictures import MOST_PICTURES, DevicePictures
from animecam.types import WHOLE_FRAME, Frame, PixelFormat, Region

WIDTH_PX, HEIGHT_PX = 320, 240
NV12_ON_HOST = Geometry(PixelFormat.NV12, WIDTH_PX, HEIGHT_PX)


def on_device(frame: Frame, *, pitch: int = WIDTH_PX + 64) -> Frame:
    """The same frame as a decoder leaves it: rows further apart than they are long."""
    memory = np.zeros((HEIGHT_PX * 3 // 2, pitch), np.uint8)
    memory[:, :WIDTH_PX] = frame.packed
    luma = Lent(memory.ctypes.data, (HEIGHT_PX, WIDTH_PX), pitch=pitch, device=HOST, owner=memory)
    address = memory.ctypes.data + pitch * HEIGHT_PX
    chroma = Lent(address, (HEIGHT_PX // 2, WIDTH_PX // 2, 2), pitch=pitch, device=HOST, owner=memory)
    return replace(frame, planes=(), packed=None, on_gpu=DevicePixels(luma, chroma, WIDTH_PX, HEIGHT_PX))


def test_cuts_are_seen_of_films_that_are_decoded_on_the_gpu(gpu, noise_frame):
    with closing(DeviceCrop(gpu, CpuImageOps())) as crop:
        finder = CutFinder(crop)
        first, second = (noise_frame(seed=seed) for seed in (0, 1))
        frames = [on_device(first), on_device(first), on_device(second), on_device(second)]
        assert [finder(frame) for frame in frames] == [False, False, True, False]


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


def test_a_capsule_that_nobody_takes_lets_go_too():
    owner = np.zeros((4, 4), np.uint8)
    watched = weakref.ref(owner)
    capsule = Lent(owner.ctypes.data, (4, 4), pitch=4, device=HOST, owner=owner).__dlpack__()
    del owner
    gc.collect()
    assert watched() is not None
    del capsule
    gc.collect()
    assert watched() is None


def test_who_cannot_take_lent_memory_says_why_and_lets_go():
    """NumPy knows no GPU: the capsule ends while its error is on the way."""
    owner = np.zeros((4, 8), np.uint8)
    watched = weakref.ref(owner)
    lent = Lent(owner.ctypes.data, (4, 4), pitch=8, device=(CUDA, 0), owner=owner)
    with pytest.raises(RuntimeError, match="device"):
        np.from_dlpack(lent)
    del owner, lent
    gc.collect()
    assert watched() is None


def test_lent_memory_says_where_it_lies():
    owner = np.zeros((4, 8, 2), np.uint8)
    lent = Lent(owner.ctypes.data, (4, 3, 2), pitch=16, device=(CUDA, 1), owner=owner)
    assert rows_of(lent) == Rows(owner.ctypes.data, 16, 6, 4)
    assert lent.__dlpack_device__() == (CUDA, 1)
    with pytest.raises(RuntimeError, match="device"):  # the capsule says so, too
        np.from_dlpack(lent)


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


def test_a_frame_on_the_gpu_has_its_size_and_comes_down_as_it_was(noise_frame):
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
def test_crops_are_those_of_the_processor(crop, size, to_frame, noise_frame):
    frame, region = noise_frame(), Region(WHOLE_FRAME, *size, np.array(to_frame, np.float64))
    levels = np.abs(crop(on_device(frame), region).astype(int) - CpuImageOps().crop(in_three_planes(frame), region))
    assert levels.max() <= 4
    assert (levels > 0).mean() <= 0.02


def test_frames_of_the_host_are_cropped_there(crop, gpu, noise_frame):
    frame, region = noise_frame(), Region(WHOLE_FRAME, 64, 64, np.array(TURNED, np.float64))
    assert np.array_equal(crop(frame, region), CpuImageOps().crop(frame, region))
    assert not gpu.done


def test_pictures_are_used_again_when_their_encoder_lets_go(gpu, noise_frame):
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
