"""From drawn pictures to a frame: scopes, strength, seams."""

import numpy as np
import pytest

from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.render.match import MatchOptions
from animecam.render.scope import whole_frame_region
from animecam.settings import HeadEdge, Look, Scope
from animecam.types import WHOLE_FRAME, PixelFormat

OPS = CpuImageOps()
FORMATS = [PixelFormat.YUV420P, PixelFormat.NV12, PixelFormat.RGB24]
SIZE = 64


class LeftHalf:
    """A person masker whose person is the left half of every picture; keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, regions, pictures):
        self.asked.append([region.track_id for region in regions])
        masks = []
        for region in regions:
            mask = np.zeros((region.height_px, region.width_px), np.float32)
            mask[:, : region.width_px // 2] = 1
            masks.append(mask)
        return tuple(masks)

    def forget(self):
        pass


def compose(frame, regions, recolour, look, compositor=None):
    """Crops, recolours and puts back."""
    pictures = [OPS.crop(frame, region) for region in regions]
    drawn = [recolour(picture) for picture in pictures]
    return (compositor or Compositor(OPS, LeftHalf()))(frame, regions, pictures, drawn, look)


def inverted(picture):
    return 255 - picture


def changed(frame, result):
    """Where luma or any channel differs by more than rounding."""
    difference = np.abs(frame.planes[0].astype(int) - result.planes[0])
    return (difference if difference.ndim == 2 else difference.max(axis=2)) > 3


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("scope", [Scope.HEAD, Scope.FRAME])
def test_a_drawing_like_the_picture_changes_nothing(world, pixel_format, scope):
    frame = world.frame(pixel_format, 160, 120)
    regions = [world.region(SIZE, (70, 60), 1.1, 0.2)] if scope is Scope.HEAD else [whole_frame_region(frame, 120)]
    result = compose(frame, regions, np.copy, Look(scope=scope))
    assert max(world.differences(result, frame.planes)) <= 2


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_strength_nought_is_the_frame_itself(world, pixel_format):
    frame = world.frame(pixel_format, 160, 120)
    regions = [world.region(SIZE, (70, 60), 1.1), world.region(SIZE, (90, 60), 1.0, track_id=1)]
    assert compose(frame, regions, inverted, Look(strength=0.0)) is frame
    assert compose(frame, [], inverted, Look()) is frame


@pytest.mark.parametrize("strength", [0.3, 0.7, 1.0])
def test_strength_is_the_share_of_the_drawing(world, strength):
    frame = world.frame(PixelFormat.RGB24, 160, 120, rgb=np.full((120, 160, 3), 100.0))
    look = Look(strength=strength, scope=Scope.FRAME)
    result = compose(frame, [whole_frame_region(frame, 64)], lambda p: np.full_like(p, 200), look)
    assert np.abs(result.planes[0] - (100 + 100 * strength)).max() <= 1


def test_a_head_stays_within_its_crop(world):
    frame = world.frame(PixelFormat.RGB24, 160, 120)
    where = changed(frame, compose(frame, [world.region(SIZE, (80, 60), 1.0)], inverted, Look()))
    assert where[40:80, 62:98].mean() > 0.8
    where[60 - 32 : 60 + 32, 80 - 32 : 80 + 32] = False
    assert not where.any()


def test_no_seam_shows_where_a_drawing_has_a_cast(world):
    """On an even background neighbours must not differ more than a slow fade makes them."""
    frame = world.frame(PixelFormat.RGB24, 160, 160, rgb=np.full((160, 160, 3), 120.0))
    cast = np.array([14, -6, -9])
    result = compose(
        frame,
        [world.region(128, (80, 80), 1.0, 0.1)],
        lambda picture: (picture.astype(int) + cast).astype(np.uint8),
        Look(),
    )
    picture = result.planes[0].astype(int)
    assert np.abs(picture - 120).max() <= 2


def test_colours_of_another_style_are_matched_at_once(world):
    """What the last style had asked for shone through a third of a second: up to seven levels."""

    def cast(by):
        return lambda picture: np.clip(picture.astype(int) + by, 0, 255).astype(np.uint8)

    compositor, alone = (Compositor(OPS, LeftHalf()) for _ in range(2))
    frame, region = world.frame(PixelFormat.RGB24, 160, 120), world.region(SIZE, (80, 60), 1.1, 0.0)
    compose(frame, [region], cast(12), Look("one"), compositor)
    changed_to = compose(frame, [region], cast(-12), Look("other"), compositor)
    expected = compose(frame, [region], cast(-12), Look("other"), alone)
    np.testing.assert_array_equal(changed_to.planes[0], expected.planes[0])


@pytest.mark.parametrize("edge", list(HeadEdge))
def test_head_edge_decides_about_the_background(world, edge):
    frame = world.frame(PixelFormat.RGB24, 160, 120)
    masker = LeftHalf()
    compositor = Compositor(OPS, masker, edge)
    result = compose(frame, [world.region(SIZE, (80, 60), 1.0)], inverted, Look(), compositor)
    where = changed(frame, result)
    assert where[50:70, 60:78].mean() > 0.8
    assert (where[50:70, 84:100].mean() > 0.8) == (edge is HeadEdge.SOFT)
    assert masker.asked == ([[0]] if edge is HeadEdge.PERSON else [])


def test_scope_person_leaves_the_background_as_filmed(world):
    frame = world.frame(PixelFormat.YUV420P, 160, 120)
    compositor = Compositor(OPS, LeftHalf())
    result = compose(frame, [whole_frame_region(frame, 64)], inverted, Look(scope=Scope.PERSON), compositor)
    where = changed(frame, result)
    assert where[:, :72].mean() > 0.9
    assert not where[:, 88:].any()


def test_scope_frame_and_uncovered_faces_draw_everything(world):
    frame = world.frame(PixelFormat.YUV420P, 160, 120)
    masker = LeftHalf()
    for scope in (Scope.FRAME, Scope.HEAD):
        regions = [whole_frame_region(frame, 64), world.region(SIZE, (80, 60), 1.0)]
        result = compose(frame, regions, lambda p: np.full_like(p, 250), Look(scope=scope), Compositor(OPS, masker))
        assert changed(frame, result).all()
    assert masker.asked == []


def test_a_head_lies_on_top_of_the_whole_frame(world):
    frame = world.frame(PixelFormat.RGB24, 160, 120, rgb=np.full((120, 160, 3), 100.0))
    regions = [whole_frame_region(frame, 64), world.region(SIZE, (80, 60), 1.0)]
    pictures = [OPS.crop(frame, region) for region in regions]
    drawn = [np.full_like(pictures[0], 60), np.full_like(pictures[1], 105)]
    result = Compositor(OPS, LeftHalf())(frame, regions, pictures, drawn, Look())
    assert result.planes[0][5, 5, 0] == 60
    moved = 105 - MatchOptions().luma_limit
    assert abs(result.planes[0][60, 80, 0] - moved) <= 1, "its colours go with what is drawn around it"


def test_scope_person_cuts_out_heads_too(world):
    frame = world.frame(PixelFormat.RGB24, 160, 120)
    masker = LeftHalf()
    regions = [whole_frame_region(frame, 64), world.region(SIZE, (80, 60), 1.0)]
    result = compose(frame, regions, inverted, Look(scope=Scope.PERSON), Compositor(OPS, masker))
    assert masker.asked == [[WHOLE_FRAME]], "one network for all"
    where = changed(frame, result)
    assert where[50:70, 60:78].mean() > 0.8
    assert not where[:40, 88:].any()
    assert not where[:, 100:].any()
    result = compose(frame, regions, inverted, Look(scope=Scope.PERSON), Compositor(OPS, masker, HeadEdge.PERSON))
    assert masker.asked[1:] == [[WHOLE_FRAME, 0]], "each by itself where that is asked for"
    assert changed(frame, result)[50:70, 60:78].mean() > 0.8


@pytest.mark.parametrize("how", ["scope", "edge"])
def test_a_face_that_was_found_is_drawn_where_the_network_sees_nobody(world, how):
    frame = world.frame(PixelFormat.RGB24, 160, 120)
    head = world.region(SIZE, (80, 60), 1.0)

    def nobody(regions, _pictures):
        return [np.zeros((region.height_px, region.width_px), np.float32) for region in regions]

    if how == "edge":
        result = compose(frame, [head], inverted, Look(), Compositor(OPS, nobody, HeadEdge.PERSON))
    else:
        regions = [whole_frame_region(frame, 64), head]
        result = compose(frame, regions, inverted, Look(scope=Scope.PERSON), Compositor(OPS, nobody))
    where = changed(frame, result)
    x, y = np.rint(head.to_frame @ [0.5 * SIZE, 0.6 * SIZE, 1]).astype(int)
    across, down = int(0.1 * SIZE), int(0.1 * SIZE)
    assert where[y - down : y + down, x - across : x + across].all()
    assert not where[: y - SIZE // 3].any(), "hair and what is around it are the network's to tell"


@pytest.mark.parametrize("heads", [0, 1, 2])
def test_a_faint_whole_frame_reaches_the_frame_s_border_whoever_is_on_top(world, heads):
    frame = world.frame(PixelFormat.RGB24, 960, 540, rgb=np.full((540, 960, 3), 100.0))
    on_top = [world.region(192, (400 + 150 * at, 270), 1.0, track_id=at) for at in range(heads)]
    result = compose(
        frame, [whole_frame_region(frame, 192), *on_top], lambda p: np.full_like(p, 120), Look(strength=0.5)
    )
    assert np.abs(result.planes[0][:, :250].astype(int) - 110).max() <= 1
