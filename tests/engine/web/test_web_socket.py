"""Live sessions over a WebSocket: the same answers, pictures as JPEG."""

import asyncio
import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest
from aiohttp import WSMsgType, WSServerHandshakeError
from aiohttp.test_utils import TestClient, TestServer

from animecam.errors import UsageError
from animecam.settings import Look, Settings
from animecam.web import session, socket_link, workshop
from animecam.web.camera import CameraFrames
from animecam.web.jpeg import JpegReader, JpegWriter
from animecam.web.options import Limits
from animecam.web.server import Site, build_app
from animecam.web.studio import Studio
from animecam.web.untrusted import inspect

LEVEL = 100
WAIT_S = 10
CROWD = 100


def jpeg(width_px=128, height_px=96, level=LEVEL):
    return cv2.imencode(".jpg", np.full((height_px, width_px, 3), level, np.uint8))[1].tobytes()


def picture(clock_ms, **options):
    return clock_ms.to_bytes(4, "big") + jpeg(**options)


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


@pytest.fixture
def visit(engine, fakes):
    def run(test, **limits):
        async def main():
            site = Site(fakes.styles(), Settings(Look("invert")), Limits(**limits))
            async with TestClient(TestServer(build_app(studio, site))) as client:
                await test(client)
            assert studio.seats() == ()

        with Studio(engine.open) as studio:
            asyncio.run(asyncio.wait_for(main(), 30))

    return run


async def receive(socket, kind):
    """The next picture (BINARY: clock and middle level), or the next message with this key."""
    while True:
        message = await asyncio.wait_for(socket.receive(), WAIT_S)
        if message.type is WSMsgType.BINARY and kind is WSMsgType.BINARY:
            drawn = decoded(message.data[4:])
            return int.from_bytes(message.data[:4], "big"), int(drawn[40:56, 56:72].mean())
        if message.type is WSMsgType.TEXT and kind in (content := json.loads(message.data)):
            return content[kind]
        assert message.type in (WSMsgType.TEXT, WSMsgType.BINARY), f"closed while waiting for {kind}"


def test_pictures_come_back_drawn_with_their_clock(visit, fakes):
    async def test(client):
        async with client.ws_connect("/socket") as socket:
            assert (await receive(socket, "look"))["style"] == "invert"
            await socket.send_bytes(picture(4_000_000_000))
            clock, level = await receive(socket, WSMsgType.BINARY)
            assert clock == 4_000_000_000
            assert abs(level - (255 - LEVEL)) <= 3
            await socket.send_str('{"style": "flat"}')
            while abs(level - fakes.FLAT_LEVEL) > 3:  # it is made ready meanwhile
                await socket.send_bytes(picture(4_000_000_033))
                _, level = await receive(socket, WSMsgType.BINARY)
            assert (await receive(socket, "figures"))["frames_out"] >= 2
            await socket.send_str("nonsense")
            assert not (await receive(socket, "problem"))["final"]

    visit(test)


def test_a_look_can_be_asked_for_in_the_address(visit, fakes):
    async def test(client):
        async with client.ws_connect("/socket", params={"look": '{"style": "flat"}'}) as socket:
            assert (await receive(socket, "look"))["style"] == "flat"

    visit(test)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"\0\0\0\1", "empty"),
        (b"\0\0\0\1no picture", "cannot be read"),
        (picture(1)[:300], "cannot be read"),
        (picture(1, width_px=320, height_px=240), "320x240"),
        (picture(1, width_px=4000, height_px=4000), "cannot be read"),
    ],
)
def test_what_is_no_picture_ends_that_session_with_a_message(visit, message, words):
    async def test(client):
        async with client.ws_connect("/socket") as happy, client.ws_connect("/socket") as unlucky:
            await unlucky.send_bytes(message)
            problem = await receive(unlucky, "problem")
            assert problem["final"]
            assert words in problem["message"]
            await happy.send_bytes(picture(7))
            assert (await receive(happy, WSMsgType.BINARY))[0] == 7

    visit(test, width_px=160, height_px=120)


def test_more_users_than_places_are_told_so(visit):
    async def test(client):
        async with client.ws_connect("/socket"), client.ws_connect("/socket") as second:
            assert "places are taken" in (await receive(second, "problem"))["message"]

    visit(test, sessions=1)


async def _read_to_the_end(socket):
    async for _ in socket:
        pass


def test_a_page_that_comes_thrice_at_once_has_one_place(visit):
    """It came again while the server was still ending what it had: the two that waited for that both got in."""

    async def test(client):
        names = {"page": "the page's own name"}
        sockets = await asyncio.gather(*(client.ws_connect("/socket", params=names) for _ in range(3)))
        reading = [asyncio.ensure_future(_read_to_the_end(socket)) for socket in sockets]
        for ended in itertools.islice(asyncio.as_completed(reading, timeout=WAIT_S), 2):
            await ended
        assert "animecam_sessions 1\n" in await (await client.get("/metrics")).text()
        (left,) = [task for task in reading if not task.done()]
        left.cancel()

    visit(test)


def test_another_sites_page_cannot_open_a_socket(visit):
    async def test(client):
        with pytest.raises(WSServerHandshakeError, match="403"):
            await client.ws_connect("/socket", headers={"Origin": "https://evil.example"})

    visit(test)


def test_a_user_who_does_not_read_harms_nobody(visit, monkeypatch):
    monkeypatch.setattr(socket_link, "SEND_SECONDS", 600.0)  # nor while that is still waited for

    async def test(client):
        noise = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (720, 1280, 3), np.uint8))[1].tobytes()
        async with client.ws_connect("/socket", max_msg_size=0) as slow:
            slow._reader._protocol.pause_reading()
            for clock in range(20):
                await slow.send_bytes(clock.to_bytes(4, "big") + noise)
            async with client.ws_connect("/socket") as happy:
                await happy.send_bytes(picture(7))
                assert (await receive(happy, WSMsgType.BINARY))[0] == 7

    visit(test)


def test_silence_and_a_lost_connection_free_the_place(visit, monkeypatch):
    monkeypatch.setattr(session, "CONNECT_SECONDS", 0.2)

    async def test(client):
        async with client.ws_connect("/socket") as silent:
            problem = await receive(silent, "problem")
            assert "no picture" in problem["message"]
            assert not problem["final"]  # whose laptop slept may come again
        gone = await client.ws_connect("/socket")
        gone._response.connection.transport.abort()
        for _ in range(100):
            if "animecam_sessions 0\n" in await (await client.get("/metrics")).text():
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the place was not freed")

    visit(test)


def test_a_server_that_stops_says_goodbye(visit):
    async def test(client):
        async with client.ws_connect("/socket") as socket:
            await receive(socket, "look")
            closing = asyncio.ensure_future(client.server.close())
            problem = await receive(socket, "problem")
            assert "stopped" in problem["message"]
            assert not problem["final"]
            await socket.close()
            await closing

    visit(test)


@pytest.mark.parametrize("sampling", [0x111111, 0x211111, 0x221111])
def test_a_picture_survives_the_way_there_and_back(sampling):
    y, x = np.mgrid[0:96, 0:128]
    original = np.stack([60 + x, 60 + y, 200 - x / 2], axis=-1).astype(np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    data = cv2.imencode(".jpg", original, options)[1].tobytes()
    frame = CameraFrames()(JpegReader(128 * 96)(data, 5))
    assert frame.time_s == 0.005
    assert frame.color.full_range
    back = decoded(JpegWriter()(frame))
    assert np.abs(back.astype(int) - original).mean() < 3


def test_a_picture_that_would_fill_the_memory_is_refused_before_it_does():
    with pytest.raises(UsageError):
        JpegReader(1000)(jpeg(), 0)


def test_a_hundred_connections_at_once_harm_nobody_who_is_in(visit, engine):
    """Of 100 who want a session one more gets in; 100 who say half a word are not waited for."""

    async def knock(client):
        async with client.ws_connect("/socket") as socket:
            return (await receive(socket, "problem"))["message"]

    async def test(client):
        mutters = []
        for _ in range(CROWD):
            _, mutter = await asyncio.open_connection("127.0.0.1", client.server.port)
            mutter.write(b"GET /socket HTTP/1.1\r\nHost: loc")
            mutters.append(mutter)
        async with client.ws_connect("/socket") as happy, client.ws_connect("/socket"):
            await happy.send_bytes(picture(1))
            assert (await receive(happy, WSMsgType.BINARY))[0] == 1
            told = await asyncio.wait_for(asyncio.gather(*(knock(client) for _ in range(CROWD))), WAIT_S)
            assert all("places are taken" in message for message in told)
            await happy.send_bytes(picture(2))
            assert (await receive(happy, WSMsgType.BINARY))[0] == 2
            assert (await client.get("/healthz")).status == 200
            metrics = await (await client.get("/metrics")).text()
            assert "animecam_sessions 2\n" in metrics
        for mutter in mutters:
            mutter.close()

    visit(test, sessions=2)


def test_the_figures_tell_of_the_last_frames_and_not_of_the_whole_session(visit, monkeypatch):
    """After a slow hour a faster style changed nothing of the latency that was shown."""
    slow, fast = 6, 3
    monkeypatch.setattr(session, "RECENT_FRAMES", fast)
    stamped = CameraFrames.__call__

    def stamp(self, video_frame):
        frame = stamped(self, video_frame)
        return replace(frame, captured_ns=frame.captured_ns - 60_000_000_000) if frame.index < slow else frame

    monkeypatch.setattr(CameraFrames, "__call__", stamp)

    async def test(client):
        async with client.ws_connect("/socket") as socket:
            for clock_ms in range(slow + fast):
                await socket.send_bytes(picture(clock_ms))
                await receive(socket, WSMsgType.BINARY)
                if clock_ms == slow - 1:
                    assert (await receive(socket, "figures"))["latency_p50_ms"] > 50_000
            while (figures := await receive(socket, "figures"))["frames_out"] < slow + fast:
                pass
            assert figures["latency_p95_ms"] < 50_000
            metrics = await (await client.get("/metrics")).text()
            assert 'quantile="0.5"} 59' in metrics  # nearly a minute, of the whole session

    visit(test)


def test_pictures_pass_though_many_uploads_are_being_looked_at(visit, monkeypatch):
    """Eight films that took long to open held up everybody's pictures: they shared the threads that pack those."""
    asked, may_go_on = [], threading.Event()

    def slowly(path):
        asked.append(path)
        assert may_go_on.wait(WAIT_S)
        return inspect(path)

    monkeypatch.setattr(workshop, "inspect", slowly)

    async def test(client):
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(4))
        uploads = [asyncio.create_task(client.post("/jobs", data=jpeg())) for _ in range(8)]
        while not asked:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)  # all that are looked at at a time
        try:
            async with client.ws_connect("/socket") as socket:
                await socket.send_bytes(picture(1))
                await receive(socket, WSMsgType.BINARY)
        finally:
            may_go_on.set()
        assert [(await each).status for each in uploads] == 8 * [201]

    visit(test)
