"""Live sessions over WebRTC, with aiortc in the place of the browser: fast, and every bad ending can be had."""

import asyncio
import json
import threading
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiortc import RTCConfiguration, RTCPeerConnection

from animecam.settings import Look
from animecam.web import session
from animecam.web.options import Limits
from animecam.web.server import Site, build_app
from animecam.web.studio import Studio

LEVEL = 100  # of the grey camera
WAIT_S = 10


@pytest.fixture
def visit(engine, fakes):
    def run(test, **limits):
        async def main():
            site = Site(fakes.styles(), Look("invert"), Limits(**limits))
            async with TestClient(TestServer(build_app(studio, site))) as client:
                await test(client)
            assert studio.seats() == ()  # a session that ends frees everything, whatever ended it

        with Studio(engine.open) as studio:
            asyncio.run(asyncio.wait_for(main(), 40))

    return run


async def metric(client, line):
    text = await (await client.get("/metrics")).text()
    return float(next(row for row in text.splitlines() if row.startswith(f"{line} ")).rsplit(" ", 1)[1])


async def until(condition):
    async def poll():
        while not await condition():
            await asyncio.sleep(0.05)

    await asyncio.wait_for(poll(), WAIT_S)


def test_the_camera_comes_back_drawn_and_follows_the_look(visit, peer, fakes):
    async def test(client):
        async with peer.Browser(client) as browser:
            await browser.connect()
            assert (await browser.message("look"))["style"] == "invert"
            await browser.until_middle(255 - LEVEL)
            assert abs((await browser.next_picture())[1] - LEVEL) < 6  # outside of the face nothing changes
            browser.channel.send(json.dumps({"style": "flat"}))
            await browser.until_middle(fakes.FLAT_LEVEL)
            browser.channel.send(json.dumps({"strength": 0}))
            await browser.until_middle(LEVEL)
            figures = await browser.message("figures")
            while figures["fps_out"] < 5:
                figures = await browser.message("figures")
            assert figures["faces"] == 1
            assert 0 < figures["latency_p50_ms"] < 1000
            assert figures["backend"] == "fake 1.0 (f32) on this test"
            assert await metric(client, "animecam_sessions") == 1

    visit(test)


def test_wrong_messages_are_answered_and_change_nothing(visit, peer):
    async def test(client):
        async with peer.Browser(client) as browser:
            await browser.connect()
            await browser.message("look")
            for text in (
                "no json",
                "[1]",
                '{"style": "none"}',
                '{"strength": 9}',
                '{"eyes_of": 1}',
                '{"size_px": 1.5}',
                '{"mirror": 1}',
                "[" * 2000,
                "x" * 5000,
            ):
                browser.channel.send(text)
                problem = await browser.message("problem")
                assert problem["message"]
                assert not problem["final"]
                assert (await browser.message("look"))["strength"] == 1.0
            await browser.until_middle(255 - LEVEL)

    visit(test)


def test_two_users_have_looks_of_their_own_and_one_leaves_unnoticed(visit, peer, fakes):
    async def test(client):
        async with peer.Browser(client) as first, peer.Browser(client) as second:
            await first.connect()
            await second.connect(look={"style": "flat"})
            await first.until_middle(255 - LEVEL)
            await second.until_middle(fakes.FLAT_LEVEL)
            await client.delete(f"/sessions/{first.session}")
            assert await metric(client, "animecam_sessions") == 1
            while not second.drawn.empty():
                second.drawn.get_nowait()
            await second.until_middle(fakes.FLAT_LEVEL)

    visit(test)


def test_more_users_than_places_are_refused_and_the_others_unharmed(visit, peer, fakes):
    async def test(client):
        async with peer.Browser(client) as happy:
            await happy.connect()
            await happy.until_middle(255 - LEVEL)
            sdp = happy.peer.localDescription.sdp
            answers = await asyncio.gather(*(client.post("/offer", json={"sdp": sdp}) for _ in range(100)))
            assert {answer.status for answer in answers} == {503}
            assert "places are taken" in (await answers[0].json())["message"]
            while not happy.drawn.empty():
                happy.drawn.get_nowait()
            await happy.until_middle(255 - LEVEL)
            assert await metric(client, 'animecam_requests_refused_total{reason="sessions"}') == 100

    visit(test, sessions=1)


def test_a_page_that_comes_again_has_the_place_that_it_had(visit, peer):
    """Its network failed for some seconds, of which the server had not heard yet: all places were taken."""

    async def test(client):
        name = "the page's own name"
        async with peer.Browser(client, page=name) as lost, peer.Browser(client, page=name) as again:
            await lost.connect()
            await lost.until_middle(255 - LEVEL)
            await again.connect()
            await again.until_middle(255 - LEVEL)
            assert await metric(client, "animecam_sessions") == 1
            async with peer.Browser(client, page="a name of another page") as other:
                assert (await other.offer()).status == 503

    visit(test, sessions=1)


@pytest.mark.parametrize("name", [7, None, "short", "x" * 65])
def test_a_name_that_others_may_guess_or_that_is_none_is_refused(visit, peer, name):
    async def test(client):
        async with peer.Browser(client, page=name) as browser:
            answer = await browser.offer()
            assert answer.status == 400
            assert "16 to 64" in (await answer.json())["hint"]

    visit(test)


def test_no_shared_codec_is_said_clearly_and_takes_no_place(visit, peer):
    async def test(client):
        async with peer.Browser(client) as browser:
            answer = await browser.offer(lambda sdp: sdp.replace("VP8", "AV1").replace("H264", "H266"))
            problem = await answer.json()
            assert answer.status == 422, problem
            assert "codec" in problem["message"]
            assert await metric(client, "animecam_sessions") == 0

    visit(test)


def test_an_offer_without_video_is_refused(visit, peer):
    async def test(client):
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.createDataChannel("x")
        await peer.setLocalDescription(await peer.createOffer())
        answer = await client.post("/offer", json={"sdp": peer.localDescription.sdp})
        await peer.close()
        assert answer.status == 400
        assert "no video" in (await answer.json())["message"]

    visit(test)


def test_a_camera_beyond_the_limit_is_told_so(visit, peer):
    async def test(client):
        async with peer.Browser(client, peer.GreyCamera(320, 240)) as browser:
            await browser.connect()
            problem = await browser.message("problem")
            assert problem["final"]
            assert "320x240" in problem["message"]

    visit(test, width_px=160, height_px=120)


def test_a_page_that_offers_and_never_comes_frees_its_place(visit, peer, monkeypatch):
    monkeypatch.setattr(session, "CONNECT_SECONDS", 0.2)

    async def test(client):
        async with peer.Browser(client) as browser:
            assert (await browser.offer()).status == 200  # the answer is thrown away
            await until(lambda: _is_zero(client))

    visit(test)


def test_a_camera_that_falls_silent_frees_its_place(visit, peer, monkeypatch):
    monkeypatch.setattr(session, "SILENT_SECONDS", 0.7)

    async def test(client):
        camera = peer.GreyCamera()
        async with peer.Browser(client, camera) as browser:
            await browser.connect()
            await browser.until_middle(255 - LEVEL)
            browser.peer.getSenders()[0].replaceTrack(None)
            assert "no picture" in (await browser.message("problem"))["message"]

    visit(test)


def test_a_tab_that_closes_in_mid_frame_frees_its_place(visit, peer, engine):
    async def test(client):
        async with peer.Browser(client) as browser:
            await browser.connect()
            await browser.until_middle(255 - LEVEL)
            engine.gate.clear()  # a frame is being drawn when the tab closes
            await asyncio.sleep(0.2)
            await browser.peer.close()
            await until(lambda: _is_zero(client))
            engine.gate.set()

    visit(test)


def test_the_time_limit_ends_a_session_with_a_message(visit, peer):
    async def test(client):
        async with peer.Browser(client) as browser:
            await browser.connect()
            problem = await browser.message("problem")
            assert "limit" in problem["message"]
            assert problem["final"]

    visit(test, minutes=1 / 60)


def test_a_style_that_breaks_ends_one_session_and_no_other(visit, peer, engine):
    async def test(client):
        async with peer.Browser(client) as unlucky, peer.Browser(client) as happy:
            await unlucky.connect()
            await happy.connect()
            await unlucky.until_middle(255 - LEVEL)
            engine.broken.add("flat")
            unlucky.channel.send(json.dumps({"style": "flat"}))
            assert "broken" in (await unlucky.message("problem"))["message"]
            while not happy.drawn.empty():
                happy.drawn.get_nowait()
            await happy.until_middle(255 - LEVEL)

    visit(test)


def test_a_slow_engine_drops_frames_instead_of_falling_behind(visit, peer, engine):
    engine.draw_s = 0.25  # four frames a second where fifteen come

    async def test(client):
        async with peer.Browser(client, peer.GreyCamera(flicker=60)) as browser:
            await browser.connect()
            figures = await browser.message("figures")
            while figures["frames_out"] < 8:
                figures = await browser.message("figures")
            assert figures["dropped"] >= 8
            assert figures["latency_p95_ms"] < 3 * 1000 * engine.draw_s

    visit(test)


def test_a_server_that_stops_says_goodbye(visit, peer):
    goodbyes = []

    async def test(client):
        browser = peer.Browser(client)
        await browser.connect()
        await browser.until_middle(255 - LEVEL)
        await client.server.close()
        goodbyes.append(await browser.message("problem"))
        await browser.peer.close()

    visit(test)
    assert "stopped" in goodbyes[0]["message"]


async def _is_zero(client):
    return await metric(client, "animecam_sessions") == 0


def test_sessions_leave_no_threads_and_no_sockets_behind(visit, peer):
    async def one_session(client):
        async with peer.Browser(client) as browser:
            await browser.connect()
            await browser.until_middle(255 - LEVEL)
        await until(lambda: _is_zero(client))

    async def test(client):
        await one_session(client)  # what is made once stays
        await asyncio.sleep(0.2)
        threads, files = threading.active_count(), _open_files()
        for _ in range(4):
            await one_session(client)
        await asyncio.sleep(0.2)
        assert threading.active_count() <= threads + 1  # the pool of encoders may have grown by one
        assert _open_files() <= files + 1

    visit(test)


def _open_files():
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0
