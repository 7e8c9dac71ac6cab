"""How long the server waits for those who send or read slowly, or not at all: each wait holds a place or a socket."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from animecam.web.options import Refusal

IDLE_SECONDS = 75.0  # a connection that was answered may be used again for so long
BODY_SECONDS = 20.0  # for a small body, such as an offer
STALL_SECONDS = 30.0  # an upload that sends nothing for this long is given up
SLOWEST_BYTES_PER_S = 32_768  # of an upload or a result, on average after the first 30 s: 200 MiB in 107 minutes


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


class PacedFile(web.FileResponse):
    """A file for those who read it: whoever does not would keep it open, and a socket, for ever.

    A player that paused for longer, or a download, asks for the rest of it, which `FileResponse` can give.

    Args:
        path: The file, which is there.
        headers: Of the answer.
    """

    def __init__(self, path: Path, headers: dict[str, str]) -> None:
        super().__init__(path, headers=headers)
        self._longest_s = STALL_SECONDS + path.stat().st_size / SLOWEST_BYTES_PER_S

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Sends all of it; called by aiohttp.

        Raises:
            ConnectionError: It was not read in time.
        """
        try:
            async with asyncio.timeout(self._longest_s):
                return await super().prepare(request)
        except TimeoutError as error:
            if request.transport is not None:
                request.transport.abort()  # closed the usual way it would first wait until all was read
            raise ConnectionResetError("the result was not read") from error
