"""What a user changes to while it is drawn: its network is made ready beside the thread that draws."""

import asyncio
import json
import threading
from collections.abc import Callable

import av
import pytest

from animecam.errors import StyleError
from animecam.settings import Look, Quality
from animecam.web.options import Limits
from animecam.web.orders import Menu, Order
from animecam.web.session import Session
from animecam.web.studio import Studio

WAIT_S = 10
MENU = Menu({"invert": ("full",), "flat": ("full",)}, 8)


class Page:
    """A page that is told things."""

    def __init__(self) -> None:
        self.told, self.shown = [], 0

    def send(self, message):
        self.told += [part for name, part in message.items() if name != "figures"]

    def show(self, frame):
        self.shown += 1

    async def close(self):
        pass


@pytest.fixture
def visit(engine) -> Callable[..., Page]:
    """`visit(test)`: runs `test(session, page, draw)` in a live session; `await draw()` sends a picture, and waits."""

    def run(test):
        page, engine.needs_time = Page(), True

        async def main(studio):
            order = Order(Look("invert"), 4, Quality.AUTO)
            one = Session(
                studio=studio,
                limits=Limits(),
                order=order,
                menu=MENU,
                link=page,
                on_end=lambda _: page.told.append("end"),
            )

            async def draw():
                drawn = page.shown
                one.take_frame(av.VideoFrame(64, 48, "yuv420p"))
                while page.shown == drawn and "end" not in page.told:
                    await asyncio.sleep(0.001)

            await draw()
            await test(one, page, draw)
            await one.end()

        with Studio(engine.open) as studio:
            asyncio.run(asyncio.wait_for(main(studio), WAIT_S))
        return page

    return run


def test_a_network_is_made_ready_beside_those_who_are_drawn(visit, engine, monkeypatch):
    """All waited for its compiler, half a second and more, in the thread that draws."""
    begun, is_ready = threading.Event(), threading.Event()
    make_ready = engine.make_ready

    def make_ready_slowly(look, quality, frame):
        if quality is Quality.FULL:  # and not for the first picture
            begun.set()
            assert is_ready.wait(WAIT_S)
        make_ready(look, quality, frame)  # looks at the thread

    async def test(one, page, draw):
        one.take_message(json.dumps({"quality": "full"}))
        await asyncio.to_thread(begun.wait, WAIT_S)
        one.take_message(json.dumps({"strength": 0.5}))
        await draw()
        assert engine.qualities[-1] is Quality.AUTO
        is_ready.set()
        while engine.qualities[-1] is not Quality.FULL:
            await draw()
        one.greet()
        assert (page.told[-1]["quality"], page.told[-1]["strength"]) == (Quality.FULL, 0.5)

    monkeypatch.setattr(engine, "make_ready", make_ready_slowly)
    visit(test)
    assert engine.made_ready == [("invert", Quality.AUTO), ("invert", Quality.FULL)]


def test_what_needs_no_other_network_is_drawn_at_once(visit, engine):
    async def test(one, page, draw):
        one.take_message(json.dumps({"strength": 0.5, "mirror": True}))
        assert (one._seat.order.look.strength, one._seat.order.look.mirror) == (0.5, True)

    visit(test)
    assert engine.made_ready == [("invert", Quality.AUTO)]  # for the first picture


def test_a_network_that_cannot_be_made_ready_is_told_where_it_is_drawn_with(visit, engine, monkeypatch):
    def fail(*_):
        raise StyleError("it is damaged")

    async def test(one, page, draw):
        one.take_message(json.dumps({"style": "flat"}))
        while "end" not in page.told:
            await draw()

    engine.broken.add("flat")
    monkeypatch.setattr(engine, "make_ready", fail)
    assert "flat is broken" in str(visit(test).told)
