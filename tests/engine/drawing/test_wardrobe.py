"""The styles behind the number keys of a window: opened beside the run, one after the other."""

import threading
import time
from types import SimpleNamespace

from animecam.drawing import wardrobe
from animecam.drawing.wardrobe import Wardrobe
from animecam.errors import BackendError, StyleError


class FakeNetworks:
    def __init__(self):
        self.ready, self.go_on, self.threads, self.ended = set(), threading.Event(), set(), 0
        self.offers = []
        self.prepared = []

    def offer(self, styles):
        self.offers.append((styles, set(self.ready)))

    def end_preparing(self):
        self.ended += 1

    def prepare(self, style, stream, is_unwanted):
        self.threads.add(threading.current_thread().name)
        self.go_on.wait(5)
        if style == "broken":
            raise StyleError("its file is damaged")
        self.ready.add(style)

    def prepare_persons(self):
        self.prepared.append(threading.current_thread().name)

    def is_prepared(self, style):
        return style in self.ready


def test_styles_are_opened_one_after_the_other_beside_the_run(monkeypatch):
    names = ("ink", "broken", "snow")
    monkeypatch.setattr(wardrobe, "offered_styles", lambda _: [SimpleNamespace(name=name) for name in names])
    networks = FakeNetworks()
    styles = Wardrobe(networks, stream=None, chosen="ink")
    assert styles.styles == names
    with styles.filling():
        assert styles.why_not("ink") == "is still being loaded"
        networks.go_on.set()
        end = time.monotonic() + 5
        while styles.why_not("snow") is not None:
            assert time.monotonic() < end
            time.sleep(0.005)
        assert styles.why_not("ink") is None
        assert styles.why_not("broken") == "does not work: its file is damaged"
        while not networks.offers:
            assert time.monotonic() < end
            time.sleep(0.005)
    assert networks.offers == [(names, {"ink", "snow"}), ((), {"ink", "snow"})]  # to the GPU after the processor
    assert networks.threads == {"wardrobe"}
    assert networks.prepared == ["wardrobe"]
    assert not any(thread.name == "wardrobe" for thread in threading.enumerate())


def test_a_style_that_was_deleted_meanwhile_does_not_work(monkeypatch):
    class Searching(FakeNetworks):
        def is_prepared(self, style):
            raise StyleError(f"there is no style {style!r}")

    monkeypatch.setattr(wardrobe, "offered_styles", lambda _: [SimpleNamespace(name="ink")])
    assert Wardrobe(Searching(), stream=None, chosen="ink").why_not("ink") == "does not work: there is no style 'ink'"


def test_styles_are_opened_where_nothing_finds_persons(monkeypatch):
    class Broken(FakeNetworks):
        def prepare_persons(self):
            raise BackendError("no runtime works here")

    monkeypatch.setattr(wardrobe, "offered_styles", lambda _: [SimpleNamespace(name="ink")])
    networks = Broken()
    networks.go_on.set()
    with Wardrobe(networks, stream=None, chosen="ink").filling():
        end = time.monotonic() + 5
        while not networks.offers:
            assert time.monotonic() < end
            time.sleep(0.005)
    assert networks.ready == {"ink"}


def test_the_end_of_the_run_ends_the_opening(monkeypatch):
    monkeypatch.setattr(wardrobe, "offered_styles", lambda _: [SimpleNamespace(name=name) for name in ("ink", "snow")])
    networks = FakeNetworks()
    with Wardrobe(networks, stream=None, chosen="ink").filling():
        threading.Timer(0.05, networks.go_on.set).start()
    assert networks.ready <= {"ink"}
    assert networks.ended == 1
    assert [styles for styles, _ in networks.offers] == [()]
