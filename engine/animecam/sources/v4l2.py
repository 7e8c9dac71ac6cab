"""Asks a video device of Linux what it is and can do, by the requests of <linux/videodev2.h> (Video4Linux)."""

import errno
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

SYSTEM_NODES = Path("/sys/class/video4linux")
"""Where Linux lists them."""

CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
OUTPUT = 2  # V4L2_BUF_TYPE_VIDEO_OUTPUT
CAN_CAPTURE = 0x00000001  # V4L2_CAP_VIDEO_CAPTURE
CAN_OUTPUT = 0x00000002  # V4L2_CAP_VIDEO_OUTPUT
HAS_DEVICE_CAPS = 0x80000000  # V4L2_CAP_DEVICE_CAPS: the node's own abilities are told, not only the whole device's
DISCRETE = 1  # V4L2_FRMSIZE_TYPE_DISCRETE and V4L2_FRMIVAL_TYPE_DISCRETE; others give a range

CAPABILITY = struct.Struct("=16s32s32sIII12x")
"""struct v4l2_capability: driver, card, bus, version, capabilities, capabilities of this node."""
FORMAT = struct.Struct("=III32sII12x")
"""struct v4l2_fmtdesc: index, buffer type, flags, description, pixel format, media bus code."""
FRAME_SIZE = struct.Struct("=III6I8x")
"""struct v4l2_frmsizeenum: index, pixel format, kind; width, height or min, max, step of both."""
FRAME_INTERVAL = struct.Struct("=IIIII6I8x")
"""struct v4l2_frmivalenum: index, pixel format, width, height, kind; seconds as fractions: one, or min, max, step."""
PICTURE = struct.Struct("@I0P12I152x")
"""struct v4l2_format: buffer type; width, height, pixel format, field order, bytes of a row and of a picture, colour
space, private, flags, YCbCr matrix, range, transfer. All but the type is a union, which the pointers in it align."""

_READ, _WRITE = 2, 1  # directions of <asm-generic/ioctl.h>
MOST_ENTRIES = 256  # of a list that a driver tells one by one; a broken one never ends


def request(direction: int, number: int, layout: struct.Struct) -> int:
    """The code of an ioctl of Video4Linux, as _IOR and _IOWR make it on x86 and ARM."""
    return direction << 30 | layout.size << 16 | ord("V") << 8 | number


QUERYCAP = request(_READ, 0, CAPABILITY)
ENUM_FMT = request(_READ | _WRITE, 2, FORMAT)
SET_FORMAT = request(_READ | _WRITE, 5, PICTURE)
ENUM_FRAMESIZES = request(_READ | _WRITE, 74, FRAME_SIZE)
ENUM_FRAMEINTERVALS = request(_READ | _WRITE, 75, FRAME_INTERVAL)


def fourcc(name: str) -> int:
    """The number of a pixel format from its four letters."""
    return int.from_bytes(name.encode("ascii"), "little")


def fourcc_name(number: int) -> str:
    """The letters of a pixel format."""
    return number.to_bytes(4, "little").decode("ascii", "replace").strip()


def _system_ioctl(device: int, code: int, buffer: bytearray) -> None:
    import fcntl  # not on Windows

    fcntl.ioctl(device, code, buffer, True)


def _system_open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


@dataclass(frozen=True, slots=True)
class Kernel:
    """The system calls used here; a test gives its own.

    Attributes:
        open: Opens a device node; raises OSError.
        ioctl: Sends a request and changes the buffer in place; raises OSError.
        close: Closes what `open` returned.
    """

    open: Callable[[str], int] = _system_open
    ioctl: Callable[[int, int, bytearray], None] = _system_ioctl
    close: Callable[[int], None] = os.close


@dataclass(frozen=True, slots=True)
class CameraMode:
    """One size in one pixel format.

    Attributes:
        format: Four-character code, such as MJPG or YUYV.
        width_px: Width.
        height_px: Height.
        rates: Frames per second, highest first; empty if the driver does not say.
    """

    format: str
    width_px: int
    height_px: int
    rates: tuple[Fraction, ...] = ()

    def __str__(self) -> str:
        shown = ", ".join(f"{float(rate):.4g}" for rate in self.rates)
        return f"{self.format} {self.width_px}x{self.height_px}" + (f" at {shown} fps" if shown else "")


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a node is.

    Attributes:
        driver: Name of its driver.
        name: Of the device, as people read it.
        can_capture: It delivers video.
        can_output: It takes video.
    """

    driver: str
    name: str
    can_capture: bool
    can_output: bool


def ask(kernel: Kernel, device: int, code: int, layout: struct.Struct, *values: int | bytes) -> tuple[int, ...]:
    """Sends one request.

    Args:
        kernel: The system calls.
        device: An open node.
        code: Of the request.
        layout: Of its structure.
        values: What to put there; zeros if none.

    Returns:
        What the structure holds afterwards.

    Raises:
        OSError: As the system says it.
    """
    buffer = bytearray(layout.pack(*values)) if values else bytearray(layout.size)
    kernel.ioctl(device, code, buffer)
    return layout.unpack(buffer)


def abilities(kernel: Kernel, device: int) -> Abilities:
    """What an open node is and can do at the moment."""
    driver, card, _, _, all_capabilities, own_capabilities = ask(kernel, device, QUERYCAP, CAPABILITY)
    bits = own_capabilities if all_capabilities & HAS_DEVICE_CAPS else all_capabilities
    return Abilities(_text(driver), _text(card), bool(bits & CAN_CAPTURE), bool(bits & CAN_OUTPUT))


def capture_name(kernel: Kernel, device: int) -> str | None:
    """The camera's name, or None if the node delivers no video (many cameras have a second node for metadata)."""
    found = abilities(kernel, device)
    return found.name if found.can_capture else None


def node_numbers(folder: Path) -> tuple[int, ...]:
    """N of every /dev/videoN, in order; none where no camera was ever plugged in."""
    if not folder.is_dir():
        return ()
    numbers = (node.name.removeprefix("video") for node in folder.iterdir() if node.name.startswith("video"))
    return tuple(sorted(int(number) for number in numbers if number.isdecimal()))


def modes(kernel: Kernel, device: int) -> tuple[CameraMode, ...]:
    """Every format with every size and its rates, in the driver's order."""
    found: list[CameraMode] = []
    for entry in _list(kernel, device, ENUM_FMT, FORMAT, CAPTURE, 0, b"", 0, 0):
        pixel_format = entry[4]
        name = fourcc_name(pixel_format)
        for width_px, height_px in _sizes(kernel, device, pixel_format):
            found.append(
                CameraMode(name, width_px, height_px, _rates(kernel, device, pixel_format, width_px, height_px))
            )
    return tuple(found)


def _sizes(kernel: Kernel, device: int, pixel_format: int) -> Iterator[tuple[int, int]]:
    for entry in _list(kernel, device, ENUM_FRAMESIZES, FRAME_SIZE, pixel_format, 0, *[0] * 6):
        if entry[2] == DISCRETE:
            yield entry[3], entry[4]
        else:  # a range: its ends
            yield entry[3], entry[6]
            yield entry[4], entry[7]
            return


def _rates(kernel: Kernel, device: int, pixel_format: int, width_px: int, height_px: int) -> tuple[Fraction, ...]:
    rates: set[Fraction] = set()
    values = (pixel_format, width_px, height_px, 0, *[0] * 6)
    for entry in _list(kernel, device, ENUM_FRAMEINTERVALS, FRAME_INTERVAL, *values):
        ends = [entry[5:7]] if entry[4] == DISCRETE else [entry[5:7], entry[7:9]]
        rates |= {Fraction(per, seconds) for seconds, per in ends if seconds and per}
        if entry[4] != DISCRETE:
            break
    return tuple(sorted(rates, reverse=True))


def _list(
    kernel: Kernel, device: int, code: int, layout: struct.Struct, *values: int | bytes
) -> Iterator[tuple[int, ...]]:
    """The entries of a list that is asked for by number until the driver says there are no more."""
    for index in range(MOST_ENTRIES):
        try:
            yield ask(kernel, device, code, layout, index, *values)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):  # the end; or a driver without this list
                return
            raise


def _text(raw: object) -> str:
    return bytes(raw).split(b"\0")[0].decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
