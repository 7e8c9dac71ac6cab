"""Styles that may be chosen next are kept ready on the GPU, and take nothing from the one that is drawn."""

import logging
import threading

import pytest

from animecam.drawing import device_styles
from animecam.drawing.device_styles import MOST_KEPT, DeviceStyles
from animecam.errors import BackendError, DeviceMemoryError
from animecam.render.device_path import RING

SIZE_PX, OTHER_PX = 192, 200
OFFERED = ("ink", "snow", "dust")


class Opener:
    """Opens networks, in the order of the calls; those that are named wait until they are let go on or end."""

    def __init__(self, host, gpu, *, slow=(), failures=None):
        self._host, self._gpu, self._slow, self._failures = host, gpu, slow, failures or {}
        self.opened, self.closed = [], []
        self.is_slow, self.may = threading.Event(), threading.Event()

    def __call__(self, style, size_px):
        opener, key = self, (style, size_px)

        class Network(self._host.HostNetwork):
            def bind(self, *addresses, batch, size_px):
                if key in opener._failures:
                    raise opener._failures[key]
                if style in opener._slow and not opener.may.is_set():
                    opener.is_slow.set()
                    opener._host.until(lambda: opener.may.is_set() or self.is_ended)
                    if self.is_ended:
                        raise BackendError("the build was ended before it was done")
                super().bind(*addresses, batch=batch, size_px=size_px)

            def close(self):
                opener.closed.append(key)

        self.opened.append(key)
        return Network(self._gpu)


def drawn(host, styles, style, size_px, frames=RING + 1):
    """Draws frames with a style, once it is there."""
    host.until(lambda: styles(style, size_px) is not None)
    for _ in range(frames):
        assert styles(style, size_px) is not None


@pytest.fixture
def kept(gpu, monkeypatch):
    """`kept(opener, **options)`: styles on the GPU with those of OFFERED on offer."""
    made = []
    monkeypatch.setattr(device_styles, "SETTLED_FRAMES", RING)

    def make(opener, **options):
        made.append(DeviceStyles(gpu, opener, **{"offered": lambda: OFFERED} | options))
        return made[-1]

    yield make
    for styles in made:
        styles.close()


def test_a_style_on_offer_is_there_at_the_first_frame_that_asks_for_it(host, gpu, kept):
    opener = Opener(host, gpu)
    styles = kept(opener)
    assert not opener.opened  # what is drawn, and how large, is not known yet
    drawn(host, styles, "snow", SIZE_PX)
    host.until(lambda: len(styles._ready) == 3)
    assert opener.opened == [("snow", SIZE_PX), ("ink", SIZE_PX), ("dust", SIZE_PX)]
    assert styles("ink", SIZE_PX) is not None
    assert styles("dust", SIZE_PX) is not None
    assert len(opener.opened) == 3


def test_spares_wait_until_the_size_stays(host, gpu, kept, monkeypatch):
    """Who holds a frame rate tries sizes, and would take the load for a machine that got slower."""
    opener = Opener(host, gpu)
    styles = kept(opener)
    monkeypatch.setattr(device_styles, "SETTLED_FRAMES", 10**6)
    for size_px in (SIZE_PX, OTHER_PX):
        drawn(host, styles, "snow", size_px, frames=50)
    assert [style for style, _ in opener.opened] == ["snow", "snow"]
    monkeypatch.setattr(device_styles, "SETTLED_FRAMES", 100)
    drawn(host, styles, "snow", OTHER_PX, frames=100)
    host.until(lambda: len(styles._ready) == 4)
    assert opener.opened[2:] == [("ink", OTHER_PX), ("dust", OTHER_PX)]


def test_without_an_offer_nothing_is_loaded_that_is_not_drawn(host, gpu, kept):
    opener = Opener(host, gpu)
    styles = kept(opener, offered=lambda: ())
    drawn(host, styles, "snow", SIZE_PX)
    drawn(host, styles, "ink", SIZE_PX)
    assert opener.opened == [("snow", SIZE_PX), ("ink", SIZE_PX)]


def test_what_a_frame_asks_for_does_not_wait_for_a_spare(host, gpu, kept, caplog):
    opener = Opener(host, gpu, slow=("ink",))
    another = []
    styles = kept(opener, open_other=lambda *key: another.append(key))
    drawn(host, styles, "snow", SIZE_PX)
    assert opener.is_slow.wait(10)
    drawn(host, styles, "dust", SIZE_PX)  # while the build of ink would take minutes
    assert opener.closed == [("ink", SIZE_PX)]
    host.until(lambda: opener.opened[3:] == [("ink", SIZE_PX)])  # it is begun anew
    opener.may.set()
    drawn(host, styles, "ink", SIZE_PX)
    assert [style for style, _ in opener.opened] == ["snow", "ink", "dust", "ink"]
    assert not another  # no other runtime is tried because of that
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_spare_that_a_frame_asks_for_while_it_is_loaded_is_drawn(host, gpu, kept):
    opener = Opener(host, gpu, slow=("ink",))
    styles = kept(opener)
    drawn(host, styles, "snow", SIZE_PX)
    assert opener.is_slow.wait(10)
    assert styles("ink", SIZE_PX) is None
    assert styles("dust", SIZE_PX) is None  # chosen in passing: ink goes on, which was asked for, too
    opener.may.set()
    drawn(host, styles, "ink", SIZE_PX)
    assert opener.opened.count(("ink", SIZE_PX)) == 1


def test_what_the_memory_does_not_hold_is_left_out_without_a_word(host, gpu, kept, caplog, monkeypatch):
    full = DeviceMemoryError("the memory of the GPU is full")
    opener = Opener(host, gpu, failures={("ink", SIZE_PX): full})
    styles = kept(opener)
    drawn(host, styles, "snow", SIZE_PX)
    host.until(lambda: ("dust", SIZE_PX) in styles._ready)
    assert set(styles._ready) == {("snow", SIZE_PX), ("dust", SIZE_PX)}  # nothing had to go for it
    monkeypatch.setattr(gpu, "free_bytes", lambda: device_styles.SPARE_ROOM_BYTES - 1)
    for size_px in (OTHER_PX, OTHER_PX + 8):
        drawn(host, styles, "snow", size_px)
        host.until(styles._wanted.empty)
    assert len(styles._ready) == 4  # the rest is for what is drawn
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_spares_go_with_the_size_and_nothing_that_was_drawn_goes_for_them(host, gpu, kept):
    styles = kept(Opener(host, gpu))
    sizes_px = [SIZE_PX + 8 * step for step in range(MOST_KEPT - 1)]
    for size_px in sizes_px:  # as a governor goes through them
        drawn(host, styles, "snow", size_px)
    for size_px in (sizes_px[-1], sizes_px[0]):  # there is a place for one
        drawn(host, styles, "snow", size_px)
        host.until(lambda size_px=size_px: [size_px] == [px for style, px in set(styles._ready) if style != "snow"])
        assert {("snow", size_px) for size_px in sizes_px} <= set(styles._ready)


def test_a_style_that_takes_minutes_is_not_built_before_somebody_asks_for_it(host, gpu, kept):
    opener = Opener(host, gpu)
    styles = kept(opener, is_at_hand=lambda style, _size_px: style == "dust")
    drawn(host, styles, "snow", SIZE_PX)
    host.until(lambda: ("dust", SIZE_PX) in styles._ready)
    assert ("ink", SIZE_PX) not in opener.opened
    drawn(host, styles, "ink", SIZE_PX)
