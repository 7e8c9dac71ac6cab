"""The settings of aiortc that its interface does not reach: they must still reach what they are meant for."""

import asyncio
import threading
from fractions import Fraction

import av
import pytest

from animecam.web import tuning

WAIT_S = 20
MOST_PIXELS = 128 * 96


def test_the_settings_of_aiortc_reach_what_they_are_meant_for():
    from aioice import ice
    from aiortc import rtcpeerconnection, rtcrtpreceiver
    from aiortc.codecs import h264, vpx

    tuning.tune_webrtc(MOST_PIXELS)
    assert "127.0.0.1" in ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
    encoder = vpx.Vp8Encoder()
    encoder.target_bitrate = 10**9
    assert encoder.target_bitrate == tuning.MOST_BITS_PER_S
    assert h264.H264Encoder().target_bitrate == tuning.START_BITS_PER_S
    assert rtcrtpreceiver.JitterBuffer is tuning.PromptJitterBuffer
    assert rtcpeerconnection.RTCRtpReceiver is tuning.BoundedReceiver


def test_a_picture_leaves_the_jitter_buffer_with_its_last_packet():
    from aiortc.rtp import RtpPacket

    def packet(number, timestamp, marker, data):
        made = RtpPacket(sequence_number=number, timestamp=timestamp, marker=marker)
        made._data = data
        return made

    buffer = tuning.PromptJitterBuffer(capacity=16, is_video=True)
    first = packet(65534, 1, 0, b"a"), packet(65535, 1, 1, b"b")
    assert buffer.add(first[0]) == (False, None)
    assert buffer.add(first[1])[1].data == b"ab"
    late, end = packet(0, 2, 0, b"c"), packet(1, 2, 1, b"d")
    assert buffer.add(end)[1] is None  # its first packet is missing
    frame = buffer.add(late)[1]
    assert (frame.data, frame.timestamp) == (b"cd", 2)


def pictures_of(encoder, count, width_px=64, height_px=48):
    """Encoded pictures, of which the first one alone needs no other."""
    codec = av.CodecContext.create(encoder, "w")
    codec.options = {"tune": "zerolatency"} if encoder == "libx264" else {"lag-in-frames": "0"}
    codec.width, codec.height, codec.pix_fmt, codec.time_base = width_px, height_px, "yuv420p", Fraction(1, 30)
    grey = av.VideoFrame(width_px, height_px, "yuv420p")
    made = []
    for index in range(count):
        grey.pts = index
        made += [bytes(packet) for packet in codec.encode(grey)]
    return made


@pytest.mark.parametrize(("kind", "encoder"), [("video/VP8", "libvpx"), ("video/H264", "libx264")])
def test_pictures_that_nobody_has_time_to_decode_are_left_out(monkeypatch, kind, encoder):
    """They took all of the memory, with a client that sent faster than they were decoded."""
    from aiortc import RTCRtpCodecParameters
    from aiortc.jitterbuffer import JitterFrame

    monkeypatch.setattr(tuning, "MOST_ENCODED", 4)
    asked, codec = [], RTCRtpCodecParameters(kind, 90_000)
    waiting = tuning.EncodedFrames(lambda: asked.append(True))
    key, *others = (JitterFrame(data, 0) for data in pictures_of(encoder, 12))
    for picture in (key, *others[:3]):
        waiting.put((codec, picture))
    assert [item[1] for item in waiting.queue] == [key, *others[:3]]
    for picture in others[3:6]:
        waiting.put((codec, picture))
    assert (waiting.qsize(), len(asked)) == (0, 1)
    waiting.put((codec, others[6]))
    assert (waiting.qsize(), len(asked)) == (0, 2)  # the question may have been lost
    for picture in (key, others[0]):
        waiting.put((codec, picture))
    waiting.put(None)
    assert [item and item[1] for item in waiting.queue] == [key, others[0], None]


def test_who_sends_faster_than_is_decoded_is_seen_again_once_there_is_time(call, peer, monkeypatch):
    waiting, may_decode, decode = [], threading.Event(), tuning.BoundedVp8.decode

    class Noted(tuning.EncodedFrames):
        def __init__(self, ask):
            super().__init__(lambda: (self.asked.append(True), ask()))
            self.asked = []
            waiting.append(self)

    def decode_when_allowed(self, picture):
        assert may_decode.wait(WAIT_S)
        return decode(self, picture)

    async def test(client):
        async with peer.Browser(client) as browser:
            await browser.connect()
            await browser.next_picture()
            may_decode.clear()
            while not any(len(each.asked) > 1 for each in waiting):  # it is full, and the answers had to be left out
                assert all(each.qsize() <= 4 for each in waiting)
                await asyncio.sleep(0.01)
            may_decode.set()
            while not browser.drawn.empty():
                browser.drawn.get_nowait()
            await browser.until_middle(255 - peer.LEVEL)

    may_decode.set()
    monkeypatch.setattr(tuning, "MOST_ENCODED", 4)
    monkeypatch.setattr(tuning, "EncodedFrames", Noted)
    monkeypatch.setattr(tuning.BoundedVp8, "decode", decode_when_allowed)
    call(test)


def test_few_pictures_that_are_large_are_left_out_as_well():
    from aiortc import RTCRtpCodecParameters
    from aiortc.jitterbuffer import JitterFrame

    codec, waiting = RTCRtpCodecParameters("video/VP8", 90_000), tuning.EncodedFrames(lambda: None)
    for _ in range(9):
        waiting.put((codec, JitterFrame(bytes(tuning.MOST_ENCODED_BYTES // 2), 0)))  # 0: each a key frame
        assert waiting.qsize() <= 2
    assert waiting.qsize() == 1


def key_frame(encoder, width_px, height_px):
    codec = av.CodecContext.create(encoder, "w")
    codec.options = {"tune": "zerolatency"} if encoder == "libx264" else {}
    codec.width, codec.height, codec.pix_fmt, codec.time_base = width_px, height_px, "yuv420p", Fraction(1, 30)
    packets = [*codec.encode(av.VideoFrame(width_px, height_px, "yuv420p")), *codec.encode(None)]
    return b"".join(map(bytes, packets))


@pytest.mark.parametrize(("kind", "encoder"), [("video/VP8", "libvpx"), ("video/H264", "libx264")])
def test_a_picture_that_is_much_too_large_is_not_decoded(kind, encoder):
    """112 kB of VP8 took half a gigabyte, and so for each session."""
    from aiortc import RTCRtpCodecParameters, codecs
    from aiortc.jitterbuffer import JitterFrame

    tuning.tune_webrtc(MOST_PIXELS)
    decoder = codecs.get_decoder(RTCRtpCodecParameters(kind, 90_000))
    with pytest.raises(av.FFmpegError):  # which aiortc takes for a frame that was damaged
        decoder.decode(JitterFrame(key_frame(encoder, 128, 112), timestamp=0))
    pictures = decoder.decode(JitterFrame(key_frame(encoder, 128, 96), timestamp=3000))
    assert [(each.width, each.height) for each in pictures] == [(128, 96)]
