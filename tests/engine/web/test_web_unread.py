"""Clients on a real socket that never read what they are sent: they lose the place and the file that they hold."""

import asyncio
import os
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest

from animecam.web import patience, session, socket_link
from animecam.web.options import MIB

WAIT_S = 20
SOON_S = 0.3
LATE_S = 600.0
EMPTY = b"\x82\x80" + bytes(4)  # a WebSocket message with nothing in it, which ends the session
SMALL_BYTES = 4096  # of what the system keeps for who does not read
UPGRADE = (
    "GET /socket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def noise():
    """A WebSocket message with a picture that no JPEG makes small."""
    pixels = np.random.default_rng(0).integers(0, 255, (720, 1280, 3), np.uint8)
    data = bytes(4) + cv2.imencode(".jpg", pixels)[1].tobytes()
    return b"\x82\xff" + len(data).to_bytes(8, "big") + bytes(4) + data  # masked with zeros: as it is


async def mute_client(client, text):
    """A socket that has sent this, and whose owner will never read."""
    mute = socket.socket()
    mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
    mute.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(mute, ("127.0.0.1", client.server.port))
    await loop.sock_sendall(mute, text.encode())
    return mute


def connection_of(client, mute):
    """The server's side of it: kept until everything is freed, also where the server calls it closed."""
    own = mute.getsockname()
    return next(each for each in client.server.runner.server.connections if each.peername == own)


async def until(condition):
    async def poll():
        while not await condition():
            await asyncio.sleep(0.05)

    await asyncio.wait_for(poll(), WAIT_S)


@pytest.mark.parametrize("is_live", [True, False], ids=["while it is live", "when its session ends"])
def test_a_page_that_never_reads_loses_its_place_and_its_socket(visit, monkeypatch, is_live):
    """It held both for two hours, and the socket for ever."""
    monkeypatch.setattr(socket_link, "SEND_SECONDS", SOON_S if is_live else LATE_S)
    monkeypatch.setattr(session, "CLOSE_SECONDS", SOON_S)

    async def test(client):
        mute, message, is_ending = await mute_client(client, UPGRADE), noise(), asyncio.Event()

        async def send():
            while not is_ending.is_set():
                await asyncio.get_running_loop().sock_sendall(mute, message)
            await asyncio.get_running_loop().sock_sendall(mute, EMPTY)

        async def is_free():
            return "animecam_sessions 0\n" in await (await client.get("/metrics")).text()

        async def is_stuck():
            return held.writing_paused

        async def is_gone():
            return held not in client.server.runner.server.connections

        await until(lambda: _not(is_free()))
        held = connection_of(client, mute)
        sending = asyncio.ensure_future(send())
        try:
            if not is_live:
                await until(is_stuck)
                is_ending.set()
            await until(is_free)
            await until(is_gone)
        finally:
            sending.cancel()
            await asyncio.wait({sending})
            mute.close()

    visit(test)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs a list of open files")
def test_a_result_that_is_never_read_is_closed_and_one_that_is_read_is_whole(visit, monkeypatch, finished, tmp_path):
    """It was held open for ever, on the disk even after the job was gone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(patience, "SLOWEST_BYTES_PER_S", 1000 * MIB)
    data = os.urandom(MIB) * 32

    async def test(client):
        picture = cv2.imencode(".png", np.full((96, 128, 3), 80, np.uint8))[1].tobytes()
        job = await (await client.post("/jobs?name=a.png", data=picture)).json()
        await finished(client, job["id"])
        (path,) = tmp_path.glob(f"*/{job['id']}/result.png")
        path.write_bytes(data)
        address = f"/jobs/{job['id']}/result"
        assert await (await client.get(address)).read() == data
        part = await client.get(address, headers={"Range": "bytes=5-8"})
        assert (part.status, await part.read()) == (206, data[5:9])
        monkeypatch.setattr(patience, "STALL_SECONDS", SOON_S)
        mute = await mute_client(client, f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

        async def is_open():
            return str(path) in [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()]

        async def is_gone():
            return held not in client.server.runner.server.connections and not await is_open()

        await until(is_open)
        held = connection_of(client, mute)
        await until(is_gone)
        mute.close()

    visit(test)


async def _not(answer):
    return not await answer
