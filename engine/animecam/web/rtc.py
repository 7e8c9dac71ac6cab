"""The way by WebRTC: encrypted UDP, the browser's own video codecs, the shortest delay."""

# aiortc's tracks give packets whose side data nobody typed; only their frames are used here.
# pyright: reportUnknownMemberType=false

import json
from typing import TYPE_CHECKING, cast

from aiortc import (
    InvalidAccessError,
    InvalidStateError,
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.exceptions import OperationError
from aiortc.mediastreams import MediaStreamError

from animecam.errors import AnimecamError
from animecam.sinks.avframe import to_video_frame
from animecam.types import Frame
from animecam.web.newest import Newest
from animecam.web.options import Refusal
from animecam.web.session import Session

if TYPE_CHECKING:
    from av import VideoFrame

MOST_UNSENT_BYTES = 65_536  # figures for a client that does not read them are left out, not queued
MOST_MEDIA_SECTIONS = 4  # an honest offer has a video and a data section
_UNREADABLE = (ValueError, KeyError, IndexError, AssertionError, AttributeError, TypeError)
"""What aiortc's parser raises on an offer that is none."""


class DrawnTrack(MediaStreamTrack):
    """The drawn video as aiortc's encoder takes it."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.newest = Newest()

    async def recv(self) -> "VideoFrame":
        """The next frame for the encoder; waits for one.

        Raises:
            MediaStreamError: The track has ended.
        """
        frame = await self.newest.take()
        if frame is None:
            raise MediaStreamError
        video_frame = to_video_frame(frame)
        video_frame.pts, video_frame.time_base = frame.pts, frame.time_base
        return video_frame

    def stop(self) -> None:
        """Ends the track and whoever waits for it."""
        super().stop()
        self.newest.close()


class RtcLink:
    """A peer connection with a video each way and a data channel, which the page opens."""

    def __init__(self) -> None:
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # no outside host is ever asked
        self._drawn = DrawnTrack()
        self._channel: RTCDataChannel | None = None

    async def answer(self, sdp: str, session: Session) -> str:
        """Takes the browser's offer and answers it.

        Args:
            sdp: The offer, with all of its candidates.
            session: Gets the camera's frames and the page's messages.

        Raises:
            Refusal: It cannot be read, or no video codec is shared.
        """
        self._listen(session)
        if sdp.count("\nm=") > MOST_MEDIA_SECTIONS:
            raise Refusal("the offer has too many media sections", hint="reload the page")
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            if not any(transceiver.kind == "video" for transceiver in self._peer.getTransceivers()):
                raise Refusal("the offer has no video", hint="allow the page to use the camera")
            self._refuse_sound()
            self._peer.addTrack(self._drawn)
            await self._peer.setLocalDescription(await self._peer.createAnswer())
        except OperationError as error:
            raise Refusal(
                "this browser and the server share no video codec",
                hint="use a browser that sends VP8 or H.264",
                status=422,
                reason="codec",
            ) from error
        except (*_UNREADABLE, InvalidAccessError, InvalidStateError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not isinstance(error.__cause__, StopIteration):
                raise  # else aiortc's parser looked for a codec that the offer does not have
            raise Refusal("the offer cannot be read", hint="reload the page") from error
        return self._peer.localDescription.sdp

    def _refuse_sound(self) -> None:
        """Lets no sound be sent: aiortc decodes it and keeps it until it is read, as long as the session lasts."""
        for transceiver in self._peer.getTransceivers():
            if transceiver.kind != "video":
                transceiver.direction = "inactive"

    def send(self, message: dict[str, object]) -> None:
        """Sends a message over the data channel, if the page reads it."""
        channel = self._channel
        if channel is None or channel.readyState != "open" or channel.bufferedAmount > MOST_UNSENT_BYTES:
            return
        channel.send(json.dumps(message))

    def show(self, frame: Frame) -> None:
        """Offers a drawn frame to the encoder."""
        self._drawn.newest.push(frame)

    async def close(self) -> None:
        """Says goodbye and frees the sockets."""
        self._drawn.stop()
        await self._peer.close()

    def _listen(self, session: Session) -> None:
        def take_track(track: MediaStreamTrack) -> None:
            if track.kind == "video":
                session.start(_read(track, session))

        def take_channel(channel: RTCDataChannel) -> None:
            self._channel = channel
            channel.on("message", session.take_message)
            session.greet()

        def see_state() -> None:
            if self._peer.connectionState in ("failed", "closed"):
                session.end_soon()

        self._peer.on("track", take_track)
        self._peer.on("datachannel", take_channel)
        self._peer.on("connectionstatechange", see_state)


async def _read(track: MediaStreamTrack, session: Session) -> None:
    """Takes every decoded frame at once, so that none queues up; the session keeps the newest."""
    try:
        while True:
            session.take_frame(cast("VideoFrame", await track.recv()))
    except MediaStreamError:
        session.end_soon()
    except AnimecamError as error:
        session.end_soon(error)
