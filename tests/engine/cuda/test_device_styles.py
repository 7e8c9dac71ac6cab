"""Styles come to the GPU beside the frames, by the first runtime that works, and take no more memory than it has."""

import threading

import pytest

from animecam.backends import tensorrt_, torch_
from animecam.backends.base import BackendChoice, BackendInfo, BackendOptions
from animecam.cuda.turns import has_gpu_turn
from animecam.drawing import device_styles
from animecam.drawing.device_opening import open_device_style
from animecam.drawing.device_styles import MOST_KEPT, DeviceStyles
from animecam.errors import BackendError, DeviceMemoryError, HostMemoryError
from animecam.once import tell_once
from animecam.render.device_path import RING

SIZE_PX = 192


def test_a_style_goes_to_the_first_runtime_that_works(monkeypatch):
    asked = []

    def runtime(name, *, works):
        def open_it(*_):
            asked.append(name)
            if not works:
                raise BackendError(f"no {name} here")
            return name

        return open_it

    def opened(choice, *, tensorrt, torch):
        asked.clear()
        monkeypatch.setattr(tensorrt_, "TensorRtDevice", runtime("tensorrt", works=tensorrt))
        monkeypatch.setattr(torch_, "TorchDevice", runtime("torch", works=torch))
        return open_device_style("cel", SIZE_PX, BackendOptions(), choice)

    assert opened(BackendChoice.AUTO, tensorrt=True, torch=True) == "tensorrt"
    assert opened(BackendChoice.AUTO, tensorrt=False, torch=True) == "torch"
    assert opened(BackendChoice.TORCH, tensorrt=True, torch=True) == "torch"
    assert asked == ["torch"]
    with pytest.raises(BackendError, match="no tensorrt"):
        opened(BackendChoice.AUTO, tensorrt=False, torch=False)
    with pytest.raises(BackendError, match="no tensorrt"):
        opened(BackendChoice.TENSORRT, tensorrt=False, torch=True)
    assert asked == ["tensorrt"]


class Loader:
    """Opens networks when it is let."""

    def __init__(self, host, gpu):
        self._host, self._gpu = host, gpu
        self.may, self.opened = threading.Event(), []

    def __call__(self, style, size_px):
        assert self.may.wait(10)
        if style == "broken":
            raise BackendError("it has no fp16 form")
        network = self._host.HostNetwork(self._gpu)
        self.opened.append((style, size_px, network))
        return network


def test_styles_come_to_the_gpu_while_others_draw(host, gpu, caplog):
    loader = Loader(host, gpu)
    styles = DeviceStyles(gpu, loader)
    try:
        assert styles("ink", 192) is None
        assert styles("broken", 192) is None
        loader.may.set()
        host.until(lambda: styles("ink", 192) is not None)
        host.until(lambda: "it has no fp16 form" in caplog.text)
        assert styles("broken", 192) is None
        assert [(style, size_px) for style, size_px, _ in loader.opened] == [("ink", 192)]
        assert loader.opened[0][2].bound == [(batch, 192) for batch in (1, 1, 2, 3, 4)]
    finally:
        styles.close()
    styles.close()


def test_a_mistake_in_loading_one_style_is_told_and_others_come(host, gpu, caplog):
    closed = []

    class Mistaken(host.HostNetwork):
        def bind(self, *addresses, batch, size_px):
            raise ValueError("a mistake")

        def close(self):
            closed.append(self)

    styles = DeviceStyles(gpu, lambda style, _: (Mistaken if style == "mistaken" else host.HostNetwork)(gpu))
    try:
        assert styles("mistaken", SIZE_PX) is None
        host.until(lambda: "mistaken at 192 px is not drawn on host: ValueError: a mistake" in caplog.text)
        host.until(lambda: styles.has_given_up("mistaken", SIZE_PX))
        host.until(lambda: styles("ink", SIZE_PX) is not None)
        assert len(closed) == 1  # its memory is free
    finally:
        styles.close()


def test_a_style_that_is_done_as_all_are_freed_disturbs_nobody(host, gpu, monkeypatch, caplog):
    monkeypatch.setattr(device_styles, "CLOSE_SECONDS", 0.05)
    warms, may_be_done, warm_up = threading.Event(), threading.Event(), device_styles.warm_up
    styles, closed = DeviceStyles(gpu, lambda *_: host.HostNetwork(gpu)), []

    def warm_up_slowly(*given):
        warms.set()
        assert may_be_done.wait(10)
        warm_up(*given)

    def close():
        may_be_done.set()
        styles._thread.join(10)
        closed.append("ink")

    host.until(lambda: styles("ink", SIZE_PX) is not None)
    styles("ink", SIZE_PX).close = close
    monkeypatch.setattr(device_styles, "warm_up", warm_up_slowly)
    assert styles("late", SIZE_PX) is None
    assert warms.wait(10)
    styles.close()
    assert closed == ["ink"]
    assert "still being built" in caplog.text
    styles.close()


def test_another_runtime_draws_what_the_first_one_loads_and_cannot_run(host, gpu, caplog):
    class Refused(host.HostNetwork):
        info = BackendInfo("first", "1", "host", "f16")
        is_closed = False

        def bind(self, *addresses, batch, size_px):
            raise BackendError("the engine draws something else than its network")

        def close(self):
            self.is_closed = True

    class Good(host.HostNetwork):
        info = BackendInfo("second", "1", "host", "f16")

    tell_once.cache_clear()
    first, second = Refused(gpu), Good(gpu)
    styles = DeviceStyles(gpu, lambda *_: first, lambda *_: second)
    try:
        for size_px in (192, 200):
            host.until(lambda size_px=size_px: styles("ink", size_px) is not None)
            assert styles("ink", size_px) is second
        assert first.is_closed
        assert caplog.text.count("first is not usable, second is: the engine draws something else") == 1
    finally:
        styles.close()
    for other in (lambda *_: Refused(gpu), None):  # the same again, or nothing
        caplog.clear()
        styles = DeviceStyles(gpu, lambda *_: Refused(gpu), other)
        try:
            assert styles("ink", 192) is None
            host.until(lambda: "ink at 192 px is not drawn on host: the engine draws" in caplog.text)
        finally:
            styles.close()


def test_networks_go_that_were_drawn_with_longest_ago(host, gpu):
    """Who holds a frame rate goes through seven sizes of every style."""
    loader = Loader(host, gpu)
    loader.may.set()
    styles = DeviceStyles(gpu, loader)
    closed = []

    def draw(size_px, frames=RING + 1):
        host.until(lambda: styles("ink", size_px) is not None)
        for _ in range(frames):
            assert styles("ink", size_px) is not None

    sizes_px = range(192, 192 + 8 * (MOST_KEPT + 1), 8)
    try:
        for size_px in sizes_px:
            draw(size_px)
            network = loader.opened[-1][2]
            network.close = lambda size_px=size_px: closed.append((size_px, has_gpu_turn()))
        host.until(lambda: closed)
        assert closed == [(sizes_px[0], True)]
        draw(sizes_px[1])  # is still there
        assert len(loader.opened) == len(sizes_px)
        draw(sizes_px[0])  # comes back
        assert [size_px for _, size_px, _ in loader.opened] == [*sizes_px, sizes_px[0]]
    finally:
        styles.close()
    assert sorted(size_px for size_px, _ in closed) == sorted([*sizes_px])  # the one that came back is not watched


def test_a_full_memory_is_made_room_in_and_no_other_runtime_is_tried(host, gpu, caplog, monkeypatch):
    room = [2]

    class Network(host.HostNetwork):
        def bind(self, *addresses, batch, size_px):
            if len(drawn_with) > room[0]:
                raise DeviceMemoryError("the memory of the GPU is full")
            super().bind(*addresses, batch=batch, size_px=size_px)

        def close(self):
            drawn_with.remove(self)

    drawn_with = []

    def open_network(*_):
        drawn_with.append(Network(gpu))
        return drawn_with[-1]

    def another(*_):
        raise AssertionError("a second runtime would need as much")

    styles = DeviceStyles(gpu, open_network, another)
    try:
        for size_px in (192, 200, 208):  # the third load may fail before the frames with the second are done
            host.until(lambda size_px=size_px: styles("ink", size_px) is not None)
        assert len(drawn_with) == 2
        assert "full" not in caplog.text
        monkeypatch.setattr(device_styles, "ROOM_SECONDS", 0.1)
        room[0] = 0
        styles("ink", 216)
        host.until(lambda: "ink at 216 px is not drawn on host: the memory of the GPU is full" in caplog.text)
    finally:
        styles.close()


def test_for_the_host_s_memory_no_network_goes(host, gpu, caplog):
    """None of them holds any."""

    def open_network(_style, size_px):
        if size_px > SIZE_PX:
            raise HostMemoryError("the host has no more memory that the GPU can reach")
        return host.HostNetwork(gpu)

    styles = DeviceStyles(gpu, open_network)
    try:
        host.until(lambda: styles("ink", SIZE_PX) is not None)
        for _ in range(RING + 1):
            styles("ink", SIZE_PX + 8)
        host.until(lambda: f"ink at {SIZE_PX + 8} px is not drawn on host: the host has no more" in caplog.text)
        assert styles("ink", SIZE_PX) is not None
    finally:
        styles.close()


def test_a_style_takes_no_more_memory_than_its_engine_has_pictures(host, gpu, monkeypatch):
    """The first `bind` loads the engine, and may find that the GPU has room for fewer pictures at a time."""

    class ShortOfMemory(host.HostNetwork):
        def bind(self, *addresses, batch, size_px):
            self.max_batch = 2
            super().bind(*addresses, batch=batch, size_px=size_px)

    network, asked = ShortOfMemory(gpu, max_batch=4), []
    take = gpu.buffer
    monkeypatch.setattr(gpu, "buffer", lambda nbytes: asked.append(nbytes) or take(nbytes))
    styles = DeviceStyles(gpu, lambda _style, _size_px: network)
    try:
        host.until(lambda: styles("ink", 192) is not None)
    finally:
        styles.close()
    assert network.bound == [(batch, 192) for batch in (1, 1, 2)]
    assert [nbytes // (3 * 2 * 192**2) for nbytes in asked] == [1, 1, 2, 2]


def test_nothing_is_freed_that_is_still_in_use_when_a_network_fails_in_the_midst(host, gpu, monkeypatch, caplog):
    """It runs one picture, and two at a time not any more."""

    class Broken(host.HostNetwork):
        def enqueue(self, stream_handle):
            if self.bound[-1][0] == 2:
                raise BackendError("the engine cannot be run")
            super().enqueue(stream_handle)

        def close(self):
            assert_idle()
            turns.append(has_gpu_turn())  # it may wait for the whole GPU, which ends what others record
            super().close()

    busy, turns, close = [], [], host.HostMemory.close

    def assert_idle():
        busy.append(any(stream.queued for stream in gpu.streams))

    def close_memory(memory):
        assert_idle()
        close(memory)

    monkeypatch.setattr(host.HostMemory, "close", close_memory)
    styles = DeviceStyles(gpu, lambda *_: Broken(gpu))
    assert styles("ink", 32) is None
    host.until(lambda: "the engine cannot be run" in caplog.text)
    styles.close()
    assert busy
    assert not any(busy)
    assert turns == [True]
