"""Virtual cameras by way of pyvirtualcam, which a fake stands for."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from animecam.errors import SinkError
from animecam.sinks.convert import to_rgb
from animecam.sinks.virtualcam import VirtualCameraSink


class FakePackage:
    """Stands in for pyvirtualcam."""

    def __init__(self, *, has_driver=True):
        self.sent, self.closed, self.has_driver = [], 0, has_driver

    def Camera(self, width, height, fps, device):  # noqa: N802 - the package's name
        if not self.has_driver:
            raise RuntimeError("no driver found")
        self.size, self.device = (width, height, fps), device
        return SimpleNamespace(send=self.sent.append, close=self.close)

    def close(self):
        self.closed += 1


def test_virtual_camera_by_package(stream_format, make_frame):
    package = FakePackage()
    stream = replace(stream_format, rotation_deg=90)
    sink = VirtualCameraSink("virtualcam:", stream, package)
    sink.write(make_frame(stream))
    sink.close(complete=True)
    sink.close(complete=True)
    assert (package.size, package.closed) == ((64, 96, 30.0), 1)
    np.testing.assert_array_equal(package.sent[0], to_rgb(make_frame(stream)))


@pytest.mark.parametrize(
    ("uri", "device"),
    [
        ("virtualcam:", None),
        ("virtualcam://", None),
        ("virtualcam:Unity Video Capture #2", "Unity Video Capture #2"),
        ("virtualcam:me: at work", "me: at work"),
        ("virtualcam:/dev/video9", "/dev/video9"),
        ("virtualcam:///dev/video9", "/dev/video9"),
    ],
)
def test_virtual_camera_by_name(stream_format, uri, device):
    package = FakePackage()
    VirtualCameraSink(uri, stream_format, package).close(complete=True)
    assert package.device == device


def test_virtual_camera_without_driver_or_package(stream_format, monkeypatch):
    with pytest.raises(SinkError, match="no driver found") as raised:
        VirtualCameraSink("virtualcam:", stream_format, FakePackage(has_driver=False))
    assert "OBS" in raised.value.hint
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(SinkError, match="needs the package pyvirtualcam") as raised:
        VirtualCameraSink("virtualcam:", stream_format)
    assert raised.value.hint == "pip install 'animecam[virtualcam]'"
