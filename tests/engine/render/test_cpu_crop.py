"""Crops against an independent float64 account, and the cases that go wrong quietly: edges, aliasing, turns."""

from dataclasses import replace

import numpy as np
import pytest

from animecam.render.cpu import SEEN_ROWS, CpuImageOps
from animecam.render.scope import whole_frame_region
from animecam.render.upright import average_whole
from animecam.types import WHOLE_FRAME, Color, ColorMatrix, PixelFormat, Region

LEVELS = 2.0
WORST_LEVELS = 4.0  # chroma is rounded to 8 bits after averaging and again after the warp, and blue is twice chroma
FORMATS = list(PixelFormat)
OPS = CpuImageOps()


def assert_agree(crop, reference):
    """Nearly all samples within LEVELS, none far off, and no bias, which is what a shift by half a pixel leaves."""
    difference = crop - reference
    assert np.percentile(np.abs(difference), 95) <= LEVELS
    assert np.abs(difference).max() <= WORST_LEVELS
    assert np.abs(difference.mean(axis=(0, 1))).max() < 0.5


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("seed", range(5))
def test_similarity_crops_agree_with_reference(world, similarity, pixel_format, seed):
    frame = world.frame(pixel_format, 160, 120)
    region = similarity(seed, 160, 120)
    crop = OPS.crop(frame, region)
    assert crop.dtype == np.uint8
    assert crop.shape == (64, 64, 3)
    assert_agree(crop, world.reference_crop(frame, region))


@pytest.mark.parametrize("matrix", [ColorMatrix.BT601, ColorMatrix.BT709])
@pytest.mark.parametrize("full_range", [False, True])
def test_matrix_and_range_are_those_of_the_frame(world, matrix, full_range):
    frame = world.frame(PixelFormat.YUV420P, 64, 64, color=Color(matrix=matrix, full_range=full_range))
    region = world.region(48, (32, 32), 1.0, 0.3)
    crop = OPS.crop(frame, region)
    assert_agree(crop, world.reference_crop(frame, region))
    other = replace(frame, color=Color(matrix=matrix, full_range=not full_range))
    assert np.abs(crop.astype(int) - OPS.crop(other, region)).max() > 4 * LEVELS


@pytest.mark.parametrize("step", [2.0, 2.4, 3.3, 4.0, 7.5])
@pytest.mark.parametrize("angle_rad", [0.0, 0.4])
def test_fine_checkerboard_becomes_flat_grey(world, step, angle_rad):
    board = np.indices((240, 240)).sum(axis=0) % 2 * 255.0
    frame = world.frame(PixelFormat.RGB24, 240, 240, rgb=np.repeat(board[..., None], 3, axis=2))
    crop = OPS.crop(frame, world.region(24, (120.3, 119.8), step, angle_rad)).astype(float)
    assert abs(crop.mean() - 127.5) < 3
    assert crop.std() < 20  # point samples would give 127


@pytest.mark.parametrize("pixel_format", [PixelFormat.YUV420P, PixelFormat.NV12, PixelFormat.RGB24])
@pytest.mark.parametrize("step", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("centre", [(0, 0), (90, 70), (-300, 20), (20, 500), (400, -400)])
def test_outside_the_frame_its_border_goes_on(world, pixel_format, step, centre):
    frame = world.frame(pixel_format, 80, 60)
    region = world.region(32, centre, step, 0.2)
    assert_agree(OPS.crop(frame, region), world.reference_crop(frame, region))


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_smallest_frame(world, pixel_format):
    frame = world.frame(pixel_format, 2, 2, rgb=np.full((2, 2, 3), (90.0, 120.0, 150.0)))
    for step in (0.05, 1.0, 9.0):
        crop = OPS.crop(frame, world.region(16, (1, 1), step, 0.7))
        assert np.abs(crop - np.array([90, 120, 150])).max() <= LEVELS


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_whole_frame_stands_upright(world, rotation_deg):
    frame = world.frame(PixelFormat.RGB24, 64, 48, rotation_deg=rotation_deg)
    shorter_px = 48
    crop = OPS.crop(frame, whole_frame_region(frame, shorter_px))
    assert np.array_equal(crop, np.rot90(frame.planes[0], rotation_deg // 90))


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("size_px", [40, 200])
def test_whole_frame_agrees_with_reference(world, pixel_format, rotation_deg, size_px):
    frame = world.frame(pixel_format, 160, 90, rotation_deg=rotation_deg)
    region = whole_frame_region(frame, size_px)
    assert_agree(OPS.crop(frame, region), world.reference_crop(frame, region))


def test_a_mirroring_region_is_mirrored(world):
    frame = world.frame(PixelFormat.RGB24, 32, 16)
    region = Region(WHOLE_FRAME, 32, 16, np.array([[-1.0, 0.0, 32.0], [0.0, 1.0, 0.0]]))
    assert np.array_equal(OPS.crop(frame, region), frame.planes[0][:, ::-1])


def test_crop_is_memory_of_its_own(world):
    frame = world.frame(PixelFormat.RGB24, 32, 16)
    crop = OPS.crop(frame, whole_frame_region(frame, 16))
    assert not np.may_share_memory(crop, frame.planes[0])
    crop[...] = 0  # must be writable, too


def test_planes_may_be_strided(world):
    frame = world.frame(PixelFormat.YUV420P, 64, 48)
    padded = tuple(np.pad(plane, ((0, 0), (0, 13)))[:, : plane.shape[1]] for plane in frame.planes)
    region = world.region(32, (30, 20), 1.2, 0.5)
    assert np.array_equal(OPS.crop(frame, region), OPS.crop(replace(frame, planes=padded, packed=None), region))


@pytest.mark.parametrize("shape", [(60, 45), (60, 45, 3)])
@pytest.mark.parametrize("side", [2, 3, 4, 5, 6, 7, 10])
def test_means_of_whole_blocks_are_exact(shape, side):
    """Rounded from the exact means; pairs that are averaged first may round up twice."""
    small = np.random.default_rng(side).integers(0, 256, (shape[0] * side, shape[1] * side, *shape[2:]), np.uint8)
    exact = small.reshape(shape[0], side, shape[1], side, -1).mean(axis=(1, 3)).reshape(shape)
    slack = 0.5 if side % 2 else 1.0
    assert np.abs(average_whole(small, shape[1], shape[0]) - exact).max() <= slack


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("angle_rad", [0.0, 0.4])
def test_a_glimpse_of_a_fine_frame_is_its_crop_within_the_grain(world, pixel_format, angle_rad):
    """Of every third row, at another place than all rows have: a shift by half a sample would show in the mean."""
    frame = world.frame(pixel_format, 960, 720)
    region = world.region(48, (480.2, 360.7), 12.4, angle_rad)
    crop, glimpse = OPS.crop(frame, region).astype(float), OPS.glimpse(frame, region)
    assert not np.array_equal(crop, glimpse)
    assert np.abs(crop - glimpse).max() <= WORST_LEVELS
    assert np.abs((crop - glimpse).mean(axis=(0, 1))).max() < 0.5


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_a_glimpse_of_few_rows(world, pixel_format):
    frame = world.frame(pixel_format, 960, 2, rgb=np.full((2, 960, 3), (90.0, 120.0, 150.0)))
    glimpse = OPS.glimpse(frame, world.region(16, (480, 1), 60.0, 0.0))
    assert np.abs(glimpse - np.array([90, 120, 150])).max() <= LEVELS


def test_of_a_frame_that_is_hardly_finer_a_glimpse_is_the_crop(world):
    frame = world.frame(PixelFormat.YUV420P, 640, 480)
    region = world.region(64, (320, 240), 1.9 * SEEN_ROWS, 0.1)
    assert np.array_equal(OPS.glimpse(frame, region), OPS.crop(frame, region))
