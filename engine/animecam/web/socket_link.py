"""The way by WebSocket: JPEG pictures over the page's own connection, where WebRTC does not get through.

That is so behind an SSH tunnel or a container's published port, on a machine whose network is off (browsers know no
WebRTC without one), and in networks that let no UDP pass. It takes more bytes and, on a lossy network, more time.

Each picture is a binary message: the page's clock in milliseconds (32 bits, big-endian), then a JPEG file. Text
messages are the same JSON as over WebRTC's data channel.
"""

import asyncio
import json
from contextlib import suppress

from aiohttp import WSMsgType, web

from animecam.errors import AnimecamError, UsageError
from animecam.types import Frame
from animecam.web.jpeg import JpegReader, JpegWriter
from animecam.web.looks import problem_json
from animecam.web.newest import Newest
from animecam.web.session import Session

MOST_PICTURE_BYTES = 4 * 1024 * 1024  # of one JPEG; 1280x720 at the best quality has a quarter
MOST_WAITING_MESSAGES = 8  # figures for a client that does not read them are left out, not queued
HEARTBEAT_SECONDS = 10.0  # a peer that answers no ping is gone
CLOCK_BYTES = 4


class SocketLink:
    """A WebSocket that has been opened.

    Args:
        socket: The connection.
        most_pixels: Larger pictures are refused.
    """

    def __init__(self, socket: web.WebSocketResponse, most_pixels: int) -> None:
        self._socket = socket
        self._read, self._write = JpegReader(most_pixels), JpegWriter()
        self._newest = Newest()
        self._messages: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING_MESSAGES)
        self._sending = asyncio.Lock()

    def send(self, message: dict[str, object]) -> None:
        """Queues a message; the oldest is left out for a page that does not read."""
        if self._messages.full():
            self._messages.get_nowait()
        self._messages.put_nowait(json.dumps(message))

    def show(self, frame: Frame) -> None:
        """Offers a drawn frame."""
        self._newest.push(frame)

    async def close(self) -> None:
        """Sends what is left to say and closes the connection."""
        self._newest.close()
        with suppress(ConnectionError):  # the page has left: nobody to say it to
            while not self._messages.empty() and not self._socket.closed:
                await self._socket.send_str(self._messages.get_nowait())
        await self._socket.close()

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
                async with self._sending:
                    await self._socket.send_bytes(frame.pts.to_bytes(CLOCK_BYTES, "big") + picture)

    async def _send_messages(self) -> None:
        with suppress(ConnectionError):
            while True:
                message = await self._messages.get()
                async with self._sending:
                    await self._socket.send_str(message)


async def refuse(socket: web.WebSocketResponse, error: AnimecamError) -> None:
    """Tells a page why it gets no session; browsers hide the status of a refused upgrade."""
    await socket.send_json({"problem": problem_json(error, is_final=True)})
    await socket.close()


def new_socket() -> web.WebSocketResponse:
    """A WebSocket for one session; pictures are compressed already."""
    return web.WebSocketResponse(max_msg_size=MOST_PICTURE_BYTES, heartbeat=HEARTBEAT_SECONDS, compress=False)
