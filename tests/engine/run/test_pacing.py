"""A cap on the rate: met on average, with jitter too, without a wait and without a debt. And the length of a film."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from animecam.drawing.governing import Arrivals
from animecam.run.pacing import Excerpt, RateCap, told_fps
from animecam.types import Color, Frame, PixelFormat, StreamFormat


def admitted(times_s, max_fps):
    cap = RateCap(max_fps)
    return [time_s for time_s in times_s if cap.admits(time_s)]


@pytest.mark.parametrize("jitter_s", [0.0, 0.004])
@pytest.mark.parametrize("max_fps", [5.0, 12.5, 15.0, 20.0, 24.0])
def test_the_rate_is_met_and_not_exceeded(max_fps, jitter_s):
    times_s = np.arange(0, 20, 1 / 30) + np.random.default_rng(2).uniform(-jitter_s, jitter_s, 600)
    assert len(admitted(times_s, max_fps)) == pytest.approx(20 * max_fps, rel=0.02)


@pytest.mark.parametrize("max_fps", [30.0, 60.0])
def test_a_source_within_the_cap_is_left_alone(max_fps):
    times_s = np.arange(0, 10, 1 / 30) + np.random.default_rng(2).uniform(-0.004, 0.004, 300)
    assert len(admitted(times_s, max_fps)) == 300


def test_a_pause_is_not_made_up_for():
    before_s, after_s = np.arange(0, 2, 1 / 30), np.arange(60, 62, 1 / 30)
    assert len(admitted([*before_s, *after_s], 10.0)) == pytest.approx(40, abs=3)


@pytest.mark.parametrize(("is_rate_told", "fps"), [(True, 25.0), (False, 10.0)])
def test_a_rate_that_nobody_told_is_measured(is_rate_told, fps):
    """FFmpeg takes a web camera of ten pictures a second for one of 25, and a network that would fit was not taken."""
    stream = StreamFormat(4, 2, PixelFormat.RGB24, Color(), 0, Fraction(1, 25), Fraction(25), is_live=True)
    arrivals = Arrivals(told_fps(replace(stream, is_rate_told=is_rate_told)), None)
    for index in range(30):
        arrivals.add(Frame((), PixelFormat.RGB24, Color(), 0, index, index, Fraction(1, 25), round(index * 1e8)))
    assert arrivals.fps == pytest.approx(fps)


def lengths(seconds, pts, rate, duration=1):
    """How long each frame of the excerpt is shown, in units of the rate."""
    excerpt, found = Excerpt(seconds), []
    for index, stamp in enumerate(pts):
        frame = Frame((), PixelFormat.YUV420P, Color(), 0, index, stamp, 1 / Fraction(rate), 0, duration)
        if (part := excerpt.part_of(frame)) is None:
            return found
        found.append(part.duration)
    return found


@pytest.mark.parametrize(
    ("seconds", "rate", "frames"), [(0.1, 30, 3), (0.7, 30, 21), (2.0, 30, 60), (2.0, Fraction(30_000, 1001), 60)]
)
def test_as_much_of_a_film_as_was_asked_for(seconds, rate, frames):
    assert len(lengths(seconds, range(100), rate)) == frames
    assert len(lengths(seconds, range(500, 600), rate)) == frames, "from its first picture, whenever that is"


@pytest.mark.parametrize("seconds", [None, math.inf])
def test_all_of_a_film(seconds):
    assert lengths(seconds, range(100), 30) == [1] * 100


def test_a_long_last_picture_is_cut():
    """Those of a GIF or a recorded screen stand for seconds."""
    assert lengths(2.0, [0, 150, 1000], 100, duration=500) == [200, 50]
