"""How live sessions end, well or badly: it is told, the others go on, and the place is free again."""

import asyncio
import json
import threading
from pathlib import Path

from animecam.settings import Look, Quality
from animecam.web import session
from animecam.web.options import Limits
from animecam.web.orders import Menu, Order


def test_a_camera_beyond_the_limit_is_told_so(call, peer):
    async def test(client):
        async with peer.Browser(client, peer.GreyCamera(320, 240)) as browser:
            await browser.connect()
            problem = await browser.message("problem")
            assert problem["final"]
            assert "320x240" in problem["message"]

    call(test, width_px=160, height_px=120)


def test_a_page_that_offers_and_never_comes_frees_its_place(call, peer, monkeypatch):
    monkeypatch.setattr(session, "CONNECT_SECONDS", 0.2)

    async def test(client):
        async with peer.Browser(client) as browser:
            assert (await browser.offer()).status == 200  # the answer is thrown away
            await peer.until_no_session(client)

    call(test)


def test_a_camera_that_falls_silent_frees_its_place(call, peer, monkeypatch):
    monkeypatch.setattr(session, "SILENT_SECONDS", 0.7)

    async def test(client):
        camera = peer.GreyCamera()
        async with peer.Browser(client, camera) as browser:
            await browser.connect()
            await browser.until_middle(255 - peer.LEVEL)
            browser.peer.getSenders()[0].replaceTrack(None)
            assert "no picture" in (await browser.message("problem"))["message"]

    call(test)


def test_a_tab_that_closes_in_mid_frame_frees_its_place(call, peer, engine):
    async def test(client):
        async with peer.Browser(client) as browser:
            await browser.connect()
            await browser.until_middle(255 - peer.LEVEL)
            engine.gate.clear()  # a frame is being drawn when the tab closes
            await asyncio.sleep(0.2)
            await browser.peer.close()
            await peer.until_no_session(client)
            engine.gate.set()

    call(test)


def test_the_time_limit_ends_a_session_with_a_message(call, peer):
    async def test(client):
        async with peer.Browser(client) as browser:
            await browser.connect()
            problem = await browser.message("problem")
            assert "limit" in problem["message"]
            assert problem["final"]

    call(test, minutes=1 / 60)


def test_a_style_that_breaks_ends_one_session_and_no_other(call, peer, engine):
    async def test(client):
        async with peer.Browser(client) as unlucky, peer.Browser(client) as happy:
            await unlucky.connect()
            await happy.connect()
            await unlucky.until_middle(255 - peer.LEVEL)
            engine.broken.add("flat")
            unlucky.channel.send(json.dumps({"style": "flat"}))
            assert "broken" in (await unlucky.message("problem"))["message"]
            while not happy.drawn.empty():
                happy.drawn.get_nowait()
            await happy.until_middle(255 - peer.LEVEL)

    call(test)


class BrokenLink:
    def send(self, message):
        pass

    def show(self, frame):
        pass

    async def close(self):
        raise RuntimeError("a mistake of the transport")


def test_a_link_that_breaks_as_it_closes_frees_its_place(studio, caplog):
    async def main():
        ended = []
        one = session.Session(
            studio=studio,
            limits=Limits(),
            order=Order(Look("invert"), 4, Quality.AUTO),
            menu=Menu({"invert": ("full",)}, 8),
            link=BrokenLink(),
            on_end=ended.append,
        )
        await one.end()
        assert ended == [one]

    asyncio.run(main())
    assert studio.seats() == ()
    assert "did not close as it should" in caplog.text
    assert "a mistake of the transport" in caplog.text


def test_a_server_that_stops_says_goodbye(call, peer):
    goodbyes = []

    async def test(client):
        browser = peer.Browser(client)
        await browser.connect()
        await browser.until_middle(255 - peer.LEVEL)
        await client.server.close()
        goodbyes.append(await browser.message("problem"))
        await browser.peer.close()

    call(test)
    assert "stopped" in goodbyes[0]["message"]


def test_sessions_leave_no_threads_and_no_sockets_behind(call, peer):
    async def one_session(client):
        async with peer.Browser(client) as browser:
            await browser.connect()
            await browser.until_middle(255 - peer.LEVEL)
        await peer.until_no_session(client)

    async def test(client):
        await one_session(client)  # what is made once stays
        await asyncio.sleep(0.2)
        threads, files = threading.active_count(), _open_files()
        for _ in range(4):
            await one_session(client)
        await asyncio.sleep(0.2)
        assert threading.active_count() <= threads + 1  # the pool of encoders may have grown by one
        assert _open_files() <= files + 1

    call(test)


def _open_files():
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0
