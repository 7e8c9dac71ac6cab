"""What the frame path takes of a GPU's memory and gives back: when frames change, fail, or are under way at its end."""

from contextlib import closing
from itertools import count

import numpy as np
import pytest

from animecam.drawing.device_styles import DeviceStyles
from animecam.errors import BackendError, DeviceMemoryError
from animecam.render.device_path import RING, DevicePath, PathOptions
from animecam.types import PixelFormat


def test_frames_may_change_their_size_and_format(host, gpu, no_persons, films):
    network, path = host.HostNetwork(gpu), DevicePath(gpu, films.OPTIONS)
    cpu = films.OnCpu(host.HostNetwork(gpu), no_persons)
    try:
        for index, pixel_format in enumerate([PixelFormat.RGB24, PixelFormat.YUV420P, PixelFormat.RGB24]):
            frame = films.film(pixel_format, index)
            films.compare(
                path.submit(frame, films.faces(0), "s", network, films.STRENGTH)().frame, cpu(frame, films.faces(0))
            )
    finally:
        path.close()


def test_frames_under_way_are_those_they_were_when_others_are_of_another_size(host, gpu, films):
    """Their slots go, and with them the memory that they come back to."""
    formats = [PixelFormat.RGB24] * 3 + [PixelFormat.YUV420P] + [PixelFormat.RGB24] * 2
    frames = [films.film(pixel_format, index) for index, pixel_format in enumerate(formats)]
    network, films_drawn = host.HostNetwork(gpu), []
    for ahead in (0, RING - 1):
        waiting, drawn = [], []
        with closing(DevicePath(gpu, films.OPTIONS)) as path:
            for frame in frames:
                waiting.append(path.submit(frame, films.faces(0), "s", network, films.STRENGTH))
                if len(waiting) > ahead:
                    drawn.append(waiting.pop(0)().frame)
            drawn += [result().frame for result in waiting]
        films_drawn.append(drawn)
    for one_by_one, overlapped in zip(*films_drawn, strict=True):
        for mine, theirs in zip(overlapped.planes, one_by_one.planes, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_little_memory_means_fewer_faces_and_says_so(host, library, tmp_path, caplog, films):
    gpu = host.HostGpu(tmp_path, library, memory=7)
    path = DevicePath(gpu, PathOptions(most_faces=8, largest_px=films.SIZE_PX))
    assert path.most_faces == 4
    assert "too small for 8 faces: 4" in caplog.text
    path.close()
    assert gpu.taken == 0
    with pytest.raises(DeviceMemoryError):
        DevicePath(host.HostGpu(tmp_path, library, memory=1), films.OPTIONS)


@pytest.mark.parametrize("what", ["buffer", "event"])
def test_a_path_that_finds_no_memory_in_its_midst_gives_back_what_it_took(host, gpu, films, monkeypatch, what):
    takes, give = count(), getattr(gpu, what)

    def take(*given, **named):
        if next(takes) == (2 if what == "buffer" else 0):
            raise DeviceMemoryError("the memory of the GPU is full")
        return give(*given, **named)

    monkeypatch.setattr(gpu, what, take)
    closed: list[object] = []
    monkeypatch.setattr(host.HostStream, "close", lambda stream: closed.append(stream))
    with pytest.raises(DeviceMemoryError):
        DevicePath(gpu, PathOptions(most_faces=1, largest_px=films.SIZE_PX))
    assert gpu.taken == 0
    assert len(closed) == len(gpu.streams) == 3


def test_closing_twice_and_with_frames_under_way_is_fine(host, gpu, films):
    network, path = host.HostNetwork(gpu), DevicePath(gpu, films.OPTIONS)
    path.submit(films.film(PixelFormat.RGB24, 0), films.faces(0), "s", network, 1.0)
    path.close()
    path.close()


def test_nothing_is_freed_that_a_frame_still_needs_that_failed_on_its_way(host, gpu, monkeypatch, films):
    class Broken(host.HostNetwork):
        def enqueue(self, stream_handle):
            raise BackendError("the network cannot be run")

    close = host.HostMemory.close

    def close_unused(memory):
        assert not any(stream.queued for stream in gpu.streams)
        close(memory)

    path = DevicePath(gpu, films.OPTIONS)
    with pytest.raises(BackendError, match="cannot be run"):
        path.submit(films.film(PixelFormat.RGB24, 0), films.faces(0), "s", Broken(gpu), 1.0)
    monkeypatch.setattr(host.HostMemory, "close", close_unused)
    path.close()


def test_a_network_that_finds_no_stream_to_run_on_is_not_kept(host, gpu, monkeypatch):
    closed = []

    class Network(host.HostNetwork):
        def close(self):
            closed.append(self)

    def refuse():
        raise DeviceMemoryError("the memory of the GPU is full")

    monkeypatch.setattr(gpu, "stream", refuse)
    with closing(DeviceStyles(gpu, lambda *_: Network(gpu))) as styles:
        assert styles("s", 64) is None
        host.until(lambda: styles.has_given_up("s", 64))
        assert len(closed) == 1
