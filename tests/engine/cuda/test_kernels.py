"""The kernels, compiled for every GPU by NVRTC and run on the host as C++, against the processor's own ops."""

import re
from dataclasses import replace
from fractions import Fraction
from itertools import product

import cv2
import numpy as np
import pytest

from animecam.errors import BackendError
from animecam.render.base import Patch
from animecam.render.cpu import CpuImageOps
from animecam.render.device_kernels import NAMES, kernel_source
from animecam.render.device_layout import CHANNEL, FACE, JOB, LIGHT, SAMPLER, Geometry
from animecam.render.device_path import DevicePath, PathOptions
from animecam.render.light import Light
from animecam.render.masks import head_mask
from animecam.render.match import LEVELS_TO_OFFSET, MatchOptions, part_weights, pixel_weights, ring_offsets
from animecam.types import Color, ColorMatrix, Frame, PixelFormat, Region, allocate_planes

SIZE_PX = 64
STILL = MatchOptions(luma_limit=0.0, chroma_limit=0.0)  # colours stay, so that one thing is tested at a time
ARCHITECTURES = ((7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 0))
OPS = CpuImageOps()
FIRST_OF = {  # what is one field in Python and several in the kernels
    "Sampler": {"to_blocks": "xx", "block": "block_x", "start": "start_x", "blocks": "blocks_x"},
    "Face": {"box": "left"},
    "Job": {"size": "width", "step": "step_x"},
}

# Noise is the worst case: of the samples at most so many differ from the CPU's, by at most so many levels. Chroma that
# is rounded to the other side counts for two levels of blue.
CROP_SHARE, CROP_LEVELS = 0.002, 3
PASTE_SHARE, PASTE_LEVELS = 0.01, 1
SMOOTH_PX = 2.0  # of a blur, after which a frame is as fine as a picture is


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nvrtc_compiles_every_kernel_for_every_gpu(tmp_path):
    compiler = pytest.importorskip("animecam.cuda.compiler", reason="needs animecam[cuda]")
    try:
        version = compiler.compiler_version()
    except BackendError as error:
        pytest.skip(f"{error.message}: {error.hint}")
    assert version >= (12, 9)
    for architecture in ARCHITECTURES:
        cubin = compiler.compile_kernels(kernel_source() + places_on_the_gpu(), architecture)
        assert cubin[:4] == b"\x7fELF"
        assert all(f".text.{name}".encode() in cubin for name in NAMES)


def places_on_the_gpu() -> str:
    """What the device's compiler is to check: it need not lay structures out as the host's does.

    NVRTC 13.0 does not know `__builtin_offsetof`.
    """
    structures = {"Channel": CHANNEL, "Sampler": SAMPLER, "Light": LIGHT, "Face": FACE, "Job": JOB}
    sizes = [f"static_assert(sizeof({name}) == {dtype.itemsize});" for name, dtype in structures.items()]
    places = [
        f"static_assert(__INTADDR__(&(({name}*)0)->{FIRST_OF.get(name, {}).get(field, field)}) == {place[1]});"
        for name, dtype in structures.items()
        for field, place in dtype.fields.items()
    ]
    return "\n".join(["", *sizes, *places])


def test_all_kernels_take_pointers_only():
    found = dict(re.findall(r'extern "C" __global__ void (\w+)\(([^)]*)\)', kernel_source()))
    assert set(found) == set(NAMES)
    assert all("*" in parameter for text in found.values() for parameter in text.split(","))


def test_python_and_the_kernels_agree_on_structures(library):
    assert library.size_of_Job() == JOB.itemsize
    assert library.size_of_Face() == FACE.itemsize
    assert library.size_of_Light() == LIGHT.itemsize


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
def test_planes_lie_as_pyav_has_them(pixel_format):
    planes, packed = allocate_planes(pixel_format, 16, 8)
    packed.reshape(-1)[:] = np.arange(packed.size)
    geometry = Geometry(pixel_format, 16, 8)
    assert geometry.nbytes == packed.nbytes
    for mine, theirs in zip(geometry.planes(packed.reshape(-1)), planes, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def noise(pixel_format, width_px, height_px, color, seed, *, blur_px=0.0) -> Frame:
    random = np.random.default_rng(seed)
    planes, packed = allocate_planes(pixel_format, width_px, height_px)
    for plane in planes:
        codes = random.integers(0, 256, plane.shape, dtype=np.uint8)
        if blur_px:
            codes = cv2.normalize(cv2.GaussianBlur(codes, (0, 0), blur_px), None, 0, 255, cv2.NORM_MINMAX)
        plane[...] = codes.reshape(plane.shape)
    return Frame(planes, pixel_format, color, 0, seed, seed, Fraction(1, 30), 0, packed=packed)


def planar(frame: Frame) -> Frame:
    """NV12 with its chroma in two planes: OpenCV samples pairs of bytes at 32nds of a sample, single ones exactly."""
    if frame.pixel_format is not PixelFormat.NV12:
        return frame
    luma, chroma = frame.planes
    planes = (luma, *(np.ascontiguousarray(chroma[..., which]) for which in (0, 1)))
    return replace(frame, planes=planes, pixel_format=PixelFormat.YUV420P, packed=None)


def place(size_px, centre, step, angle_rad, track_id=0) -> Region:
    turn = step * np.array([[np.cos(angle_rad), -np.sin(angle_rad)], [np.sin(angle_rad), np.cos(angle_rad)]])
    shift = np.array(centre) - turn @ (size_px / 2, size_px / 2)
    return Region(track_id, size_px, size_px, np.column_stack((turn, shift)))


def random_place(random, width_px, height_px, track_id=0) -> Region:
    centre = (width_px * random.uniform(-0.1, 1.1), height_px * random.uniform(-0.1, 1.1))
    return place(SIZE_PX, centre, float(np.exp(random.uniform(-1.2, 1.4))), random.uniform(-np.pi, np.pi), track_id)


@pytest.fixture
def path(gpu):
    path = DevicePath(gpu, PathOptions(most_faces=5, largest_px=SIZE_PX, match=STILL))
    yield path
    path.close()


COLORS = [Color(matrix, full_range) for matrix, full_range in product((1, 2, 6, 9), (False, True))]


@pytest.mark.parametrize("blur_px", [0.0, SMOOTH_PX])
@pytest.mark.parametrize("pixel_format", list(PixelFormat))
def test_crops_are_those_of_the_processor(host, gpu, path, pixel_format, blur_px):
    random = np.random.default_rng(5)
    levels = []
    for seed, color in enumerate(COLORS):
        color = Color(ColorMatrix(color.matrix), color.full_range)
        frame = noise(pixel_format, 160, 120, color, seed, blur_px=blur_px)
        regions = [random_place(random, 160, 120, track_id) for track_id in range(1 + seed % 5)]
        levels.append(crop_levels(host, gpu, path, frame, regions))
    levels = np.concatenate(levels)
    assert levels.max() <= CROP_LEVELS
    assert (levels > 0).mean() <= CROP_SHARE


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
@pytest.mark.parametrize("step", [4.9, 6.0, 10.0, 16.0])
def test_crops_of_large_heads_are_those_of_the_processor(host, gpu, path, pixel_format, step):
    """From 4.8 pixels for one of the crop on, blocks of 4 x 4 and more are averaged, pairs of samples first."""
    side_px = 2 * int(0.6 * SIZE_PX * step)
    frame = noise(pixel_format, side_px, side_px, Color(ColorMatrix.BT709), 4)
    levels = crop_levels(host, gpu, path, frame, [place(SIZE_PX, (side_px / 2 + 0.3, side_px / 2 - 0.2), step, 0.3)])
    assert levels.max() <= CROP_LEVELS
    assert (levels > 0).mean() <= CROP_SHARE


def crop_levels(host, gpu, path, frame, regions):
    """By how many levels the samples of crops are off those of the processor."""
    path.submit(frame, regions, "s", host.Seen(gpu), 1.0)()
    expected = np.stack([OPS.crop(planar(frame), region) for region in regions])
    return np.abs(host.remembered(gpu, path, "filmed").astype(int) - expected).reshape(-1)


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
@pytest.mark.parametrize("strength", [1.0, 0.35])
def test_pasted_frames_are_those_of_the_processor(host, gpu, path, pixel_format, strength):
    random = np.random.default_rng(6)
    for seed in range(8):
        frame = noise(pixel_format, 160, 120, Color(ColorMatrix.BT709, bool(seed % 2)), seed)
        check_paste(host, gpu, path, frame, random_place(random, 160, 120), strength, random)


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
@pytest.mark.parametrize("step", [2.7, 3.2, 4.0, 6.0])
def test_large_heads_are_pasted_as_by_the_processor(host, gpu, path, pixel_format, step):
    """From 2.6 pixels for one of the crop on, some pixels are sampled and those between are interpolated."""
    frame = noise(pixel_format, 320, 240, Color(ColorMatrix.BT709), 3)
    random = np.random.default_rng(8)
    check_paste(host, gpu, path, frame, place(SIZE_PX, (170.3, 110.2), step, 0.3), 1.0, random)


def check_paste(host, gpu, path, frame, region, strength, random):
    """Noise instead of a drawing is pasted on the way of the GPU and by the processor."""
    picture = random.integers(0, 256, (SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    numbers = (picture.transpose(2, 0, 1)[None] / 127.5 - 1).astype(np.float16)
    path.forget()
    drawn = path.submit(frame, [region], "s", host.Seen(gpu, numbers), strength)().frame
    (crop,) = host.remembered(gpu, path, "filmed")
    patch = Patch(region, Light.of(crop).drawn(picture), head_mask(SIZE_PX, SIZE_PX) * np.float32(strength))
    expected = OPS.paste(planar(frame), [patch])
    for mine, theirs in zip(planar(drawn).planes, expected.planes, strict=True):
        levels = np.abs(mine.astype(int) - theirs)
        assert levels.max() <= PASTE_LEVELS
        assert (levels > 0).mean() <= PASTE_SHARE


def test_pixels_outside_of_the_boxes_stay_bit_for_bit(host, gpu, path):
    frame = noise(PixelFormat.YUV420P, 160, 120, Color(), 1)
    white = np.ones((1, 3, SIZE_PX, SIZE_PX), np.float16)
    drawn = path.submit(frame, [place(SIZE_PX, (70.3, 60.1), 0.8, 0.5)], "s", host.Seen(gpu, white), 1.0)().frame
    y, x = np.mgrid[0:120, 0:160] + 0.5
    is_far = np.hypot(x - 70.3, y - 60.1) > SIZE_PX / 2 * 0.8 * 1.2
    np.testing.assert_array_equal(drawn.planes[0][is_far], frame.planes[0][is_far])
    assert (drawn.planes[0][~is_far] != frame.planes[0][~is_far]).mean() > 0.5


def test_a_face_outside_of_the_frame_changes_nothing(host, gpu, path):
    frame = noise(PixelFormat.NV12, 160, 120, Color(), 2)
    regions = [place(SIZE_PX, (-400, 60), 1.0, 0.2, 0), place(SIZE_PX, (900, 900), 2.0, 0.2, 1)]
    drawn = path.submit(frame, regions, "s", host.Seen(gpu), 1.0)().frame
    for mine, theirs in zip(drawn.planes, frame.planes, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("numbers", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_become_pixels(host, gpu, path, numbers):
    frame = noise(PixelFormat.RGB24, 160, 120, Color(), 3)
    broken = np.full((1, 3, SIZE_PX, SIZE_PX), numbers, np.float16)
    drawn = path.submit(frame, [place(SIZE_PX, (80, 60), 1.0, 0.0)], "s", host.Seen(gpu, broken), 1.0)().frame
    assert drawn.planes[0][60, 80, 0] in (0, 255)


@pytest.mark.parametrize("size_px", [64, 192, 200])
def test_weights_of_pixels_find_the_difference_that_small_copies_find(size_px):
    random = np.random.default_rng(4)
    source, drawn = (random.integers(0, 256, (size_px, size_px, 3), dtype=np.uint8) for _ in range(2))
    mask = head_mask(size_px, size_px)
    ring = (mask * (1 - mask)).astype(np.float32)
    weights = pixel_weights(ring)
    np.testing.assert_allclose(weights.sum(axis=(1, 2)), 1.0, atol=1e-4)
    difference = np.einsum("phw,hwc->pc", weights, source.astype(np.float64) - drawn)
    offsets = ring_offsets(source, drawn, part_weights(ring))
    np.testing.assert_allclose(difference @ LEVELS_TO_OFFSET.T, offsets, atol=0.1)


def test_an_empty_ring_has_no_weights():
    assert pixel_weights(np.zeros((64, 64), np.float32)) is None
