"""One live session: a browser's camera comes in, drawn pictures and figures go out."""

# aiortc's tracks give packets whose side data nobody typed; only their frames are used here.
# pyright: reportUnknownMemberType=false

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Callable, Collection, Coroutine
from typing import TYPE_CHECKING, Any, cast

from aiortc import (
    InvalidAccessError,
    InvalidStateError,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.exceptions import OperationError
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from animecam.errors import AnimecamError, UsageError
from animecam.pipeline import Figures, Rendered
from animecam.settings import Look
from animecam.web.looks import figures_json, look_changes, look_json, problem_json, read_message
from animecam.web.options import Limits, Refusal
from animecam.web.studio import Studio
from animecam.web.track import CameraFrames, DrawnTrack

if TYPE_CHECKING:
    from av import VideoFrame

log = logging.getLogger(__name__)

CONNECT_SECONDS = 20.0  # from the offer to the first frame; a phone on a poor network needs a few
SILENT_SECONDS = 15.0  # a camera that sends nothing for this long is gone: the tab was closed, the network is down
FIGURES_SECONDS = 0.5  # how often the page's figures move
CLOSE_SECONDS = 5.0  # longest wait for the transport to say goodbye
GOODBYE_SECONDS = 0.1  # the last message leaves before the transport closes
MOST_UNSENT_BYTES = 65_536  # figures for a client that does not read them are left out, not queued
MOST_MEDIA_SECTIONS = 4  # an honest offer has a video and a data section
_UNREADABLE = (ValueError, KeyError, IndexError, AssertionError, AttributeError, TypeError)
"""What aiortc's parser raises on an offer that is none."""


class Call:
    """One session; it ends when the page hangs up, falls silent, its time is over, or `end` is called.

    Args:
        studio: Draws the frames.
        limits: Of picture size and time.
        look: The look to begin with.
        styles: Names of the styles that may be chosen.
        on_end: Called once, in the event loop, when everything is freed.
    """

    def __init__(
        self, studio: Studio, limits: Limits, look: Look, styles: Collection[str], on_end: Callable[["Call"], None]
    ) -> None:
        self.id = secrets.token_urlsafe(8)
        self._limits, self._styles, self._on_end = limits, styles, on_end
        self._loop = asyncio.get_running_loop()
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # no outside host is ever asked
        self._drawn = DrawnTrack()
        self._channel: RTCDataChannel | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._opened_s = self._heard_s = time.monotonic()
        self._has_frames = False
        self._ending: asyncio.Task[None] | None = None
        self._seat = studio.seat(look, self._deliver, self._fail)
        self._peer.on("track", self._take_track)
        self._peer.on("datachannel", self._take_channel)
        self._peer.on("connectionstatechange", self._see_state)

    async def answer(self, sdp: str) -> str:
        """Takes the browser's offer and answers it.

        Args:
            sdp: The offer, with all of its candidates.

        Raises:
            Refusal: It cannot be read, or no video codec is shared. The call has ended then.
        """
        try:
            if sdp.count("\nm=") > MOST_MEDIA_SECTIONS:
                raise Refusal("the offer has too many media sections", hint="reload the page")
            await self._accept(sdp)
        except OperationError as error:
            await self.end()
            raise Refusal(
                "this browser and the server share no video codec",
                hint="use a browser that sends VP8 or H.264",
                status=422,
                reason="codec",
            ) from error
        except (*_UNREADABLE, InvalidAccessError, InvalidStateError) as error:
            await self.end()
            raise Refusal("the offer cannot be read", hint="reload the page") from error
        except BaseException:
            await self.end()
            raise
        self._start(self._watch())
        return self._peer.localDescription.sdp

    async def _accept(self, sdp: str) -> None:
        await self._peer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        if not any(transceiver.kind == "video" for transceiver in self._peer.getTransceivers()):
            raise Refusal("the offer has no video", hint="allow the page to use the camera")
        self._peer.addTrack(self._drawn)
        await self._peer.setLocalDescription(await self._peer.createAnswer())

    def figures(self) -> Figures:
        """What happened in this session so far."""
        return self._seat.figures()

    async def end(self, error: AnimecamError | None = None) -> None:
        """Ends the session and frees everything; the page is told why if it still listens. May be called twice."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(error))
        await asyncio.shield(self._ending)

    async def _end(self, error: AnimecamError | None) -> None:
        self._seat.close()
        if error is not None:
            self._send({"problem": problem_json(error, is_final=True)})
            await asyncio.sleep(GOODBYE_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._drawn.stop()
        try:
            await asyncio.wait_for(self._peer.close(), CLOSE_SECONDS)
        except TimeoutError:
            log.warning("session %s did not close in time", self.id)
        self._on_end(self)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(self._loop.create_task(work))

    def _end_soon(self, error: AnimecamError | None = None) -> None:
        if self._ending is None:
            self._ending = self._loop.create_task(self._end(error))

    def _take_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "video":
            self._start(self._read(track))

    async def _read(self, track: MediaStreamTrack) -> None:
        """Takes every decoded frame at once, so that none queues up; the seat keeps the newest."""
        convert = CameraFrames()
        try:
            while True:
                video_frame = cast("VideoFrame", await track.recv())
                width_px, height_px = video_frame.width, video_frame.height
                if not self._limits.allows_camera(width_px, height_px):
                    raise UsageError(
                        f"the camera sends {width_px}x{height_px}; "
                        f"this server takes up to {self._limits.width_px}x{self._limits.height_px}",
                        hint="choose a smaller resolution",
                    )
                self._heard_s, self._has_frames = time.monotonic(), True
                self._seat.put(convert(video_frame))
        except MediaStreamError:
            self._end_soon()
        except AnimecamError as error:
            self._end_soon(error)

    def _deliver(self, rendered: Rendered) -> None:
        """Render thread: hands a drawn frame to the event loop."""
        self._loop.call_soon_threadsafe(self._drawn.push, rendered.frame)

    def _fail(self, error: AnimecamError) -> None:
        """Render thread: the seat has ended."""
        self._loop.call_soon_threadsafe(self._end_soon, error)

    def _take_channel(self, channel: RTCDataChannel) -> None:
        self._channel = channel
        channel.on("message", self._take_message)
        self._send({"look": look_json(self._seat.controls.look)})

    def _take_message(self, text: str | bytes) -> None:
        try:
            self._seat.controls.change(**look_changes(read_message(text), self._styles))
        except UsageError as error:
            self._send({"problem": problem_json(error)})
        self._send({"look": look_json(self._seat.controls.look)})

    def _see_state(self) -> None:
        if self._peer.connectionState in ("failed", "closed"):
            self._end_soon()

    async def _watch(self) -> None:
        """Sends the figures and ends the session when it is over."""
        while True:
            await asyncio.sleep(FIGURES_SECONDS)
            self._send({"figures": figures_json(self.figures())})
            if (reason := self._overdue(time.monotonic())) is not None:
                self._end_soon(reason)
                return

    def _overdue(self, now_s: float) -> AnimecamError | None:
        if now_s - self._opened_s > self._limits.minutes * 60:
            return UsageError(
                f"the session reached its limit of {self._limits.minutes:g} minutes", hint="start it again"
            )
        if now_s - self._heard_s > (SILENT_SECONDS if self._has_frames else CONNECT_SECONDS):
            return UsageError("no picture of the camera arrived", hint="check the network and start again")
        return None

    def _send(self, message: dict[str, object]) -> None:
        channel = self._channel
        if channel is None or channel.readyState != "open" or channel.bufferedAmount > MOST_UNSENT_BYTES:
            return
        channel.send(json.dumps(message))
