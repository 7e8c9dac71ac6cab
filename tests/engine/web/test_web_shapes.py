"""What a user's first picture, and one of another shape, is drawn with: made ready beside the thread that draws."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import SimpleNamespace

import av
import pytest

from animecam.settings import Look, Quality
from animecam.web import preparer
from animecam.web.options import Limits
from animecam.web.orders import Menu, Order
from animecam.web.preparer import MOST_REST_SECONDS, REST_TIMES, Preparer
from animecam.web.seat import Seat
from animecam.web.session import Session
from animecam.web.studio import Studio

WAIT_S = 10
MENU = Menu({"invert": ("full",), "flat": ("full",)}, 8)
ORDER = Order(Look("invert"), 4, Quality.AUTO)


class Visitor:
    """A live session and its page, which sends pictures and counts those that it is shown."""

    def __init__(self, studio, order=ORDER):
        self.sizes_px = []
        self.session = Session(studio=studio, limits=Limits(), order=order, menu=MENU, link=self, on_end=lambda _: None)

    def send(self, message):
        pass

    def show(self, frame):
        self.sizes_px.append((frame.width_px, frame.height_px))

    async def close(self):
        pass

    def take(self, width_px=64, height_px=48):
        self.session.take_frame(av.VideoFrame(width_px, height_px, "yuv420p"))

    async def drawn(self, count=1):
        """Waits until it was shown so many pictures."""
        while len(self.sizes_px) < count:
            await asyncio.sleep(0.001)


class Gate:
    """Lets the networks be made ready when it is open."""

    def __init__(self, engine, monkeypatch):
        self.opened, self.asked, self._make_ready = threading.Event(), threading.Semaphore(0), engine.make_ready
        monkeypatch.setattr(engine, "make_ready", self._wait)

    def _wait(self, *given):
        self.asked.release()
        assert self.opened.wait(WAIT_S)
        self._make_ready(*given)

    async def asked_for(self):
        assert await asyncio.to_thread(self.asked.acquire, timeout=WAIT_S)


@pytest.fixture
def meet(engine, monkeypatch) -> Callable[..., None]:
    """`meet(test)`: runs `test(gate, one, other)` with two visitors, of whom one has been drawn at 64 x 48."""

    async def main(studio, test):
        async with AsyncExitStack() as stack:
            one, other = (Visitor(studio, order) for order in (ORDER, Order(Look("flat"), 4, Quality.AUTO)))
            for visitor in (one, other):
                stack.push_async_callback(visitor.session.end)
            one.take()
            await one.drawn()
            gate = Gate(engine, monkeypatch)
            stack.callback(gate.opened.set)
            await test(gate, one, other)

    def run(test):
        engine.needs_time = True
        monkeypatch.setattr(preparer, "REST_TIMES", 0.0)
        with Studio(engine.open) as studio:
            asyncio.run(asyncio.wait_for(main(studio, test), WAIT_S))

    return run


def test_the_first_picture_waits_beside_those_who_are_drawn(meet):
    """All waited for its compiler, half a second and more, in the thread that draws."""

    async def test(gate, one, other):
        other.take()
        await gate.asked_for()
        one.take()
        await one.drawn(2)
        assert other.sizes_px == []
        gate.opened.set()
        await other.drawn()  # the page sends no other picture before

    meet(test)


def test_a_picture_of_another_shape_waits_beside_those_who_are_drawn(meet, engine):
    async def test(gate, one, other):
        for width_px in (32, 96, 80):
            one.take(width_px)
        await gate.asked_for()
        one.take()
        await one.drawn(2)  # it was ready for that before
        one.take(80)
        gate.opened.set()
        await one.drawn(3)
        assert one.sizes_px == [(64, 48), (64, 48), (80, 48)]
        figures = one.session.figures()
        assert (figures.frames_in, figures.frames_out, figures.dropped) == (6, 3, 3)

    meet(test)
    assert [width_px for *_, width_px, _ in engine.ready_in_order] == [64, 32, 80]  # one at a time, and then the newest


def test_whoever_changes_shape_all_the_time_leaves_the_thread_that_draws_alone(meet, monkeypatch):
    planned, planning = [], Seat.planning

    def seen(seat, engine, frame):
        planned.append(engine.is_ready(seat.order.look, seat.order.quality, frame))
        return planning(seat, engine, frame)

    async def test(gate, one, other):
        gate.opened.set()
        for width_px in range(32, 96, 8):
            other.take(width_px)
            one.take()
            await other.drawn(1 + (width_px - 32) // 8)

    monkeypatch.setattr(Seat, "planning", seen)
    meet(test)
    assert len(planned) > 8
    assert all(planned)


def test_a_session_that_ends_has_nothing_more_made_ready(meet, engine):
    async def test(gate, one, other):
        one.take(32)
        await gate.asked_for()
        other.take()
        await asyncio.sleep(0)
        await other.session.end()
        gate.opened.set()
        await one.drawn(2)
        one.take(80)
        await one.drawn(3)

    meet(test)
    assert "flat" not in {style for style, *_ in engine.ready_in_order}


@pytest.fixture
def resting(monkeypatch):
    """A preparer by whose clock all takes 1 s, and "slow" 100 s; how long it rested, so far."""
    clock, rested, ready = [0.0], [], set()

    class Closing:
        def wait(self, seconds):
            rested.append(seconds)
            clock[0] += seconds
            return False

        def set(self):
            pass

    def make_ready(order, frame):
        clock[0] += 100.0 if frame == "slow" else 1.0
        ready.add(frame)

    monkeypatch.setattr(preparer, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    prepare = Preparer(make_ready, lambda _, frame: frame in ready)
    monkeypatch.setattr(prepare, "_is_closing", Closing())
    yield prepare, rested
    prepare.close()


def test_it_rests_after_each_thing_that_took_time(resting):
    prepare, rested = resting

    async def main():
        for frame in ("a", "a", "b", "b", "slow", "c"):
            await prepare(ORDER, frame)

    asyncio.run(main())
    assert rested == [0.0, REST_TIMES, REST_TIMES, MOST_REST_SECONDS]
