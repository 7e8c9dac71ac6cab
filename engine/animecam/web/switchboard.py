"""Who is connected: at most as many sessions as allowed, and all of them end with the server."""

import asyncio
from collections.abc import Collection

from animecam.errors import AnimecamError
from animecam.settings import Look
from animecam.web.call import Call
from animecam.web.options import Limits, Refusal
from animecam.web.studio import Studio


class Switchboard:
    """Opens, counts and ends live sessions; event loop only.

    Args:
        studio: Draws the frames.
        limits: How many sessions, how large, how long.
        styles: Names of the styles that may be chosen.
    """

    def __init__(self, studio: Studio, limits: Limits, styles: Collection[str]) -> None:
        self._studio, self._limits, self._styles = studio, limits, styles
        self._calls: dict[str, Call] = {}
        self.opened = 0
        """Sessions that were answered since the start."""
        self.frames_in = 0
        self.frames_out = 0
        self.dropped = 0
        """Of the sessions that have ended; `calls` holds those that last."""

    def calls(self) -> tuple[Call, ...]:
        """The sessions that last."""
        return tuple(self._calls.values())

    async def connect(self, sdp: str, look: Look) -> tuple[Call, str]:
        """Opens a session.

        Args:
            sdp: The browser's offer.
            look: The look to begin with.

        Returns:
            The session and the answer.

        Raises:
            Refusal: All places are taken, or the offer is of no use.
        """
        if len(self._calls) >= self._limits.sessions:
            raise Refusal(
                f"all {self._limits.sessions} places are taken",
                hint="try again when somebody has left",
                status=503,
                reason="sessions",
            )
        call = Call(self._studio, self._limits, look, self._styles, self._forget)
        self._calls[call.id] = call
        answer = await call.answer(sdp)
        self.opened += 1
        return call, answer

    async def hang_up(self, call_id: str) -> None:
        """Ends a session at its page's wish; one that has ended already is no error."""
        if (call := self._calls.get(call_id)) is not None:
            await call.end()

    async def close(self, error: AnimecamError) -> None:
        """Ends every session and tells the pages why."""
        await asyncio.gather(*(call.end(error) for call in self.calls()))

    def _forget(self, call: Call) -> None:
        self._calls.pop(call.id, None)
        figures = call.figures()
        self.frames_in += figures.frames_in
        self.frames_out += figures.frames_out
        self.dropped += figures.dropped
