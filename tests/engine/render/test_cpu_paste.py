"""Pasting against an independent float64 account; what no mask reaches must stay bit for bit."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from animecam.bars import Inset
from animecam.render import cpu
from animecam.render.base import Patch
from animecam.render.cpu import CpuImageOps
from animecam.render.masks import head_mask
from animecam.render.scope import whole_frame_region
from animecam.types import Color, ColorMatrix, PixelFormat

LEVELS = 2.0
KINK_LEVELS = 2.5  # where the mask's slope changes, averaged samples of it differ from the reference's points
FORMATS = list(PixelFormat)
OPS = CpuImageOps()


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("seed", range(5))
def test_similarity_pastes_agree_with_reference(world, similarity, pixel_format, seed):
    frame = world.frame(pixel_format, 160, 120)
    patch = Patch(similarity(seed, 160, 120), world.smooth(64, 64), world.soft_mask(64))
    pasted = OPS.paste(frame, [patch])
    assert max(world.differences(pasted, world.reference_paste(frame, [patch]))) <= KINK_LEVELS


@pytest.mark.parametrize("matrix", [ColorMatrix.BT601, ColorMatrix.BT709])
@pytest.mark.parametrize("full_range", [False, True])
def test_matrix_and_range_are_those_of_the_frame(world, matrix, full_range):
    frame = world.frame(PixelFormat.YUV420P, 64, 64, color=Color(matrix=matrix, full_range=full_range))
    patch = Patch(world.region(48, (32, 32), 1.1, 0.3), world.smooth(48, 48), world.soft_mask(48))
    pasted = OPS.paste(frame, [patch])
    assert max(world.differences(pasted, world.reference_paste(frame, [patch]))) <= LEVELS


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("step", [0.4, 1.0, 2.7])
def test_a_crop_pasted_back_changes_nothing(world, pixel_format, step):
    frame = world.frame(pixel_format, 160, 120)
    region = world.region(40, (84.3, 61.7), step, 0.35)
    pasted = OPS.paste(frame, [Patch(region, OPS.crop(frame, region), world.soft_mask(40))])
    assert max(world.differences(pasted, frame.planes)) <= LEVELS


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_pixels_without_mask_stay_bit_for_bit(world, pixel_format):
    noise = np.random.default_rng(1).integers(0, 256, (120, 160, 3)).astype(float)
    frame = world.frame(pixel_format, 160, 120, rgb=noise)
    region = world.region(64, (70.2, 55.9), 0.8, 0.6)
    white = np.full((64, 64, 3), 255, np.uint8)
    patch = Patch(region, white, world.soft_mask(64, margin_px=8))
    pasted = OPS.paste(frame, [patch])
    radius_px = (64 / 2 - 8 + 3) * 0.8  # the hill's foot, and what interpolation and chroma samples reach beyond it
    for plane, before, layout in zip(pasted.planes, frame.planes, pixel_format.planes, strict=True):
        y, x = np.mgrid[0 : plane.shape[0], 0 : plane.shape[1]] + 0.5
        is_far = np.hypot(x * layout.step_x - 70.2, y * layout.step_y - 55.9) > radius_px
        np.testing.assert_array_equal(plane[is_far], before[is_far])
        assert (plane[~is_far] != before[~is_far]).mean() > 0.5


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_result_has_planes_of_its_own(world, pixel_format):
    frame = world.frame(pixel_format, 64, 48, pts=7, rotation_deg=90)
    before = [plane.copy() for plane in frame.planes]
    patch = Patch(world.region(32, (30, 20), 1.0, 0.2), world.smooth(32, 32), world.soft_mask(32))
    pasted = OPS.paste(frame, [patch])
    for plane, mine, saved in zip(frame.planes, pasted.planes, before, strict=True):
        assert not np.may_share_memory(plane, mine)
        assert np.may_share_memory(pasted.packed, mine)
        np.testing.assert_array_equal(plane, saved)
    assert pasted.packed.shape == frame.packed.shape
    assert (pasted.pts, pasted.rotation_deg, pasted.color) == (7, 90, frame.color)


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_an_empty_mask_changes_nothing(world, pixel_format):
    frame = world.frame(pixel_format, 64, 48)
    region = world.region(32, (30, 20), 1.0, 0.2)
    pasted = OPS.paste(frame, [Patch(region, world.smooth(32, 32), np.zeros((32, 32), np.float32))])
    assert world.differences(pasted, frame.planes) == [0.0] * len(frame.planes)


@pytest.mark.parametrize("pixel_format", [PixelFormat.YUV420P, PixelFormat.NV12, PixelFormat.RGB24])
@pytest.mark.parametrize("step", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("centre", [(0, 0), (79, 30), (-300, 20), (20, 500)])
def test_regions_may_leave_the_frame(world, pixel_format, step, centre):
    frame = world.frame(pixel_format, 80, 60)
    patch = Patch(world.region(32, centre, step, 0.2), world.smooth(32, 32), world.soft_mask(32))
    pasted = OPS.paste(frame, [patch])
    assert max(world.differences(pasted, world.reference_paste(frame, [patch]))) <= LEVELS


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_smallest_frame(world, pixel_format):
    frame = world.frame(pixel_format, 2, 2)
    patch = Patch(world.region(16, (1, 1), 0.5, 0.3), world.smooth(16, 16), np.ones((16, 16), np.float32))
    pasted = OPS.paste(frame, [patch])
    assert max(world.differences(pasted, world.reference_paste(frame, [patch]))) <= LEVELS


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_whole_frame_reaches_every_pixel(world, pixel_format, rotation_deg, strength):
    frame = world.frame(pixel_format, 160, 90, rotation_deg=rotation_deg, rgb=np.full((90, 160, 3), 60.0))
    region = whole_frame_region(frame, 64)
    grey = np.full((region.height_px, region.width_px, 3), 200, np.uint8)
    mask = np.full(grey.shape[:2], strength, np.float32)
    pasted = OPS.paste(frame, [Patch(region, grey, mask)])
    level = 60 + strength * 140
    expected = world.frame(pixel_format, 160, 90, rgb=np.full((90, 160, 3), level))
    assert max(world.differences(pasted, expected.planes)) <= LEVELS


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("inset", [Inset(50, 0, 60, 90), Inset(0, 10, 160, 70)])
def test_a_whole_frame_leaves_black_bars_as_they_are(world, pixel_format, rotation_deg, strength, inset):
    frame = world.frame(pixel_format, 160, 90, rotation_deg=rotation_deg, rgb=np.full((90, 160, 3), 60.0))
    region = whole_frame_region(replace(frame, inset=inset), 64)
    grey = np.full((region.height_px, region.width_px, 3), 200, np.uint8)
    mask = np.full(grey.shape[:2], strength, np.float32)
    pasted = OPS.paste(replace(frame, inset=inset), [Patch(region, grey, mask)])
    expected = np.full((90, 160, 3), 60.0)
    left, top, width_px, height_px = inset
    expected[top : top + height_px, left : left + width_px] += strength * 140
    wanted = world.frame(pixel_format, 160, 90, rgb=expected)
    assert max(world.differences(pasted, wanted.planes)) <= LEVELS


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("rotation_deg", [0, 90])
def test_a_part_of_a_whole_frame_is_pasted_alike_whether_it_is_warped_or_resized(
    world, pixel_format, rotation_deg, monkeypatch
):
    frame = world.frame(pixel_format, 160, 96, rotation_deg=rotation_deg)
    region = whole_frame_region(frame, 64)
    picture = world.smooth(region.width_px, region.height_px)
    mask = np.zeros(picture.shape[:2], np.float32)
    mask[10:50, 20:50] = 1.0  # as a person's outline
    patch = Patch(region, picture, mask)
    resized = OPS.paste(frame, [patch])
    with monkeypatch.context() as change:
        change.setattr(cpu, "RESIZED", 0)
        warped = OPS.paste(frame, [patch])
    assert max(world.differences(resized, warped.planes)) <= LEVELS
    for plane, before in zip(resized.planes, frame.planes, strict=True):
        assert (plane != before).any()
        np.testing.assert_array_equal(plane[:6], before[:6])
        np.testing.assert_array_equal(plane[:, :6], before[:, :6])


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_whole_frame_lies_the_way_it_was_cropped(world, rotation_deg):
    frame = world.frame(PixelFormat.YUV420P, 160, 96, rotation_deg=rotation_deg)
    region = whole_frame_region(frame, 48)
    crop = OPS.crop(frame, region)
    pasted = OPS.paste(frame, [Patch(region, crop, np.ones(crop.shape[:2], np.float32))])
    inner = [np.s_[4:-4, 4:-4]] * 3  # half the resolution went by: the border's slope is lost
    for plane, before, part in zip(pasted.planes, frame.planes, inner, strict=True):
        assert np.abs(plane[part].astype(int) - before[part]).max() <= LEVELS


def test_later_patches_cover_earlier_ones(world):
    frame = world.frame(PixelFormat.RGB24, 64, 64)
    region = world.region(32, (32, 32), 1.0)
    mask = np.pad(np.ones((24, 24), np.float32), 4)
    dark, light = np.full((32, 32, 3), 20, np.uint8), np.full((32, 32, 3), 220, np.uint8)
    pasted = OPS.paste(frame, [Patch(region, dark, mask), Patch(region, light, mask)])
    assert (pasted.planes[0][24:40, 24:40] == 220).all()


@pytest.mark.parametrize("step", [1.0, 2.0, 3.4])
def test_magnified_lines_stay_crisp(world, step):
    """A drawn line, magnified and turned, must be nearer to a spline's idea of it than bilinear samples are."""
    lines = np.zeros((64, 64), np.uint8)
    cv2.circle(lines, (32, 32), 18, 255, 2, cv2.LINE_AA)
    cv2.line(lines, (10, 20), (50, 44), 255, 2, cv2.LINE_AA)
    frame = world.frame(PixelFormat.RGB24, 256, 256)
    region = world.region(64, (128.3, 127.6), step, 0.25)
    pasted = OPS.paste(frame, [Patch(region, cv2.merge([lines] * 3), np.ones((64, 64), np.float32))])
    y, x = np.mgrid[108:148, 108:148] + 0.5
    places = np.linalg.inv(np.vstack([region.to_frame, (0, 0, 1)]))[:2] @ np.stack(
        [x.ravel(), y.ravel(), np.ones(x.size)]
    )
    spline, bilinear = (
        np.clip(map_coordinates(lines.astype(float), places[::-1] - 0.5, order=order, mode="nearest"), 0, 255)
        for order in (5, 1)
    )
    drawn = pasted.planes[0][108:148, 108:148, 0].ravel().astype(float)
    assert np.square(drawn - spline).mean() < 0.5 * np.square(bilinear - spline).mean()


@pytest.mark.parametrize("operation", ["crop", "paste"])
def test_only_the_crop_is_converted(world, monkeypatch, operation):
    """However large the frame, the colour matrix sees the crop's pixels and no more."""
    converted_px = []

    def counted(name):
        def call(picture, *args, **kwargs):
            converted_px.append(picture.shape[0] * picture.shape[1])
            return getattr(cv2, name)(picture, *args, **kwargs)

        return call

    watched = {name: getattr(cv2, name) for name in dir(cv2) if not name.startswith("__")}
    watched |= {name: counted(name) for name in ("transform", "cvtColor", "cvtColorTwoPlane")}
    monkeypatch.setattr(cpu, "cv2", SimpleNamespace(**watched))
    frame = world.frame(PixelFormat.YUV420P, 1920, 1080, rgb=np.full((1080, 1920, 3), 90.0))
    region = world.region(64, (900, 500), 6.0, 0.1)
    if operation == "crop":
        OPS.crop(frame, region)
    else:
        OPS.paste(frame, [Patch(region, world.smooth(64, 64), world.soft_mask(64))])
    assert converted_px == [64 * 64]


@pytest.mark.parametrize("step", [0.4, 1.0, 2.0])
def test_a_mask_ends_where_its_region_ends(world, step):
    frame = world.frame(PixelFormat.YUV420P, 160, 120, rgb=np.full((120, 160, 3), 60.0))
    region = world.region(32, (80, 60), step, 0.5)
    white = np.full((32, 32, 3), 255, np.uint8)
    pasted = OPS.paste(frame, [Patch(region, white, np.ones((32, 32), np.float32))])
    y, x = np.mgrid[0:120, 0:160] + 0.5
    places = np.linalg.inv(np.vstack([region.to_frame, (0, 0, 1)]))[:2] @ np.stack(
        [x.ravel(), y.ravel(), np.ones(x.size)]
    )
    beyond = np.abs(places - 16).max(axis=0).reshape(120, 160) - 16  # crop pixels outside of the region
    luma, before = pasted.planes[0], frame.planes[0]
    is_outside = beyond > max(1.0, 1.0 / step)
    np.testing.assert_array_equal(luma[is_outside], before[is_outside])
    assert (luma[beyond < -max(1.0, 1.0 / step)] > 200).all()


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("size_px", [192, 256, 512])
@pytest.mark.parametrize("step", [0.6, 1.0, 2.3])
@pytest.mark.parametrize("centre", [(300, 220), (20, 30), (590, 470)])  # the last two are cut off by the frame
def test_a_soft_mask_is_pasted_as_any_other(world, pixel_format, size_px, step, centre):
    """White on black shows every difference of the weights; soft masks are sampled where they need it only."""
    frame = world.frame(pixel_format, 640, 480, rgb=np.zeros((480, 640, 3)))
    region = world.region(size_px, centre, step, 0.3)
    white = np.full((size_px, size_px, 3), 255, np.uint8)
    soft, other = (
        OPS.paste(frame, [Patch(region, white, head_mask(size_px, size_px), is_soft=is_soft)])
        for is_soft in (True, False)
    )
    for one, two in zip(soft.planes, other.planes, strict=True):
        assert np.abs(one.astype(int) - two).max() <= LEVELS
