"""Heads in films whose pixels are no squares: the networks must see them in their true shape."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from animecam.affine import invert
from animecam.faces.align import Aligner, follow_region, head_pose
from animecam.faces.geometry import map_detection, upright_region, upright_size
from animecam.faces.track import Tracker, TrackerOptions
from animecam.render.cpu import CpuImageOps
from animecam.render.scope import whole_frame_region
from animecam.types import Box, Face

HDV = Fraction(4, 3)  # 1440x1080 shown as 1920x1080
NARROW = Fraction(10, 11)  # DV of NTSC
MOST_APART_PX = 2.0  # of a face 60 px wide, in pictures that differ by how they were scaled
CROP_PSNR_DB = 28.0  # a shift of half a pixel leaves 31, a head that is squeezed 14 and 18


def squeezed(seen, aspect):
    """A detection as it lies in a frame of such pixels."""
    across = 1 / float(aspect)
    left, top, right, bottom = seen.box_px
    points = (seen.points_px * [across, 1]).astype(np.float32)
    return replace(seen, box_px=Box(left * across, top, right * across, bottom), points_px=points)


def at(affine, points):
    return points @ affine[:, :2].T + affine[:, 2]


@pytest.mark.parametrize("aspect", [HDV, NARROW])
@pytest.mark.parametrize("angle", [0.0, 0.6, np.pi / 2, -2.5])
def test_a_crop_shows_a_head_as_if_pixels_were_squares(face, aspect, angle):
    seen = face(300, 200, 90, angle)
    square = head_pose(seen).region(0, 256)
    region = head_pose(squeezed(seen, aspect), pixel_aspect=aspect).region(0, 256, aspect)
    in_crop = at(invert(region.to_frame), squeezed(seen, aspect).points_px)
    assert in_crop == pytest.approx(at(invert(square.to_frame), seen.points_px), abs=1e-2)


@pytest.mark.parametrize("aspect", [HDV, NARROW])
@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2, np.pi])
def test_what_is_seen_in_a_crop_is_squeezed_in_the_frame(face, aspect, angle):
    near = face(64, 60, 50)
    turn = 3.0 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    to_square = np.column_stack([turn, [200, 100]])
    mapped = map_detection(near, to_square / [[float(aspect)], [1]], aspect)
    expected = squeezed(map_detection(near, to_square), aspect)
    assert mapped.points_px == pytest.approx(expected.points_px, abs=1e-3)
    assert mapped.box_px == pytest.approx(expected.box_px)


@pytest.mark.parametrize(("rotation_deg", "shown"), [(0, (1920, 1080)), (90, (1080, 1920))])
def test_whole_pictures_have_their_true_shape(frame_of, rotation_deg, shown):
    picture = np.broadcast_to(np.uint8(0), (1080, 1440, 3))
    frame = replace(frame_of(picture, rotation_deg=rotation_deg), pixel_aspect=HDV)
    assert upright_size(frame) == shown
    small, whole = upright_region(frame, 192), whole_frame_region(frame, 256)
    assert {small.width_px, small.height_px} == {192, 108}
    assert max(whole.width_px, whole.height_px) / 256 == pytest.approx(16 / 9, abs=0.02)
    corners = np.array([[0, 0], [small.width_px, small.height_px]])
    assert sorted(np.ptp(at(small.to_frame, corners), axis=0)) == pytest.approx([1080, 1440])


def test_a_face_is_looked_for_where_it_should_be_by_now(frame_of, face):
    seen = face(300, 200, 90)
    frame = replace(frame_of(np.broadcast_to(np.uint8(0), (480, 640, 3))), pixel_aspect=HDV)
    still, moved = (follow_region(frame, squeezed(seen, HDV), *ahead) for ahead in ((0, 0), (12, 5)))
    assert moved.to_frame - still.to_frame == pytest.approx(np.array([[0, 0, 12], [0, 0, 5]]), abs=1e-9)


@pytest.mark.parametrize("aspect", [HDV, NARROW])
def test_a_squeezed_portrait_is_followed_and_cut_out_like_the_portrait(either, short, astronaut, frame_of, aspect):
    ops, crops, found = CpuImageOps(), [], []
    narrow = cv2.resize(astronaut, (round(512 / aspect), 512), interpolation=cv2.INTER_AREA)
    for picture, shape in ((astronaut, Fraction(1)), (narrow, aspect)):
        track, align = Tracker(either, short, ops.glimpse, TrackerOptions()), Aligner()
        for index in range(3):
            frame = replace(frame_of(picture, index), pixel_aspect=shape)
            (seen,) = track(frame).faces
        (region,) = align(frame, (Face(0, seen.detection),), 256)
        found.append(seen.detection.points_px * [float(shape), 1])
        crops.append(ops.crop(frame, region).astype(float))
    assert np.abs(found[0] - found[1]).max() < MOST_APART_PX
    assert 10 * np.log10(255**2 / np.square(crops[0] - crops[1]).mean()) > CROP_PSNR_DB
