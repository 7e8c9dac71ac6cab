"""Who is connected: at most as many sessions as allowed, and all of them end with the server."""

import asyncio

from aiohttp import web

from animecam.errors import AnimecamError
from animecam.web.options import Limits, Refusal
from animecam.web.orders import Menu, Order
from animecam.web.rtc import RtcLink
from animecam.web.session import Link, Session
from animecam.web.socket_link import SocketLink, new_socket, refuse
from animecam.web.studio import Studio


class Switchboard:
    """Opens, counts and ends live sessions; event loop only.

    Args:
        studio: Draws the frames.
        limits: How many sessions, how large, how long.
        menu: What may be ordered.
    """

    def __init__(self, studio: Studio, limits: Limits, menu: Menu) -> None:
        self._studio, self._limits, self._menu = studio, limits, menu
        self._sessions: dict[str, Session] = {}
        self._of_page: dict[str, Session] = {}
        self.opened = 0
        """Sessions that were answered since the start."""
        self.frames_in = 0
        self.frames_out = 0
        self.dropped = 0
        self.capped = 0
        self.idle = 0
        """Of the sessions that have ended; `sessions` holds those that last."""

    def sessions(self) -> tuple[Session, ...]:
        """The sessions that last."""
        return tuple(self._sessions.values())

    async def answer(self, sdp: str, order: Order, page: str) -> tuple[Session, str]:
        """Opens a session by WebRTC.

        Args:
            sdp: The browser's offer.
            order: What is drawn, to begin with.
            page: The page's name for itself; a session that it still has here ends first. Empty for none.

        Returns:
            The session and the answer.

        Raises:
            Refusal: All places are taken, or the offer is of no use.
            PipelineError: Nothing is drawn any more.
        """
        await self._end_former(page)
        self._check_room()
        link = RtcLink()
        session = self._open(link, order, page)
        try:
            answer = await link.answer(sdp, session)
        except BaseException:  # cancelled or failed: the place it took is free again
            await session.end()
            raise
        self.opened += 1
        return session, answer

    async def take_socket(self, request: web.Request, order: Order, page: str) -> web.WebSocketResponse:
        """Opens a session by WebSocket and serves it to its end, or tells the page why there is none."""
        socket = new_socket()
        await socket.prepare(request)
        await self._end_former(page)
        try:
            self._check_room()
            link = SocketLink(socket, request, self._limits.decoded_pixels)
            session = self._open(link, order, page)
        except AnimecamError as error:  # all places are taken, or nothing is drawn any more
            await refuse(socket, error)
            return socket
        self.opened += 1
        try:
            await link.serve(session)
        finally:
            await session.end()
        return socket

    async def hang_up(self, session_id: str) -> None:
        """Ends a session at its page's wish; one that has ended already is no error."""
        if (session := self._sessions.get(session_id)) is not None:
            await session.end()

    async def close(self, error: AnimecamError) -> None:
        """Ends every session and tells the pages why; they may come again."""
        await asyncio.gather(*(session.end(error, is_final=False) for session in self.sessions()))

    async def _end_former(self, page: str) -> None:
        """Ends what a page still has here: where its link failed it knows of that before the server, and comes again.

        There is none when this returns, and nobody is let in between: a page never has two places.
        """
        while page and (former := self._of_page.get(page)) is not None:
            await former.end()

    def _check_room(self) -> None:
        if len(self._sessions) >= self._limits.sessions:
            raise Refusal(
                "all places are taken",  # how many there are helps nobody, and "all 1 places" is no English
                hint="try again when somebody has left",
                status=503,
                reason="sessions",
            )

    def _open(self, link: Link, order: Order, page: str) -> Session:
        session = Session(
            studio=self._studio,
            limits=self._limits,
            order=order,
            menu=self._menu,
            link=link,
            on_end=self._forget,
        )
        self._sessions[session.id] = session
        if page:
            self._of_page[page] = session
        return session

    def _forget(self, session: Session) -> None:
        self._sessions.pop(session.id, None)
        self._of_page = {page: each for page, each in self._of_page.items() if each is not session}
        figures = session.figures()
        self.frames_in += figures.frames_in
        self.frames_out += figures.frames_out
        self.dropped += figures.dropped
        self.capped += figures.capped
        self.idle += figures.idle
