"""A video output device of Linux (a virtual camera of v4l2loopback) by its system calls; see <linux/videodev2.h>."""

import ctypes
import os
from dataclasses import dataclass
from typing import Protocol

CAP_VIDEO_OUTPUT = 0x0000_0002
CAP_DEVICE_CAPS = 0x8000_0000
BUF_TYPE_VIDEO_OUTPUT = 2
FIELD_NONE = 1
COLORSPACE_SRGB = 8
YCBCR_ENC_601 = 1
QUANTIZATION_LIM_RANGE = 2


def fourcc(name: str) -> int:
    """The number of a four-letter pixel format."""
    return int.from_bytes(name.encode("ascii"), "little")


class Capability(ctypes.Structure):
    """struct v4l2_capability."""

    _fields_ = (
        ("driver", ctypes.c_char * 16),
        ("card", ctypes.c_char * 32),
        ("bus_info", ctypes.c_char * 32),
        ("version", ctypes.c_uint32),
        ("capabilities", ctypes.c_uint32),
        ("device_caps", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    )


class PixFormat(ctypes.Structure):
    """struct v4l2_pix_format."""

    _fields_ = tuple(
        (name, ctypes.c_uint32)
        for name in (
            "width", "height", "pixelformat", "field", "bytesperline", "sizeimage",
            "colorspace", "priv", "flags", "ycbcr_enc", "quantization", "xfer_func",
        )
    )  # fmt: skip


class _FormatUnion(ctypes.Union):
    _fields_ = (
        ("pix", PixFormat),
        ("raw_data", ctypes.c_uint8 * 200),
        ("alignment", ctypes.c_void_p),  # another member holds pointers, which aligns the union
    )


class Format(ctypes.Structure):
    """struct v4l2_format."""

    _fields_ = (("type", ctypes.c_uint32), ("fmt", _FormatUnion))


_READ, _WRITE = 2, 1


def _request(direction: int, number: int, kind: type[ctypes.Structure]) -> int:
    """The number of a system call on a device, as <asm-generic/ioctl.h> builds it."""
    return direction << 30 | ctypes.sizeof(kind) << 16 | ord("V") << 8 | number


VIDIOC_QUERYCAP = _request(_READ, 0, Capability)
VIDIOC_S_FMT = _request(_READ | _WRITE, 5, Format)


@dataclass(frozen=True, slots=True)
class DeviceFormat:
    """What a device takes.

    Attributes:
        width_px: Width.
        height_px: Height.
        pixel_format: Number of its four letters.
        row_bytes: Bytes from one row of the first plane to the next.
    """

    width_px: int
    height_px: int
    pixel_format: int
    row_bytes: int


class OutputDevice(Protocol):
    """An open device; whoever opened it closes it. All but `close` raise OSError as the system does."""

    def capabilities(self) -> int:
        """The capability bits of this device node."""
        ...

    def set_format(self, wanted: DeviceFormat) -> DeviceFormat:
        """Asks for a format.

        Returns:
            What the device chose, which may be another.
        """
        ...

    def write(self, picture: bytes) -> int:
        """Gives one picture; returns how many bytes were taken."""
        ...

    def close(self) -> None:
        """Lets the device go."""
        ...


class V4l2Device:
    """A device node.

    Args:
        path: For example /dev/video9.

    Raises:
        OSError: It is not there, or must not be opened.
    """

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR)

    def capabilities(self) -> int:
        """See `OutputDevice`."""
        found = Capability()
        self._call(VIDIOC_QUERYCAP, found)
        return found.device_caps if found.capabilities & CAP_DEVICE_CAPS else found.capabilities

    def set_format(self, wanted: DeviceFormat) -> DeviceFormat:
        """See `OutputDevice`."""
        request = Format(type=BUF_TYPE_VIDEO_OUTPUT)
        pix = request.fmt.pix
        pix.width, pix.height = wanted.width_px, wanted.height_px
        pix.pixelformat, pix.bytesperline = wanted.pixel_format, wanted.row_bytes
        pix.field = FIELD_NONE
        pix.colorspace, pix.ycbcr_enc, pix.quantization = COLORSPACE_SRGB, YCBCR_ENC_601, QUANTIZATION_LIM_RANGE
        self._call(VIDIOC_S_FMT, request)
        return DeviceFormat(pix.width, pix.height, pix.pixelformat, pix.bytesperline)

    def write(self, picture: bytes) -> int:
        """See `OutputDevice`."""
        return os.write(self._file, picture)

    def close(self) -> None:
        """See `OutputDevice`."""
        os.close(self._file)

    def _call(self, request: int, argument: ctypes.Structure) -> None:
        from fcntl import ioctl  # only Linux and its like have it; the module must import everywhere

        ioctl(self._file, request, argument, True)
