"""Faces that overlap share their pixels: neither the order nor a mask's edge shows."""

import numpy as np
import pytest

from animecam.render.base import Patch
from animecam.render.cpu import CpuImageOps
from animecam.render.masks import full_mask, head_mask
from animecam.render.overlap import share_below, share_pixels
from animecam.render.scope import whole_frame_region
from animecam.types import PixelFormat

OPS = CpuImageOps()
SIZE = 64
COLOURS = (200, 60, 130)


def paste_all(world, regions, order, strength=1.0):
    """A grey frame with a flat head a region, pasted in the given order; the red plane as floats."""
    frame = world.frame(PixelFormat.RGB24, 160, 120, rgb=np.full((120, 160, 3), 100.0))
    chosen = [regions[i] for i in order]
    masks = share_pixels(chosen, [head_mask(SIZE, SIZE)] * len(order), strength)
    patches = [
        Patch(region, np.full((SIZE, SIZE, 3), COLOURS[i], np.uint8), mask)
        for region, i, mask in zip(chosen, order, masks, strict=True)
    ]
    return OPS.paste(frame, patches).planes[0][..., 0].astype(float)


def test_alone_a_mask_stays_what_it_is(world):
    regions = [world.region(SIZE, (30, 30), 0.9), world.region(SIZE, (120, 90), 0.9)]
    mask = head_mask(SIZE, SIZE)
    whole = share_pixels(regions, [mask, mask], 1.0)
    half = share_pixels(regions, [mask, mask], 0.5)
    assert all(np.array_equal(shared, mask) for shared in whole)
    assert all(np.allclose(shared, mask / 2) for shared in half)


def test_the_order_does_not_show(world):
    regions = [
        world.region(SIZE, (60, 60), 1.0, 0.1),
        world.region(SIZE, (90, 62), 1.2, -0.3),
        world.region(SIZE, (76, 85), 0.8),
    ]
    pictures = [paste_all(world, regions, order) for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2))]
    assert np.abs(pictures[0] - pictures[1]).max() <= 3
    assert np.abs(pictures[0] - pictures[2]).max() <= 3


def test_the_border_between_two_faces_is_soft(world):
    regions = [world.region(SIZE, (64, 60), 1.0), world.region(SIZE, (94, 60), 1.0)]
    picture = paste_all(world, regions, (0, 1))
    assert picture[60, 50] == pytest.approx(COLOURS[0], abs=1)  # each face's own half is its own
    assert picture[60, 108] == pytest.approx(COLOURS[1], abs=1)
    between = picture[60, 50:108]
    assert np.abs(np.diff(between)).max() < 25  # of 140 levels in all; pasting one over the other leaves steps of 140


@pytest.mark.parametrize("strength", [0.25, 0.5, 1.0])
def test_together_they_show_no_more_than_the_strength(world, strength):
    regions = [world.region(SIZE, (70, 60), 1.0), world.region(SIZE, (78, 60), 1.0)]
    frame = world.frame(PixelFormat.RGB24, 160, 120, rgb=np.zeros((120, 160, 3)))
    masks = share_pixels(regions, [head_mask(SIZE, SIZE)] * 2, strength)
    white = np.full((SIZE, SIZE, 3), 255, np.uint8)
    pasted = OPS.paste(frame, [Patch(region, white, mask) for region, mask in zip(regions, masks, strict=True)])
    share = pasted.planes[0][..., 0] / 255
    assert share.max() == pytest.approx(strength, abs=0.02)
    assert share[60, 74] == pytest.approx(strength, abs=0.02)


def test_faces_in_the_same_place_share_evenly(world):
    regions = [world.region(SIZE, (70, 60), 1.0), world.region(SIZE, (70, 60), 1.0)]
    picture = paste_all(world, regions, (0, 1))
    assert picture[58, 70] == pytest.approx((COLOURS[0] + COLOURS[1]) / 2, abs=2)


@pytest.mark.parametrize("strength", [0.25, 0.5, 0.9])
def test_a_head_on_a_drawn_frame_leaves_as_much_of_the_original_as_was_asked(world, strength):
    frame = world.frame(PixelFormat.RGB24, 160, 120, rgb=np.full((120, 160, 3), 200.0))
    whole = whole_frame_region(frame, 120)
    heads = [world.region(SIZE, (60, 60), 1.0), world.region(SIZE, (92, 64), 1.1, 0.2)]
    masks = [head_mask(SIZE, SIZE)] * 2
    below = share_below(whole, full_mask(whole.width_px, whole.height_px), heads, masks, strength)
    black = [np.zeros((r.height_px, r.width_px, 3), np.uint8) for r in (whole, *heads)]
    shares = (below, *share_pixels(heads, masks, strength))
    patches = [Patch(r, p, m) for r, p, m in zip((whole, *heads), black, shares, strict=True)]
    picture = OPS.paste(frame, patches).planes[0].astype(float)
    assert np.abs(picture - 200 * (1 - strength)).max() <= 3  # everything drawn is black: what is left is filmed


def test_a_frame_below_heads_at_full_strength_shows_in_full(world):
    frame = world.frame(PixelFormat.RGB24, 160, 120)
    whole = whole_frame_region(frame, 120)
    mask = full_mask(whole.width_px, whole.height_px)
    heads, masks = [world.region(SIZE, (60, 60), 1.0)], [head_mask(SIZE, SIZE)]
    assert share_below(whole, mask, heads, masks, 1.0) is mask
    np.testing.assert_allclose(share_below(whole, mask, [], [], 0.5), mask / 2)
