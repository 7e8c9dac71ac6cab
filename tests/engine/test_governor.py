"""The governor on a synthetic machine and clock: it settles, holds still, gives way quickly and climbs slowly."""

import pytest

from animecam.governor import CLIMB_SECONDS, WINDOW_FRAMES, Governor

SIZES_PX = (192, 256, 320, 384, 448, 512)


class Machine:
    """Draws in a time that grows with the crop's pixels, and never faster than the camera delivers."""

    def __init__(self, draw_ms_at_256, rest_ms=4.0, fps=30.0):
        self.draw_ms_at_256, self.rest_ms, self.fps = draw_ms_at_256, rest_ms, fps
        self.now_s, self.size_px = 0.0, 256
        self.governor = Governor(fps, SIZES_PX)
        self.changes = []

    def run(self, seconds, *, spike_every=0):
        end_s, frames = self.now_s + seconds, 0
        while self.now_s < end_s:
            draw_ms = self.draw_ms_at_256 * (self.size_px / 256) ** 2
            frames += 1
            if spike_every and frames % spike_every == 0:
                draw_ms *= 5
            self.now_s += max(1 / self.fps, (draw_ms + self.rest_ms) / 1000)
            choice = self.governor.observe(self.now_s, self.size_px, draw_ms, self.rest_ms)
            if choice is not None:
                self.size_px = choice.size_px
                self.changes.append((self.now_s, choice.size_px))
        return self

    @property
    def frame_ms(self):
        return self.draw_ms_at_256 * (self.size_px / 256) ** 2 + self.rest_ms


@pytest.mark.parametrize("draw_ms_at_256", [1.0, 5.0, 10.0, 20.0, 24.0])
def test_it_settles_within_budget_and_then_holds_still(draw_ms_at_256):
    machine = Machine(draw_ms_at_256).run(20)
    assert machine.frame_ms <= 1000 / 30
    settled = len(machine.changes)
    machine.run(60)
    assert len(machine.changes) == settled


def test_it_takes_the_largest_size_that_a_fast_machine_affords():
    assert Machine(1.0).run(20).size_px == 512


def test_a_slow_machine_gets_the_smallest_size_within_a_second_and_no_complaint():
    machine = Machine(200.0).run(2 + WINDOW_FRAMES * 0.3)
    assert machine.size_px == 192
    assert len(machine.changes) == 1


def test_it_gives_way_as_soon_as_it_knows_and_comes_back_later():
    machine = Machine(5.0).run(20)
    before_px, machine.draw_ms_at_256 = machine.size_px, 12.0
    slow_from_s = machine.now_s
    machine.run(5)
    assert machine.size_px < before_px
    assert machine.changes[-1][0] - slow_from_s < 2 * WINDOW_FRAMES / 20
    machine.draw_ms_at_256 = 5.0
    fast_from_s = machine.now_s
    machine.run(10)
    assert machine.size_px == before_px
    assert machine.changes[-1][0] - fast_from_s >= CLIMB_SECONDS


def test_single_slow_frames_change_nothing():
    machine = Machine(10.0).run(20)
    settled = len(machine.changes)
    machine.run(30, spike_every=10)
    assert len(machine.changes) == settled


def test_the_choice_says_why():
    governor = Governor(30, SIZES_PX)
    choices = [governor.observe(i / 10, 256, 90.0, 10.0) for i in range(WINDOW_FRAMES)]
    assert choices[:-1] == [None] * (WINDOW_FRAMES - 1)
    assert "100 ms a frame" in choices[-1].reason


def test_a_size_that_the_user_chose_is_not_judged_by_the_one_before():
    governor = Governor(30.0, SIZES_PX)
    for frame in range(WINDOW_FRAMES - 1):
        assert governor.observe(frame / 30, 512, 60.0, 4.0) is None
    assert governor.observe(1.0, 256, 15.0, 4.0) is None  # 64 ms were those of 512 px
