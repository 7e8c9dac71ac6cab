"""The settings of aiortc that its interface does not reach: they must still reach what they are meant for."""

from animecam.web import tuning


def test_the_settings_of_aiortc_reach_what_they_are_meant_for():
    from aioice import ice
    from aiortc import rtcrtpreceiver
    from aiortc.codecs import h264, vpx

    tuning.tune_webrtc()
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
