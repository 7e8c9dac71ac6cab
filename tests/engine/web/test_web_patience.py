"""Those who send slowly, or nothing: each wait of the server ends."""

import asyncio
from types import SimpleNamespace

import pytest

from animecam.settings import Look, Settings
from animecam.web import door, patience
from animecam.web.options import Refusal, ServeOptions
from animecam.web.patience import SLOWEST_BYTES_PER_S, STALL_SECONDS, paced
from animecam.web.server import Site, serve

WAIT_S = 10
SOON_S = 0.05


def received(monkeypatch, chunk_bytes, chunks):
    """Bytes that come through of chunks of which one arrives a second, by a clock that the test moves."""
    clock = SimpleNamespace(now_s=0.0, monotonic=lambda: clock.now_s)
    monkeypatch.setattr(patience, "time", clock)

    async def arriving():
        for _ in range(chunks):
            clock.now_s += 1
            yield b"x" * chunk_bytes

    async def take():
        return sum([len(chunk) async for chunk in paced(arriving())])

    return asyncio.run(take())


def test_an_upload_of_a_byte_a_second_is_given_up(monkeypatch):
    """It held one of eight places for as long as it liked."""
    with pytest.raises(Refusal, match="too slow") as caught:
        received(monkeypatch, 1, int(STALL_SECONDS) + 2)
    assert caught.value.status == 408


def test_an_upload_by_a_slow_network_goes_through(monkeypatch):
    assert received(monkeypatch, SLOWEST_BYTES_PER_S, 1000) == 1000 * SLOWEST_BYTES_PER_S


@pytest.mark.parametrize("path", ["/jobs", "/offer"])
def test_a_body_that_stops_is_answered_and_its_place_is_free(visit, monkeypatch, path):
    monkeypatch.setattr(patience, "STALL_SECONDS", SOON_S)
    monkeypatch.setattr(patience, "BODY_SECONDS", SOON_S)

    async def test(client):
        answered = asyncio.Event()

        async def stopping():
            yield b"x"
            await answered.wait()

        answer = await client.post(path, data=stopping())
        answered.set()
        assert answer.status == 408
        assert "half-way" in (await answer.json())["message"]
        assert "animecam_uploads{" not in await (await client.get("/metrics")).text()

    visit(test)


@pytest.mark.parametrize("start", [b"", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
def test_a_connection_without_a_request_is_closed_and_one_with_a_session_is_not(studio, fakes, monkeypatch, start):
    """Each held a socket for as long as it liked, until there were none left for anybody."""
    monkeypatch.setattr(door, "HEAD_SECONDS", SOON_S)

    async def visitor(port):
        talking = await asyncio.open_connection("127.0.0.1", port)
        talking[1].write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await talking[0].readuntil(b'"ok"}')
        silent = await asyncio.open_connection("127.0.0.1", port)
        silent[1].write(start)
        assert await asyncio.wait_for(silent[0].read(), WAIT_S) == b""
        talking[1].write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert await asyncio.wait_for(talking[0].readuntil(b'"ok"}'), WAIT_S)
        for _, writer in (talking, silent):
            writer.close()

    async def main():
        site, options = Site(fakes.styles(), Settings(Look("invert")), ServeOptions().limits), ServeOptions(port=0)
        ready = asyncio.get_running_loop().create_future()
        serving = asyncio.ensure_future(serve(studio, site, options, None, ready.set_result))
        await visitor(await asyncio.wait_for(ready, WAIT_S))
        serving.cancel()
        await asyncio.wait({serving}, timeout=WAIT_S)

    asyncio.run(main())
