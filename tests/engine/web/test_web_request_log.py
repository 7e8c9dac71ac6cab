"""What strangers send that is no HTTP, and what fails in answering it."""

import asyncio
import logging

from aiohttp import web

from animecam.web.request_log import RequestLog

log = logging.getLogger("animecam.web")


def answer_to(request: bytes) -> bytes:
    """The first line that a server answers with, whose only page fails."""

    async def fail(_request):
        raise RuntimeError("a mistake of ours")

    async def visit():
        app = web.Application()
        app.router.add_get("/broken", fail)
        runner = web.AppRunner(app, logger=RequestLog(log), access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            reader, writer = await asyncio.open_connection(*runner.addresses[0])
            writer.write(request)
            line = await asyncio.wait_for(reader.readline(), 5.0)
            writer.close()
            return line
        finally:
            await runner.cleanup()

    return asyncio.run(visit())


def test_a_malformed_request_is_one_quiet_line(caplog):
    with caplog.at_level(logging.INFO, logger=log.name):
        answer = answer_to("GET /jobs?name=é HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    assert answer.split()[1] == b"400"
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert record.exc_info is None
    assert record.message == "a malformed request: Invalid char in url query"


def test_a_mistake_of_ours_is_told_with_where_it_is(caplog):
    assert answer_to(b"GET /broken HTTP/1.1\r\nHost: here\r\n\r\n").split()[1] == b"500"
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "a mistake of ours" in str(record.exc_info[1])
