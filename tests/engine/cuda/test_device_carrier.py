"""Frames that are copied into pinned memory while the caller still looks for faces in them."""

import threading
from contextlib import closing
from fractions import Fraction

import numpy as np
import pytest

from animecam.errors import BackendError
from animecam.render import device_carrier
from animecam.render.device_carrier import Carrier
from animecam.render.device_job import JobWriter
from animecam.render.device_path import DevicePath, PathOptions
from animecam.types import Color, ColorMatrix, Frame, PixelFormat, Region, allocate_planes

SIZE_PX = 96
PATIENCE_S = 5.0
HEAD = Region(0, SIZE_PX, SIZE_PX, np.array([[1.0, 0.0, 30.5], [0.0, 1.0, 20.5]]))


def noise(index, *, width_px=240, height_px=160) -> Frame:
    planes, packed = allocate_planes(PixelFormat.YUV420P, width_px, height_px)
    for plane in planes:
        plane[...] = np.random.default_rng(index).integers(16, 235, plane.shape)
    color = Color(ColorMatrix.BT709)
    return Frame(planes, PixelFormat.YUV420P, color, 0, index, index, Fraction(1, 30), 0, packed=packed)


@pytest.fixture
def copies(monkeypatch):
    """Which frame was copied in which thread."""
    seen: list[tuple[int, str]] = []
    write_frame = JobWriter.write_frame

    def noted(writer, frame):
        seen.append((frame.index, threading.current_thread().name.split("_")[0]))
        write_frame(writer, frame)

    monkeypatch.setattr(JobWriter, "write_frame", noted)
    return seen


@pytest.fixture
def path(gpu):
    with closing(DevicePath(gpu, PathOptions(most_faces=1, largest_px=SIZE_PX))) as path:
        yield path


@pytest.fixture
def draw(host, gpu, path):
    network = host.HostNetwork(gpu, max_batch=1)
    return lambda frame: path.submit(frame, [HEAD], "s", network, 1.0)().frame


def same(drawn: Frame, expected: Frame) -> bool:
    return all(np.array_equal(mine, theirs) for mine, theirs in zip(drawn.planes, expected.planes, strict=True))


def test_a_frame_that_is_expected_is_copied_once_and_beside_the_caller(gpu, host, path, draw, copies):
    frames = [noise(index) for index in range(4)]
    drawn = []
    for frame in frames:
        path.expect(frame)
        drawn.append(draw(frame))
    assert copies == [(0, "MainThread"), *((index, "upload") for index in (1, 2, 3))]
    path.forget()
    with closing(DevicePath(gpu, PathOptions(most_faces=1, largest_px=SIZE_PX))) as other:
        network = host.HostNetwork(gpu, max_batch=1)
        for frame, expected in zip(frames, drawn, strict=True):
            assert same(other.submit(frame, [HEAD], "s", network, 1.0)().frame, expected)


def test_another_frame_than_the_expected_one_is_drawn_as_it_is(path, draw, copies):
    draw(noise(0))
    path.expect(noise(1))
    path.expect(noise(2))
    assert not same(draw(noise(3)), noise(2))
    assert copies[-1] == (3, "MainThread")
    path.forget()
    drawn = draw(noise(3))
    path.forget()
    assert same(draw(noise(3)), drawn)


def test_frames_are_not_copied_while_nobody_is_in_them(path, draw, copies):
    draw(noise(0))
    path.expect(noise(1))
    path.skip(noise(1))
    path.expect(noise(2))
    assert [index for index, _thread in copies] == [0, 1]
    draw(noise(2))
    assert copies[-1] == (2, "MainThread")


def test_a_frame_of_another_size_waits_for_its_faces(path, draw, copies):
    draw(noise(0))
    wide = noise(1, width_px=320)
    path.expect(wide)
    assert [index for index, _thread in copies] == [0]
    assert draw(wide).width_px == 320


def test_memory_is_given_back_after_the_copy(host, gpu, path, draw, monkeypatch):
    draw(noise(0))
    is_copying, may_go_on = threading.Event(), threading.Event()
    write_frame = JobWriter.write_frame

    def slow(writer, frame):
        is_copying.set()
        assert may_go_on.wait(PATIENCE_S)
        write_frame(writer, frame)

    monkeypatch.setattr(JobWriter, "write_frame", slow)
    path.expect(noise(1))
    assert is_copying.wait(PATIENCE_S)
    closing_it = threading.Thread(target=path.close)
    closing_it.start()
    closing_it.join(0.05)
    assert closing_it.is_alive()
    assert gpu.taken
    may_go_on.set()
    closing_it.join(PATIENCE_S)
    assert not closing_it.is_alive()
    assert not gpu.taken


def test_a_copy_that_never_ends_is_an_error(monkeypatch):
    monkeypatch.setattr(device_carrier, "WAIT_SECONDS", 0.01)
    may_go_on = threading.Event()

    class Stuck:
        def write_frame(self, _frame):
            may_go_on.wait(PATIENCE_S)

    with closing(Carrier()) as carrier:
        carrier.begin(frame := noise(0), Stuck())
        with pytest.raises(BackendError, match="copying a frame took more"):
            carrier.finish()
        with pytest.raises(BackendError, match="copying a frame took more"):
            carrier.close()  # nor may its memory go
        may_go_on.set()
        monkeypatch.setattr(device_carrier, "WAIT_SECONDS", PATIENCE_S)
        assert carrier.finish(frame)
