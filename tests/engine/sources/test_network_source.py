"""Streams from servers that the tests run themselves, on this machine only."""

import functools
import http.server
import itertools
import socket
import threading

import pytest

from animecam.errors import SourceError
from animecam.sources.network import open_stream
from animecam.sources.options import SourceOptions

SHORT = SourceOptions(threads=1, open_s=0.4, read_s=0.4)
GENEROUS = SourceOptions(threads=1)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/private"):
            self.send_error(401)
        else:
            super().do_GET()

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


def test_a_file_on_a_web_server_is_read_to_its_end_frame_by_frame(make_clip, tmp_path, web):
    make_clip(tmp_path / "a.mp4", frames=7, muxer_options={"movflags": "faststart"})
    source = open_stream(f"http://{web}/a.mp4", GENEROUS)
    assert not source.format.is_live
    assert len(drain(source)) == 7
    source.close()


def live_clip(make_clip, tmp_path):
    clip = make_clip(tmp_path / "a.ts", frames=60, options={"preset": "ultrafast", "g": "5", "bf": "0"})
    return clip.read_bytes()


def test_a_live_stream_counts_from_its_first_frame_and_ends_with_the_sender(make_clip, tmp_path, sender):
    source = open_stream(f"tcp://{sender(live_clip(make_clip, tmp_path), hangs_up=True)}", GENEROUS)
    frames = drain(source)
    source.close()
    assert source.format.is_live
    assert source.format.duration_s == 0
    assert frames[0].pts == 0
    assert len(frames) >= 10
    assert all(later.pts > earlier.pts for earlier, later in itertools.pairwise(frames))


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


def test_passwords_stay_out_of_messages(web):
    with pytest.raises(SourceError) as caught:
        open_stream(f"http://me:secret@{web}/nothing.mp4", GENEROUS)
    assert "secret" not in caught.value.message + caught.value.hint
    assert web in caught.value.message


def test_an_address_without_a_server():
    with pytest.raises(SourceError, match="names no server"):
        open_stream("rtsp:///stream", GENEROUS)
