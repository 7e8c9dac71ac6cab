"""A run that is stopped while a file is played: what is queued no longer waits for its time."""

import threading
from fractions import Fraction

import pytest

from animecam.render.base import Rendered
from animecam.run.outputs import Outputs
from animecam.run.pipeline import FILE_CAPACITY, Pipeline
from animecam.sinks.null import NullSink
from animecam.sinks.pace import Pace
from animecam.types import Color, Faces, Frame, PixelFormat, StreamFormat, allocate_planes

DEADLINE_SECONDS = 10.0
FRAMES = 2 * FILE_CAPACITY


class Patient(threading.Event):
    """Waits until it is set, however short a wait is asked for."""

    def __init__(self):
        super().__init__()
        self.is_waited_for = threading.Event()

    def wait(self, timeout=None):
        self.is_waited_for.set()
        assert super().wait(DEADLINE_SECONDS), f"nobody ended a wait of {timeout} s"
        return True


class FakeFile:
    uri = "fake:"
    format = StreamFormat(4, 2, PixelFormat.RGB24, Color(), 0, Fraction(1), Fraction(1), False)
    skipped = 0

    def __init__(self):
        self._next = 0

    def read(self):
        index, self._next = self._next, self._next + 1
        planes, packed = allocate_planes(PixelFormat.RGB24, 4, 2)
        frame = Frame(planes, PixelFormat.RGB24, Color(), 0, index, index, Fraction(1), 0, 1, packed)
        return frame if index < FRAMES else None

    def close(self):
        pass


@pytest.mark.parametrize("is_stopped_by", ["the user", "its time"])
def test_what_is_queued_is_written_at_once(is_stopped_by):
    hurried, sink = Patient(), NullSink("null:")
    with Outputs([Pace(lambda: 0.0, hurried), sink]) as outputs:
        pipeline = Pipeline(FakeFile(), lambda frame: Rendered(frame, Faces()), outputs)

        def tick(_figures):
            assert hurried.is_waited_for.wait(DEADLINE_SECONDS)
            if is_stopped_by == "the user":
                pipeline.stop()

        figures = pipeline.run(on_tick=tick, seconds=None if is_stopped_by == "the user" else 0.001)
    assert sink.frames == figures.frames_in > 1
