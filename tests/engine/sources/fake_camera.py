"""A camera for the tests: a container in FFmpeg's place that delivers a script and fails as devices do."""

import errno
import itertools
from fractions import Fraction
from types import SimpleNamespace

import av
import av.error
import numpy as np

from animecam.sources.camera import System
from animecam.sources.clock import Clock
from animecam.sources.devices import CameraInfo
from animecam.sources.options import SourceOptions

CAMERAS = (CameraInfo(0, "/dev/video0", "Integrated Webcam"), CameraInfo(2, "/dev/video2", "Logi C920"))
MICROSECONDS = Fraction(1, 1_000_000)


def failure(code):
    """The error that PyAV raises for an error number of FFmpeg."""
    return av.error.classes.get(code, av.error.OSError)(code, "device failed")


class FakePacket:
    size, is_discard, is_corrupt, is_keyframe = 100, False, False, True

    def __init__(self, pts, outcome=None, pixel_format="yuv420p"):
        self.pts = self.dts = pts
        self._outcome, self._pixel_format = outcome, pixel_format

    def decode(self):
        if self._outcome is not None:
            raise self._outcome
        grey = np.full((48, 64, 3), 100, np.uint8)
        frame = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format=self._pixel_format)
        frame.pts, frame.time_base = self.pts, MICROSECONDS
        return [frame]


class FakeContainer:
    """Delivers the events of a script: a packet, or an error to raise (which ends the iterator, as PyAV's does).

    Once `backlog` packets came after the first, there is none for a moment.
    """

    def __init__(self, script, rate=30, backlog=0, codec="mjpeg"):
        stream = SimpleNamespace(
            disposition=0,
            codec_context=SimpleNamespace(
                name=codec, codec=av.Codec(codec, "r"), width=64, height=48, sample_aspect_ratio=None
            ),
            width=64,
            height=48,
            time_base=MICROSECONDS,
            duration=None,
            average_rate=Fraction(rate),
            guessed_rate=None,
            sample_aspect_ratio=None,
            frames=0,
            bit_rate=0,
            thread_type="",
            thread_count=0,
        )
        self.streams = SimpleNamespace(video=(stream,), audio=())
        self.format = SimpleNamespace(name="video4linux2,v4l2", flags=0)
        self.flags = 0
        self.duration = None
        self.bit_rate = 0
        self.closed = 0
        events = iter(script)
        self._script = itertools.chain(itertools.islice(events, 1 + backlog), [failure(errno.EAGAIN)], events)

    def demux(self, stream):
        for event in self._script:
            if isinstance(event, BaseException):
                raise event
            yield event

    def close(self):
        self.closed += 1


class FakeSystem:
    """Opens fake containers: `results` holds, for each attempt, a container or an error."""

    def __init__(self, *results, platform="linux"):
        self.now_ns = 0
        self.attempts = []
        self._results = iter(results)
        self.system = System(platform, self._open, lambda: CAMERAS, Clock(lambda: self.now_ns, self._sleep))

    def _open(self, path, **keywords):
        self.attempts.append((path, keywords))
        result = next(self._results)
        if isinstance(result, BaseException):
            raise result
        result.flags = int(keywords["container_options"]["fflags"])
        return result

    def _sleep(self, seconds):
        self.now_ns += round(seconds * 1e9)


def packets(count, period_us=33_333, start_us=7_000_000_000):
    return [FakePacket(start_us + n * period_us) for n in range(count)]


ASKED = SourceOptions(width_px=64, height_px=48)
