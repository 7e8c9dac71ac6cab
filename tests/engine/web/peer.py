"""aiortc in the place of a browser: a grey camera, what the page does, and what the server then counts."""

import asyncio
import contextlib
import json
from fractions import Fraction

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

WIDTH_PX, HEIGHT_PX = 128, 96
LEVEL = 100
FPS = 15
WAIT_S = 10


class GreyCamera(MediaStreamTrack):
    """A camera before a grey wall; where it flickers, no picture looks like the one before."""

    kind = "video"

    def __init__(self, width_px=WIDTH_PX, height_px=HEIGHT_PX, flicker=0):
        super().__init__()
        self.count, self.flicker, self.height_px = 0, flicker, height_px
        self.planes = np.full((height_px * 3 // 2, width_px), 128, np.uint8)
        self.planes[:height_px] = LEVEL

    async def recv(self):
        await asyncio.sleep(1 / FPS)
        self.planes[: self.height_px] = LEVEL + self.flicker * (self.count % 2)
        frame = av.VideoFrame.from_ndarray(self.planes, format="yuv420p")
        frame.pts, frame.time_base = self.count * 90_000 // FPS, Fraction(1, 90_000)
        self.count += 1
        return frame


class Browser:
    """What the page does, without a page."""

    def __init__(self, client, camera=None, page=""):
        self.client, self.page = client, page
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.messages = asyncio.Queue()
        self.drawn = asyncio.Queue()
        self.channel = self.peer.createDataChannel("looks and figures")
        self.channel.on("message", lambda text: self.messages.put_nowait(json.loads(text)))
        self.peer.addTrack(camera or GreyCamera())
        self.peer.on("track", lambda track: asyncio.ensure_future(self._watch(track)))
        self.session = ""

    async def _watch(self, track):
        with contextlib.suppress(Exception):
            while True:
                self.drawn.put_nowait(await track.recv())

    async def offer(self, edit=lambda sdp: sdp, look=None):
        await self.peer.setLocalDescription(await self.peer.createOffer())
        body = {"type": "offer", "sdp": edit(self.peer.localDescription.sdp), "look": look or {}, "page": self.page}
        return await self.client.post("/offer", json=body)

    async def connect(self, look=None):
        answer = await self.offer(look=look)
        content = await answer.json()
        assert answer.status == 200, content
        self.session = content["session"]
        await self.peer.setRemoteDescription(RTCSessionDescription(content["sdp"], "answer"))

    async def next_picture(self):
        """Mean luma of the middle and of a corner of the newest frame."""
        frame = await asyncio.wait_for(self.drawn.get(), WAIT_S)
        luma = frame.to_ndarray(format="yuv420p")[: frame.height]
        return float(
            luma[frame.height // 2 - 8 : frame.height // 2 + 8, frame.width // 2 - 8 : frame.width // 2 + 8].mean()
        ), float(luma[:8, :8].mean())

    async def until_middle(self, level):
        while abs((await self.next_picture())[0] - level) > 6:
            pass

    async def message(self, key):
        while True:
            message = await asyncio.wait_for(self.messages.get(), WAIT_S)
            if key in message:
                return message[key]

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.peer.close()


async def metric(client, line):
    """The figure that the server gives of this line."""
    text = await (await client.get("/metrics")).text()
    return float(next(row for row in text.splitlines() if row.startswith(f"{line} ")).rsplit(" ", 1)[1])


async def until_no_session(client):
    async def poll():
        while await metric(client, "animecam_sessions") != 0:
            await asyncio.sleep(0.05)

    await asyncio.wait_for(poll(), WAIT_S)
