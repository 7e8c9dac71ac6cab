"""Streams from servers that the tests run themselves, on this machine only."""

import functools
import http.server
import itertools
import socket
import threading
from fractions import Fraction
from pathlib import Path

import av
import cv2
import pytest

from animecam.errors import SourceError
from animecam.sources.addresses import public_uri
from animecam.sources.clock import Clock
from animecam.sources.network import open_stream
from animecam.sources.options import SourceOptions
from animecam.sources.reader import open_decoded

SHORT = SourceOptions(threads=1, open_s=0.4, read_s=0.4)
GENEROUS = SourceOptions(threads=1)
MICROSECONDS = Fraction(1, 1_000_000)
PARTS = 8  # pictures that the camera of `QuietHandler` sends


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/private"):
            self.send_error(401)
        elif self.path == "/camera":
            self.film()
        else:
            super().do_GET()

    def film(self):
        """As the camera of a phone: pictures as parts, until it is switched off."""
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=next")
        self.end_headers()
        picture = Path(self.translate_path("/picture.jpg")).read_bytes()
        head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n".encode()
        self.wfile.write((head + picture + b"\r\n") * PARTS)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def web(tmp_path):
    """A web server over tmp_path; gives its host and port."""
    handler = functools.partial(QuietHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(5)


@pytest.fixture
def sender():
    """Starts a TCP server that sends bytes to the first that connects, and stays silent until the test ends."""
    over = threading.Event()
    threads = []

    def start(data, *, hangs_up):
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(10)

        def serve():
            with listener, listener.accept()[0] as connection:
                connection.sendall(data)
                if not hangs_up:
                    over.wait(10)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    over.set()
    for thread in threads:
        thread.join(10)


def drain(source):
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


@pytest.mark.parametrize("scheme", ["http", "HTTP"])
def test_a_file_on_a_web_server_is_read_to_its_end_frame_by_frame(make_clip, tmp_path, web, scheme):
    make_clip(tmp_path / "a.mp4", frames=7, muxer_options={"movflags": "faststart"})
    source = open_stream(f"{scheme}://{web}/a.mp4", GENEROUS)
    assert not source.format.is_live
    assert len(drain(source)) == 7
    source.close()


def live_clip(make_clip, tmp_path):
    clip = make_clip(tmp_path / "a.ts", frames=60, options={"preset": "ultrafast", "g": "5", "bf": "0"})
    return clip.read_bytes()


@pytest.mark.parametrize("has_sound", [True, False])
def test_a_film_on_a_web_server_that_loses_its_sound_says_so(make_clip, tmp_path, web, caplog, has_sound):
    make_clip(tmp_path / "a.mp4", frames=2, audio=has_sound)
    open_stream(f"http://me:secret@{web}/a.mp4", GENEROUS).close()
    assert [f"http://{web}/a.mp4: its sound is left out" in record.message for record in caplog.records] == (
        [True] if has_sound else []
    )


def test_a_live_stream_counts_from_its_first_frame_and_ends_with_the_sender(make_clip, tmp_path, sender):
    source = open_stream(f"tcp://{sender(live_clip(make_clip, tmp_path), hangs_up=True)}", GENEROUS)
    frames = drain(source)
    source.close()
    assert source.format.is_live
    assert source.format.duration_s == 0
    assert frames[0].pts == 0
    assert len(frames) >= 10
    assert all(later.pts > earlier.pts for earlier, later in itertools.pairwise(frames))


def by_arrival(frames):
    """The times of frames that are stamped when they come; two that come at once are a tick apart."""
    ticks = [frame.captured_ns // 1000 - frames[0].captured_ns // 1000 for frame in frames]
    return list(itertools.accumulate(ticks, lambda last, tick: max(tick, last + 1)))


def test_a_web_camera_that_gives_no_times_is_stamped_by_arrival(media, tmp_path, web):
    cv2.imwrite(str(tmp_path / "picture.jpg"), media.portrait(0, 64, 48))
    source = open_stream(f"http://{web}/camera", GENEROUS)
    frames = [source.read() for _ in range(PARTS // 2)]
    source.close()
    assert source.format.is_live
    assert not source.format.is_rate_told
    assert source.format.time_base == MICROSECONDS
    assert {(frame.time_base, frame.duration) for frame in frames} == {(MICROSECONDS, 0)}
    assert [frame.pts for frame in frames] == by_arrival(frames)


@pytest.mark.parametrize(("name", "codec"), [("a.h264", "libx264"), ("a.hevc", "libx265"), ("a.mjpeg", "mjpeg")])
def test_a_raw_stream_runs_at_the_pace_of_its_sender(make_clip, tmp_path, name, codec):
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    clip = make_clip(tmp_path / name, frames=6, codec=codec, pixel_format=pixel_format)
    asked = itertools.count()
    clock = Clock(lambda: next(asked) * 100_000_000, lambda _: None)
    source = open_decoded("a camera", av.open(str(clip)), SourceError, GENEROUS, is_live=True, clock=clock)
    frames = drain(source)
    source.close()
    assert source.format.time_base == MICROSECONDS
    assert len(frames) >= 4
    assert [frame.pts for frame in frames] == by_arrival(frames)
    assert frames[1].time_s >= 0.1  # by the clock, which goes on by so much whenever it is read


def test_a_raw_file_keeps_the_rate_that_is_made_up_for_it(make_clip, tmp_path):
    clip = make_clip(tmp_path / "a.mjpeg", frames=4, codec="mjpeg", pixel_format="yuvj420p")
    source = open_decoded("a file", av.open(str(clip)), SourceError, GENEROUS, is_live=False)
    frames = drain(source)
    source.close()
    assert [frame.pts * frame.time_base for frame in frames] == [Fraction(n, 25) for n in range(4)]
    assert source.format.is_rate_told


def test_a_camera_whose_connection_ends_broke_off(media, tmp_path, web):
    cv2.imwrite(str(tmp_path / "picture.jpg"), media.portrait(0, 64, 48))
    source = open_stream(f"http://{web}/camera", GENEROUS)
    with pytest.raises(SourceError, match=r"/camera broke off: .*") as caught:
        drain(source)
    source.close()
    assert "start again" in caught.value.hint


def test_a_sender_that_falls_silent(make_clip, tmp_path, sender):
    source = open_stream(f"tcp://{sender(live_clip(make_clip, tmp_path), hangs_up=False)}", SHORT)
    with pytest.raises(SourceError, match=r"nothing came for 0\.4 s"):
        drain(source)
    source.close()


@pytest.mark.parametrize("scheme", ["tcp", "http", "rtsp"])
def test_a_server_that_never_answers(sender, scheme):
    with pytest.raises(SourceError, match=r"did not answer within 0\.4 s") as caught:
        open_stream(f"{scheme}://{sender(b'', hangs_up=False)}/x", SHORT)
    assert caught.value.hint


def test_nobody_sends():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(SourceError, match="did not answer"):
        open_stream(f"udp://127.0.0.1:{port}", SHORT)


@pytest.mark.parametrize("scheme", ["http", "rtsp", "rtmp", "tcp"])
def test_nobody_listens(scheme):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SourceError, match="refuses connections"):
        open_stream(f"{scheme}://127.0.0.1:{port}/x", GENEROUS)


def test_what_a_web_server_refuses(web):
    with pytest.raises(SourceError, match="does not exist on that server"):
        open_stream(f"http://{web}/nothing.mp4", GENEROUS)
    with pytest.raises(SourceError, match="asks for a name and password"):
        open_stream(f"http://{web}/private.mp4", GENEROUS)


def test_a_page_is_no_video(web, tmp_path):
    (tmp_path / "a.html").write_text("<p>Hello</p>" * 50)
    with pytest.raises(SourceError, match="sends no video"):
        open_stream(f"http://{web}/a.html", GENEROUS)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("rtsp://me:secret@cam/1", "rtsp://cam/1"),
        ("rtsp://me:se@cret@cam:554/1?to=a@b", "rtsp://cam:554/1?to=a@b"),  # FFmpeg takes an @ as it is
        ("rtsp://me:se#cr?et@cam/1", "rtsp://cam/1"),
        ("http://cam/a@b", "http://cam/a@b"),
        ("clips/me@home.mp4", "clips/me@home.mp4"),
    ],
)
def test_addresses_are_shown_without_name_and_password(uri, shown):
    assert public_uri(uri) == shown


def test_an_address_that_is_none_is_told():
    with pytest.raises(SourceError, match=r"http://\[bad is no address"):
        open_stream("http://[bad", GENEROUS)


def test_passwords_stay_out_of_messages(web):
    with pytest.raises(SourceError) as caught:
        open_stream(f"http://me:secret@{web}/nothing.mp4", GENEROUS)
    assert "secret" not in caught.value.message + caught.value.hint
    assert web in caught.value.message


def test_an_address_without_a_server():
    with pytest.raises(SourceError, match="names no server"):
        open_stream("rtsp:///stream", GENEROUS)
