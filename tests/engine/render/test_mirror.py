"""A mirror exchanges left and right of what the viewer sees, in every pixel format."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from animecam.render.mirror import mirrored
from animecam.types import Color, Frame, PixelFormat, allocate_planes


def _frame(pixel_format: PixelFormat, rotation_deg: int) -> Frame:
    planes, packed = allocate_planes(pixel_format, 8, 6)
    packed[...] = np.random.default_rng(3).integers(0, 256, packed.shape, dtype=np.uint8)
    return Frame(planes, pixel_format, Color(), rotation_deg, 0, 0, Fraction(1, 30), 0, packed=packed)


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("pixel_format", list(PixelFormat))
def test_upright_picture_is_flipped(pixel_format, rotation_deg):
    frame = _frame(pixel_format, rotation_deg)
    before = [plane.copy() for plane in frame.planes]
    seen = mirrored(frame)
    for plane, untouched, flipped in zip(frame.planes, before, seen.planes, strict=True):
        np.testing.assert_array_equal(plane, untouched)
        turns = rotation_deg // 90
        np.testing.assert_array_equal(np.rot90(flipped, turns), np.fliplr(np.rot90(plane, turns)))
    assert seen.packed is not None
    assert np.shares_memory(seen.packed, seen.planes[0])


@pytest.mark.parametrize("rotation_deg", [0, 90])
def test_what_is_not_there_is_flipped_with_the_rest(rotation_deg):
    frame = _frame(PixelFormat.RGB24, rotation_deg)
    opacity = np.random.default_rng(5).integers(0, 256, (frame.height_px, frame.width_px), dtype=np.uint8)
    flipped = mirrored(replace(frame, opacity=opacity)).opacity
    turns = rotation_deg // 90
    np.testing.assert_array_equal(np.rot90(flipped, turns), np.rot90(opacity, turns)[:, ::-1])
