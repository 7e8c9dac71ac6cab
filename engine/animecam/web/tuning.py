"""Settings of aiortc and aioice that their interfaces do not reach; each is set once, before the first session.

A test checks that the names still exist, so that a new release cannot undo this in silence.
"""

import queue
from collections.abc import Callable
from contextlib import suppress
from threading import Event
from typing import ClassVar

import ifaddr
from aioice import ice
from aiortc import RTCDtlsTransport, RTCRtpCodecParameters, codecs, rtcpeerconnection, rtcrtpreceiver
from aiortc.codecs import h264, vpx
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket
from av.error import InvalidDataError
from av.frame import Frame

START_BITS_PER_S = 2_500_000  # clean lines at 640x480 from the first frame on; the receiver's estimate takes over
MOST_BITS_PER_S = 6_000_000  # 1280x720 at 30 fps; aiortc's own limit of 1.5 Mbit/s smears the lines of a drawing

MOST_ENCODED = 30  # pictures that wait to be decoded: a second, for a machine that is busy now and then
MOST_ENCODED_BYTES = 4 * 1024 * 1024  # of those; a second of the most that a browser is asked for has 750 kB
H264_UNIT_BITS = 0x1F  # of a unit's first byte: its kind
H264_KEY_UNITS = (5, 7)  # a picture that needs no other one, and what stands before it

VP8_SIDES = slice(6, 8), slice(8, 10)  # of a key frame (RFC 6386, 9.1): width and height, little-endian
VP8_SIDE_BITS = 0x3FFF  # the other two say how to scale what is shown


class BoundedH264(h264.H264Decoder):
    """Refuses pictures before they take memory: 100 kB hold one of 8192x8192, which takes half a gigabyte."""

    most_pixels: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.codec.options = {"max_pixels": str(self.most_pixels)}


class BoundedVp8(vpx.Vp8Decoder):
    """As `BoundedH264`. FFmpeg's own limit comes too late here: it asks libvpx, which has the memory by then."""

    most_pixels: ClassVar[int]

    def decode(self, encoded_frame: JitterFrame) -> list[Frame]:
        """The pictures of a frame; called by aiortc.

        Raises:
            FFmpegError: It cannot be decoded, or is too large.
        """
        data = encoded_frame.data
        if _is_key_vp8(data):  # which alone says how large it is
            width_px, height_px = (int.from_bytes(data[side], "little") & VP8_SIDE_BITS for side in VP8_SIDES)
            if width_px * height_px > self.most_pixels:
                raise InvalidDataError(0, f"{width_px}x{height_px} pixels are too many")
        return super().decode(encoded_frame)


class EncodedFrames(queue.Queue["tuple[RTCRtpCodecParameters, JitterFrame] | None"]):
    """Pictures that wait to be decoded, of which aiortc keeps all there are: whoever sent faster than they were decoded
    filled the memory, and saw himself ever later.

    Where they get too many all are left out, and then those that build on them, until a picture needs no other one.

    Args:
        ask: Asks the sender for such a picture.
    """

    def __init__(self, ask: Callable[[], None]) -> None:
        super().__init__()
        self._ask = ask
        self._is_broken = False
        self._left_out = 0  # since it was asked for

    def put(
        self,
        item: "tuple[RTCRtpCodecParameters, JitterFrame] | None",
        block: bool = True,
        timeout: float | None = None,
    ) -> None:
        """Takes a picture with its codec, or None at the end; called by aiortc in the event loop."""
        if item is not None:
            codec, picture = item
            if self._is_full(picture):
                self._empty()
                self._is_broken, self._left_out = True, 0
                self._ask()
            if self._is_broken and not _is_key(codec, picture):
                self._left_out += 1
                if self._left_out % MOST_ENCODED == 0:  # the question may have been lost
                    self._ask()
                return
            self._is_broken = False
        super().put(item, block, timeout)

    def _is_full(self, picture: JitterFrame) -> bool:
        with self.mutex:
            sizes = [len(item[1].data) for item in self.queue if item is not None]
        return len(sizes) >= MOST_ENCODED or (bool(sizes) and sum(sizes) + len(picture.data) > MOST_ENCODED_BYTES)

    def _empty(self) -> None:
        with suppress(queue.Empty):
            while True:
                self.get_nowait()


class BoundedReceiver(rtcrtpreceiver.RTCRtpReceiver):
    """Keeps a second of pictures at most that it has no time to decode."""

    def __init__(self, kind: str, transport: RTCDtlsTransport) -> None:
        super().__init__(kind, transport)
        if kind == "video":
            parts = vars(self)
            lost: Event = parts["_RTCRtpReceiver__decoder_error"]  # at its next packet the sender is asked
            parts["_RTCRtpReceiver__decoder_queue"] = EncodedFrames(lost.set)


def _is_key(codec: RTCRtpCodecParameters, picture: JitterFrame) -> bool:
    """Whether a picture can be decoded without any other one."""
    if codec.name.upper() == "VP8":
        return _is_key_vp8(picture.data)
    starts = picture.data.split(b"\0\0\1")[1:]
    return any(unit[:1] and unit[0] & H264_UNIT_BITS in H264_KEY_UNITS for unit in starts)


def _is_key_vp8(data: bytes) -> bool:
    return bool(data) and not data[0] & 1


class PromptJitterBuffer(JitterBuffer):
    """Gives a picture out with its last packet instead of with the first packet of the next one.

    The last packet of a picture carries the marker bit (RFC 7741 for VP8, RFC 6184 for H.264). Waiting for the next
    picture, as aiortc does, costs a whole frame time: 33 ms at 30 fps.
    """

    def _remove_frame(self, sequence_number: int) -> JitterFrame | None:
        frame = super()._remove_frame(sequence_number)
        if frame is not None or not self._is_video or self._origin is None:
            return frame
        packets: list[RtpPacket] = []
        for count in range(self.capacity):
            packet = self._packets[(self._origin + count) % self.capacity]
            if packet is None or (packets and packet.timestamp != packets[0].timestamp):
                return None
            packets.append(packet)
            if packet.marker:
                self.remove(len(packets))
                data = b"".join(getattr(packet, "_data", b"") for packet in packets)
                return JitterFrame(data=data, timestamp=packets[0].timestamp)
        return None


def local_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    """This machine's addresses, the loopback one included: without a network it is the only one there is."""
    found: list[str] = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            if isinstance(entry.ip, str):
                if use_ipv4:
                    found.append(entry.ip)
            elif use_ipv6 and entry.ip[0] != "::1" and entry.ip[2] == 0:  # link-local ones need a scope
                found.append(entry.ip[0])
    return found


def tune_webrtc(most_pixels: int) -> None:
    """Lets pictures through whole, early, and on a machine without a network.

    Args:
        most_pixels: Larger ones are refused before they take memory.
    """
    ice.get_host_addresses = local_addresses
    rtcpeerconnection.RTCRtpReceiver = BoundedReceiver  # pyright: ignore[reportPrivateImportUsage]
    rtcrtpreceiver.JitterBuffer = PromptJitterBuffer  # pyright: ignore[reportPrivateImportUsage]
    BoundedH264.most_pixels = BoundedVp8.most_pixels = most_pixels
    codecs.H264Decoder = BoundedH264  # pyright: ignore[reportPrivateImportUsage]
    codecs.Vp8Decoder = BoundedVp8  # pyright: ignore[reportPrivateImportUsage]
    vpx.DEFAULT_BITRATE = h264.DEFAULT_BITRATE = START_BITS_PER_S
    vpx.MAX_BITRATE = h264.MAX_BITRATE = MOST_BITS_PER_S
