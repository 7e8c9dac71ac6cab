"""Styles come to the GPU beside the frames, by the first runtime that works, and take no more memory than it has."""

import threading

import pytest

from animecam.backends import tensorrt_, torch_
from animecam.backends.base import BackendChoice, BackendInfo, BackendOptions
from animecam.device_styles import DeviceStyles, open_device_style
from animecam.errors import BackendError

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

    first, second = Refused(gpu), Good(gpu)
    styles = DeviceStyles(gpu, lambda *_: first, lambda *_: second)
    try:
        host.until(lambda: styles("ink", 192) is not None)
        assert styles("ink", 192) is second
        assert first.is_closed
        assert "first is not usable, second is: the engine draws something else" in caplog.text
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
