"""The settings of aiortc that its interface does not reach: they must still reach what they are meant for."""

from fractions import Fraction

import av
import pytest

from animecam.web import tuning

MOST_PIXELS = 128 * 96


def test_the_settings_of_aiortc_reach_what_they_are_meant_for():
    from aioice import ice
    from aiortc import rtcrtpreceiver
    from aiortc.codecs import h264, vpx

    tuning.tune_webrtc(MOST_PIXELS)
    assert "127.0.0.1" in ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
    encoder = vpx.Vp8Encoder()
    encoder.target_bitrate = 10**9
    assert encoder.target_bitrate == tuning.MOST_BITS_PER_S
    assert h264.H264Encoder().target_bitrate == tuning.START_BITS_PER_S
    assert rtcrtpreceiver.JitterBuffer is tuning.PromptJitterBuffer


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
