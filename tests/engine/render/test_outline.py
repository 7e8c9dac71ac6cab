"""Where persons are in a frame: somebody alone is seen in all of it, others are looked at one by one."""

from fractions import Fraction

import numpy as np
import pytest

from animecam.pauses import at_once
from animecam.render.cpu import CpuImageOps
from animecam.render.outline import FINE_PX, FULL, LOOKED_AT_PX, Outline
from animecam.types import WHOLE_FRAME, Color, Frame, PixelFormat, Region, allocate_planes

WIDTH_PX, HEIGHT_PX = 1280, 640


def _frame(rotation_deg=0) -> Frame:
    planes, packed = allocate_planes(PixelFormat.RGB24, WIDTH_PX, HEIGHT_PX)
    packed[...] = 90
    return Frame(planes, PixelFormat.RGB24, Color(), rotation_deg, 0, 0, Fraction(1, 30), 0, packed=packed)


def _head(track_id, left, top, side) -> Region:
    step = side / 256
    return Region(track_id, 256, 256, np.array([[step, 0, left], [0, step, top]], np.float64))


class Seeing:
    """Sees a person wherever told, in frame pixels, from afar and from near."""

    def __init__(self, afar, near) -> None:
        self.afar, self.near, self.looked_at = afar, near, []

    def __call__(self, regions, pictures):
        self.looked_at.append([region.track_id for region in regions])
        assert all(picture.shape == (LOOKED_AT_PX, LOOKED_AT_PX, 3) for picture in pictures)
        return tuple(self._mask(region) for region in regions)

    def _mask(self, region):
        places = np.indices((region.height_px, region.width_px))[::-1].reshape(2, -1) + 0.5
        x, y = region.to_frame[:, :2] @ places + region.to_frame[:, 2:]
        boxes = self.afar if region.track_id == WHOLE_FRAME else self.near.get(region.track_id, ())
        seen = np.zeros(x.shape, bool)
        for left, top, right, bottom in boxes:
            seen |= (x > left) & (x < right) & (y > top) & (y < bottom)
        return seen.reshape(region.height_px, region.width_px).astype(np.float32)

    def forget(self):
        self.looked_at = []


def _at(share, x, y) -> int:
    rows, columns = share.shape
    return int(share[int(y / HEIGHT_PX * rows), int(x / WIDTH_PX * columns)])


@pytest.mark.parametrize("heads", [(), (_head(3, 400, 60, 300),)])
def test_nobody_and_somebody_alone_are_looked_for_in_all_of_the_frame(heads):
    persons = Seeing([(300, 40, 800, 640)], {})
    share, whole = at_once(Outline(CpuImageOps(), persons).pausing(_frame(), heads))
    assert persons.looked_at == [[WHOLE_FRAME]]
    assert share.shape == (whole.height_px, whole.width_px) == (LOOKED_AT_PX, LOOKED_AT_PX)
    assert (_at(share, 500, 300), _at(share, 1000, 300)) == (FULL, 0)


TWO = (_head(1, 150, 100, 150), _head(2, 850, 100, 150))
THEIRS = {1: [(120, 80, 340, 500)], 2: [(820, 80, 1040, 500)]}


def test_a_group_is_looked_at_one_by_one_and_walls_that_are_seen_from_afar_are_none_of_it():
    persons = Seeing([(400, 0, 700, 640)], THEIRS)
    share, _ = at_once(
        Outline(CpuImageOps(), persons).pausing(_frame(), (Region(WHOLE_FRAME, 256, 256, TWO[0].to_frame), *TWO))
    )
    assert persons.looked_at == [[WHOLE_FRAME, 1, 2]]
    assert share.shape == (FINE_PX, FINE_PX)
    for x in (200, 300, 900, 1000):
        assert _at(share, x, 180) == FULL
    for x in (60, 550, 1200):
        assert _at(share, x, 180) == 0


def test_somebody_far_away_is_looked_at_from_near():
    persons = Seeing([], {1: THEIRS[1]})
    share, _ = at_once(Outline(CpuImageOps(), persons).pausing(_frame(), TWO[:1]))
    assert persons.looked_at == [[WHOLE_FRAME, 1]]
    assert (_at(share, 200, 180), _at(share, 900, 180)) == (FULL, 0)


def test_somebody_who_leans_back_a_little_is_still_seen_in_all_of_the_frame():
    """Else outlines would jump to and fro between what is seen from afar and from near."""
    persons = Seeing([], {})
    outline = Outline(CpuImageOps(), persons)
    for side in (250, 290, 250, 220, 250):  # 0.39, 0.45, 0.39, 0.34 and 0.39 of the frame's height
        at_once(outline.pausing(_frame(), (_head(1, 400, 60, side),)))
    assert [len(looked_at) for looked_at in persons.looked_at] == [2, 1, 1, 2, 2]


def test_legs_are_seen_from_afar():
    persons = Seeing([(150, 80, 300, 640), (700, 0, 800, 640)], {1: [(150, 80, 300, 640)]})
    share, _ = at_once(Outline(CpuImageOps(), persons).pausing(_frame(), TWO[:1]))
    for y in (150, 300, 420, 600):
        assert _at(share, 220, y) == FULL
    assert _at(share, 750, 600) == 0


def test_below_somebody_what_stands_before_him_is_looked_at_itself():
    behind, before = _head(1, 300, 20, 100), _head(2, 300, 330, 100)
    persons = Seeing([(0, 0, 1280, 640)], {1: [(300, 20, 400, 250)], 2: [(300, 330, 400, 560)]})
    share, _ = at_once(Outline(CpuImageOps(), persons).pausing(_frame(), (behind, before)))
    assert _at(share, 350, 200) == _at(share, 350, 400) == FULL
    assert _at(share, 250, 330) == 0  # a wall beside the head of who is before


def test_where_two_are_near_each_other_the_nearer_one_counts():
    """A wall that is seen beside somebody is none where his neighbour stands."""
    one, other = _head(1, 300, 100, 150), _head(2, 480, 100, 150)
    persons = Seeing([], {1: [(300, 100, 450, 400), (500, 120, 600, 140)], 2: [(480, 180, 630, 400)]})
    share, _ = at_once(Outline(CpuImageOps(), persons).pausing(_frame(), (one, other)))
    assert _at(share, 555, 130) == 0
    assert _at(share, 370, 150) == _at(share, 555, 220) == FULL


def test_a_turned_frame_is_looked_at_upright():
    seen = []
    frame = _frame(90)
    frame.planes[0][:, WIDTH_PX // 2 :] = 200  # the upper half of the upright picture

    class Looking(Seeing):
        def __call__(self, regions, pictures):
            seen.extend(pictures)
            return super().__call__(regions, pictures)

    at_once(Outline(CpuImageOps(), Looking([], {})).pausing(frame, ()))
    assert (seen[0][:120] == 200).all()
    assert (seen[0][136:] == 90).all()


def test_a_group_is_looked_at_with_pauses_as_others_wait():
    heads = tuple(_head(index, 20 + 150 * index, 100, 80) for index in range(8))
    pauses = [sum(1 for _ in Outline(CpuImageOps(), Seeing([], {})).pausing(_frame(), heads[:n])) for n in (1, 8)]
    assert pauses[1] - pauses[0] >= 2 * 7  # for what is cut out around each, and for what is seen there
