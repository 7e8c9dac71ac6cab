"""Virtual cameras, against a device that lives in memory and the system's own header."""

import errno
import os
import shutil
import struct
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from animecam.errors import SinkError, UsageError
from animecam.sinks import v4l2_device
from animecam.sinks.convert import to_rgb
from animecam.sinks.v4l2 import CAMERA_COLOR, YU12, YUYV, V4l2Sink
from animecam.sinks.v4l2_device import DeviceFormat, V4l2Device
from animecam.sources import v4l2
from animecam.sources.v4l2 import Kernel
from animecam.types import Color, ColorMatrix, Frame, PixelFormat

URI = "v4l2:///dev/video9"


class FakeDevice:
    """Takes pictures as v4l2loopback does."""

    def __init__(self, *, can_output=True, takes=(YU12, YUYV), held=None, fails=None):
        self.is_output, self.takes, self.held, self.fails = can_output, takes, held, fails or {}
        self.pictures, self.closed, self.format = [], 0, None

    def _fail(self, name):
        if name in self.fails:
            raise OSError(self.fails[name], "as the test wishes")

    def can_output(self):
        self._fail("can_output")
        return self.is_output

    def set_format(self, wanted):
        self._fail("set_format")
        pixel_format = wanted.pixel_format if wanted.pixel_format in self.takes else self.takes[0]
        width, height = self.held or (wanted.width_px, wanted.height_px)
        self.format = DeviceFormat(width, height, pixel_format, width * (2 if pixel_format == YUYV else 1))
        return self.format

    def write(self, picture):
        self._fail("write")
        self.pictures.append(picture)
        return len(picture)

    def close(self):
        self.closed += 1


def shown(device):
    """The last picture as a program would see it, RGB."""
    width, height, data = device.format.width_px, device.format.height_px, np.frombuffer(device.pictures[-1], np.uint8)
    if device.format.pixel_format == YU12:
        sizes = [(height, width), (height // 2, width // 2), (height // 2, width // 2)]
        cuts = np.cumsum([h * w for h, w in sizes])[:-1]
        planes = tuple(part.reshape(size) for part, size in zip(np.split(data, cuts), sizes, strict=True))
        kind = PixelFormat.YUV420P
    else:
        rows = data.reshape(height, width // 2, 4)
        planes = (rows[..., 0::2].reshape(height, width), rows[..., 1].copy(), rows[..., 3].copy())
        kind = PixelFormat.YUV422P
    return to_rgb(Frame(planes, kind, CAMERA_COLOR, 0, 0, 0, 1, 0))


@pytest.mark.parametrize("takes", [(YU12, YUYV), (YUYV,)])
@pytest.mark.parametrize("pixel_format", list(PixelFormat))
@pytest.mark.parametrize("color", [Color(ColorMatrix.BT601), Color(ColorMatrix.BT709, full_range=True)])
@pytest.mark.parametrize("rotation_deg", [0, 270])
def test_picture_arrives_upright_and_in_its_colours(
    stream_format, make_frame, takes, pixel_format, color, rotation_deg
):
    stream = replace(stream_format, pixel_format=pixel_format, color=color, rotation_deg=rotation_deg)
    device = FakeDevice(takes=takes)
    sink = V4l2Sink(URI, stream, lambda path: device)
    frame = make_frame(stream)
    sink.write(frame)
    sink.close(complete=True)
    sink.close(complete=True)
    assert device.closed == 1
    difference = np.abs(shown(device).astype(int) - to_rgb(frame).astype(int))
    assert np.median(difference) <= 3
    assert difference.mean() <= 4  # chroma is halved, and codes beyond the camera's range are clipped


def test_a_camera_s_own_numbers_arrive_byte_for_byte(stream_format, make_frame):
    """YUV 4:2:0 as cameras have it is neither converted nor rounded; 4:2:2 made of it only repeats its rows."""
    stream = replace(stream_format, pixel_format=PixelFormat.YUV420P, color=CAMERA_COLOR)
    devices = [FakeDevice(), FakeDevice(takes=(YUYV,))]
    sinks = [V4l2Sink(URI, stream, lambda path, device=device: device) for device in devices]
    for index in range(3):
        frame = make_frame(stream, index, level=(np.arange(stream.width_px)[None] + 40 + index, 90 + index, 200))
        for sink in sinks:
            sink.write(frame)
        luma, blue, red = frame.planes
        assert devices[0].pictures[-1] == luma.tobytes() + blue.tobytes() + red.tobytes()
        packed = np.frombuffer(devices[1].pictures[-1], np.uint8).reshape(stream.height_px, -1)
        np.testing.assert_array_equal(packed[:, 0::2], luma)
        np.testing.assert_array_equal(packed[:, 1::4], np.repeat(blue, 2, axis=0))
        np.testing.assert_array_equal(packed[:, 3::4], np.repeat(red, 2, axis=0))
    assert len({picture for device in devices for picture in device.pictures}) == 6


def test_odd_rgb_is_made_even(stream_format, make_frame):
    stream = replace(stream_format, width_px=33, height_px=17, pixel_format=PixelFormat.RGB24)
    device = FakeDevice()
    sink = V4l2Sink(URI, stream, lambda path: device)
    sink.write(make_frame(stream))
    assert (device.format.width_px, device.format.height_px) == (34, 18)
    assert len(device.pictures[0]) == 34 * 18 * 3 // 2


def missing(path):
    raise OSError(errno.ENOENT, "No such file or directory")


def forbidden(path):
    raise OSError(errno.EACCES, "Permission denied")


MODPROBE = 'sudo modprobe v4l2loopback devices=1 video_nr=9 card_label="animecam" exclusive_caps=1'


@pytest.mark.parametrize(
    ("opener", "match", "hint"),
    [
        (missing, "no device /dev/video9", MODPROBE),
        (forbidden, "no permission", "usermod -aG video"),
        (lambda path: FakeDevice(can_output=False), "not an output", MODPROBE),
        (lambda path: FakeDevice(fails={"can_output": errno.ENOTTY}), "not an output", MODPROBE),
        (lambda path: FakeDevice(fails={"set_format": errno.EBUSY}), "is busy", "another program"),
        (lambda path: FakeDevice(held=(1280, 720)), "held at 1280x720", "close the programs"),
        (lambda path: FakeDevice(takes=(1234,)), "neither YU12 nor YUYV", "reload"),
    ],
)
def test_what_can_be_wrong_with_a_device(stream_format, opener, match, hint):
    with pytest.raises(SinkError, match=match) as raised:
        V4l2Sink(URI, stream_format, opener)
    assert hint in raised.value.hint


def test_device_is_closed_when_it_is_refused(stream_format):
    device = FakeDevice(can_output=False)
    with pytest.raises(SinkError):
        V4l2Sink(URI, stream_format, lambda path: device)
    assert device.closed == 1


def test_device_that_is_busy_or_vanishes_in_mid_run(stream_format, make_frame):
    device = FakeDevice()
    sink = V4l2Sink(URI, stream_format, lambda path: device)
    sink.write(make_frame(stream_format))
    device.fails = {"write": errno.ENODEV}
    with pytest.raises(SinkError, match="no device"):
        sink.write(make_frame(stream_format))


def test_changed_size(stream_format, make_frame):
    sink = V4l2Sink(URI, stream_format, lambda path: FakeDevice())
    with pytest.raises(SinkError, match="changed its size"):
        sink.write(make_frame(replace(stream_format, width_px=64)))


@pytest.mark.parametrize("uri", ["v4l2:", "v4l2://", "v4l2:video9"])
def test_uri_without_device(stream_format, uri):
    with pytest.raises(UsageError, match="names no device"):
        V4l2Sink(uri, stream_format, lambda path: FakeDevice())


@pytest.mark.skipif(sys.platform != "linux", reason="these are system calls of Linux")
@pytest.mark.parametrize(("path", "match"), [("/dev/video4321", "no device"), ("/dev/null", "not an output")])
def test_real_device_nodes(stream_format, path, match):
    with pytest.raises(SinkError, match=match):
        V4l2Sink(f"v4l2://{path}", stream_format)


C_PROGRAM = r"""
#include <linux/videodev2.h>
#include <stddef.h>
#include <stdio.h>
#define OFFSET(name) offsetof(struct v4l2_format, fmt.pix.name)
int main(void) {
    printf("%zu %lu %u %u %u %u %u %u %u\n", sizeof(struct v4l2_format), (unsigned long)VIDIOC_S_FMT,
           V4L2_CAP_VIDEO_OUTPUT, V4L2_BUF_TYPE_VIDEO_OUTPUT, V4L2_FIELD_NONE, V4L2_COLORSPACE_SRGB,
           V4L2_YCBCR_ENC_601, V4L2_QUANTIZATION_LIM_RANGE, V4L2_PIX_FMT_YUV420);
    printf("%zu %zu %zu %zu %zu %zu %zu %zu %zu %zu %zu %zu %zu", offsetof(struct v4l2_format, type), OFFSET(width),
           OFFSET(height), OFFSET(pixelformat), OFFSET(field), OFFSET(bytesperline), OFFSET(sizeimage),
           OFFSET(colorspace), OFFSET(priv), OFFSET(flags), OFFSET(ycbcr_enc), OFFSET(quantization), OFFSET(xfer_func));
    return 0;
}
"""


def test_numbers_and_sizes_are_those_of_the_system_header(tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    (tmp_path / "a.c").write_text(C_PROGRAM)
    built = subprocess.run([compiler, "a.c", "-o", "a"], cwd=tmp_path, capture_output=True, text=True, check=False)
    if "linux/videodev2.h" in built.stderr:
        pytest.skip("needs <linux/videodev2.h>")
    assert built.returncode == 0, built.stderr
    printed = subprocess.run([tmp_path / "a"], capture_output=True, text=True, check=True).stdout
    numbers, places = ([int(number) for number in line.split()] for line in printed.splitlines())
    d = v4l2_device
    assert numbers == [
        *(v4l2.PICTURE.size, v4l2.SET_FORMAT, v4l2.CAN_OUTPUT, v4l2.OUTPUT),
        *(d.FIELD_NONE, d.COLORSPACE_SRGB, d.YCBCR_ENC_601, d.QUANTIZATION_LIM_RANGE, YU12),
    ]
    told = range(101, 101 + len(places))
    packed = v4l2.PICTURE.pack(*told)
    assert [struct.unpack_from("=I", packed, place)[0] for place in places] == list(told)


@pytest.mark.skipif(struct.calcsize("P") != 8, reason="the size that 64-bit systems have")
def test_size_of_the_format_structure():
    assert v4l2.PICTURE.size == 208


def test_a_device_is_asked_for_a_format_and_tells_what_it_chose():
    asked, closed = [], []

    def answer(node, code, buffer):
        asked.append((node, code, v4l2.PICTURE.unpack(buffer)))
        v4l2.PICTURE.pack_into(buffer, 0, v4l2.OUTPUT, 640, 360, YUYV, 1, 1280, *[0] * 7)

    device = V4l2Device("/dev/video9", Kernel(lambda path: path, answer, closed.append))
    assert device.set_format(DeviceFormat(1280, 720, YU12, 1280)) == DeviceFormat(640, 360, YUYV, 1280)
    device.close()
    wanted = (2, 1280, 720, YU12, 1, 1280, 0, 8, 0, 0, 1, 2, 0)  # an output; progressive, sRGB, BT.601 in narrow range
    assert asked == [("/dev/video9", v4l2.SET_FORMAT, wanted)]
    assert closed == ["/dev/video9"]


@pytest.mark.skipif(sys.platform != "linux", reason="flags of Linux")
def test_a_device_is_opened_so_that_a_write_waits(monkeypatch):
    flags = []
    monkeypatch.setattr(os, "open", lambda path, how: flags.append(how) or 7)
    V4l2Device("/dev/video9")
    assert flags == [os.O_RDWR]
