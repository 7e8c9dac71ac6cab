"""Streams to a receiver in another process (FFmpeg holds the interpreter's lock while it shakes hands)."""

import json
import socket
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import numpy as np
import pytest

from animecam.errors import SinkError, UsageError
from animecam.sinks import codecs
from animecam.sinks.opening import open_sink
from animecam.sinks.options import SinkOptions
from animecam.sinks.stream import StreamSink, public_address
from animecam.sound import SOUND_RATE_HZ, SoundChunk
from animecam.types import Color, PixelFormat

FRAMES = 20
QUICK = SinkOptions(threads=1, preset="ultrafast", timeout_s=1.0)
RECEIVER = textwrap.dedent("""
    import json, sys
    import av

    url, options = sys.argv[1], json.loads(sys.argv[2])
    print("ready", flush=True)
    seen = []
    with av.open(url, options=options, timeout=10) as container:
        stream = container.streams.video[0]
        try:
            for frame in container.decode(stream):
                seen.append((frame.width, frame.height, float(frame.time), frame.key_frame))
        except av.error.OSError:
            pass  # how some protocols end
    print(json.dumps(seen))
""")


@pytest.fixture
def receive():
    """`receive(url, code, **options)`: starts a receiver; its `communicate()` gives what it saw as JSON."""
    started = []

    def start(url, code=RECEIVER, **options):
        process = subprocess.Popen(
            [sys.executable, "-c", code, url, json.dumps(options)], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


SOUND_RECEIVER = textwrap.dedent("""
    import json, sys
    import av
    import numpy as np

    print("ready", flush=True)
    seen = {"video": [], "loud": []}
    with av.open(sys.argv[1], options=json.loads(sys.argv[2]), timeout=10) as container:
        try:
            for frame in container.decode(video=0, audio=0):
                if isinstance(frame, av.VideoFrame):
                    seen["video"].append((float(frame.time), float(frame.to_ndarray(format="gray").mean())))
                else:
                    loud = np.flatnonzero(np.abs(frame.to_ndarray()).max(axis=0) > 0.1)
                    seen["loud"] += [float(frame.time) + index / frame.sample_rate for index in loud[:1]]
        except av.error.OSError:
            pass  # how some protocols end
    print(json.dumps(seen))
""")


class Beep:
    """A microphone that hears one beep, from a second on; everything has arrived."""

    def __init__(self):
        time_s = np.arange(3 * SOUND_RATE_HZ) / SOUND_RATE_HZ
        sound = (0.5 * np.sin(2 * np.pi * 1000 * time_s) * (time_s >= 1.0)).astype(np.float32)
        self.chunks = tuple(
            SoundChunk(first / SOUND_RATE_HZ, sound[first : first + 960]) for first in range(0, len(sound), 960)
        )

    def since(self, number):
        return self.chunks[number:], len(self.chunks)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connect(uri, stream, deadline_s=8.0, options=QUICK):
    """The sink, as soon as the receiver listens."""
    end = time.monotonic() + deadline_s
    while True:
        try:
            return StreamSink(uri, stream, options)
        except SinkError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def write_all(sink, frames):
    for frame in frames:
        sink.write(frame)


@pytest.mark.parametrize("scheme", ["rtmp", "tcp"])
def test_stream_arrives_upright_from_zero_with_key_frames(receive, live_format, make_frame, scheme):
    stream = replace(live_format, rotation_deg=90, pixel_format=PixelFormat.YUV422P, color=Color(full_range=True))
    uri = f"{scheme}://127.0.0.1:{free_port()}" + ("/live/key" if scheme == "rtmp" else "")
    receiver = receive(uri, listen="1")
    sink = connect(uri, stream)
    write_all(sink, (make_frame(stream, index, 7_000_000 + index * 33_333) for index in range(FRAMES)))
    sink.close(complete=True)
    sink.close(complete=True)
    seen = json.loads(receiver.communicate(timeout=20)[0])
    assert len(seen) == FRAMES
    assert {tuple(row[:2]) for row in seen} == {(64, 96)}
    times = np.array([row[2] for row in seen])
    np.testing.assert_allclose(times - times[0], np.arange(FRAMES) / 30, atol=0.002)
    assert seen[0][3]


@pytest.mark.parametrize("scheme", ["rtmp", "tcp"])
def test_a_stream_keeps_its_size_where_the_picture_changes(receive, live_format, make_frame, scheme):
    """As of a phone that is turned: it ended the stream, and whoever watched it saw no more."""
    tall = replace(live_format, width_px=64, height_px=96)
    uri = f"{scheme}://127.0.0.1:{free_port()}" + ("/live/key" if scheme == "rtmp" else "")
    receiver = receive(uri, listen="1")
    sink = connect(uri, live_format)
    streams = [live_format] * 10 + [tall] * 10
    write_all(sink, (make_frame(stream, index, index * 33_333) for index, stream in enumerate(streams)))
    sink.close(complete=True)
    seen = json.loads(receiver.communicate(timeout=20)[0])
    assert [tuple(row[:2]) for row in seen] == [(96, 64)] * 20


@pytest.mark.parametrize("scheme", ["rtmp", "tcp"])
def test_a_microphone_s_sound_arrives_with_the_pictures(receive, live_format, make_frame, scheme):
    uri = f"{scheme}://127.0.0.1:{free_port()}" + ("/live/key" if scheme == "rtmp" else "")
    receiver = receive(uri, SOUND_RECEIVER, listen="1")
    sink = connect(uri, live_format, options=replace(QUICK, microphone=Beep()))
    for index in range(60):
        taken_s = index / 30
        frame = make_frame(live_format, index, round(taken_s * 1e6), level=(200 if taken_s >= 1.0 else 30, 128, 128))
        sink.write(replace(frame, captured_ns=round(taken_s * 1e9)))
    sink.close(complete=True)
    seen = json.loads(receiver.communicate(timeout=20)[0])
    flash_s = next(time_s for time_s, level in seen["video"] if level > 115)
    assert len(seen["video"]) == 60
    assert seen["loud"][0] - flash_s == pytest.approx(0.0, abs=0.04)


def test_udp_datagrams_are_whole_transport_packets(stream_format, make_frame):
    with socket.socket(type=socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        sink = StreamSink(f"udp://127.0.0.1:{receiver.getsockname()[1]}", replace(stream_format, is_live=True), QUICK)
        sink.write(make_frame(stream_format))
        sink.close(complete=True)
        data = receiver.recv(65_536)
    assert len(data) <= 1316
    assert len(data) % 188 == 0
    assert data[0] == 0x47


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp", "tcp"])
def test_nobody_there(live_format, scheme):
    started = time.monotonic()
    with pytest.raises(SinkError, match="refused") as raised:
        StreamSink(f"{scheme}://127.0.0.1:{free_port()}/live/secret", live_format, QUICK)
    assert time.monotonic() - started < 3
    assert "server" in raised.value.hint
    assert "secret" not in raised.value.message or scheme != "rtmp"


@pytest.mark.parametrize("scheme", ["RTMP", "Rtsp", "TCP"])
def test_a_scheme_in_capitals_is_the_same(live_format, scheme):
    with pytest.raises(SinkError, match="refused"):
        StreamSink(f"{scheme}://127.0.0.1:{free_port()}/live/key", live_format, QUICK)


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp"])
def test_server_that_never_answers(live_format, scheme):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(1)
        started = time.monotonic()
        with pytest.raises(SinkError, match=f"cannot open {scheme}"):
            StreamSink(f"{scheme}://127.0.0.1:{mute.getsockname()[1]}/live/key", live_format, QUICK)
        assert time.monotonic() - started < 4


def test_receiver_that_stops_reading(live_format, make_frame, monkeypatch):
    monkeypatch.setattr(codecs, "BITS_PER_PIXEL", 10.0)  # fills what the system holds for a receiver soon
    stream = replace(live_format, width_px=640, height_px=480)
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.bind(("127.0.0.1", 0))
        stuck.listen(1)
        sink = StreamSink(f"tcp://127.0.0.1:{stuck.getsockname()[1]}", stream, QUICK)
        frame = make_frame(stream)
        for plane in frame.planes:
            plane[...] = np.random.default_rng(0).integers(0, 256, plane.shape)
        started = time.monotonic()
        with pytest.raises(SinkError, match="timed out"):
            write_all(sink, (replace(frame, index=index, pts=index * 33_333) for index in range(1000)))
        assert time.monotonic() - started < 10
        sink.close(complete=False)


def test_receiver_that_hangs_up(live_format, make_frame):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        sink = StreamSink(f"tcp://127.0.0.1:{listener.getsockname()[1]}", live_format, QUICK)
        listener.accept()[0].close()
        with pytest.raises(SinkError, match="cannot send to tcp://"):
            write_all(sink, (make_frame(live_format, index, index * 33_333) for index in range(200)))
        sink.close(complete=False)


def test_protocol_that_this_ffmpeg_does_not_speak(live_format):
    import av

    try:
        av.open("srt://127.0.0.1:1?timeout=1000").close()
    except av.error.ProtocolNotFoundError:
        pass
    except av.error.FFmpegError:
        pytest.skip("this FFmpeg speaks srt")
    with pytest.raises(SinkError, match="does not speak srt") as raised:
        StreamSink("srt://127.0.0.1:9000", live_format, QUICK)
    assert "rtmp" in raised.value.hint


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("rtmp://me:pass@host:1935/live/k3y?x=1", "rtmp://host:1935/live/***"),
        ("rtmps://host/app/a/b", "rtmps://host/app/***"),
        ("rtmp://host/app", "rtmp://host/app"),
        ("rtsp://me:pass@host/cam", "rtsp://host/cam"),
        ("srt://host:9000?passphrase=x", "srt://host:9000"),
        ("udp://239.0.0.1:1234", "udp://239.0.0.1:1234"),
    ],
)
def test_passwords_and_stream_keys_are_not_shown(uri, shown):
    assert public_address(uri) == shown


@pytest.mark.parametrize("uri", ["udp://[bad", "rtmp://me:pass@[bad/live"])
def test_an_address_that_cannot_be_read_is_refused(live_format, uri):
    with pytest.raises(UsageError, match="address of the output cannot be read") as raised:
        StreamSink(uri, live_format, QUICK)
    assert "pass" not in raised.value.message
    assert "[::1]" in raised.value.hint


@pytest.mark.parametrize("audio", [True, False])
def test_a_film_whose_sound_does_not_go_along_says_so(tmp_path, stream_format, make_clip, caplog, audio):
    film = make_clip(tmp_path / "in.mp4", audio=audio)
    uri = "udp://127.0.0.1:9?key=secret"
    open_sink(uri, stream_format, replace(QUICK, audio_from=film)).close(complete=True)
    told = [r.getMessage() for r in caplog.records if r.name.startswith("animecam")]
    expected = [f"{film}: its sound does not go into {public_address(uri)}; a file takes it"]
    assert told == (expected if audio else [])


def test_a_picture_that_is_streamed_has_no_sound(tmp_path, stream_format, caplog):
    (tmp_path / "in.mp4").write_bytes(b"nothing to hear")
    uri = "udp://127.0.0.1:9"
    open_sink(uri, stream_format, replace(QUICK, audio_from=tmp_path / "in.mp4")).close(complete=True)
    assert "sound" not in caplog.text
