"""Each key of the window does what the table says: pressed on a screen in memory, seen in the look and the picture."""

import shutil
import subprocess
import time
import tomllib
from dataclasses import replace

import cv2
import numpy as np
import pytest

from animecam.backends.base import BackendInfo
from animecam.config import keep_look
from animecam.run.panel import LivePanel
from animecam.settings import Controls, Look
from animecam.sinks.base import SinkClosed
from animecam.sinks.opening import open_sink
from animecam.sinks.options import SinkOptions
from animecam.sinks.recorder import Recorder
from animecam.sinks.talk import Press
from animecam.sinks.window import WindowSink
from animecam.sinks.window_keys import help_lines

DEADLINE_SECONDS = 15.0
PRESS_AGAIN_SECONDS = 1.5  # what did not arrive by then came before the window had the focus, or while it was made anew
SETTLED_SECONDS = 0.4  # a new window is moved once or twice in its first tenths of a second
SYMBOLS = {"[": "bracketleft", "]": "bracketright", " ": "space", "-": "minus", "+": "plus", "Esc": "Escape"}


class Bench:
    """A window with its panel, fed with one grey picture over and over."""

    def __init__(self, screen, stream, make_frame, folder):
        self.screen, self._stream, self._make_frame = screen, stream, make_frame
        self.folder, self.controls = folder, Controls(Look(style="ink", strength=0.5))
        self.recorder = Recorder(stream, folder, open_sink)
        info = str(BackendInfo("fake", "1.0", device="this test", precision="f32"))
        why_not = {"snow": None, "broken": "does not work"}.get
        told = why_not, self.recorder, lambda _: info
        self.panel = LivePanel(self.controls, ("ink", "snow", "broken"), *told, keep=keep_look)
        self.taken, self._index = [], 0
        take = self.panel.take
        self.panel.take = lambda event: (self.taken.append(event), take(event))
        options = SinkOptions(window_title="keys", panel=self.panel)
        self.sink = WindowSink("window:", stream, options, screen.environment)

    def feed(self, level=90):
        self._index += 1
        frame = self._make_frame(self._stream, self._index, level=(level, 128, 128))
        self.sink.write(frame)
        self.recorder.write(frame)
        time.sleep(0.01)

    def until(self, happens, *, again=None, **level):
        """Feeds pictures until something happens, and does `again` what should make it happen, as a user would."""
        end = time.monotonic() + DEADLINE_SECONDS
        next_time = time.monotonic() + PRESS_AGAIN_SECONDS
        while not happens():
            assert time.monotonic() < end, "it never happened"
            self.feed(**level)
            if again is not None and time.monotonic() > next_time:
                again()
                next_time = time.monotonic() + PRESS_AGAIN_SECONDS

    def xdotool(self, *words):
        command = ["xdotool", *words]
        done = subprocess.run(
            command, env=self.screen.environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
        )
        return done.stdout

    def press(self, key):
        """Presses a key until the panel has heard it once."""
        heard = len(self.taken)
        end = time.monotonic() + DEADLINE_SECONDS
        while Press(key) not in self.taken[heard:]:
            assert time.monotonic() < end, f"key {key} never arrived"
            self.hit(key)
            again = time.monotonic() + PRESS_AGAIN_SECONDS
            while Press(key) not in self.taken[heard:] and time.monotonic() < again:
                self.feed()

    def hit(self, key):
        self.xdotool("search", "--name", "^keys$", "windowfocus", "--sync", "key", SYMBOLS.get(key, key))

    def geometry(self):
        words = self.xdotool("search", "--name", "^keys$", "getwindowgeometry", "--shell").split()
        values = dict(word.split("=") for word in words)
        return tuple(int(values[name]) for name in ("X", "Y", "WIDTH", "HEIGHT"))

    def settled_geometry(self):
        """Where the window stands once the window manager has placed it."""
        last, since = self.geometry(), time.monotonic()
        end = since + DEADLINE_SECONDS
        while time.monotonic() - since < SETTLED_SECONDS:
            assert time.monotonic() < end, "the window never stood still"
            self.feed()
            if (now := self.geometry()) != last:
                last, since = now, time.monotonic()
        return last

    def shown(self):
        """What the window shows, RGB, but for its lower part: the reported place may be off by the title's height."""
        left, top, width, height = self.geometry()
        return self.screen.look()[top : top + height * 3 // 4, left : left + width]


@pytest.fixture
def bench(screen, live_format, make_frame, tmp_path):
    if shutil.which("xdotool") is None:
        pytest.skip("needs xdotool to press keys")
    made = Bench(screen, replace(live_format, width_px=320, height_px=240), make_frame, tmp_path)
    try:
        made.until(lambda: made.xdotool("search", "--name", "^keys$"))
        yield made
    finally:
        made.sink.close(complete=True)
        made.recorder.close(complete=True)


def test_keys_change_the_look(bench):
    bench.press("2")
    assert bench.controls.look.style == "snow"
    bench.press("3")
    bench.press("9")
    assert bench.controls.look.style == "snow"  # neither a style that does not work nor one that is not there
    for key, strength in (("[", 0.4), ("-", 0.3), ("]", 0.4), ("+", 0.5)):
        bench.press(key)
        assert bench.controls.look.strength == strength
    bench.press("m")
    assert bench.controls.look.mirror
    bench.press("m")
    assert not bench.controls.look.mirror
    bench.press("d")
    assert bench.controls.look.shows_boxes
    bench.press("e")
    bench.press("l")
    bench.press("t")
    look = bench.controls.look
    assert (look.eyes, look.line, look.hair_tint) == (0.25, 0.75, "pink")
    bench.press("u")
    assert bench.controls.look.unseen == "keep"
    bench.press("p")
    assert bench.controls.look.palette == "manga"


def test_the_line_follows_the_mouse(bench):
    bench.press("b")
    assert bench.controls.look.split == 0.5
    left, top, width, height = bench.settled_geometry()
    middle = str(top + height // 2)
    for part in (0.25, 0.8):
        drag = ("mousemove", str(left + round(part * width)), middle, "mousedown", "1")
        bench.xdotool(*drag)
        bench.until(
            lambda part=part: abs(bench.controls.look.split - part) < 0.02,
            again=lambda drag=drag: bench.xdotool("mouseup", "1", *drag),
        )
        bench.xdotool("mouseup", "1")
    bench.press("b")
    assert bench.controls.look.split is None
    bench.xdotool("mousemove", str(left + 20), middle, "mousedown", "1", "mouseup", "1")
    bench.press("d")
    assert bench.controls.look.split is None  # without a line there is nothing to drag


def test_figures_and_help_are_written_over_the_picture(bench):
    def written():
        picture = bench.shown().astype(int)
        return (np.abs(picture - np.median(picture)) > 100).mean()

    bench.until(lambda: "h: help" not in bench.panel.text)  # the greeting
    bench.until(lambda: written() < 0.001)
    for key, words in (("f", "fps in"), ("h", help_lines()[0])):
        bench.press(key)
        assert words in bench.panel.text
        bench.until(lambda: written() > 0.005)
        bench.press(key)
        bench.until(lambda: written() < 0.001)


def test_freezing_holds_the_picture_and_its_snapshot(bench):
    bench.until(lambda: np.median(bench.shown()) < 110)
    bench.press(" ")
    for _ in range(20):
        bench.feed(level=200)
    assert np.median(bench.shown()) < 110
    bench.press("s")
    (path,) = bench.folder.glob("animecam-*.png")
    picture = cv2.imread(str(path))
    assert picture.shape == (240, 320, 3)
    assert picture.max() < 110
    bench.press(" ")
    bench.until(lambda: np.median(bench.shown()) > 180, level=200)


def test_recording_starts_and_stops(bench, decode):
    bench.press("r")
    bench.until(lambda: (bench.recorder.seconds or 0) > 0)
    assert bench.panel.text.startswith("REC 0:00")
    bench.press("r")
    bench.until(lambda: bench.recorder.seconds is None)
    (path,) = bench.folder.glob("animecam-*.mp4")
    assert f"saved {path.name}" in bench.panel.text
    assert len(decode(path)) >= 2


def test_a_look_found_with_the_keys_is_kept(settings_file, bench):
    for key in "2e]k":
        bench.press(key)
    assert "this look is kept" in bench.panel.text
    kept = tomllib.loads(settings_file.read_text(encoding="utf-8"))
    assert (kept["style"], kept["eyes"], kept["strength"]) == ("snow", 0.25, 0.6)


@pytest.mark.parametrize("key", ["w", "F11"])
def test_full_screen_and_back(bench, screens, key):
    if screens.MANAGER is None:
        pytest.skip("needs a window manager, which is who makes windows large")
    bench.press("d")  # the window has the focus
    small = bench.settled_geometry()[2:]
    for size in ((640, 480), small):
        bench.hit(key)
        bench.until(lambda size=size: bench.geometry()[2:] == size, again=lambda: bench.hit(key))


def test_what_a_picture_leaves_of_the_window_is_black(bench):
    """It was the light grey of the desktop, which dazzles in full screen."""
    bench.press("b")
    bench.settled_geometry()
    bench.xdotool("search", "--name", "^keys$", "windowsize", "900", "480")
    bench.until(lambda: bench.geometry()[2:] == (900, 480))
    bar, middle = slice(20, 100), slice(400, 500)  # the picture is 640 pixels wide
    bench.until(lambda: bench.shown()[40:, bar].max() < 10 and np.median(bench.shown()[40:, middle]) > 60)
    left, top, _, height = bench.settled_geometry()
    drag = ("mousemove", str(left + 130 + 480), str(top + height // 2), "mousedown", "1")
    bench.xdotool(*drag)
    bench.until(
        lambda: abs(bench.controls.look.split - 0.75) < 0.02, again=lambda: bench.xdotool("mouseup", "1", *drag)
    )
    bench.xdotool("mouseup", "1")


def test_unknown_keys_do_nothing(bench):
    bench.press("d")
    look, heard = bench.controls.look, len(bench.taken)
    bench.hit("x")
    bench.hit("F5")
    bench.press("f")
    assert bench.controls.look == look
    assert len(bench.taken) == heard + 1


def test_capital_q_quits(bench):
    bench.press("d")
    bench.hit("Q")
    with pytest.raises(SinkClosed):
        bench.until(lambda: False)
