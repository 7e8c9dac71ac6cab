"""The whole-frame region covers the frame exactly, upright, at a size the networks take."""

import numpy as np
import pytest

from animecam.affine import bounding_box
from animecam.render.scope import MOST_ELONGATED, whole_frame_region, whole_frame_size
from animecam.types import WHOLE_FRAME, Box, PixelFormat

SIZES = [(640, 480), (1280, 720), (720, 1364), (176, 144), (16, 16), (2, 2), (7680, 4320)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("short_px", [192, 256, 512])
def test_sides_are_multiples_of_eight_near_the_aspect(size, short_px):
    width_px, height_px = whole_frame_size(*size, short_px)
    assert width_px % 8 == height_px % 8 == 0
    assert min(width_px, height_px) == short_px
    assert width_px / height_px == pytest.approx(size[0] / size[1], rel=4 / short_px + 0.01)


def test_a_strip_does_not_become_a_giant():
    width_px, height_px = whole_frame_size(4000, 10, 256)
    assert width_px <= 256 * MOST_ELONGATED
    assert height_px >= 8


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_it_covers_the_frame_and_stands_upright(world, rotation_deg):
    frame = world.frame(PixelFormat.YUV420P, 640, 360, rotation_deg=rotation_deg)
    region = whole_frame_region(frame, 256)
    assert region.track_id == WHOLE_FRAME
    assert (region.width_px > region.height_px) == (rotation_deg in (0, 180))
    covered = bounding_box(region.to_frame, Box(0, 0, region.width_px, region.height_px))
    assert covered == pytest.approx((0, 0, 640, 360))
    # A counter-clockwise turn by 90 degrees brings the stored upper right corner to the upper left.
    upper_left = {0: (0, 0), 90: (640, 0), 180: (640, 360), 270: (0, 360)}[rotation_deg]
    assert region.to_frame @ (0, 0, 1) == pytest.approx(np.array(upper_left))
