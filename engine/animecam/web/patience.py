"""How long the server waits for those who send slowly, or nothing at all: each wait holds a place or a socket."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_protocol import RequestHandler

from animecam.web.options import Refusal

HEAD_SECONDS = 20.0  # from a connection to the end of its first request's head
LOOKS = 4  # at the connections within that time
IDLE_SECONDS = 75.0  # a connection that was answered may be used again for so long
BODY_SECONDS = 20.0  # for a small body, such as an offer
STALL_SECONDS = 30.0  # an upload that sends nothing for this long is given up
SLOWEST_BYTES_PER_S = 32_768  # of an upload, on average after the first 30 s: 200 MiB in 107 minutes


async def paced(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks of an upload, as long as they come fast enough.

    Raises:
        Refusal: Nothing came for 30 s, or too little on average: a byte a second would hold its place for years.
    """
    began_s, size = time.monotonic(), 0
    while True:
        left_s = STALL_SECONDS + size / SLOWEST_BYTES_PER_S - (time.monotonic() - began_s)
        try:
            chunk = await asyncio.wait_for(anext(chunks, b""), max(0.0, min(left_s, STALL_SECONDS)))
        except TimeoutError as error:
            what = "the upload is too slow, or stopped half-way"
            raise Refusal(what, hint="send it again by a better network", status=408) from error
        if not chunk:
            return
        size += len(chunk)
        yield chunk


async def read_soon(request: web.Request) -> bytes:
    """A small body.

    Raises:
        Refusal: It was not here in time.
    """
    try:
        return await asyncio.wait_for(request.read(), BODY_SECONDS)
    except TimeoutError as error:
        raise Refusal("the request stopped half-way", hint="send it again", status=408) from error


class Doorkeeper:
    """Closes connections on which no request comes, for which aiohttp would wait for ever; event loop only."""

    def __init__(self) -> None:
        self._heard: set[RequestHandler] = set()
        self._silent_since_s: dict[RequestHandler, float] = {}

    def middleware(self) -> Middleware:
        """Notes who has asked for something; to be the outermost one, so that it sees everybody."""

        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._heard.add(request.protocol)
            return await handler(request)

        return note

    @asynccontextmanager
    async def watching(self, runner: web.AppRunner) -> AsyncGenerator[None]:
        """Looks at a server's connections while the block runs."""
        task = asyncio.create_task(self._watch(runner))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _watch(self, runner: web.AppRunner) -> None:
        while (server := runner.server) is not None:
            await asyncio.sleep(HEAD_SECONDS / LOOKS)
            now_s, open_now = time.monotonic(), set(server.connections)
            self._heard &= open_now
            self._silent_since_s = {each: self._silent_since_s.get(each, now_s) for each in open_now - self._heard}
            for each, since_s in self._silent_since_s.items():
                if now_s - since_s > HEAD_SECONDS:
                    each.force_close()
