"""Settings of aiortc and aioice that their interfaces do not reach; each is set once, before the first session.

A test checks that the names still exist, so that a new release cannot undo this in silence.
"""

import ifaddr
from aioice import ice
from aiortc import rtcrtpreceiver
from aiortc.codecs import h264, vpx
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket

START_BITS_PER_S = 2_500_000  # clean lines at 640x480 from the first frame on; the receiver's estimate takes over
MOST_BITS_PER_S = 6_000_000  # 1280x720 at 30 fps; aiortc's own limit of 1.5 Mbit/s smears the lines of a drawing


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


def tune_webrtc() -> None:
    """Lets pictures through whole, early, and on a machine without a network."""
    ice.get_host_addresses = local_addresses
    rtcrtpreceiver.JitterBuffer = PromptJitterBuffer  # pyright: ignore[reportPrivateImportUsage]
    vpx.DEFAULT_BITRATE = h264.DEFAULT_BITRATE = START_BITS_PER_S
    vpx.MAX_BITRATE = h264.MAX_BITRATE = MOST_BITS_PER_S
