"""Who gets a connection: so many at once, and none for long without a request; whoever has a token, or has none.

asyncio's own servers take every connection there is, and know of one by TLS when its handshake is over.
"""

import asyncio
import contextlib
import errno
import logging
import os
import socket
import ssl
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_protocol import RequestHandler

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 256  # a browser takes up to seven, and most systems give a program 1024 files
HANDSHAKE_SECONDS = 10.0  # from a connection to the end of its TLS handshake
HEAD_SECONDS = 20.0  # from there to the end of its first request's head
LOOKS = 4  # at the connections within that time
WAITING_CONNECTIONS = 128  # that the system holds until they are taken
PAUSE_SECONDS = 0.5  # before the next try where none can be taken: the system is short of files


class Door:
    """Takes a server's connections; event loop only.

    Beyond the most there may be, the one on which nothing has been asked for longest makes room. Where something is
    under way on all of them, which takes a token where there is one, whoever comes is turned away.
    """

    def __init__(self) -> None:
        self._coming: dict[asyncio.Task[None], None] = {}  # those that shake hands; the oldest first, as below
        self._idle_since_s: dict[RequestHandler, float] = {}
        self._heard: set[RequestHandler] = set()

    def middleware(self) -> Middleware:
        """Notes on which connections something is under way; to be the outermost one, so that it sees all."""

        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            each, task = request.protocol, asyncio.current_task()
            self._heard.add(each)
            self._idle_since_s.pop(each, None)
            assert task is not None
            # aiohttp has a task for each request, which goes on until all of the answer, such as a film, is sent.
            task.add_done_callback(lambda _: self._idle_since_s.update({each: time.monotonic()}))
            return await handler(request)

        return note

    @asynccontextmanager
    async def open(self, server: web.Server, host: str, port: int, tls: ssl.SSLContext | None) -> AsyncGenerator[int]:
        """Takes connections while the block runs.

        Args:
            server: Answers their requests.
            host: Name or address to listen on.
            port: 0 takes a free one.
            tls: Of an https server; None serves http.

        Yields:
            The port.

        Raises:
            OSError: The address cannot be listened on.
        """
        listening = await _listen(host, port)
        tasks = [asyncio.create_task(self._take(each, server, tls)) for each in listening]
        tasks.append(asyncio.create_task(self._watch(server)))
        try:
            yield listening[0].getsockname()[1]
        finally:
            for task in (*tasks, *self._coming):
                task.cancel()
            await asyncio.gather(*tasks, *self._coming, return_exceptions=True)
            for each in listening:
                each.close()

    async def _take(self, listening: socket.socket, server: web.Server, tls: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError as error:
                log.warning("no connection can be taken: %s", error.strerror or error)
                self._make_room(server)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            count = len(self._coming) + len(server.connections)
            if count >= MOST_CONNECTIONS and not self._make_room(server):
                log.info("a connection was turned away: something is under way on all %d", count)
                connection.close()
                continue
            task = asyncio.create_task(self._welcome(connection, server, tls))
            self._coming[task] = None
            task.add_done_callback(lambda done: self._coming.pop(done, None))

    async def _welcome(self, connection: socket.socket, server: web.Server, tls: ssl.SSLContext | None) -> None:
        loop, longest_s = asyncio.get_running_loop(), HANDSHAKE_SECONDS if tls else None
        with contextlib.suppress(OSError):  # it is gone, or speaks no TLS
            _, handler = await loop.connect_accepted_socket(
                server, connection, ssl=tls, ssl_handshake_timeout=longest_s
            )
            if handler not in self._heard:  # its first request may be under way already
                self._idle_since_s[handler] = time.monotonic()

    def _make_room(self, server: web.Server) -> bool:
        """Closes the connection that has been idle longest; says whether there was one."""
        self._forget_those_gone(server)
        if self._idle_since_s:
            self._close(next(iter(self._idle_since_s)))
            return True
        if self._coming:
            task = next(iter(self._coming))
            del self._coming[task]
            task.cancel()
            return True
        return False

    async def _watch(self, server: web.Server) -> None:
        while True:
            await asyncio.sleep(HEAD_SECONDS / LOOKS)
            self._forget_those_gone(server)
            now_s = time.monotonic()
            for each, since_s in tuple(self._idle_since_s.items()):
                if each not in self._heard and now_s - since_s > HEAD_SECONDS:  # aiohttp sees to the others
                    self._close(each)

    def _close(self, handler: RequestHandler) -> None:
        del self._idle_since_s[handler]
        transport = handler.transport
        handler.force_close()
        if transport is not None:
            transport.abort()  # closed the usual way, by TLS it would wait for the other side's goodbye

    def _forget_those_gone(self, server: web.Server) -> None:
        there = set(server.connections)
        self._heard &= there
        self._idle_since_s = {each: since_s for each, since_s in self._idle_since_s.items() if each in there}


async def _listen(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address of a name that this system has."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with contextlib.ExitStack() as stack:
        sockets: list[socket.socket] = []
        missing: OSError | None = None
        for family, kind, protocol, _, address in dict.fromkeys(found):
            try:
                sockets.append(stack.enter_context(_listening(family, kind, protocol, address)))
            except OSError as error:
                if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                    raise
                missing = error  # localhost has an address of IPv6 even where the system has no IPv6
        if missing and not sockets:
            raise missing
        stack.pop_all()
    return sockets


def _listening(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    """A socket that listens on an address, as `getaddrinfo` tells it."""
    with contextlib.ExitStack() as on_failure:
        each = on_failure.enter_context(socket.socket(family, kind, protocol))
        each.setblocking(False)
        if os.name == "posix":  # elsewhere two programs could then listen on one port
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        each.bind(address)
        each.listen(WAITING_CONNECTIONS)
        on_failure.pop_all()
    return each
