"""What the tests of the flow of frames share: sources, sinks and renderers that do as they are told."""

import threading
import time
from fractions import Fraction

from animecam.errors import SourceError
from animecam.render.base import Rendered
from animecam.run.outputs import Outputs
from animecam.run.pipeline import Pipeline
from animecam.types import Color, Faces, Frame, PixelFormat, StreamFormat, allocate_planes

PROMISED_SECONDS = 2.0  # the first failure is raised within this


def _frame(index: int) -> Frame:
    planes, packed = allocate_planes(PixelFormat.RGB24, 4, 2)
    return Frame(
        planes, PixelFormat.RGB24, Color(), 0, index, index, Fraction(1, 30), time.perf_counter_ns(), 1, packed
    )


class FakeSource:
    uri = "fake:"

    def __init__(self, frames=10, *, is_live=False, fail_at=None, pause_s=0.0):
        self.format = StreamFormat(4, 2, PixelFormat.RGB24, Color(), 0, Fraction(1, 30), Fraction(30), is_live)
        self.skipped = 0
        self._frames, self._fail_at, self._pause_s, self._next = frames, fail_at, pause_s, 0

    def read(self):
        time.sleep(self._pause_s)
        index, self._next = self._next, self._next + 1
        if index == self._fail_at:
            raise SourceError("camera fake: was unplugged", hint="plug it in")
        return _frame(index) if index < self._frames else None

    def close(self):
        pass


class FakeSink:
    uri = "fake-out:"

    def __init__(self, *, raise_at=None, error=None, close_error=None, hang_s=0.0):
        self.indices, self.completes = [], []
        self._raise_at, self._error, self._close_error, self._hang_s = raise_at, error, close_error, hang_s

    def write(self, frame):
        time.sleep(self._hang_s)
        if self._raise_at is not None and frame.index >= self._raise_at:  # a live channel may drop that very frame
            raise self._error
        self.indices.append(frame.index)

    def close(self, *, complete):
        self.completes.append(complete)
        if self._close_error:
            raise self._close_error


def plain(frame):
    return Rendered(frame, Faces())


def run(source, sink, render=plain, **options):
    with Outputs([sink]) as outputs:
        return Pipeline(source, render, outputs).run(**options)


class Dividing:
    """Notes who begins and who ends each frame; `meet` is called as a frame ends."""

    def __init__(self, meet=lambda _index: None):
        self.begun, self.ended, self._meet = [], [], meet

    def __call__(self, frame):
        raise AssertionError("a renderer whose work can be divided is asked for parts")

    def begin(self, frame):
        self.begun.append((frame.index, threading.current_thread().name))

        def end():
            self._meet(frame.index)
            self.ended.append((frame.index, threading.current_thread().name))
            return plain(frame)

        return end


class Ahead:
    """A renderer that may have three frames under way, and notes how many it had."""

    frames_ahead = 2

    def __init__(self):
        self.under_way, self.most, self.results = 0, 0, []

    def submit(self, frame):
        self.under_way += 1
        self.most = max(self.most, self.under_way)

        def result():
            self.under_way -= 1
            self.results.append(frame.index)
            return plain(frame)

        return result

    def __call__(self, frame):
        return self.submit(frame)()
