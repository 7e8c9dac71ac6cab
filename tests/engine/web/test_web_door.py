"""Connections without a request: so many at once, and none for long, whoever opens them. By raw sockets."""

import asyncio
import contextlib
import errno
import logging
import re
import socket
import ssl
import sys

import cv2
import numpy as np
import pytest
from aiohttp import ClientSession

from animecam.settings import Look, Settings
from animecam.web import door
from animecam.web.certificate import own_tls
from animecam.web.options import ServeOptions
from animecam.web.server import Site, serve

WAIT_S = 10
MOST = 8
ASK = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
UPLOAD = b"POST /jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(door, "MOST_CONNECTIONS", MOST)


@pytest.fixture
def at_door(studio, fakes):
    """Runs `async def visit(port)` while a server is there."""

    def run(visit, tls=None):
        async def main():
            site, options = Site(fakes.styles(), Settings(Look("invert")), ServeOptions().limits), ServeOptions(port=0)
            ready = asyncio.get_running_loop().create_future()
            serving = asyncio.ensure_future(serve(studio, site, options, tls, ready.set_result))
            try:
                await asyncio.wait_for(visit(await asyncio.wait_for(ready, WAIT_S)), WAIT_S)
            finally:
                serving.cancel()
                await asyncio.wait({serving}, timeout=WAIT_S)

        asyncio.run(main())

    return run


async def connect(port, start=b"", context=None):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(start)
    return reader, writer


async def asked(reader, writer):
    writer.write(ASK)
    return await asyncio.wait_for(reader.readuntil(b'"ok"}'), WAIT_S)


async def ended(connection):
    """Whether the server closed a connection, a moment later at most."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        return await asyncio.wait_for(connection[0].read(), 0.3) == b""
    return False


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
def test_connections_without_a_request_make_room_for_others(at_door, few, start):
    """Each took a file for 20 seconds, until there was none left for anybody."""

    async def visit(port):
        idle = [await connect(port, start) for _ in range(3 * MOST)]
        assert await asked(*await connect(port))
        are_closed = [await ended(each) for each in idle]
        assert are_closed == sorted(are_closed, reverse=True)  # those that waited longest
        assert 3 * MOST - are_closed.count(True) in range(1, MOST)
        for _, writer in idle:
            writer.close()

    at_door(visit)


def test_a_connection_that_was_answered_and_rests_makes_room_too(at_door, few):
    """A question that takes no token kept a place for 75 seconds."""

    async def visit(port):
        resting = [await connect(port) for _ in range(MOST)]
        for each in resting:
            await asked(*each)
        assert await asked(*await connect(port))
        assert [await ended(each) for each in resting] == [True] + (MOST - 1) * [False]

    at_door(visit)


def test_what_is_under_way_is_never_closed_and_whoever_comes_then_is_turned_away(at_door, few, caplog):
    caplog.set_level(logging.INFO, "animecam.web.door")

    async def visit(port):
        busy = [await connect(port, UPLOAD) for _ in range(MOST)]
        for reader, _ in busy:
            await reader.readuntil(b"100 Continue\r\n\r\n")
        assert await ended(await connect(port))
        assert [await ended(each) for each in busy] == MOST * [False]
        busy[0][1].close()
        await asyncio.sleep(0.1)
        assert await asked(*await connect(port))

    at_door(visit)
    assert "a connection was turned away" in caplog.text


def test_who_shakes_no_hands_makes_room_and_is_closed(at_door, few, monkeypatch, tmp_path):
    """By TLS each took a file for a minute, and no limit counted it."""
    monkeypatch.setattr(door, "HANDSHAKE_SECONDS", 1.0)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    async def visit(port):
        silent = [await connect(port) for _ in range(3 * MOST)]
        assert await asked(*await connect(port, context=context))
        assert [await ended(each) for each in silent[:MOST]] == MOST * [True]
        assert await asyncio.wait_for(silent[-1][0].read(), WAIT_S) == b""

    at_door(visit, own_tls(["127.0.0.1"], tmp_path).context)


@pytest.mark.skipif(sys.platform == "win32", reason="another kind of event loop takes connections there")
def test_a_system_without_files_is_waited_for(at_door, monkeypatch, caplog):
    monkeypatch.setattr(door, "PAUSE_SECONDS", 0.05)
    failures = [OSError(errno.EMFILE, "Too many open files")] * 3
    accept = asyncio.SelectorEventLoop.sock_accept

    async def short(loop, listening):
        taken = await accept(loop, listening)
        if failures:
            taken[0].close()
            raise failures.pop()
        return taken

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_accept", short)

    async def visit(port):
        for _ in range(3):
            assert await ended(await connect(port))
        assert await asked(*await connect(port))

    at_door(visit)
    assert "no connection can be taken: Too many open files" in caplog.text


def test_an_address_that_this_system_does_not_have_is_left_out(monkeypatch):
    """localhost may have one of IPv6 where there is no IPv6."""
    stream, missing = socket.SOCK_STREAM, ("192.0.2.1", 0)  # RFC 5737: nobody's

    def names(*addresses):
        async def getaddrinfo(*_, **__):
            return [(socket.AF_INET, stream, 0, "", address) for address in addresses]

        monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)

    async def listen():
        listening = await door._listen("localhost", 0)
        found = [each.getsockname()[0] for each in listening]
        for each in listening:
            each.close()
        return found

    names(missing, ("127.0.0.1", 0))
    assert asyncio.run(listen()) == ["127.0.0.1"]
    names(missing)
    with pytest.raises(OSError, match=f"Errno {errno.EADDRNOTAVAIL}"):
        asyncio.run(listen())


def test_an_address_that_is_taken_is_told():
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match=f"Errno {errno.EADDRINUSE}"):
        asyncio.run(door._listen("127.0.0.1", other.getsockname()[1]))


def test_a_result_that_is_being_read_is_under_way(at_door, few):
    """Once its handler had returned it counted as idle: whoever came closed the downloads of others."""
    noise = np.random.default_rng(0).integers(0, 256, (2000, 2000, 3), np.uint8)
    body = cv2.imencode(".png", noise, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()

    async def visit(port):
        async with ClientSession(f"http://127.0.0.1:{port}") as client:
            job = (await (await client.post("/jobs", data=body)).json())["id"]
            while (await (await client.get(f"/jobs/{job}")).json())["state"] != "done":
                await asyncio.sleep(0.05)
        download = await connect(port, f"GET /jobs/{job}/result HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = (await download[0].readuntil(b"\r\n\r\n")).decode()
        others = []
        for _ in range(2 * MOST):
            others.append(await connect(port))
            assert await asked(*others[-1])
        size = int(re.search(r"Content-Length: (\d+)", head)[1])
        assert len(await download[0].readexactly(size)) == size

    at_door(visit)
