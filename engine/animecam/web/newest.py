"""A place for one frame between the render thread's deliveries and whoever sends them on."""

import asyncio

from animecam.types import Frame


class Newest:
    """Holds the newest frame until it is taken: a slow client gets fewer frames, not older ones. Event loop only."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._changed = asyncio.Event()
        self._is_closed = False
        self.dropped = 0
        """Frames that were replaced by newer ones before anybody took them."""

    def push(self, frame: Frame) -> None:
        """Offers a frame."""
        self.dropped += self._frame is not None
        self._frame = frame
        self._changed.set()

    async def take(self) -> Frame | None:
        """The newest frame, once; waits for one. None when there will be no more."""
        while self._frame is None:
            if self._is_closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        frame, self._frame = self._frame, None
        return frame

    def close(self) -> None:
        """Ends the wait of whoever takes; may be called twice."""
        self._is_closed = True
        self._frame = None
        self._changed.set()
