"""Cameras by name and mode, from a kernel that the test plays."""

import errno
import shutil
import struct
import subprocess
import sys
from fractions import Fraction

import av.error
import pytest
from av.device import DeviceInfo

from animecam.errors import SourceError
from animecam.sources import v4l2
from animecam.sources.devices import CameraInfo, CameraMode, list_cameras
from animecam.sources.v4l2 import CAN_CAPTURE, HAS_DEVICE_CAPS, Kernel

MJPG, YUYV = map(v4l2.fourcc, ("MJPG", "YUYV"))
METADATA = 0x00800000  # V4L2_CAP_META_CAPTURE


class FakeKernel:
    """Device nodes by path: name, capabilities and {format: {size: [(numerator, denominator) of an interval]}}."""

    def __init__(self, nodes, denied=(), endless=False):
        self._nodes = nodes
        self._denied = denied
        self._endless = endless
        self.open_nodes = []
        self.kernel = Kernel(self._open, self._ioctl, self.open_nodes.remove)

    def _open(self, path):
        if path in self._denied:
            raise PermissionError(errno.EACCES, "Permission denied")
        self.open_nodes.append(path)
        return path

    def _ioctl(self, path, code, buffer):
        name, capabilities, formats = self._nodes[path]
        if code == v4l2.QUERYCAP:
            values = (b"uvcvideo", name, b"usb-1", 1, capabilities | HAS_DEVICE_CAPS | CAN_CAPTURE, capabilities)
            v4l2.CAPABILITY.pack_into(buffer, 0, *values)
            return
        index = struct.unpack_from("=I", buffer)[0]
        answer = {v4l2.ENUM_FMT: self._format, v4l2.ENUM_FRAMESIZES: self._size, v4l2.ENUM_FRAMEINTERVALS: self._rate}
        try:
            answer[code](formats, 0 if self._endless else index, buffer)
        except IndexError:
            raise OSError(errno.EINVAL, "Invalid argument") from None

    def _format(self, formats, index, buffer):
        kind = struct.unpack_from("=I", buffer, 4)[0]
        assert kind == v4l2.CAPTURE
        v4l2.FORMAT.pack_into(buffer, 0, index, kind, 0, b"", list(formats)[index], 0)

    def _size(self, formats, index, buffer):
        pixel_format = struct.unpack_from("=I", buffer, 4)[0]
        size = list(formats[pixel_format])[index]
        kind = v4l2.DISCRETE if len(size) == 2 else 3
        v4l2.FRAME_SIZE.pack_into(buffer, 0, index, pixel_format, kind, *size, *[0] * (6 - len(size)))

    def _rate(self, formats, index, buffer):
        pixel_format, width, height = struct.unpack_from("=III", buffer, 4)
        sizes = formats[pixel_format]
        intervals = sizes.get((width, height)) or next(iter(sizes.values()))
        interval = intervals[index]
        kind = v4l2.DISCRETE if len(interval) == 2 else 2
        head = (index, pixel_format, width, height, kind)
        v4l2.FRAME_INTERVAL.pack_into(buffer, 0, *head, *interval, *[0] * (6 - len(interval)))


@pytest.fixture
def nodes(tmp_path):
    """/sys/class/video4linux with nodes 10, 2 and 0."""
    for number, name, index in ((10, "Desk Cam", 0), (2, "Room Cam", 0), (0, "Room Cam", 1)):
        folder = tmp_path / f"video{number}"
        folder.mkdir()
        (folder / "name").write_text(name + "\n")
        (folder / "index").write_text(f"{index}\n")
    (tmp_path / "v4l-subdev0").mkdir()
    return tmp_path


WEBCAM = {
    MJPG: {(1280, 720): [(1, 30), (1, 15)], (640, 480): [(1001, 30000)]},
    YUYV: {(640, 480): [(1, 5)]},
}


def test_cameras_with_their_modes(nodes):
    fake = FakeKernel(
        {
            "/dev/video0": (b"Room Cam", METADATA, {}),
            "/dev/video2": (b"Room Cam", CAN_CAPTURE, WEBCAM),
            "/dev/video10": (b"Desk Cam", CAN_CAPTURE, {}),
        }
    )
    room, desk = list_cameras("linux", folder=nodes, kernel=fake.kernel)
    assert (room.index, room.path, room.name) == (2, "/dev/video2", "Room Cam")
    assert room.modes == (
        CameraMode("MJPG", 1280, 720, (Fraction(30), Fraction(15))),
        CameraMode("MJPG", 640, 480, (Fraction(30000, 1001),)),
        CameraMode("YUYV", 640, 480, (Fraction(5),)),
    )
    assert [str(mode) for mode in room.modes] == [
        "MJPG 1280x720 at 30, 15 fps",
        "MJPG 640x480 at 29.97 fps",
        "YUYV 640x480 at 5 fps",
    ]
    assert desk == CameraInfo(10, "/dev/video10", "Desk Cam")
    assert fake.open_nodes == []  # all closed again


def test_ranges_are_told_by_their_ends(nodes):
    ranges = {YUYV: {(64, 1920, 2, 48, 1080, 2): [(1, 60, 1, 1, 1, 1)]}}
    kernel = FakeKernel({f"/dev/video{n}": (b"Loopback", CAN_CAPTURE, ranges) for n in (0, 2, 10)}).kernel
    modes = list_cameras("linux", folder=nodes, kernel=kernel)[0].modes
    assert [(mode.width_px, mode.height_px) for mode in modes] == [(64, 48), (1920, 1080)]
    assert modes[0].rates == (Fraction(60), Fraction(1))


def test_a_camera_that_may_not_be_opened_is_listed_by_name(nodes):
    paths = [f"/dev/video{n}" for n in (0, 2, 10)]
    cameras = list_cameras("linux", folder=nodes, kernel=FakeKernel({}, denied=paths).kernel)
    assert [(camera.index, camera.name, camera.modes) for camera in cameras] == [
        (2, "Room Cam", ()),
        (10, "Desk Cam", ()),  # but not node 0, which is the second of its device
    ]


def test_a_camera_that_goes_while_it_is_asked_for_fails_nothing(nodes):
    """Its files are there until they are read; a camera that is looked for until it is back ended the run so."""
    for file in ("name", "index"):
        (nodes / "video2" / file).unlink()
        (nodes / "video2" / file).mkdir()
    (nodes / "video10" / "name").write_bytes(b"Kamera f\xfcr alles")
    kernel = FakeKernel({}, denied={"/dev/video0", "/dev/video2", "/dev/video10"}).kernel
    cameras = list_cameras("linux", folder=nodes, kernel=kernel)
    assert [camera.name for camera in cameras] == ["/dev/video2", "Kamera f\ufffdr alles"]


def test_a_driver_that_never_ends_its_list(nodes):
    kernel = FakeKernel(
        {f"/dev/video{n}": (b"Broken", CAN_CAPTURE, {YUYV: {(64, 48): [(1, 30)]}}) for n in (0, 2, 10)}, endless=True
    ).kernel
    device = kernel.open("/dev/video2")
    entries = list(v4l2._list(kernel, device, v4l2.ENUM_FMT, v4l2.FORMAT, v4l2.CAPTURE, 0, b"", 0, 0))
    assert len(entries) == v4l2.MOST_ENTRIES


def test_a_machine_that_never_had_a_camera(tmp_path):
    assert list_cameras("linux", folder=tmp_path / "video4linux") == ()


def test_the_list_of_this_machine_can_be_asked_for():
    if not sys.platform.startswith("linux"):
        pytest.skip("other systems ask for permission in a window")
    assert isinstance(list_cameras(), tuple)


def test_other_systems_list_through_pyav():
    found = [
        DeviceInfo("@device_pnp_1", "Integrated Camera", True, ["video"]),
        DeviceInfo("@device_cm_2", "Microphone", False, ["audio"]),
        DeviceInfo("@device_pnp_3", "Capture Box", False, ["video", "audio"]),
    ]
    asked = []

    def enumerate_devices(device_format):
        asked.append(device_format)
        return found

    assert list_cameras("win32", enumerate_devices=enumerate_devices) == (
        CameraInfo(0, "video=@device_pnp_1", "Integrated Camera"),
        CameraInfo(1, "video=@device_pnp_3", "Capture Box"),
    )
    assert list_cameras("darwin", enumerate_devices=enumerate_devices)[0].path == "@device_pnp_1"
    assert asked == ["dshow", "avfoundation"]


@pytest.mark.parametrize("error", [ValueError("no such input format"), av.error.OSError(errno.EIO, "failed")])
def test_systems_that_cannot_list(error):
    def enumerate_devices(device_format):
        raise error

    with pytest.raises(SourceError, match="cannot list dshow devices") as caught:
        list_cameras("win32", enumerate_devices=enumerate_devices)
    assert caught.value.hint
    with pytest.raises(SourceError, match="cannot be listed on plan9"):
        list_cameras("plan9")


HEADER_PROGRAM = r"""
#include <linux/videodev2.h>
#include <stddef.h>
#include <stdio.h>
int main(void) {
    printf("%zu %zu %zu %zu ", sizeof(struct v4l2_capability), sizeof(struct v4l2_fmtdesc),
           sizeof(struct v4l2_frmsizeenum), sizeof(struct v4l2_frmivalenum));
    printf("%u %u %u %u ", (unsigned)VIDIOC_QUERYCAP, (unsigned)VIDIOC_ENUM_FMT, (unsigned)VIDIOC_ENUM_FRAMESIZES,
           (unsigned)VIDIOC_ENUM_FRAMEINTERVALS);
    printf("%zu %zu ", offsetof(struct v4l2_capability, device_caps), offsetof(struct v4l2_fmtdesc, pixelformat));
    printf("%zu %zu ", offsetof(struct v4l2_frmsizeenum, discrete), offsetof(struct v4l2_frmivalenum, discrete));
    printf("%u %u %u %u", V4L2_BUF_TYPE_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_DEVICE_CAPS,
           V4L2_FRMSIZE_TYPE_DISCRETE);
    return 0;
}
"""


def test_structures_are_those_of_the_kernel(tmp_path):
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    (tmp_path / "a.c").write_text(HEADER_PROGRAM)
    built = subprocess.run(["gcc", "a.c", "-o", "a"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    if "linux/videodev2.h" in built.stderr:
        pytest.skip("needs the kernel's headers")
    assert built.returncode == 0, built.stderr
    told = subprocess.run([tmp_path / "a"], capture_output=True, text=True, check=True, timeout=10).stdout
    layouts = (v4l2.CAPABILITY, v4l2.FORMAT, v4l2.FRAME_SIZE, v4l2.FRAME_INTERVAL)
    codes = (v4l2.QUERYCAP, v4l2.ENUM_FMT, v4l2.ENUM_FRAMESIZES, v4l2.ENUM_FRAMEINTERVALS)
    before_field = ("=16s32s32sII", "=III32s", "=III", "=IIIII")
    offsets = tuple(struct.calcsize(text) for text in before_field)
    constants = (v4l2.CAPTURE, v4l2.CAN_CAPTURE, v4l2.HAS_DEVICE_CAPS, v4l2.DISCRETE)
    assert tuple(map(int, told.split())) == (*(layout.size for layout in layouts), *codes, *offsets, *constants)
    for layout, text in zip(layouts, before_field, strict=True):
        assert layout.format.startswith(text)
