"""The governor's choices take effect: size and network, and no frame waits for a network that is not open."""

from dataclasses import replace

import numpy as np
import pytest

from animecam.drawing import governing
from animecam.drawing.governing import MEASURED_FRAMES, SETTLE_SECONDS, Arrivals, Governed
from animecam.drawing.governor import Choice, Rung
from animecam.settings import Controls, Look, Quality, Settings
from animecam.styles.card import FULL, LITE


class Script:
    """Gives choices in turn."""

    def __init__(self, *choices):
        self.choices, self.seen, self.styles = list(choices), [], 0

    def begin_style(self):
        self.styles += 1

    def observe(self, now_s, rung, draw_ms, rest_ms, qualities):
        self.seen.append((rung, qualities))
        return self.choices.pop(0) if self.choices else None


COSTS = {FULL: 0.2, LITE: 0.1}


class Networks:
    """Two networks a style, of which the lite one is open."""

    now_s = 0.0

    def __init__(self):
        self.open, self.asked, self.settled = {LITE}, [], True
        self.chosen = []

    def qualities(self, style):
        return COSTS

    def usual_quality(self, style):
        return LITE

    def draw(self, style, quality=None):
        assert quality in self.open, "a frame would wait until it is open"
        return lambda pictures: [np.full_like(picture, len(quality)) for picture in pictures]

    def is_prepared(self, style, quality=None):
        return quality in self.open

    def is_settled(self, style, quality):
        return self.settled

    def prepare_later(self, style, quality, size_px):
        self.asked.append((quality, size_px))

    def note_choice(self, style, quality):
        self.chosen.append((style, quality))


def governed(*choices):
    controls, networks, script = Controls(Look(size_px=256)), Networks(), Script(*choices)
    return Governed(script, controls, networks, clock=lambda: networks.now_s), controls, networks, script


def test_a_size_goes_into_the_look():
    drawing, controls, _, script = governed(Choice(Rung(320, LITE), "test"))
    drawing.draw("cel")
    drawing.observe(controls.look, 5.0, 3.0)
    assert controls.look.size_px == 320
    assert script.seen == [(Rung(256, LITE), COSTS)]


def test_a_network_is_changed_to_once_it_is_open():
    full = Choice(Rung(384, FULL), "test")
    drawing, controls, networks, script = governed(full, full, None)
    drawing.draw("cel")
    drawing.observe(controls.look, 5.0, 3.0)
    assert networks.asked == [(FULL, 384)]
    assert controls.look.size_px == 256  # both or none
    drawing.draw("cel")
    networks.open.add(FULL)
    drawing.observe(controls.look, 5.0, 3.0)
    assert controls.look.size_px == 384
    picture = np.zeros((8, 8, 3), np.uint8)
    assert drawing.draw("cel")([picture])[0].max() == len(FULL)
    drawing.observe(controls.look, 5.0, 3.0)
    assert script.seen[-1][0] == Rung(384, FULL)


def test_another_style_begins_with_its_usual_network():
    drawing, controls, networks, script = governed(Choice(Rung(384, FULL), "test"), None)
    networks.open.add(FULL)
    drawing.draw("cel")
    drawing.observe(controls.look, 5.0, 3.0)
    drawing.draw("ink")
    drawing.observe(controls.change(style="ink"), 5.0, 3.0)
    assert script.seen[-1][0].quality == LITE


def test_a_style_that_comes_back_is_drawn_as_it_was_left():
    drawing, controls, networks, script = governed(Choice(Rung(256, FULL), "test"), None, None)
    networks.open.add(FULL)
    for style in ("cel", "ink", "cel"):
        drawing.draw(style)
        drawing.observe(controls.change(style=style), 5.0, 3.0)
    assert [rung.quality for rung, _ in script.seen] == [LITE, LITE, FULL]


def test_another_style_is_not_judged_by_the_times_of_the_last_one():
    drawing, controls, _, script = governed()
    for style in ("cel", "cel", "ink", "cel"):
        drawing.draw(style)
        drawing.observe(controls.change(style=style), 5.0, 3.0)
    assert script.styles == 3


def test_what_the_user_changed_while_a_frame_was_drawn_stays():
    drawing, controls, _, _ = governed(Choice(Rung(320, LITE), "test"))
    drawing.draw("cel")
    look = controls.look
    controls.change(size_px=192)
    drawing.observe(look, 5.0, 3.0)
    assert controls.look.size_px == 192


def test_frames_that_something_slower_draws_for_the_time_being_say_nothing():
    drawing, controls, networks, script = governed()
    networks.settled = False
    drawing.draw("cel")
    drawing.observe(controls.look, 50.0, 3.0)
    assert not script.seen
    networks.settled = True
    drawing.observe(controls.look, 5.0, 3.0)
    assert len(script.seen) == 1


def test_a_time_being_that_does_not_end_is_governed_all_the_same():
    drawing, controls, networks, script = governed()
    networks.settled = False
    drawing.draw("cel")
    networks.now_s = SETTLE_SECONDS
    drawing.observe(controls.look, 50.0, 3.0)
    assert len(script.seen) == 1


def test_the_networks_hear_what_draws_each_style():
    drawing, controls, networks, _ = governed(Choice(Rung(384, FULL), "test"))
    networks.open.add(FULL)
    drawing.draw("cel")
    drawing.draw("cel")
    drawing.observe(controls.look, 5.0, 3.0)
    drawing.draw("ink")
    assert networks.chosen == [("cel", LITE), ("cel", FULL), ("ink", LITE)]


def test_frames_that_a_gpu_drew_unasked_are_governed_from_the_usual_network_on():
    drawing, controls, networks, script = governed(None)
    drawing.observe(controls.look, 5.0, 3.0)
    assert script.seen == [(Rung(256, LITE), COSTS)]
    assert networks.chosen == [("cel", LITE)]


@pytest.mark.parametrize(
    ("settings", "rate_fps", "is_governed"),
    [
        (Settings(), 30.0, True),
        (Settings(), None, False),  # a file, or one of several cameras
        (Settings(), 0.0, False),  # a stream that does not say
        (Settings(quality=Quality.LITE), 30.0, False),
        (Settings(quality=Quality.LITE, target_fps=30.0), 30.0, True),  # the size
        (Settings(target_fps=30.0), None, True),
    ],
)
def test_what_is_named_is_not_chosen(settings, rate_fps, is_governed):
    found = governing.governed(settings, rate_fps, Controls(settings.look), Networks())
    assert (found is not None) == is_governed


@pytest.mark.parametrize(("max_fps", "drawn"), [(None, LITE), (15.0, FULL)])
def test_what_is_left_of_a_frame_s_time_goes_by_the_rate_that_is_drawn(max_fps, drawn):
    """At 60 fps nothing is left; capped at 15, the full network fits."""
    networks, settings = Networks(), Settings(max_fps=max_fps)
    networks.open.add(FULL)
    controls = Controls(settings.look)
    found = governing.governed(settings, 60.0, controls, networks, clock=lambda: networks.now_s)
    for frame in range(100):
        networks.now_s = frame / 15
        found.draw("cel")
        found.observe(settings.look, 6.0, 4.0)
    assert networks.chosen[-1] == ("cel", drawn)


@pytest.mark.parametrize(("told_fps", "drawn"), [(25.0, LITE), (60.0, LITE), (None, FULL)])
def test_a_stream_that_brings_more_frames_than_it_says_is_governed_by_what_comes(studio, told_fps, drawn):
    """As MJPEG over HTTP; every other one of 60 a second is dropped here. None: it brings the 25 that it says."""
    networks, settings = Networks(), Settings()
    networks.open.add(FULL)
    found = governing.governed(
        settings, told_fps or 25.0, Controls(settings.look), networks, clock=lambda: networks.now_s
    )
    came_fps = 60 if told_fps else 25
    for index in range(0, 4 * came_fps, 2):
        networks.now_s = index / came_fps
        found.came(replace(studio.frame(), index=index, captured_ns=round(networks.now_s * 1e9)))
        found.draw("cel")
        found.observe(settings.look, 4.0, 2.0)
    assert networks.chosen[-1] == ("cel", drawn)


def test_a_source_that_was_away_or_slow_is_due_what_it_says(studio):
    arrivals, slow = Arrivals(30.0, None), Arrivals(30.0, None)
    assert arrivals.fps == 30.0
    for index in range(2 * MEASURED_FRAMES):
        away_s = 600.0 if index >= MEASURED_FRAMES else 0.0
        arrivals.add(replace(studio.frame(), index=index, captured_ns=round((away_s + index / 30) * 1e9)))
        assert arrivals.fps == pytest.approx(30.0)
        slow.add(replace(studio.frame(), index=index, captured_ns=round(index / 15 * 1e9)))
        assert slow.fps == 30.0


def test_frames_that_are_left_out_are_not_counted(studio):
    arrivals = Arrivals(25.0, max_fps=15.0)
    for index in range(0, 240, 4):
        arrivals.add(replace(studio.frame(), index=index, captured_ns=round(index / 60 * 1e9)))
        assert arrivals.fps == 15.0
