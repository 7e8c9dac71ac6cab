"""The way by WebSocket: JPEG pictures over the page's own connection, where WebRTC does not get through.

That is so behind an SSH tunnel or a container's published port, on a machine whose network is off (browsers know no
WebRTC without one), and in networks that let no UDP pass. It takes more bytes and, on a lossy network, more time.

Each picture is a binary message: the page's clock in milliseconds (32 bits, big-endian), then a JPEG file. Text
messages are the same JSON as over WebRTC's data channel.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from aiohttp import WSMsgType, web

from animecam.errors import AnimecamError, UsageError
from animecam.types import Frame
from animecam.web.jpeg import JpegReader, JpegWriter
from animecam.web.messages import problem_json
from animecam.web.newest import Newest
from animecam.web.session import Session

MOST_PICTURE_BYTES = 4 * 1024 * 1024  # of one JPEG; 1280x720 at the best quality has a quarter
MOST_WAITING_MESSAGES = 8  # figures for a client that does not read them are left out, not queued
SEND_SECONDS = 10.0  # for one picture or message; a network that needs longer shows no live session
HEARTBEAT_SECONDS = 10.0  # a peer that answers no ping is gone
CLOCK_BYTES = 4

Data = TypeVar("Data", str, bytes)


class SocketLink:
    """A WebSocket that has been opened.

    Args:
        socket: The connection.
        request: What opened it.
        most_pixels: Larger pictures are refused.
    """

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, most_pixels: int) -> None:
        self._socket, self._transport = socket, request.transport
        self._read, self._write = JpegReader(most_pixels), JpegWriter()
        self._newest = Newest()
        self._messages: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING_MESSAGES)
        self._sending = asyncio.Lock()
        self._under_way: asyncio.Task[None] | None = None

    def send(self, message: dict[str, object]) -> None:
        """Queues a message; the oldest is left out for a page that does not read."""
        if self._messages.full():
            self._messages.get_nowait()
        self._messages.put_nowait(json.dumps(message))

    def show(self, frame: Frame) -> None:
        """Offers a drawn frame."""
        self._newest.push(frame)

    async def close(self) -> None:
        """Sends what is left to say and closes the connection, also of a page that does not read what it was sent."""
        self._newest.close()
        try:
            with suppress(ConnectionError):  # the page has left: nobody to say it to
                while not self._messages.empty() and not self._socket.closed:
                    await self._socket.send_str(self._messages.get_nowait())
            await self._socket.close()
        finally:
            self._drop()

    async def serve(self, session: Session) -> None:
        """Takes the page's pictures and messages until it leaves or the session ends."""
        session.greet()
        session.start(self._send_pictures())
        session.start(self._send_messages())
        try:
            async for message in self._socket:
                if message.type is WSMsgType.BINARY:
                    await self._take_picture(message.data, session)
                elif message.type is WSMsgType.TEXT:
                    session.take_message(message.data)
        except AnimecamError as error:
            await session.end(error)
        await session.end()

    async def _take_picture(self, data: bytes, session: Session) -> None:
        if len(data) <= CLOCK_BYTES:
            raise UsageError("the page sent an empty picture", hint="reload the page")
        time_ms = int.from_bytes(data[:CLOCK_BYTES], "big")
        session.take_frame(await asyncio.to_thread(self._read, data[CLOCK_BYTES:], time_ms))

    async def _send_pictures(self) -> None:
        with suppress(ConnectionError):  # the page has left; `serve` sees that, too, and ends the session
            while (frame := await self._newest.take()) is not None:
                picture = await asyncio.to_thread(self._write, frame)
                await self._send(self._socket.send_bytes, frame.pts.to_bytes(CLOCK_BYTES, "big") + picture)

    async def _send_messages(self) -> None:
        with suppress(ConnectionError):
            while True:
                await self._send(self._socket.send_str, await self._messages.get())

    async def _send(self, send: Callable[[Data], Coroutine[Any, Any, None]], data: Data) -> None:
        """Sends one after the other; who does not read loses the connection, and by that the session.

        The session's end cancels this wait and not aiohttp's, which all senders share: the goodbye that comes next
        would be cancelled, too, and with it whatever frees the session's place.

        Raises:
            ConnectionError: There is no connection any more.
        """
        async with self._sending:
            try:
                self._under_way = asyncio.create_task(send(data))
                async with asyncio.timeout(SEND_SECONDS):  # wait_for may swallow the session's end, up to Python 3.11
                    await asyncio.shield(self._under_way)
            except TimeoutError as error:
                self._drop()
                raise ConnectionResetError("the page does not read") from error

    def _drop(self) -> None:
        """Closes the socket, whatever of what was sent has not been read: waiting for that might never end."""
        if self._transport is not None:
            self._transport.abort()


async def refuse(socket: web.WebSocketResponse, error: AnimecamError) -> None:
    """Tells a page why it gets no session; browsers hide the status of a refused upgrade."""
    await socket.send_json({"problem": problem_json(error, is_final=True)})
    await socket.close()


def new_socket() -> web.WebSocketResponse:
    """A WebSocket for one session; pictures are compressed already."""
    return web.WebSocketResponse(max_msg_size=MOST_PICTURE_BYTES, heartbeat=HEARTBEAT_SECONDS, compress=False)
