"""What a stream has sent before the first picture is wanted: the newest is taken. By a clock that the test moves."""

import av
import numpy as np
import pytest

from animecam.errors import SourceError
from animecam.sources.clock import Clock
from animecam.sources.options import SourceOptions
from animecam.sources.reader import open_decoded

GENEROUS = SourceOptions(threads=1)


def drain(source):
    return list(iter(source.read, None))


class Moved:
    """A clock that the test moves."""

    def __init__(self):
        self.now_ns = 0
        self.clock = Clock(lambda: self.now_ns, lambda _: None)

    def on(self, seconds):
        self.now_ns += round(seconds * 1e9)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"), [("a.ts", "libx264", "yuv420p"), ("a.mjpeg", "mjpeg", "yuvj420p")]
)
def test_what_was_sent_before_anybody_read_is_left_out(make_clip, tmp_path, name, codec, pixel_format):
    """Networks load for seconds: what came meanwhile was counted as dropped, for which the network was blamed."""
    options = {"g": "30", "bf": "0"} if codec == "libx264" else {}
    clip = make_clip(tmp_path / name, frames=30, codec=codec, pixel_format=pixel_format, options=options)
    with av.open(str(clip)) as container:
        *_, last = (frame.to_ndarray(format="gray") for frame in container.decode(video=0))
    moved = Moved()
    source = open_decoded("a sender", av.open(str(clip)), SourceError, GENEROUS, is_live=True, clock=moved.clock)
    moved.on(2.0)
    frames = drain(source)
    source.close()
    assert len(frames) == 1  # the newest, though the sender has hung up
    assert np.abs(frames[0].planes[0].astype(int) - last).max() <= 16  # nothing is torn from what it builds on


@pytest.mark.parametrize(("unread_s", "sent", "first"), [(2.0, 9, 9), (0.05, 9, 1), (0.25, 40, 30)])
def test_a_picture_that_is_waited_for_is_new(fakes, unread_s, sent, first):
    """After no pause worth the name all are shown, and after a short one no more are left out than came in it."""
    moved = Moved()

    def script():
        yield from fakes.packets(sent)
        moved.on(0.03)
        yield from fakes.packets(3, start_us=8_000_000_000)

    source = open_decoded(
        "a sender", fakes.FakeContainer(script()), SourceError, GENEROUS, is_live=True, clock=moved.clock
    )
    moved.on(unread_s)
    times_ms = [round(frame.time_s * 1000) for frame in drain(source)]
    assert len(times_ms) == sent + 3 - first


def test_catching_up_with_a_sender_takes_no_longer_than_nobody_read(fakes, monkeypatch):
    """A processor that decodes more slowly than frames come would never have caught up."""
    moved = Moved()
    decode = fakes.FakePacket.decode
    monkeypatch.setattr(fakes.FakePacket, "decode", lambda packet: moved.on(0.1) or decode(packet))
    container = fakes.FakeContainer(fakes.packets(200), backlog=199, codec="h264")
    source = open_decoded("a sender", container, SourceError, GENEROUS, is_live=True, clock=moved.clock)
    moved.on(1.0)
    begin_ns = moved.now_ns
    source.read()
    assert 1.0 <= (moved.now_ns - begin_ns) / 1e9 <= 1.5
